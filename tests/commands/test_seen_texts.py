"""evaluate tells the texts that a checkpoint was trained or validated on from others."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import pytest
from support import assert_refused, read_csv, run_here, succeed, write_articles, write_table

from glove_lstm.commands import evaluate as command
from glove_lstm.data.files import DataError
from glove_lstm.training.training_texts import (
    TRAINING_TEXTS_NAME,
    TrainingTexts,
    load_training_texts,
)

evaluate = partial(run_here, command.main)
run = partial(succeed, command.main)


def figures(folder: Path) -> dict:
    return json.loads((folder / "eval.json").read_text())


def test_a_file_that_was_trained_on_is_seen_whatever_its_split(
    checkpoint: Path, articles: Path
) -> None:
    for arguments in (["--test_file", articles], ["--train_file", articles, "--split", "train"]):
        done = evaluate(checkpoint, *arguments)
        assert_refused(done, "All 160 texts were seen", "trained on 160")
        assert "accuracy" not in done.stdout
    done = run(checkpoint, *arguments, "--leaks")
    assert "All 160 texts were seen" in done.stdout
    assert "Leaks looked for" in done.stdout
    assert "accuracy" not in done.stdout


def test_only_unseen_texts_are_measured(checkpoint: Path, articles: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    mixed = write_table(tmp_path / "mixed.csv", [*read_csv(new), *read_csv(articles)[:10]])
    for name, data in (("new", new), ("mixed", mixed)):
        done = run(checkpoint, "--test_file", data, "--output_dir", tmp_path / name)
    alone, both = figures(tmp_path / "new"), figures(tmp_path / "mixed")
    assert alone["seen"] == {"trained": 0, "validated": 0, "unseen": 30, "complete": True}
    assert both["seen"]["unseen"] == both["rows"] == 30
    assert both["accuracy"] == alone["accuracy"]
    assert "10 of the 40 texts were seen" in done.stdout


def test_texts_of_an_unknown_training(copy: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    dataclasses.replace(load_training_texts(copy), complete=False).save(copy)
    done = run(copy, "--test_file", new)
    assert "unknown which other texts" in done.stdout
    (copy / TRAINING_TEXTS_NAME).unlink()
    done = evaluate(copy, "--test_file", new, "--output_dir", tmp_path / "out")
    assert "unknown which texts" in done.stdout
    assert figures(tmp_path / "out")["seen"] is None
    assert figures(tmp_path / "out")["rows"] == 30


def test_a_damaged_record_is_refused(copy: Path) -> None:
    record = copy / TRAINING_TEXTS_NAME
    record.write_bytes(record.read_bytes()[:-5])
    with pytest.raises(DataError, match=f"{TRAINING_TEXTS_NAME} is damaged"):
        load_training_texts(copy)


def test_hashes_fold_white_space_and_nothing_else() -> None:
    record = TrainingTexts.of(["A title  the\nbody", "\ud800"], ["other"])
    texts = ["A title the body ", "a title the body", "other", "\ud800", ""]
    trained, validated = record.find(texts)
    assert trained.tolist() == [True, False, False, True, False]
    assert validated.tolist() == [False, False, True, False, False]
    more = TrainingTexts.of(["new"], []).added_to(record)
    assert (len(more.trained), more.complete) == (3, True)
