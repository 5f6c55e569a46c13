"""evaluate tells the texts that a checkpoint was trained or validated on from others."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import pytest
from support import assert_refused, read_csv, run_here, succeed, write_articles, write_table

from glove_lstm.checkpoint import TRAINING_TEXTS_NAME, Checkpoint
from glove_lstm.commands import evaluate as command
from glove_lstm.data.training_texts import TrainingTexts
from glove_lstm.errors import DataError

evaluate = partial(run_here, command.main)
run = partial(succeed, command.main)


def figures(folder: Path) -> dict:
    return json.loads((folder / "eval.json").read_text())


@pytest.mark.parametrize("options", [["--test_file"], ["--split", "train", "--train_file"]])
def test_a_file_that_was_trained_on_is_seen_whatever_its_split(
    checkpoint: Path, articles: Path, options: list[str]
) -> None:
    done = evaluate(checkpoint, *options, articles)
    assert_refused(done, "All 160 texts were seen", "trained on 160")
    assert "accuracy" not in done.stdout


def test_leaks_are_looked_for_in_seen_texts_too(checkpoint: Path, articles: Path) -> None:
    done = run(checkpoint, "--test_file", articles, "--leaks")
    assert "All 160 texts were seen" in done.stdout
    assert "Leaks looked for" in done.stdout
    assert "accuracy" not in done.stdout


def test_only_unseen_texts_are_measured(checkpoint: Path, articles: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    seen = read_csv(articles)[:10]
    mixed = write_table(tmp_path / "mixed.csv", [*read_csv(new), *seen])
    run(checkpoint, "--test_file", new, "--output_dir", tmp_path / "new")
    done = run(checkpoint, "--test_file", mixed, "--output_dir", tmp_path / "mixed")
    of_new, of_mixed = figures(tmp_path / "new"), figures(tmp_path / "mixed")
    assert of_new["seen"] == {"trained": 0, "validated": 0, "unseen": 30, "complete": True}
    assert of_mixed["seen"]["unseen"] == of_mixed["rows"] == 30
    assert of_mixed["accuracy"] == of_new["accuracy"]
    assert "10 of the 40 texts were seen" in done.stdout


def test_texts_of_an_unknown_training(copy: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    record, weights_digest = TrainingTexts.load(copy / TRAINING_TEXTS_NAME)
    incomplete = dataclasses.replace(record, complete=False)
    incomplete.save(copy / TRAINING_TEXTS_NAME, weights_digest)
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
        Checkpoint.open(copy).training_texts()


def test_copies_are_found_whatever_their_case_punctuation_and_white_space(
    checkpoint: Path, articles: Path, tmp_path: Path
) -> None:
    rows = read_csv(articles)[:40]
    changes = ("{} .", "\u201c{}\u201d", "  {}\t", "{}")
    copies = []
    for number, row in enumerate(rows):
        title = changes[number % 4].format(row["title"].lower())
        copies.append({**row, "title": title, "text": row["text"].replace(" ", "\n")})
    edited = {**rows[0], "title": f"{rows[0]['title']} indeed"}
    new = read_csv(write_articles(tmp_path / "new.csv", 30, seed=5))

    mixed = write_table(tmp_path / "mixed.csv", [*copies, edited, *new])
    done = run(checkpoint, "--test_file", mixed, "--output_dir", tmp_path / "out")
    assert figures(tmp_path / "out")["seen"]["trained"] == 40
    assert figures(tmp_path / "out")["rows"] == 31
    said = "Copies are found despite other case, punctuation or white space; edited copies are not found."
    assert said in done.stdout
    only = write_table(tmp_path / "copies.csv", copies)
    assert_refused(evaluate(checkpoint, "--test_file", only), "All 40 texts were seen")


def test_hashes_are_of_words_and_of_characters_where_there_is_no_word() -> None:
    record = TrainingTexts.of(
        ["A title:  the\nbody", "\ud800", "?! ?", "\u00dcber 1,204"], ["other"]
    )
    seen = ["a TITLE the body.", "\ud800", " ?!  ?\n", "(\u00fcber 1 204)"]
    trained, validated = record.find(seen)
    assert trained.tolist() == [True] * 4
    assert not validated.any()
    new = ["a title the bodies", "title a the body", "", "!!", "?! ?!", "atitle the body", "1204"]
    trained, validated = record.find([*new, "Other!"])
    assert not trained.any()
    assert validated.tolist() == [False] * len(new) + [True]
    more = TrainingTexts.of(["new"], []).added_to(record)
    assert (len(more.trained), more.complete) == (5, True)
