"""Measures and their intervals, against plain definitions in plain Python."""

from collections import Counter
from dataclasses import replace
from itertools import product
from math import sqrt
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.baselines import linear_baseline
from glove_lstm.errors import DataError
from glove_lstm.evaluation.evaluate_metric import ClassificationMetrics
from glove_lstm.evaluation.metrics import Measures, basic_measures, coverage_table
from glove_lstm.evaluation.run_metrics import measure_baseline
from glove_lstm.printable import markdown_table
from glove_lstm.tables.examples import Examples


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


def ratio(numerator, denominator):
    return numerator / denominator if denominator else 0.0


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def calibration_error(questions):
    """The gap of confidence and accuracy of pairs (confidence, whether it is right) in fifteen bins of equal width."""
    gaps = Counter()
    for confidence, is_right in questions:
        gaps[min(int(confidence * 15), 14)] += confidence - is_right
    return sum(map(abs, gaps.values())) / len(questions)


def area(scores, is_of_label):
    """How often a text of the label has a higher score than another; equal ones count half."""
    pairs = product(scores[is_of_label], scores[~is_of_label])
    return mean((score > other) + (score == other) / 2 for score, other in pairs)


@settings(max_examples=40, deadline=None)
@given(predictions())
def test_measures_are_those_of_plain_definitions(made):
    probabilities, labels = made
    rows, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    pairs = list(zip(labels.tolist(), predicted.tolist(), strict=True))
    measures = Measures.of(probabilities, labels, "ABCD"[:classes], None)
    found = measures.to_json()
    assert Measures(**found) == measures

    true = [labels.tolist().count(label) for label in range(classes)]
    guessed = [predicted.tolist().count(label) for label in range(classes)]
    right = [pairs.count((label, label)) for label in range(classes)]
    precision = [ratio(right[label], guessed[label]) for label in range(classes)]
    recall = [ratio(right[label], true[label]) for label in range(classes)]
    f1 = [ratio(2 * right[label], true[label] + guessed[label]) for label in range(classes)]
    present = [label for label in range(classes) if true[label]]
    chance = sum(true[label] * guessed[label] for label in range(classes))
    variances = [rows**2 - sum(count**2 for count in counts) for counts in (true, guessed)]
    covariance = sum(right) * rows - chance
    squares = (probabilities - np.eye(classes)[labels]) ** 2
    expected = {
        "rows": rows,
        "accuracy": sum(right) / rows,
        "accuracy_interval": wilson(sum(right) / rows, rows),
        "precision": mean(precision[label] for label in present),
        "recall": mean(recall[label] for label in present),
        "f1": mean(f1[label] for label in present),
        "mcc": ratio(covariance, sqrt(variances[0] * variances[1])),
        "majority_share": max(true) / rows,
        "brier": mean(squares.sum(axis=1)),
        "ece": calibration_error(
            list(zip(probabilities.max(axis=1), labels == predicted, strict=True))
        ),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name
    if len(present) == 1:
        assert measures.roc_auc is None
    else:
        areas = [area(probabilities[:, label], labels == label) for label in present]
        assert found["roc_auc"] == pytest.approx(mean(areas))


@st.composite
def label_sets(draw):
    """Scores (rows, labels), labels of 1 and 0, and a threshold for each label, which some scores equal."""
    rows = draw(st.integers(1, 15))
    labels = draw(st.integers(1, 4))
    eighths = st.integers(0, 8).map(lambda number: number / 8)
    scores = st.lists(eighths, min_size=labels, max_size=labels)
    truth = st.lists(st.integers(0, 1), min_size=labels, max_size=labels)
    return (
        np.array(draw(st.lists(scores, min_size=rows, max_size=rows))),
        np.array(draw(st.lists(truth, min_size=rows, max_size=rows))),
        draw(scores),
    )


@settings(max_examples=40, deadline=None)
@given(label_sets())
def test_measures_of_label_sets_are_those_of_plain_definitions(made):
    scores, truth, thresholds = made
    found = Measures.of(scores, truth, "ABCD"[: len(thresholds)], thresholds).to_json()
    predicted = [
        [score >= threshold for score, threshold in zip(row, thresholds, strict=True)]
        for row in scores
    ]
    columns = list(zip(zip(*truth, strict=True), zip(*predicted, strict=True), strict=True))
    right = [sum(map(min, *column)) for column in columns]
    given_or_true = [sum(true) + sum(guessed) for true, guessed in columns]
    f1 = [ratio(2 * both, either) for both, either in zip(right, given_or_true, strict=True)]
    f1_of_present = [f1[label] for label, (true, _) in enumerate(columns) if any(true)]
    for name in ("f1", "micro_f1"):
        low, high = found[f"{name}_interval"]
        assert 0 <= low <= high <= 1

    questions = []
    for score, true in zip(scores.ravel(), truth.ravel(), strict=True):
        questions.append((max(score, 1 - score), (score > 0.5) == true))
    sets = Counter(map(tuple, truth.tolist()))
    expected = {
        "rows": len(truth),
        "accuracy": mean(list(row) == guess for row, guess in zip(truth, predicted, strict=True)),
        "f1": mean(f1_of_present) if f1_of_present else 0.0,
        "micro_f1": ratio(2 * sum(right), sum(given_or_true)),
        "majority_share": max(sets.values()) / len(truth),
        "ece": calibration_error(questions),
        "brier": mean(((scores - truth) ** 2).ravel()),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def wilson(share, count):
    """Wilson's interval of 95 %."""
    z = 1.959964
    middle = share + z**2 / (2 * count)
    half = z * sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return [(middle - half) / (1 + z**2 / count), (middle + half) / (1 + z**2 / count)]


def test_measures_have_intervals():
    """The bootstrap's are nearly the normal ones, of 400 texts."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    highest = generator.uniform(0.5, 1, 400)
    predicted = np.where(generator.random(400) < highest, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[predicted] == 1, highest[:, None], 1 - highest[:, None])
    measures = Measures.of(probabilities, labels, ["A", "B"], None)

    squares = ((probabilities - np.eye(2)[labels]) ** 2).sum(axis=1)
    deviations = {
        "brier": squares.std() / 20,
        "f1": sqrt(measures.accuracy * (1 - measures.accuracy) / 400),  # about
    }
    for name, deviation in deviations.items():
        value = getattr(measures, name)
        normal = [value - 1.96 * deviation, value + 1.96 * deviation]
        assert getattr(measures, f"{name}_interval") == pytest.approx(normal, abs=0.005), name


def test_a_label_that_is_not_drawn_does_not_lower_the_macro_f1():
    """Many rare labels, all right: of the texts of each draw, all labels are right, too."""
    labels = np.repeat(np.arange(50), 2)
    names = [f"label {number}" for number in range(50)]
    scores = np.eye(50)[labels]
    for truth, thresholds in ((labels, None), (scores, [0.5] * 50)):
        measures = Measures.of(scores, truth, names, thresholds)
        assert (measures.f1, measures.f1_interval) == (1, [1, 1])


def test_the_metric_of_evaluate_is_the_same_measure():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    metric = ClassificationMetrics(keep_in_memory=True)
    measures = metric.compute(predictions=probabilities, references=[0, 1, 1])
    assert measures == pytest.approx(basic_measures(probabilities, np.array([0, 1, 1])))


@pytest.mark.parametrize(
    ("predictions", "references", "words"),
    [
        ([[3.0, -1.0], [-4.0, 6.0]], [0, 1], "logits"),
        ([[0.9, 0.3]], [0], "sum to 1"),
        ([[0.9, 0.1], [0.2, 0.8]], [0, 2], "from 0 to 1"),
    ],
)
def test_what_is_no_probability_or_class(predictions, references, words):
    metric = ClassificationMetrics(keep_in_memory=True)
    with pytest.raises(DataError, match=words):
        metric.compute(predictions=predictions, references=references)


# Remarks


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
    [sentence] = SKEWED.remarks()
    for words in ("97.6%", "0.6789", "'yes' (24 texts)", "0.2222", "--class_weight balanced"):
        assert words in sentence
    assert replace(SKEWED, majority_share=0.8).remarks() == []
    assert replace(SKEWED, rarest=None).remarks() == []  # of several labels a text


@pytest.mark.parametrize(("lowest", "is_said"), [(0.5, True), (0.4, True), (0.5001, False)])
def test_a_model_that_is_no_better_than_the_largest_class(lowest, is_said):
    measures = replace(SKEWED, accuracy_interval=[lowest, 0.9], majority_share=0.5)
    found = measures.remarks()
    assert len(found) == is_said
    assert all("not better" in sentence and f"{lowest:.4f}" in sentence for sentence in found)


# The linear model beside a training

NAMES = ["calm", "loud"]


def labelled(rows):
    texts, labels = zip(*rows, strict=True)
    return Examples.from_names(texts, labels, NAMES)


def test_the_baseline_learns_nothing_from_the_texts_that_measure_it():
    """The words of the test texts are in no training text, so that no model can tell these apart."""
    train = labelled(
        [(f"quiet river {n}", "calm") for n in range(10)] + [("SHOCK panic", "loud")] * 9
    )
    of_training = labelled([("quiet river", "calm"), ("SHOCK panic", "loud")])
    calm = [(f"fair{n} good{n}", "calm") for n in range(2)]
    unknown = labelled([*calm, *((f"bad{n} sad{n}", "loud") for n in range(4))])

    record = SimpleNamespace(refitted=False)
    trained = SimpleNamespace(train=train, validation=unknown, record=record)
    for test, split in ((unknown, "test"), (None, "validation")):
        baseline = measure_baseline(trained, test, {"known": of_training})
        assert baseline.keys() == {"known", split}
        assert baseline["known"]["accuracy"] == 1
        low, high = baseline[split]["accuracy_interval"]
        assert low < baseline[split]["accuracy"] < 1
        assert high < 1


def test_the_words_of_the_baseline_are_characters_in_scripts_without_spaces():
    words, _ = linear_baseline()[0].transformer_list
    tokens = words[1].build_analyzer()("我爱ภา, don't")
    assert tokens[:8] == ["我", "爱", "ภ", "า", ",", "don", "'", "t"]


def test_a_table_reads_well_as_text_and_as_markdown():
    rows = [["a|b", "0.9", "+1 to 2"], ["<i>\nx\x1b", "11"]]
    assert markdown_table(["label", "score", "interval"], rows).splitlines() == [
        "| label     | score | interval |",
        "| --------- | ----: | -------: |",
        r"| a\|b      |   0.9 |  +1 to 2 |",
        "| &lt;i> x\ufffd |    11 |          |",
    ]
    assert markdown_table(["a"], []).splitlines() == ["|   a |", "| --: |"]
