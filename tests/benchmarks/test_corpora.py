"""Corpora of the shipped checkpoint, and names of publishers."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import corpora
from glove_lstm.data.loading import joined_texts


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["theguardian.com/business", "twitter:Guardian news", "www.theguardian.com"], "guardian"),
        (["bbc.co.uk/tech", "bbc.com", "twitter:BBC News (UK)"], "bbc"),
        (["isot-real", "reuters.com"], "reuters"),
        (["r/TheOnion", "satire:theonion.com"], "onion"),
        (["snopes:false", "rating:true", "fake:", "r/nottheonion", ""], ""),
        (["abcnews.com.co"], "abcnewscomco"),  # an imitation of abcnews.go.com
    ],
)
def test_names_of_publishers(names: list[str], expected: str) -> None:
    assert {corpora.publisher(name) for name in names} == {expected}


def test_corpora_of_the_shipped_checkpoint(news: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "TRAINING_CORPORA", {"one": 40, "two": 20})
    data = corpora.hub_corpus(news)
    splits = data.splits
    texts = {name: set(joined_texts(rows)) for name, rows in splits.items()}
    assert all(texts.values())
    assert not set.union(*texts.values()) & set(joined_texts(corpora.read(news, "recovery")))
    assert not texts["train"] & texts["validation"]
    assert not (texts["train"] | texts["validation"]) & texts["test"]
    # Sources of validation are new ones; the news corpus is three sources, in training.
    sources = {name: set(splits[name]["source"]) for name in ("train", "validation")}
    assert not sources["train"] & sources["validation"]
    assert {"fake_or_real_news_titles", "fake_or_real_news_head", "isot"} <= sources["train"]
    # The second model trains on all of them.
    assert texts["train"] | texts["validation"] <= set(joined_texts(data.uncut))
    # Articles are there whole and as titles.
    articles = [row for row in splits["train"] if row["text_pair"].strip()]
    assert {f"{row['text']} " for row in articles} <= texts["train"]
    assert len(corpora.corpus(news, "one")) == 40
    assert len(corpora.corpus(news, "two", 20)) == 20
    others = corpora.other_corpora(news)
    assert len(others["recovery"]) == 70
    assert np.bincount(others["liar (two labels)"]["label"]).tolist() == [9, 9]
