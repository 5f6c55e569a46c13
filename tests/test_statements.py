"""The shipped checkpoint is not sure of itself on sentences that a newcomer types."""

from pathlib import Path

import pytest

from glove_lstm import LightClassifier
from glove_lstm.checkpoint import DEFAULT_CHECKPOINT

STATEMENTS = Path(__file__).parent / "statements"
SURE = 0.8


@pytest.mark.parametrize("change", [str, str.lower], ids=["cased", "lower-cased"])
@pytest.mark.parametrize(
    ("file", "wrong", "most"), [("plain", "FAKE", 0.03), ("absurd", "REAL", 0.08)]
)
def test_few_statements_are_confidently_mistaken(change, file, wrong, most):
    texts = (STATEMENTS / f"{file}.txt").read_text(encoding="utf-8").splitlines()
    assert len(set(texts)) == len(texts) >= 200
    classifier = LightClassifier.from_pretrained(DEFAULT_CHECKPOINT)
    answers = classifier([change(text) for text in texts])
    sure = [answer for answer in answers if answer["label"] == wrong and answer["score"] >= SURE]
    assert len(sure) / len(texts) <= most
