"""metrics.json, what it tells of the data, and remarks on skewed classes and weak models."""

import pytest
from support import ROOT

from glove_lstm.evaluation.metrics_file import MetricsFile, describes_news, remarks


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("fake_or_real_news (default) from news.csv", True),
        ("someone/fake_or_real_news", True),
        ("liar (two) from liar.zip", True),
        ("liar (six) from liar.zip", False),
        ("train reviews.csv", False),
        ("someone/familiar (two)", False),
    ],
)
def test_the_data_and_not_the_labels_tell_that_a_model_is_about_news(description, expected):
    assert describes_news(description) is expected


def test_the_model_of_this_repository_is_about_news():
    metrics = MetricsFile.read(ROOT / "hub")
    assert metrics is not None
    assert describes_news(metrics.data)


RAREST = {"label": "yes", "rows": 24, "recall": 0.2222}
SKEWED = {
    "accuracy_interval": [0.9785, 0.985],
    "majority_share": 0.976,
    "f1": 0.6789,
    "rarest": RAREST,
}


def test_skewed_classes_show_macro_f1_and_the_rarest_recall():
    [sentence] = remarks(SKEWED, advise=True)
    for words in ("97.6%", "0.6789", "'yes' (24 texts)", "0.2222", "--class_weight balanced"):
        assert words in sentence
    [sentence] = remarks(SKEWED, advise=False)
    assert "0.2222" in sentence
    assert "--class_weight" not in sentence
    assert remarks(SKEWED | {"majority_share": 0.8}, advise=True) == []
    only_label = SKEWED | {"majority_share": 1.0, "accuracy_interval": [1.0, 1.0]}
    assert not any("rarest" in sentence for sentence in remarks(only_label, advise=True))
    without = {name: value for name, value in SKEWED.items() if name != "rarest"}
    assert remarks(without, advise=True) == []  # of several labels a text, or of an earlier version


@pytest.mark.parametrize(("lowest", "is_said"), [(0.5, True), (0.4, True), (0.5001, False)])
def test_a_model_that_is_no_better_than_the_largest_class(lowest, is_said):
    measures = {"accuracy_interval": [lowest, 0.9], "majority_share": 0.5, "f1": 0.4}
    found = remarks(measures, advise=True)
    assert len(found) == is_said
    assert all("not better" in sentence and f"{lowest:.4f}" in sentence for sentence in found)
