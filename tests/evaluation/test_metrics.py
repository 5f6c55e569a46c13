"""Measures and their intervals, against plain definitions; and the plots of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.evaluation.evaluate_metric import ClassificationMetrics
from glove_lstm.evaluation.metrics import (
    coverage_table,
    measure,
    measure_labels,
    suggest_threshold,
)
from glove_lstm.evaluation.plots import plot_measured


@st.composite
def predictions(draw):
    """Probabilities (rows, classes) and labels."""
    rows = draw(st.integers(1, 40))
    classes = draw(st.integers(2, 4))
    few_values = st.integers(1, 6)  # so that there are ties
    weights_of_row = st.lists(few_values, min_size=classes, max_size=classes)
    weights = np.array(draw(st.lists(weights_of_row, min_size=rows, max_size=rows)), dtype=float)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    any_label = st.integers(0, classes - 1)
    labels = draw(st.lists(any_label, min_size=rows, max_size=rows))
    return probabilities, np.array(labels)


@settings(max_examples=100, deadline=None)
@given(predictions())
def test_coverage_table_keeps_what_it_says(made):
    probabilities, labels = made
    highest = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    table = coverage_table(probabilities, labels)
    for share, row in zip((1.0, 0.9, 0.8, 0.7, 0.5), table, strict=True):
        printed_threshold = float(f"{row['threshold']:.4f}")
        kept = highest >= printed_threshold
        assert row["coverage"] == kept.mean()
        assert row["coverage"] >= share - 1e-9
        assert row["accuracy"] == is_right[kept].mean()
    assert table[0]["threshold"] == 0


@settings(max_examples=200, deadline=None)
@given(predictions())
def test_the_suggested_threshold_is_round_and_says_what_it_keeps(made):
    probabilities, labels = made
    row = suggest_threshold(probabilities, labels)
    highest = probabilities.max(axis=1)
    kept = highest >= row["threshold"]
    assert kept.any()
    assert row["threshold"] * 20 == pytest.approx(round(row["threshold"] * 20))
    assert row["threshold"] <= 0.6
    for twentieths in range(13):
        coverage = (highest >= twentieths / 20).mean()
        assert abs(row["coverage"] - 0.9) <= abs(coverage - 0.9)
    assert row["coverage"] == kept.mean()
    assert row["accuracy"] == (probabilities.argmax(axis=1) == labels)[kept].mean()


def test_sure_texts_are_not_called_unsure():
    """Not even those in the lowest tenth of the scores, if all scores are high."""
    highest = np.array([0.9997, 0.9998, 0.9999, 1.0, 1.0])
    probabilities = np.stack([highest, 1 - highest], axis=1)
    row = suggest_threshold(probabilities, labels=np.zeros(5, dtype=int))
    assert row == {"threshold": 0.6, "coverage": 1.0, "accuracy": 1.0}


@pytest.fixture(scope="module")
def calibrated():
    """400 texts of two labels: probabilities (400, 2), labels, and the label that has the higher probability."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    highest = generator.uniform(0.5, 1, 400)
    is_right = generator.random(400) < highest
    predicted = np.where(is_right, labels, 1 - labels)
    rows = np.arange(400)
    probabilities = np.empty((400, 2))
    probabilities[rows, predicted] = highest
    probabilities[rows, 1 - predicted] = 1 - highest
    return probabilities, labels, predicted


@pytest.fixture(scope="module")
def measures(calibrated):
    probabilities, labels, _ = calibrated
    return measure_labels(probabilities, labels, ["A", "B"])


def test_measures_are_those_of_plain_definitions(calibrated, measures):
    probabilities, labels, predicted = calibrated
    is_right = predicted == labels
    confusion = np.array(measures["confusion"])
    assert confusion.sum() == 400
    assert confusion.diagonal().sum() == is_right.sum()
    assert measures["majority_share"] == np.bincount(labels).max() / 400
    assert measures["mcc"] == pytest.approx(np.corrcoef(labels, predicted)[0, 1])

    probability_of_label = probabilities[np.arange(400), labels]
    assert measures["brier"] == pytest.approx(2 * ((1 - probability_of_label) ** 2).mean())

    highest = probabilities.max(axis=1)
    bins = (highest * 15).astype(int)
    total_gap = 0
    for number in range(15):
        total_gap += abs((highest - is_right)[bins == number].sum())
    assert measures["ece"] == pytest.approx(total_gap / 400)

    scores = probabilities[:, 1]
    differences = np.subtract.outer(scores[labels == 1], scores[labels == 0])
    assert measures["roc_auc"] == pytest.approx((differences > 0).mean())


def test_measures_by_label_are_those_of_plain_definitions(calibrated, measures):
    _, labels, predicted = calibrated
    is_right = predicted == labels
    f1_scores = []
    precisions = []
    for label, name in enumerate("AB"):
        precision = is_right[predicted == label].mean()
        recall = is_right[labels == label].mean()
        row = measures["by_label"][name]
        assert row["rows"] == (labels == label).sum()
        assert row["precision"] == pytest.approx(precision)
        assert row["recall"] == pytest.approx(recall)
        precisions.append(precision)
        f1_scores.append(2 * precision * recall / (precision + recall))
    assert measures["precision"] == pytest.approx(np.mean(precisions))
    assert measures["f1"] == pytest.approx(np.mean(f1_scores))


def test_measures_have_intervals(measures):
    for name in ("accuracy", "f1", "brier"):
        low, high = measures[f"{name}_interval"]
        assert low < measures[name] < high, name
    for row in measures["by_label"].values():
        for name in ("recall", "precision"):
            low, high = row[f"{name}_interval"]
            assert low < row[name] < high
            assert 0.05 < high - low < 0.2


def test_plots_of_many_labels(tmp_path):
    scores = np.random.default_rng(0).dirichlet(np.ones(7), 20)
    names = [f"${number}_^$" for number in range(7)]  # no mathematics
    plot_measured(scores, np.arange(20) % 7, names, tmp_path)
    for name in ("confusion.png", "reliability.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_label_that_never_occurs():
    probabilities = np.array([[0.7, 0.2, 0.1]] * 5)
    measures = measure_labels(probabilities, np.zeros(5, dtype=int), ["A", "B", "C"])
    assert measures["f1"] == 1
    assert measures["recall"] == 1
    low, high = measures["accuracy_interval"]
    assert low == pytest.approx(5 / (5 + 1.96**2), abs=1e-3)  # Wilson's interval is never empty
    assert high == 1
    assert measures["by_label"]["B"] == {
        "rows": 0,
        "precision": 0.0,
        "recall": 0.0,
        "precision_interval": [0.0, 1.0],
        "recall_interval": [0.0, 1.0],
    }


def test_the_metric_of_evaluate_is_the_same_measure():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    metric = ClassificationMetrics(keep_in_memory=True)
    measures = metric.compute(predictions=probabilities, references=[0, 1, 1])
    assert measures == pytest.approx(measure(probabilities, np.array([0, 1, 1])))
