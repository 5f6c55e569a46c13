"""What the shipped metrics.json tells, and remarks on skewed classes and weak models."""

from dataclasses import replace

import pytest
from support import ROOT

from glove_lstm.evaluation.measures import Measures
from glove_lstm.evaluation.metrics_file import MetricsFile


def test_the_file_of_this_repository_comes_back(tmp_path):
    metrics = MetricsFile.read(ROOT / "hub")
    assert metrics.is_news
    metrics.write(tmp_path)
    assert MetricsFile.read(tmp_path) == metrics


SKEWED = Measures(
    rows=1000,
    accuracy=0.98,
    accuracy_interval=[0.9785, 0.985],
    majority_share=0.976,
    f1=0.6789,
    brier=0.1,
    ece=0.01,
    rarest={"label": "yes", "rows": 24, "recall": 0.2222},
)


def test_skewed_classes_show_macro_f1_and_the_rarest_recall():
    [sentence] = SKEWED.remarks(advise=True)
    for words in ("97.6%", "0.6789", "'yes' (24 texts)", "0.2222", "--class_weight balanced"):
        assert words in sentence
    [sentence] = SKEWED.remarks(advise=False)
    assert "0.2222" in sentence
    assert "--class_weight" not in sentence
    assert replace(SKEWED, majority_share=0.8).remarks(advise=True) == []
    only_label = replace(SKEWED, majority_share=1.0, accuracy_interval=[1.0, 1.0])
    assert not any("rarest" in sentence for sentence in only_label.remarks(advise=True))
    assert replace(SKEWED, rarest=None).remarks(advise=True) == []  # of several labels a text


@pytest.mark.parametrize(("lowest", "is_said"), [(0.5, True), (0.4, True), (0.5001, False)])
def test_a_model_that_is_no_better_than_the_largest_class(lowest, is_said):
    measures = replace(SKEWED, accuracy_interval=[lowest, 0.9], majority_share=0.5)
    found = measures.remarks(advise=True)
    assert len(found) == is_said
    assert all("not better" in sentence and f"{lowest:.4f}" in sentence for sentence in found)
