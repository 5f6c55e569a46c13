"""evaluate tells the texts that a checkpoint was trained or validated on from others."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import pytest
from support import assert_refused, read_csv, run_here, succeed, write_articles, write_table

from glove_lstm.checkpoint import TRAINING_TEXTS_NAME, Checkpoint
from glove_lstm.commands import evaluate as command
from glove_lstm.data.text_record import TextRecord
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
    assert_refused(done, "All 160 texts were seen", "trained on 144, validated on 16")
    assert "accuracy" not in done.stdout


def test_phrases_of_seen_texts_are_listed_too(checkpoint: Path, articles: Path) -> None:
    done = run(checkpoint, "--test_file", articles, "--leaks")
    assert "All 160 texts were seen" in done.stdout
    assert "give a label away" in done.stdout
    assert "accuracy" not in done.stdout


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Texts that the checkpoint has not seen."""
    return write_articles(tmp_path / "new.csv", 30, seed=5)


def test_only_unseen_texts_are_measured(
    checkpoint: Path, articles: Path, new: Path, tmp_path: Path
) -> None:
    run(checkpoint, "--test_file", new, "--output_dir", tmp_path / "new")
    of_new = figures(tmp_path / "new")
    assert of_new["seen"] == {"trained": 0, "validated": 0, "unseen": 30, "complete": True}

    seen = read_csv(articles)[:10]
    mixed = write_table(tmp_path / "mixed.csv", read_csv(new) + seen)
    done = run(checkpoint, "--test_file", mixed, "--output_dir", tmp_path / "mixed")
    assert "10 of the 40 texts were seen" in done.stdout
    of_mixed = figures(tmp_path / "mixed")
    assert of_mixed["seen"]["unseen"] == of_mixed["rows"] == 30
    assert of_mixed["accuracy"] == of_new["accuracy"]


def test_an_incomplete_record_is_mentioned(copy: Path, new: Path) -> None:
    path = copy / TRAINING_TEXTS_NAME
    record, weights_digest = TextRecord.load(path)
    incomplete = dataclasses.replace(record, complete=False)
    incomplete.save(path, weights_digest)
    done = run(copy, "--test_file", new)
    assert "unknown which other texts" in done.stdout


def test_without_a_record_all_texts_are_measured(copy: Path, new: Path, tmp_path: Path) -> None:
    (copy / TRAINING_TEXTS_NAME).unlink()
    done = run(copy, "--test_file", new, "--output_dir", tmp_path / "out")
    assert "unknown which texts" in done.stdout
    assert figures(tmp_path / "out")["seen"] is None
    assert figures(tmp_path / "out")["rows"] == 30


def test_a_damaged_record_is_refused(copy: Path) -> None:
    record = copy / TRAINING_TEXTS_NAME
    record.write_bytes(record.read_bytes()[:-5])
    with pytest.raises(DataError, match=f"{TRAINING_TEXTS_NAME} is damaged"):
        Checkpoint.open(copy).training_texts()


def test_copies_are_found_whatever_their_case_punctuation_and_white_space(
    checkpoint: Path, articles: Path, new: Path, tmp_path: Path
) -> None:
    changes = ["{} .", "\u201c{}\u201d", "  {}\t", "{}"]
    rows = read_csv(articles)[:40]
    copies = []
    for number, row in enumerate(rows):
        title = changes[number % 4].format(row["title"].lower())
        body = row["text"].replace(" ", "\n")
        copies.append({**row, "title": title, "text": body})
    edited = {**rows[0], "title": f"{rows[0]['title']} indeed"}

    mixed = write_table(tmp_path / "mixed.csv", [*copies, edited, *read_csv(new)])
    done = run(checkpoint, "--test_file", mixed, "--output_dir", tmp_path / "out")
    seen = figures(tmp_path / "out")["seen"]
    assert seen["trained"] + seen["validated"] == 40
    assert figures(tmp_path / "out")["rows"] == 31
    message = "Copies are found despite other case, punctuation or white space; edited copies are not found."
    assert message in done.stdout
    only = write_table(tmp_path / "copies.csv", copies)
    assert_refused(evaluate(checkpoint, "--test_file", only), "All 40 texts were seen")


TITLE = "A title:  the\nbody"


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("\ud800", "\ud800"),
        ("?! ?", " ?!  ?\n"),
        ("\u00dcber 1,204", "(\u00fcber 1 204)"),
    ],
)
def test_hashes_of_copies_are_equal(text: str, copy: str) -> None:
    trained, validated = TextRecord.of([text], ["other"]).find([copy, "Other!"])
    assert trained.tolist() == [True, False]
    assert validated.tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (TITLE, "a title the bodies"),
        (TITLE, "atitle the body"),
        ("", "!!"),
        ("?! ?", "?! ?!"),
        ("1,204", "1204"),
    ],
)
def test_hashes_of_other_texts_differ(text: str, other: str) -> None:
    trained, validated = TextRecord.of([text], []).find([other])
    assert not trained.any()
    assert not validated.any()
