"""The linear model beside a training: what it learns from, and what it is measured on."""

from types import SimpleNamespace

from glove_lstm.evaluation.run_metrics import measure_baseline
from glove_lstm.tables.examples import Examples

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
        trained = SimpleNamespace(train=train, validation=validation)
        baseline = measure_baseline(trained, texts.get("test"), {"known": of_training})
        [split] = texts
        assert baseline.keys() == {"known", split}
        assert baseline["known"]["accuracy"] == 1
        low, high = baseline[split]["accuracy_interval"]
        assert low < baseline[split]["accuracy"] < 1
        assert high < 1


def test_without_texts_to_measure_there_is_no_baseline(caplog):
    train = labelled([("quiet river", "calm"), ("SHOCK panic", "loud")])
    assert measure_baseline(SimpleNamespace(train=train, validation=None)) is None
    assert "no texts to measure the baseline on" in caplog.text
