"""benchmarks.accuracy: predictions are measured, compared and printed; the pages hold the stored results."""

import json

import numpy as np
import pytest
from support import succeed

from benchmarks import accuracy, tables
from benchmarks.corpora import LEFT_OUT, join, joined_texts
from benchmarks.corruptions import CORRUPTIONS
from benchmarks.folds import make_folds

WITH_INTERVAL = {"accuracy", *CORRUPTIONS}
WITHOUT_INTERVAL = {"ece", "auc", "balanced_accuracy", "fit_seconds"}
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
    rows_of_fold = fold.tests["1"]
    model.known = dict(
        zip(joined_texts(rows_of_fold), np.eye(2)[rows_of_fold["label"]], strict=True)
    )
    options = ["--seeds", 2, "--folds", 2, "--corrupted", "--models", "default", "made_up"]
    rows = benchmark.run("titles", *options)["titles"]
    assert rows["default"]["seeds"] == 2
    assert rows["made_up"]["seeds"] == 1
    for row in rows.values():
        assert row.keys() - {"versus_default"} == WITH_INTERVAL | WITHOUT_INTERVAL | ORIGIN
        for measure in WITH_INTERVAL:
            assert row[measure]["low"] <= row[measure]["mean"] <= row[measure]["high"]
            assert len(row[measure]["folds"]) == 2
        assert set(row["made_by"]) == {"sources", "versions", "machine"}
        assert row["made_by"]["sources"][:8] in benchmark.printed
        means = []
        for digits_of_seeds in row["right"].values():
            assert len(digits_of_seeds) == row["seeds"]
            digits = "".join(digits_of_seeds)
            means.append(digits.count("1") / len(digits))
        assert means == pytest.approx(row["accuracy"]["folds"])

    made_up = rows["made_up"]
    assert made_up["accuracy"]["folds"][0] == 1
    assert made_up["no_case"]["mean"] > 0  # it knows none of the texts with errors
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


def test_measures_of_left_out_corpora(benchmark, model, data_dir):
    """The model is right and sure on the first corpus."""
    first_fold, *_ = make_folds("left_out", data_dir)
    tested = first_fold.tests[LEFT_OUT[0]]
    model.known = dict(zip(joined_texts(tested), np.eye(2)[tested["label"]], strict=True))
    measures = benchmark.run("left_out", "--models", "made_up")["left_out"]["made_up"]
    assert list(measures["right"]) == LEFT_OUT
    for name in ("auc", "balanced_accuracy"):
        first, *others = measures[name]["folds"]
        assert first == 1
        assert others == pytest.approx([0.5] * len(others))
        assert measures[name]["mean"] == pytest.approx(np.mean([first, *others]))


def test_the_auc_ranks_no_text_by_another_model(benchmark):
    """A corpus has texts in several folds of sources_out, whose models give other constants."""
    results = benchmark.run("sources_out", "--models", "majority")
    majority = results["sources_out"]["majority"]
    known = {auc for auc in majority["auc"]["folds"] if auc is not None}
    assert known == {0.5}


def test_the_auc_of_folds_is_weighted_by_their_texts(benchmark, model, data_dir):
    """The model is right on the first fold, and gives constants on the others."""
    first, *others = make_folds("sources_out", data_dir)
    rows = join(list(first.tests.values()))
    model.known = dict(zip(joined_texts(rows), np.eye(2)[rows["label"]], strict=True))
    measures = benchmark.run("sources_out", "--models", "made_up")["sources_out"]["made_up"]
    are_uneven = []
    for name, auc in zip(measures["right"], measures["auc"]["folds"], strict=True):
        aucs, sizes = [], []
        for fold in (first, *others):
            if name in fold.tests and fold.tests[name]["label"].nunique() == 2:
                aucs.append(1.0 if fold is first else 0.5)
                sizes.append(len(fold.tests[name]))
        expected = np.average(aucs, weights=sizes) if aucs else None
        assert auc == (expected if expected is None else pytest.approx(expected))
        are_uneven.append(bool(aucs) and expected != np.mean(aucs))
    assert any(are_uneven)
