"""Explanations over a test set: which words count, what deleting them does, and the pictures."""

import csv
import json
from pathlib import Path

import pytest
from datasets import Dataset
from support import assert_refused, run_here, write_articles

from glove_lstm.commands import evaluate
from glove_lstm.evaluation.explanations import (
    explain_sample,
    important_words,
    measure_faithfulness,
    without,
)
from glove_lstm.evaluation.plots import plot_words
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.explanation import Explanation, WordContribution

PNG = b"\x89PNG"


def explained(label: str, rival: str, text: str, values: list[float]) -> Explanation:
    words, start = [], 0
    for word, value in zip(text.split(), values, strict=True):
        start = text.index(word, start)
        words.append(WordContribution(start, start + len(word), "text", word, value))
        start += len(word)
    return Explanation(text, None, label, rival, 0.9, sum(values), 0.0, tuple(words))


def test_words_count_for_either_side_and_names_of_few_texts_do_not() -> None:
    made = [
        explained("A", "B", "hoax Hoax vote rare", [1.0, 0.5, -0.25, 9.0]),
        explained("B", "A", "vote hoax", [2.0, -0.5]),
        explained("A", "C", "hoax vote", [1.0, 0.0]),
    ]
    found = important_words(made)
    assert set(found) == {"A", "B", "C"}
    assert found["A"] == [("hoax", pytest.approx((1.5 + 0.5 + 1.0) / 3))]
    assert found["B"] == [("vote", pytest.approx((0.25 + 2.0) / 3))]
    assert found["C"] == []  # nothing speaks for it
    assert important_words([]) == {}


def test_deleting_takes_the_characters_of_the_words_and_no_others() -> None:
    words = (WordContribution(2, 3, "text", "b", 1.0), WordContribution(0, 2, "text_pair", "dd", 1.0))
    found = Explanation("a b c", "dd e", "A", "B", 0.9, 2.0, 0.0, words)
    assert without(found, words) == ("a  c", " e")
    assert without(found, []) == ("a b c", "dd e")


def test_what_explanations_name_moves_scores_more_than_what_chance_names(checkpoint, tmp_path) -> None:
    with write_articles(tmp_path / "more.csv", 60, seed=5).open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = Dataset.from_dict({"text": [r["title"] for r in rows], "text_pair": [r["text"] for r in rows]})
    model, tokenizer = load_checkpoint(checkpoint)
    explanations = explain_sample(model, tokenizer, texts, limit=40)
    assert len(explanations) == 40
    assert {(e.text, e.text_pair) for e in explanations} <= {(r["title"], r["text"]) for r in rows}
    found = measure_faithfulness(model, tokenizer, explanations)
    assert found == measure_faithfulness(model, tokenizer, explanations)
    assert 0 < found["texts"] < 40  # some are too short
    low, high = found["ratio_interval"]
    assert 2 < low <= found["ratio"] <= high
    words = important_words(explanations)
    assert words["FAKE"]
    assert words["REAL"]
    short = Dataset.from_dict({"text": ["council votes", "secret hoax"]})
    assert measure_faithfulness(model, tokenizer, explain_sample(model, tokenizer, short)) is None


def test_eval_explains(checkpoint: Path, tmp_path: Path) -> None:
    test = write_articles(tmp_path / "test.csv", 40, seed=7)
    done = run_here(
        evaluate.main, checkpoint, "--test_file", test, "--explain", 30, "--output_dir", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "words.png").read_bytes().startswith(PNG)
    found = json.loads((tmp_path / "out" / "eval.json").read_text())["explanations"]
    assert found["texts"] == 30
    ratio = found["deletion"]["ratio"]
    assert f"(random): {ratio:.1f} times" in done.stdout
    for label, words in found["words"].items():
        assert f"for {label}: {words[0][0]} {words[0][1]:.3f}" in done.stdout
    assert_refused(
        run_here(evaluate.main, checkpoint, "--test_file", test, "--explain=-1"), "--explain", "at least 1"
    )


@pytest.mark.parametrize("labels", [1, 2, 7])
def test_pictures_of_any_number_of_labels_and_any_words(tmp_path: Path, labels: int) -> None:
    names = [f"label {number} $" for number in range(labels)]
    some = [("$x^", 0.5), ("\u8a9e", 0.25), ("w" * 500, 0.125)]
    plot_words({name: some[at % 2 * 3 :] for at, name in enumerate(names)}, tmp_path / "words.png")
    assert (tmp_path / "words.png").read_bytes().startswith(PNG)
