"""The sample that ships, and the script that trains on it without labels."""

import csv
import re
import runpy
from collections import Counter

import numpy as np
import sentence_transformers
from support import ROOT

EXAMPLES = ROOT / "examples"


def rows_of(name):
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_sample_has_eight_intents_and_no_text_twice():
    labelled, test, more = map(rows_of, ("messages.csv", "test_messages.csv", "more_messages.csv"))
    assert set(Counter(row["label"] for row in labelled).values()) == {25}
    assert set(Counter(row["label"] for row in test).values()) == {15}
    texts = [row["text"].lower() for row in [*labelled, *test, *more]]
    assert len(texts) == len(set(texts)) == 720


class WordEncoder:
    """Embeds a text as the counts of a few words."""

    WORDS = ("order", "cancel", "return", "refund", "address", "payment", "damaged", "account")

    def __init__(self, name):
        pass

    def encode(self, texts, normalize_embeddings):
        counts = [[text.lower().count(word) for word in self.WORDS] for text in texts]
        return np.array(counts, dtype=np.float64)


def test_a_model_is_trained_without_labels(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", WordEncoder)
    script = runpy.run_path(str(EXAMPLES / "no_labels.py"))
    monkeypatch.chdir(tmp_path)
    script["main"](
        EXAMPLES / "intents.json", EXAMPLES / "more_messages.csv", EXAMPLES / "test_messages.csv"
    )
    teacher, student = map(float, re.findall(r": (0\.\d+)", capsys.readouterr().out))
    assert teacher > 0.3
    assert student > 0.3
    assert (tmp_path / "no_labels" / "light.onnx").is_file()
