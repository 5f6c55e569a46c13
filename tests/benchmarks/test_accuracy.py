"""benchmarks.accuracy: predictions are stored and resumed, measured, compared and printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from support import SMALL, assert_refused, run_here

from benchmarks import accuracy, tables
from benchmarks.corpora import LEFT_OUT
from benchmarks.folds import Fold, make_folds
from benchmarks.models import training_texts
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import corrupt

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True", "--refit", "False"]
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
    """A model that remembers on which folds it was trained; the training of some may be interrupted."""

    def __init__(self, predict: Callable[[Dataset], np.ndarray]) -> None:
        self.predict = predict
        self.trained_on: list[str] = []
        self.interrupted_in: str | None = None

    def __call__(self, fold: Fold, seed: int, settings: object) -> Callable[[Dataset], np.ndarray]:
        if fold.name == self.interrupted_in:
            raise KeyboardInterrupt
        self.trained_on.append(fold.name)
        return self.predict


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A new model of the benchmark, `made_up`.

    It is right and sure on the first corpus of the task left_out, and gives all other texts 0.9 for REAL.
    """

    def predict(rows: Dataset) -> np.ndarray:
        is_of_first_corpus = rows[0].get("source", "").startswith(LEFT_OUT[0])
        if is_of_first_corpus:
            return np.eye(2)[rows["label"]]
        return np.tile([0.1, 0.9], (len(rows), 1))

    model = Model(predict)
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


def test_models_are_measured_and_compared(benchmark: Benchmark) -> None:
    options = ["--seeds", 2, "--folds", 2, "--corrupted", *TINY]
    rows = benchmark.run("titles", *options, "--models", "default", "tfidf_svc")["titles"]
    assert rows["default"]["seeds"] == 2
    assert rows["tfidf_svc"]["seeds"] == 1
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

    linear = rows["tfidf_svc"]
    versus = linear["versus_default"]
    difference = linear["accuracy"]["mean"] - rows["default"]["accuracy"]["mean"]
    assert versus["mean"] == pytest.approx(difference)
    assert 0 < versus["p"] <= versus["p_holm"] <= 1
    assert linear["accuracy"]["mean"] > 0.9  # made-up articles are easy
    printed = f"{linear['accuracy']['mean']:.3f} ("
    assert printed in benchmark.printed
    assert (f"**{printed}" in benchmark.printed) == (difference > 0)

    # Other options are another model; rows of other texts are not compared.
    other = benchmark.run("titles", *TINY, "--folds", 1, "--models", "default", "--hidden_size", 5)
    assert other["titles"]["default"]["made_of"] != rows["default"]["made_of"]
    assert "versus_default" not in other["titles"]["tfidf_svc"]


def test_the_page_holds_the_stored_results() -> None:
    for path in tables.PAGES:
        page = path.read_text(encoding="utf-8")
        assert page == tables.fill(page), "Run python -m benchmarks.tables."
        assert "| --- |" in page


def test_other_tasks(benchmark: Benchmark) -> None:
    results = benchmark.run("trec", "--models", "majority", "tfidf_svc")["trec"]
    assert results["majority"]["accuracy"]["folds"] == [0.5]
    assert results["tfidf_svc"]["accuracy"]["folds"] == [1.0]
    results = benchmark.run("liar", "--models", "majority")
    assert results["liar"]["majority"]["accuracy"]["folds"] == [pytest.approx(1 / 6)]


def test_measures_of_left_out_corpora(benchmark: Benchmark, model: Model) -> None:
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


def test_baselines_can_learn_from_the_copies_of_our_presets(data_dir: Path) -> None:
    [fold] = make_folds("recovery", data_dir, 1)
    texts, labels = training_texts(fold)
    with_copies, labels_with_copies = training_texts(fold, copies=True)
    # The n-gram classifier of a preset sees the same copies.
    tokenizer = build_tokenizer(lambda: with_copies, vocab_size=50_000, model_max_length=512)
    copies = corrupt(texts, 42, 0, LightTokenizer.of(tokenizer))
    assert with_copies == [*texts, *copies]
    assert labels_with_copies == labels * 2


def test_the_picture_has_the_models_with_both_figures_but_the_majority_class(
    tmp_path: Path,
) -> None:
    accurate = {"accuracy": {"mean": 0.8, "low": 0.7, "high": 0.9}}
    fast = {"median": {"texts/s": 9.0}}
    accuracies = {"titles": {"default": accurate, "majority": accurate, "fasttext": accurate}}
    speeds = {"titles": {"default": fast, "majority": fast, "pipeline": fast}}
    tables.draw(accuracies, speeds, tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert drawn.count(">glove-lstm<") == 1
    for name in ("majority", "fastText", "pipeline"):
        assert f">{name}<" not in drawn


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["--num_epochs_train", 1], "--num_train_epochs"),
        (["--json", __file__], "--json"),
        (["--data_dir", "nowhere"], "nowhere"),
    ],
)
def test_refusals(data_dir: Path, glove_file: Path, args: list[object], part: str) -> None:
    command = ["--task", "titles", "--data_dir", data_dir, "--glove", glove_file]
    command += ["--models", "majority", "--json", data_dir / "unwritten.json"]
    assert_refused(run_here(accuracy.main, *command, *args), part)
