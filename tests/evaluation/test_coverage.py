"""Abstaining: what the curve, its area and its table say, against plain definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.evaluation.metrics import (
    area_under_risk_coverage,
    coverage_curve,
    coverage_table,
    measure_labels,
)
from glove_lstm.evaluation.plots import plot_coverage


@st.composite
def predictions(draw):
    rows, classes = draw(st.integers(1, 40)), draw(st.integers(2, 4))
    weights = draw(st.lists(st.integers(1, 6), min_size=rows * classes, max_size=rows * classes))
    scores = np.array(weights, dtype=float).reshape(rows, classes)  # few values, so that there are ties
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return scores / scores.sum(axis=1, keepdims=True), np.array(labels)


@settings(max_examples=200, deadline=None)
@given(predictions())
def test_curve_and_table_are_what_they_say(made) -> None:
    probabilities, labels = made
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    coverages, accuracies = coverage_curve(probabilities, labels)
    assert coverages[-1] == 1
    thresholds = np.unique(sure)[::-1]
    for threshold, coverage, accuracy in zip(thresholds, coverages, accuracies, strict=True):
        kept = sure >= threshold
        assert coverage == pytest.approx(kept.mean())
        assert accuracy == pytest.approx(right[kept].mean())
    table = coverage_table(probabilities, labels, (1.0, 0.9, 0.5))
    for asked, row in zip((1.0, 0.9, 0.5), table, strict=True):
        kept = sure >= float(f"{row['threshold']:.4f}")  # as it is printed
        assert row["coverage"] == kept.mean() >= asked - 1e-9
        assert row["accuracy"] == right[kept].mean()
    assert table[0]["threshold"] == 0


@settings(max_examples=100, deadline=None)
@given(predictions(), st.randoms(use_true_random=False))
def test_area_does_not_depend_on_the_order_of_rows(made, generator) -> None:
    probabilities, labels = made
    order = list(range(len(labels)))
    generator.shuffle(order)
    area = area_under_risk_coverage(probabilities, labels)
    assert 0 <= area <= 1
    assert area == pytest.approx(area_under_risk_coverage(probabilities[order], labels[order]))


def test_area_of_known_cases() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    assert area_under_risk_coverage(probabilities, np.zeros(4, dtype=int)) == 0
    # Wrong only where it is least sure; the errors among the first 1, 2, 3, 4 are 0, 0, 0, 1/4.
    assert area_under_risk_coverage(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(1 / 16)
    assert area_under_risk_coverage(probabilities, np.array([1, 0, 0, 0])) == pytest.approx(
        (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4
    )
    same = np.full((4, 2), [0.6, 0.4])
    assert area_under_risk_coverage(same, np.array([0, 0, 0, 1])) == pytest.approx(1 / 4)


def test_measures_by_label_and_their_intervals(tmp_path) -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    sure = generator.uniform(0.5, 1, 400)
    right = generator.random(400) < sure  # calibrated
    hit = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[hit] == 1, sure[:, None], 1 - sure[:, None])
    found = measure_labels(probabilities, labels, ["A", "B"])
    counts = np.array(found["confusion"])
    assert counts.sum() == 400
    assert counts.diagonal().sum() == right.sum()
    for index, name in enumerate("AB"):
        row = found["by_label"][name]
        assert row["rows"] == (labels == index).sum()
        assert row["recall"] == pytest.approx(right[labels == index].mean())
        assert row["precision"] == pytest.approx(right[hit == index].mean())
        for measure in ("recall", "precision"):
            low, high = row[f"{measure}_interval"]
            assert low < row[measure] < high
            assert 0.05 < high - low < 0.2
    for name in ("accuracy", "f1", "brier", "ece"):
        low, high = found[f"{name}_interval"]
        assert low <= found[name] <= high, name
    mean = np.mean(
        [
            2 * r["precision"] * r["recall"] / (r["precision"] + r["recall"])
            for r in found["by_label"].values()
        ]
    )
    assert found["f1"] == pytest.approx(mean)
    plot_coverage(probabilities, labels, tmp_path / "coverage.png")
    assert (tmp_path / "coverage.png").read_bytes().startswith(b"\x89PNG")
    plot_coverage(probabilities[:1], labels[:1], tmp_path / "coverage.png")


def test_a_label_that_never_occurs() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]] * 5)
    found = measure_labels(probabilities, np.zeros(5, dtype=int), ["A", "B", "C"])
    assert found["by_label"]["B"] == {
        "rows": 0,
        "precision": 0.0,
        "precision_interval": (0.0, 0.0),
        "recall": 0.0,
        "recall_interval": (0.0, 0.0),
    }
