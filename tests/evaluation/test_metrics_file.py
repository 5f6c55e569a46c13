"""What the shipped metrics.json tells, and remarks on skewed classes and weak models."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support import ROOT

from glove_lstm.baselines import linear_baseline
from glove_lstm.evaluation.metrics import Measures
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.plots import plot_measured
from glove_lstm.evaluation.run_metrics import measure_baseline
from glove_lstm.printable import markdown_table
from glove_lstm.tables.examples import Examples


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
    [sentence] = SKEWED.remarks()
    for words in ("97.6%", "0.6789", "'yes' (24 texts)", "0.2222", "--class_weight balanced"):
        assert words in sentence
    assert replace(SKEWED, majority_share=0.8).remarks() == []
    only_label = replace(SKEWED, majority_share=1.0, accuracy_interval=[1.0, 1.0])
    assert not any("rarest" in sentence for sentence in only_label.remarks())
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

    for texts in ({"test": unknown}, {"validation": unknown}):
        validation = unknown if "validation" in texts else None
        record = SimpleNamespace(refitted=False)
        trained = SimpleNamespace(train=train, validation=validation, record=record)
        baseline = measure_baseline(trained, texts.get("test"), {"known": of_training})
        [split] = texts
        assert baseline.keys() == {"known", split}
        assert baseline["known"]["accuracy"] == 1
        low, high = baseline[split]["accuracy_interval"]
        assert low < baseline[split]["accuracy"] < 1
        assert high < 1


def test_the_words_of_the_baseline_are_characters_in_scripts_without_spaces():
    words, _ = linear_baseline()[0].transformer_list
    tokens = words[1].build_analyzer()("我爱ภา, don't")
    assert tokens[:8] == ["我", "爱", "ภ", "า", ",", "don", "'", "t"]


def test_without_texts_to_measure_there_is_no_baseline(caplog):
    train = labelled([("quiet river", "calm"), ("SHOCK panic", "loud")])
    assert measure_baseline(SimpleNamespace(train=train, validation=None)) is None
    assert "no texts to measure the baseline on" in caplog.text


@pytest.mark.whole_plots
def test_long_names_have_room(tmp_path):
    """matplotlib warns if there is none left for the matrix."""
    names = ["Computers, tablets and accessories", "Household appliances (large and small)"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_measured(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), names, tmp_path)


def test_a_table_reads_well_as_text_and_as_markdown():
    rows = [["a|b", "0.9", "+1 to 2"], ["<i>\nx\x1b", "11"]]
    assert markdown_table(["label", "score", "interval"], rows).splitlines() == [
        "| label     | score | interval |",
        "| --------- | ----: | -------: |",
        r"| a\|b      |   0.9 |  +1 to 2 |",
        "| &lt;i> x\ufffd |    11 |          |",
    ]
    assert markdown_table(["a"], []).splitlines() == ["|   a |", "| --: |"]
