"""The linear models beside a training: what they learn from, and what they are measured on."""

from types import SimpleNamespace

import pytest

from glove_lstm.baselines import BASELINES
from glove_lstm.evaluation.run_metrics import measure_baselines
from glove_lstm.tables.examples import Examples

NAMES = ["calm", "loud"]


def labelled(rows):
    texts, labels = zip(*rows, strict=True)
    return Examples.from_names(texts, labels, NAMES)


def test_baselines_learn_nothing_from_the_texts_that_measure_them():
    """The words of the test texts are in no training text, so that no model can tell these apart."""
    train = labelled(
        [(f"quiet river {n}", "calm") for n in range(10)] + [("SHOCK panic", "loud")] * 9
    )
    of_training = labelled([("quiet river", "calm"), ("SHOCK panic", "loud")])
    calm = [(f"fair{n} good{n}", "calm") for n in range(2)]
    unknown = labelled([*calm, *((f"bad{n} sad{n}", "loud") for n in range(4))])

    for texts in ({"test": unknown}, {"validation": unknown}):
        validation = unknown if "validation" in texts else None
        trained = SimpleNamespace(train=train, validation=validation)
        baselines = measure_baselines(trained, texts.get("test"), {"known": of_training})
        [split] = texts
        assert baselines.keys() == {"majority", *BASELINES}
        # The most frequent label of the training texts, which is rare among the test texts.
        assert baselines["majority"][split]["accuracy"] == pytest.approx(2 / 6)
        for name in BASELINES:
            assert baselines[name]["known"]["accuracy"] == 1
            low, high = baselines[name][split]["accuracy_interval"]
            assert low < baselines[name][split]["accuracy"] < 1
            assert high < 1


def test_without_texts_to_measure_there_are_no_baselines(caplog):
    train = labelled([("quiet river", "calm"), ("SHOCK panic", "loud")])
    assert measure_baselines(SimpleNamespace(train=train, validation=None)) is None
    assert "no texts to measure baselines on" in caplog.text
