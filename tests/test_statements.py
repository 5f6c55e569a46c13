"""The shipped checkpoint is not sure of itself on sentences that a newcomer types."""

from pathlib import Path

import pytest

from glove_lstm import LightClassifier
from glove_lstm.checkpoint import DEFAULT_CHECKPOINT

STATEMENTS = Path(__file__).parent / "statements"
SURE = 0.8


@pytest.mark.parametrize("change", [str, str.lower], ids=["cased", "lower-cased"])
@pytest.mark.parametrize(
    ("file", "wrong_label", "largest_share"), [("plain", "FAKE", 0.03), ("absurd", "REAL", 0.08)]
)
def test_few_statements_are_confidently_mistaken(change, file, wrong_label, largest_share):
    statements = (STATEMENTS / f"{file}.txt").read_text(encoding="utf-8").splitlines()
    assert len(set(statements)) == len(statements) >= 200
    classifier = LightClassifier.from_pretrained(DEFAULT_CHECKPOINT)
    mistakes = 0
    for answer in classifier([change(text) for text in statements]):
        if answer["label"] == wrong_label and answer["score"] >= SURE:
            mistakes += 1
    assert mistakes / len(statements) <= largest_share
