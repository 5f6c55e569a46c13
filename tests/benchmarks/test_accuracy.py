"""benchmarks.accuracy: predictions are measured, compared and printed; the pages hold the stored results."""

import json

import numpy as np
import pytest
from support import succeed

from benchmarks import accuracy, tables
from benchmarks.corpora import joined_texts
from benchmarks.folds import make_folds

MEASURES = {"accuracy", "ece", "auc", "balanced_accuracy", "fit_seconds"}
ORIGIN = {"right", "seeds", "made_of", "made_by"}


class Benchmark:
    """Runs the command, whose results are read from its JSON file."""

    def __init__(self, data_dir, glove_file, folder):
        self.file = folder / "results.json"
        self.printed = ""
        self._options = ["--data_dir", data_dir, "--glove", glove_file, "--json", self.file]

    def run(self, task, *args):
        self.printed = succeed(accuracy.main, "--task", task, *self._options, *args).stdout
        return json.loads(self.file.read_text())


@pytest.fixture
def benchmark(data_dir, glove_file, tmp_path):
    return Benchmark(data_dir, glove_file, tmp_path)


class Model:
    """Gives a text the probabilities of `known`, if it is there, else 0.9 for REAL."""

    def __init__(self):
        self.known = {}

    def __call__(self, fold, seed, settings):
        return lambda texts: np.array([self.known.get(text, (0.1, 0.9)) for text in texts])


@pytest.fixture
def model(monkeypatch):
    """A new model of the benchmark, `made_up`."""
    model = Model()
    monkeypatch.setitem(accuracy.MODELS, "made_up", model)
    return model


def test_models_are_measured_and_compared(benchmark, model, data_dir, monkeypatch):
    """`made_up` is right on all texts of the first fold, and `default` on those that are REAL."""
    monkeypatch.setitem(accuracy.MODELS, "default", Model())
    [fold] = make_folds("titles", data_dir, 1)
    right = np.eye(2)[fold.test["label"]]
    model.known = dict(zip(joined_texts(fold.test), right, strict=True))
    options = ["--seeds", 2, "--folds", 2, "--models", "default", "made_up"]
    rows = benchmark.run("titles", *options)["titles"]
    assert rows["default"]["seeds"] == 2
    assert rows["made_up"]["seeds"] == 1
    for row in rows.values():
        assert row.keys() - {"versus_default"} == MEASURES | ORIGIN
        assert row["accuracy"]["low"] <= row["accuracy"]["mean"] <= row["accuracy"]["high"]
        assert len(row["accuracy"]["folds"]) == 2
        assert set(row["made_by"]) == {"commit", "date", "versions", "machine"}
        assert row["made_by"]["commit"] in benchmark.printed
        means = []
        for digits_of_seeds in row["right"].values():
            assert len(digits_of_seeds) == row["seeds"]
            digits = "".join(digits_of_seeds)
            means.append(digits.count("1") / len(digits))
        assert means == pytest.approx(row["accuracy"]["folds"])

    made_up = rows["made_up"]
    assert made_up["accuracy"]["folds"][0] == made_up["auc"]["folds"][0] == 1
    assert made_up["auc"]["folds"][1] == 0.5  # constants
    versus = made_up["versus_default"]
    difference = made_up["accuracy"]["mean"] - rows["default"]["accuracy"]["mean"]
    assert difference > 0
    assert versus["mean"] == pytest.approx(difference)
    assert 0 < versus["p"] <= versus["p_holm"] <= 1
    assert f"**{made_up['accuracy']['mean']:.3f} (" in benchmark.printed

    # Other options are another model; rows of other texts are not compared.
    other = benchmark.run("titles", "--folds", 1, "--models", "default", "--hidden_size", 5)
    assert other["titles"]["default"]["made_of"] != rows["default"]["made_of"]
    assert "versus_default" not in other["titles"]["made_up"]


def test_the_page_holds_the_stored_results():
    made = tables.make_tables()
    for path in tables.PAGES:
        page = path.read_text(encoding="utf-8")
        assert page == tables.fill(page, made), "Run python -m benchmarks.tables."
        assert "| --- |" in page
