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
    corpus = corpora.hub_corpus(news)
    train = corpus.texts.select(corpus.held_out.train)
    validation = corpus.texts.select(corpus.held_out.validation)
    parts = {"train": train, "validation": validation, "test": corpus.test}
    texts = {name: set(part.texts) for name, part in parts.items()}
    assert all(texts.values())
    assert not set.union(*texts.values()) & set(joined_texts(corpora.read(news, "recovery")))
    assert not texts["train"] & texts["validation"]
    assert not (texts["train"] | texts["validation"]) & texts["test"]
    # Sources of validation are new ones; the news corpus is three sources, in training, and weighs more.
    assert not set(train.sources) & set(validation.sources)
    own = {"fake_or_real_news_titles", "fake_or_real_news_head", "isot"}
    assert own <= set(train.sources)
    for source, weight in zip(corpus.texts.sources, corpus.texts.weights, strict=True):
        assert weight == (2 if source in own else 1)
    # Articles are there whole and as titles.
    titles = {text for text in train.texts if text.endswith(" ")}  # and an empty body
    articles = texts["train"] - titles
    assert len(articles) > 50
    assert all(any(text.startswith(title) for title in titles) for text in articles)
    assert len(corpora.corpus(news, "one")) == 40
    assert len(corpora.corpus(news, "two", 20)) == 20
    others = corpora.other_corpora(news)
    assert len(others["recovery"]) == 70
    assert np.bincount(others["liar (two labels)"].labels).tolist() == [9, 9]
    assert all(texts.label_names == corpora.NAMES for texts in others.values())
