"""A checkpoint knows the texts it was trained and validated on, and eval.py keeps them apart from others."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support import QUICK, assert_refused, run_here, run_script, write_articles

from glove_lstm.commands import evaluate as command
from glove_lstm.data.errors import DataError
from glove_lstm.training.training_texts import (
    TRAINING_TEXTS_NAME,
    TrainingTexts,
    load_training_texts,
)


def evaluate(*args: object) -> subprocess.CompletedProcess[str]:
    return run_here(command.main, *args)


def figures(folder: Path) -> dict:
    return json.loads((folder / "eval.json").read_text())


def test_a_file_that_was_trained_on_is_seen_whatever_its_split(
    checkpoint: Path, articles: Path, tmp_path: Path
) -> None:
    for arguments in (["--test_file", articles], ["--train_file", articles, "--split", "train"]):
        done = evaluate(checkpoint, *arguments)
        assert_refused(
            done, "All 160 texts were seen", "trained on 144", "validated on 16", "--include_seen"
        )
        assert "accuracy" not in done.stdout
    # The validation tenth of another seed, or another share, was trained on for the most part.
    part = ["--train_file", articles, "--split", "validation"]
    assert_refused(
        evaluate(checkpoint, *part), "All 16 texts were seen", "trained on 0", "validated on 16"
    )
    assert_refused(evaluate(checkpoint, *part, "--seed", 1), "All 16 texts were seen")
    assert_refused(
        evaluate(checkpoint, *part, "--validation_fraction", 0.25), "All 40 texts were seen"
    )
    done = evaluate(checkpoint, "--test_file", articles, "--include_seen", "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Seen by training" in done.stdout
    found = figures(tmp_path)
    assert found["seen"] == {"trained": 144, "validated": 16, "unseen": 0, "complete": True}
    assert found["seen_by_training"]["rows"] == 160
    assert "accuracy" not in found


def test_only_unseen_texts_are_measured(checkpoint: Path, articles: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    with articles.open(newline="") as file:
        old = list(csv.reader(file))[1:11]
    mixed = Path(shutil.copy(new, tmp_path / "mixed.csv"))
    with mixed.open("a", newline="") as file:  # white space does not make a text new
        csv.writer(file).writerows(
            [number, f" {title}", f"{text}\n", label] for number, title, text, label in old
        )
    for name, data in (("new", new), ("mixed", mixed)):
        done = evaluate(checkpoint, "--validation_file", data, "--train_file", articles, "--split", "validation",
                        "--output_dir", tmp_path / name, "--include_seen")  # fmt: skip
        assert done.returncode == 0, done.stderr
    alone, both = figures(tmp_path / "new"), figures(tmp_path / "mixed")
    assert alone["seen"] == {"trained": 0, "validated": 0, "unseen": 30, "complete": True}
    assert "seen_by_training" not in alone
    assert both["seen"]["unseen"] == both["rows"] == 30
    assert both["accuracy"] == alone["accuracy"]
    assert both["seen_by_training"]["rows"] == 10
    assert "10 of the 40 texts were seen" in done.stdout
    assert done.stdout.index("accuracy") < done.stdout.index("Seen by training")


def test_leaks_of_seen_texts_are_still_looked_for(checkpoint: Path, articles: Path) -> None:
    done = evaluate(checkpoint, "--train_file", articles, "--split", "train", "--leaks")
    assert done.returncode == 0, done.stderr
    assert "All 160 texts were seen" in done.stdout
    assert "Leaks looked for" in done.stdout
    assert "accuracy" not in done.stdout


def test_without_a_record_it_is_unknown(checkpoint: Path, articles: Path, tmp_path: Path) -> None:
    copy = Path(
        shutil.copytree(
            checkpoint, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*")
        )
    )
    (copy / TRAINING_TEXTS_NAME).unlink()
    done = evaluate(copy, "--test_file", articles, "--output_dir", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "unknown which texts" in done.stdout
    assert figures(tmp_path / "out")["seen"] is None
    assert figures(tmp_path / "out")["rows"] == 160


@pytest.mark.slow
def test_fine_tuning_keeps_the_record_and_adds_its_own(
    checkpoint: Path, articles: Path, tmp_path: Path
) -> None:
    new = write_articles(tmp_path / "new.csv", 40, seed=6)
    bare = Path(
        shutil.copytree(
            checkpoint, tmp_path / "bare", ignore=shutil.ignore_patterns("checkpoint-*")
        )
    )
    (bare / TRAINING_TEXTS_NAME).unlink()
    arguments = ["--train_file", new, "--num_train_epochs", 1]
    for start, out in ((checkpoint, "known"), (bare, "unknown")):
        done = run_script(
            "train",
            *QUICK,
            *arguments,
            "--model_name_or_path",
            start,
            "--output_dir",
            tmp_path / out,
        )
        assert done.returncode == 0, done.stderr
    before, after = load_training_texts(checkpoint), load_training_texts(tmp_path / "known")
    assert set(before.trained) < set(after.trained)
    assert len(after.trained) == len(before.trained) + 36
    assert len(after.validated) == len(before.validated) + 4
    assert after.complete
    assert_refused(evaluate(tmp_path / "known", "--test_file", articles), "All 160 texts were seen")
    assert_refused(evaluate(tmp_path / "unknown", "--test_file", new), "All 40 texts were seen")
    done = evaluate(tmp_path / "unknown", "--test_file", articles)
    assert done.returncode == 0, done.stderr
    assert "unknown which other texts" in done.stdout


def test_record_counts_the_texts_of_a_refit_as_trained(refitted: Path, articles: Path) -> None:
    assert_refused(
        evaluate(refitted, "--train_file", articles, "--split", "validation"),
        "trained on 16",
        "validated on 0",
    )


def test_record_of_other_weights_is_none(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(
        shutil.copytree(
            checkpoint, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*")
        )
    )
    weights, record = copy / "model.safetensors", copy / TRAINING_TEXTS_NAME
    other = bytearray(weights.read_bytes())
    other[-1] ^= 1
    weights.write_bytes(other)
    assert load_training_texts(copy) is None
    record.write_bytes(record.read_bytes()[:-5])
    with pytest.raises(DataError, match=f"{TRAINING_TEXTS_NAME} is damaged"):
        load_training_texts(copy)


def test_hashes_fold_white_space_and_nothing_else(tmp_path: Path) -> None:
    record = TrainingTexts.of(["A title  the\nbody", "\ud800"], ["other"])
    trained, validated = record.find(
        ["A title the body ", "a title the body", "other", "\ud800", ""]
    )
    assert trained.tolist() == [True, False, False, True, False]
    assert validated.tolist() == [False, False, True, False, False]
    assert record.trained.dtype == np.uint64
