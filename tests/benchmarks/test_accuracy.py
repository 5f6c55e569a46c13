"""benchmarks.accuracy: predictions are stored and resumed, measured, compared and printed."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import run_here

from benchmarks import accuracy, tables
from benchmarks.corpora import LEFT_OUT, join, joined_texts
from benchmarks.folds import Fold, make_folds
from glove_lstm.data.corruptions import CORRUPTIONS

WITH_INTERVAL = {"accuracy", *CORRUPTIONS}
WITHOUT_INTERVAL = {"ece", "auc", "balanced_accuracy", "fit_seconds"}
ORIGIN = {"right", "seeds", "made_of", "made_by"}


class Benchmark:
    """Runs the command, whose results are read from its JSON file."""

    def __init__(self, data_dir: Path, glove_file: Path, folder: Path) -> None:
        self.file = folder / "results.json"
        self.printed = ""
        self._options = ["--data_dir", data_dir, "--glove", glove_file, "--json", self.file]

    def run(self, task: str, *args: object, code: int = 0) -> dict[str, Any]:
        done = run_here(accuracy.main, "--task", task, *self._options, *args)
        assert done.returncode == code, done.stderr
        self.printed = done.stdout
        return json.loads(self.file.read_text())


@pytest.fixture
def benchmark(data_dir: Path, glove_file: Path, tmp_path: Path) -> Benchmark:
    return Benchmark(data_dir, glove_file, tmp_path)


class Model:
    """A model that remembers on which folds it was trained; the training of some may be interrupted.

    It gives a text the probabilities of `known`, if it is there, else 0.9 for REAL.
    """

    def __init__(self) -> None:
        self.known: dict[str, Sequence[float]] = {}
        self.trained_on: list[str] = []
        self.interrupted_in: str | None = None

    def __call__(self, fold: Fold, seed: int, settings: object) -> Callable[..., np.ndarray]:
        if fold.name == self.interrupted_in:
            raise KeyboardInterrupt
        self.trained_on.append(fold.name)
        return self.classify

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self.known.get(text, (0.1, 0.9)) for text in texts])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A new model of the benchmark, `made_up`."""
    model = Model()
    monkeypatch.setitem(accuracy.MODELS, "made_up", model)
    return model


def test_an_interrupted_run_is_resumed(benchmark: Benchmark, model: Model) -> None:
    benchmark.file.write_text('{"elsewhere": {}}')
    model.interrupted_in = "2"
    results = benchmark.run("titles", "--models", "made_up", "--folds", 2, code=130)
    assert list(results) == ["elsewhere"]
    assert model.trained_on == ["1"]

    model.interrupted_in = None
    results = benchmark.run("titles", "--models", "made_up", "--folds", 2)
    assert list(results) == ["elsewhere", "titles"]
    assert model.trained_on == ["1", "2"]
    # Predictions on disk are all that is needed, and other folds are added to them.
    assert benchmark.run("titles", "--models", "made_up", "--folds", 2) == results
    benchmark.run("titles", "--models", "made_up", "--folds", 3)
    assert model.trained_on == ["1", "2", "3"]


def test_models_are_measured_and_compared(
    benchmark: Benchmark, model: Model, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_the_page_holds_the_stored_results() -> None:
    for path in tables.PAGES:
        page = path.read_text(encoding="utf-8")
        assert page == tables.fill(page), "Run python -m benchmarks.tables."
        assert "| --- |" in page


def test_measures_of_left_out_corpora(benchmark: Benchmark, model: Model, data_dir: Path) -> None:
    """The model is right and sure on the first corpus."""
    first_fold, *_ = make_folds("left_out", data_dir)
    tested = first_fold.tests[LEFT_OUT[0]]
    model.known = dict(zip(joined_texts(tested), np.eye(2)[tested["label"]], strict=True))
    measures = benchmark.run("left_out", "--models", "made_up")["left_out"]["made_up"]
    assert list(measures["right"]) == model.trained_on
    for name in ("auc", "balanced_accuracy"):
        first, *others = measures[name]["folds"]
        assert first == 1
        assert others == pytest.approx([0.5] * len(others))
        assert measures[name]["mean"] == pytest.approx(np.mean([first, *others]))


def test_the_auc_ranks_no_text_by_another_model(benchmark: Benchmark) -> None:
    """A corpus has texts in several folds of sources_out, whose models give other constants."""
    results = benchmark.run("sources_out", "--models", "majority")
    majority = results["sources_out"]["majority"]
    known = {auc for auc in majority["auc"]["folds"] if auc is not None}
    assert known == {0.5}


def test_the_auc_of_folds_is_weighted_by_their_texts(
    benchmark: Benchmark, model: Model, data_dir: Path
) -> None:
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
