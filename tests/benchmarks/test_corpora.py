"""Corpora of the shipped checkpoint, and names of publishers."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import corpora
from benchmarks.corpora import joined_texts


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


def test_corpora_of_the_shipped_checkpoint(data_dir: Path) -> None:
    corpus = corpora.hub_corpus(data_dir)
    texts_of_train = set(corpus.train.texts)
    texts_of_validation = set(corpus.validation.texts)
    texts_of_test = set(corpus.test.texts)
    assert texts_of_train
    assert texts_of_validation
    assert texts_of_test
    assert not texts_of_train & texts_of_validation
    assert not (texts_of_train | texts_of_validation) & texts_of_test
    others = set(joined_texts(corpora.read(data_dir, "recovery")))
    assert not (texts_of_train | texts_of_validation | texts_of_test) & others

    # Articles are there whole and as titles.
    titles = {text for text in texts_of_train if text.endswith(" ")}  # title + " " + empty body
    articles = texts_of_train - titles
    assert len(articles) > 50
    for article in articles:
        assert any(article.startswith(title) for title in titles)


def test_weights_are_capped_and_texts_of_the_news_corpus_count_twice() -> None:
    sources = ["isot"] * 100 + ["other"] * 100 + ["rare"] * 2
    weights = corpora.training_weights(sources, [0, 1] * 101)
    assert weights[:100] == pytest.approx(2 * weights[100:200])
    assert weights[200:] == pytest.approx(5)


def test_other_corpora_of_the_shipped_checkpoint(data_dir: Path) -> None:
    others = corpora.other_corpora(data_dir)
    assert len(others["recovery"]) == 70
    assert np.bincount(others["liar (two labels)"].labels).tolist() == [9, 9]
    for texts in others.values():
        assert texts.label_names == corpora.NAMES

    name, *_ = corpora.TRAINING_CORPORA
    assert len(corpora.corpus(data_dir, name)) == 24
    assert len(corpora.corpus(data_dir, name, 20)) == 20
