"""Measures and their intervals, against plain definitions; and the plots of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.evaluation.metrics import coverage_table, measure_labels, measure_sources
from glove_lstm.evaluation.plots import plot_measured


@st.composite
def predictions(draw):
    rows, classes = draw(st.integers(1, 40)), draw(st.integers(2, 4))
    weights = draw(st.lists(st.integers(1, 6), min_size=rows * classes, max_size=rows * classes))
    # Few values, so that there are ties.
    scores = np.array(weights, dtype=float).reshape(rows, classes)
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return scores / scores.sum(axis=1, keepdims=True), np.array(labels)


@settings(max_examples=200, deadline=None)
@given(predictions())
def test_coverage_table_keeps_what_it_says(made) -> None:
    probabilities, labels = made
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    table = coverage_table(probabilities, labels)
    for asked, row in zip((1.0, 0.9, 0.8, 0.7, 0.5), table, strict=True):
        kept = sure >= float(f"{row['threshold']:.4f}")  # as it is printed
        assert row["coverage"] == kept.mean() >= asked - 1e-9
        assert row["accuracy"] == right[kept].mean()
    assert table[0]["threshold"] == 0


def test_measures_by_label_and_their_intervals() -> None:
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
        for name in ("recall", "precision"):
            low, high = row[f"{name}_interval"]
            assert low < row[name] < high
            assert 0.05 < high - low < 0.2
    for name in ("accuracy", "f1", "brier"):
        low, high = found[f"{name}_interval"]
        assert low <= found[name] <= high, name
    rates = found["by_label"].values()
    f1 = [2 * r["precision"] * r["recall"] / (r["precision"] + r["recall"]) for r in rates]
    assert found["f1"] == pytest.approx(np.mean(f1))
    assert found["precision"] == pytest.approx(np.mean([rate["precision"] for rate in rates]))
    assert found["majority_share"] == np.bincount(labels).max() / 400
    wrong = 1 - probabilities[np.arange(400), labels]
    assert found["brier"] == pytest.approx(2 * (wrong**2).mean())
    assert found["mcc"] == pytest.approx(np.corrcoef(labels, hit)[0, 1])
    bins = (sure * 15).astype(int)
    gaps = [abs((sure - right)[bins == number].sum()) for number in range(15)]
    assert found["ece"] == pytest.approx(sum(gaps) / 400)
    ahead = np.subtract.outer(probabilities[labels == 1, 1], probabilities[labels == 0, 1]) > 0
    assert found["roc_auc"] == pytest.approx(ahead.mean())


@pytest.mark.parametrize("labels", [2, 7])
def test_plots_of_any_number_of_labels(tmp_path, labels: int) -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(labels), 20)
    names = [f"${number}_^$" for number in range(labels)]  # no mathematics
    plot_measured(scores, np.arange(20) % labels, names, tmp_path)
    for name in ("confusion.png", "reliability.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_label_that_never_occurs() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]] * 5)
    found = measure_labels(probabilities, np.zeros(5, dtype=int), ["A", "B", "C"])
    assert (found["f1"], found["recall"]) == (1, 1)
    low, high = found["accuracy_interval"]
    assert (low, high) == (pytest.approx(5 / (5 + 1.96**2), abs=1e-3), 1)  # Wilson's, not empty
    never = {"rows": 0, "precision": 0.0, "recall": 0.0}
    intervals = {"precision_interval": [0.0, 1.0], "recall_interval": [0.0, 1.0]}
    assert found["by_label"]["B"] == {**never, **intervals}


def test_sources_with_twenty_rows_are_measured() -> None:
    sources = ["a/x"] * 20 + ["a/y"] * 19 + ["a"] * 2 + ["b"] * 19
    labels = np.array([0] * 20 + [1] * 21 + [0] * 19)
    scores = np.where(np.arange(60) % 4 == 0, 0.2, 0.7)  # of label 0
    found = measure_sources(np.stack([scores, 1 - scores], axis=1), labels, sources)
    assert set(found) == {"a", "a/x"}
    assert found["a/x"] == {"rows": 20, "accuracy": 0.75}
    assert found["a"]["rows"] == 41
    assert found["a"]["balanced_accuracy"] == pytest.approx((0.75 + 6 / 21) / 2)
    assert found["a"]["roc_auc"] == pytest.approx(0.5 + (6 / 21 - 0.25) / 2)
