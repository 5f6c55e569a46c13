"""Names of publishers, and the weights of the texts of the shipped checkpoint."""

from collections import Counter

import pytest

from benchmarks.hub import corpora
from benchmarks.hub.sources import balanced_weights


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
def test_names_of_publishers(names, expected):
    assert {corpora.publisher(name) for name in names} == {expected}


# Rows of each source and label.
COUNTS = {
    ("a/x", 0): 64,
    ("a/y", 0): 16,
    ("a/x", 1): 20,
    ("b", 0): 4,
    ("b", 1): 21,
    ("fake", 0): 400,
    ("real", 1): 100,
}


def test_weights_of_training_texts():
    """A corpus of n rows weighs sqrt(n), and so does a source of n rows within its corpus and label."""
    rows = list(Counter(COUNTS).elements())
    sources, labels = zip(*rows, strict=True)
    totals = Counter()
    for (source, label), weight in zip(rows, balanced_weights(sources, labels), strict=True):
        corpus = source.split("/")[0]
        totals[corpus] += weight
        totals[corpus, label] += weight
        totals[source, label] += weight
    for corpus in ("a", "b"):  # which have both labels
        assert totals[corpus, 0] == pytest.approx(totals[corpus, 1])
    assert totals["a"] / totals["b"] == pytest.approx(2)  # sqrt(100) and sqrt(25)
    assert totals["a/x", 0] / totals["a/y", 0] == pytest.approx(2)  # sqrt(64) and sqrt(16)
    # Corpora of a single label are rescaled to their mean: (sqrt(400) + sqrt(100)) / 2, and a weighs sqrt(100).
    assert totals["fake"] == pytest.approx(totals["real"])
    assert totals["fake"] / totals["a"] == pytest.approx(1.5)

    # Weights are capped, and those of the news corpus count twice.
    sources = ["isot"] * 100 + ["other"] * 100 + ["rare"] * 2
    weights = corpora.training_weights(sources, [0, 1] * 101)
    assert weights[:100] == pytest.approx(2 * weights[100:200])
    assert weights[200:] == pytest.approx(5)
