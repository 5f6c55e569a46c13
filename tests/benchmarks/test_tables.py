"""The arithmetic of the tables, and the paired tests against values computed by hand or by other code."""

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks import few_labels_tables
from benchmarks.field import field_table
from benchmarks.paired import holm, mean_of_cells, paired_difference
from glove_lstm.evaluation.metrics import bootstrap_interval


def cells(table):
    """The cells of a Markdown table, without the line below its head."""
    head, _, *lines = table.splitlines()
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in (head, *lines)]


def row(right, log_loss, seconds, megabytes):
    return {
        "accuracy": right.count("1") / len(right),
        "right": right,
        "log_loss": log_loss,
        "cpu_seconds": seconds,
        "megabytes": megabytes,
        "made_by": {"commit": "0123abcd", "date": "2026-12-01"},
    }


# Of ten test texts; the tasks are not in the order of the table.
FEW_LABELS = {
    "glove": "6B.50d",
    "trec-1000": {"0": {"setfit": row("1111111110", 0.5, 900, 90)}},
    "trec-100": {
        "0": {
            "setfit": row("1111111111", 0.1, 100, 90) | {"ece": 0.02},
            "tfidf_svc_cased_chars": row("1110000000", 1.0, 1, 0.26),
        },
        "1": {"setfit": row("1111111111", 0.3, 300, 90) | {"ece": 0.05}},
        "2": {"setfit": row("1111111111", 0.8, 140, 90) | {"ece": 0.08}},
    },
    "sst2-100": {
        "0": {"tfidf_svc_cased_chars": row("1111100000", 0.6, 2, 0.34) | {"ece": 0.1}},
        "1": {"tfidf_svc_cased_chars": row("1111111000", 0.4, 4, 0.36)},
    },
}


def test_few_labels_summary():
    """Means of the drawings; megabytes are the median of all rows of a model."""
    assert cells(
        few_labels_tables.few_labels_summary(FEW_LABELS, {"tfidf_svc_cased_chars": 70_000.4})
    ) == [
        ["", "SST-2", "TREC", "MB", "texts/s"],
        ["linear SVC, words and characters", "0.600", "(0.300)", "0.3", "70,000"],
        ["SetFit on MiniLM", "", "1.000", "90.0", ""],
    ]
    assert cells(few_labels_tables.more_labels_summary(FEW_LABELS)) == [
        ["", "TREC, 1,000"],
        ["SetFit on MiniLM", "0.900"],
    ]


def test_few_labels_table():
    """Accuracy is of all drawings, log loss their mean, seconds the most of one: it embeds all texts."""
    heads, *lines = cells(few_labels_tables.few_labels_table(FEW_LABELS))
    assert heads[:3] == ["task", "labels", "model"]
    svc, _, setfit, more = lines
    assert [line[:3] for line in lines] == [
        ["sst2", "100", "`tfidf_svc_cased_chars`"],
        ["trec", "100", "`tfidf_svc_cased_chars`"],
        ["trec", "100", "`setfit`"],
        ["trec", "1,000", "`setfit`"],
    ]
    assert svc[3] == "0.600 (0.000 to 1.000)"
    assert svc[4:] == ["0.500 0.700", "0.500", "", "4", "0123abcd, 2026-12-01"]
    assert setfit[3:-1] == ["1.000 (1.000 to 1.000)", "1.000 1.000 1.000", "0.400", "0.050", "300"]
    assert more[4:] == ["0.900", "0.500", "", "900", "0123abcd, 2026-12-01"]


def test_the_table_of_the_field():
    """Means of the drawings, below the published figures; a star marks a single drawing."""
    measured = {"weighted_f1": 0.75, "cpu_seconds": 20.4, "megabytes": 14.04}
    other = {"weighted_f1": 0.77, "cpu_seconds": 30.0, "megabytes": 14.04}
    results = {
        "emotion-1000": {"0": {"glove_lstm": measured}, "1": {"glove_lstm": other}},
        "sst2-1000": {"0": {"glove_lstm": measured}},
        "emotion-16000": {"0": {"glove_lstm": other}},
    }
    head, *rows = cells(field_table(results, ["emotion", "sst2"]))
    assert head == ["", "emotion", "sst2", "CPU s", "MB"]
    assert ["*fastText*", "56.5", "70.7", "", ""] in rows
    assert ["**glove-lstm, labels alone**", "76.0", "75.0*", "20", "14.0"] in rows


def difference(first, second):
    """Compare two models on one cell; each was run once, (n,), or several times, (runs, n)."""
    return paired_difference([np.atleast_2d(first)], [np.atleast_2d(second)])


def test_p_value_is_near_mcnemars_test():
    both_or_none = [1.0, 0.0] * 150
    first = [1.0] * 33 + [0.0] * 47 + both_or_none
    second = [0.0] * 33 + [1.0] * 47 + both_or_none
    # The exact test has no mid-p correction.
    assert difference(first, second)["p"] == pytest.approx(binomtest(33, 80).pvalue, abs=0.06)


def test_the_difference_is_of_the_mean_of_cells():
    """A large cell where the models are alike hides nothing of a small one where they differ."""
    first = [np.ones((1, 100)), np.repeat([[1.0, 0.0]], 200, axis=1)]
    second = [np.zeros((1, 100)), np.roll(first[1], 1)]
    smallest_p = 2 / 10_001  # of 10,000 draws, on two sides
    found = paired_difference(first, second)
    assert found["p"] == pytest.approx(smallest_p)
    assert found["folds"] == [1, 0]
    assert found["low"] < found["mean"] == 0.5 < found["high"]


def test_interval_equals_the_pooled_bootstrap():
    right = (np.random.default_rng(3).random(400) < 0.8).astype(float)
    found = mean_of_cells([right[None]])
    low, high = bootstrap_interval(lambda rows: float(right[rows].mean()), 400)
    assert found["mean"] == right.mean()
    assert found["folds"] == [right.mean()]
    assert found["low"] == pytest.approx(low, abs=0.005)
    assert found["high"] == pytest.approx(high, abs=0.005)


def test_holm_corrects_for_the_number_of_tests():
    # Sorted: 0.01 * 4, 0.02 * 3, then 0.03 * 2 and 0.04 * 1, which may not fall below the one before.
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_texts_are_paired_and_runs_are_not():
    right = np.random.default_rng(5).random(100) < 0.75
    same = difference(np.stack([right, right]), right)
    assert same["low"] == same["high"] == 0  # the same texts are drawn for both
    assert same["p"] == 1
    all_and_none = np.repeat([[1.0], [0.0]], 100, axis=1)
    found = difference(all_and_none, all_and_none)
    assert found["low"] == -1
    assert found["high"] == 1


def test_runs_that_differ_widen_the_interval():
    """Two runs that are right on half of the texts each: on the same half, or on all and none."""
    half = np.arange(400) % 2
    same_half = mean_of_cells([np.stack([half, half])])
    assert same_half["mean"] == 0.5
    assert 0.44 < same_half["low"] < same_half["high"] < 0.56
    all_and_none = mean_of_cells([np.repeat([[1], [0]], 400, axis=1)])
    assert all_and_none["mean"] == 0.5
    assert all_and_none["low"] == 0
    assert all_and_none["high"] == 1
