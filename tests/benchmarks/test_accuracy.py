"""benchmarks.accuracy: folds and cells, stored predictions and their origin, and the table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, concatenate_datasets
from support import SMALL, assert_refused, run_here

from benchmarks import accuracy, corpora, folds
from benchmarks.folds import make_folds
from benchmarks.models import Settings, train_preset, training_texts
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.data.splits import near_duplicate_groups
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training.batches import CorruptedTexts, tokenize
from glove_lstm.training.training_texts import joined_texts

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True"]
SCORES = {"ece", "auc", "balanced_accuracy", "cell_ece"}  # measures of probabilities


@pytest.fixture
def three_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three training corpora, of which two have both rows that are in all of them."""
    most = {"one": 40, "two": 40, "three": 20}
    monkeypatch.setattr(corpora, "TRAINING_CORPORA", most)
    monkeypatch.setattr(folds, "_LEFT_OUT", tuple(most))


def corpora_of(rows: Dataset) -> set[str]:
    return {source.partition("/")[0] for source in rows["source"]}


def test_left_out_trains_on_nothing_of_the_corpus_that_it_tests(
    news: Path, three_corpora: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_folds("left_out", news)
    assert [fold.name for fold in made] == ["one", "two", "three"]
    for fold in made:
        tested = fold.tests[fold.name]
        trained = concatenate_datasets(list(fold.data.splits.values()))
        assert corpora_of(tested) == {fold.name}
        assert corpora_of(trained) == {"one", "two", "three"} - {fold.name}
        assert not set(tested["text"]) & set(trained["text"])
        groups = near_duplicate_groups([*joined_texts(tested), *joined_texts(trained)])
        assert not set(groups[: len(tested)]) & set(groups[len(tested) :])
        sites = [
            {source.partition("/")[2] for source in split["source"]}
            for split in fold.data.splits.values()
        ]
        assert not sites[0] & sites[1]
    # The article and the title that are in all corpora test nothing.
    assert [len(fold.tests[fold.name]) for fold in made[:2]] == [38, 38]
    numbers = np.concatenate([fold.texts[fold.name] for fold in made])
    assert numbers.tolist() == list(range(len(numbers)))

    monkeypatch.setattr(folds, "_MOST", 30)
    last = make_folds("left_out", news)[-1]
    assert sum(len(split) for split in last.data.splits.values()) == 30 + 30


def test_folds_share_no_near_duplicates(news: Path) -> None:
    texts = list(joined_texts(corpora.distinct(corpora.recovery(news))))
    groups = dict(zip(texts, near_duplicate_groups(texts), strict=True))
    made = make_folds("recovery", news)
    tested = np.concatenate([fold.texts[fold.name] for fold in made])
    assert sorted(tested) == list(range(len(texts)))
    for fold in made:
        splits = [*fold.data.splits.values(), *fold.tests.values()]
        sides = [{groups[text] for text in joined_texts(split)} for split in splits]
        assert sum(len(split) for split in splits) == len(texts)
        assert sum(map(len, sides)) == len(set.union(*sides))


def test_corpora_of_the_shipped_checkpoint(news: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "TRAINING_CORPORA", {"one": 40, "two": 20})
    monkeypatch.setattr(corpora, "CALIBRATION_CORPORA", ["two"])
    first = corpora.hub_corpus(news, held_out=True).splits
    publishers = [
        {s.partition("/")[2] for s in first[n]["source"]} for n in ("train", "validation")
    ]
    assert "site0.org" in publishers[1]
    assert publishers[0] & publishers[1] <= {""}
    splits = corpora.hub_corpus(news).splits
    assert set(splits["train"]["weight"]) == {1.0, 3.0}
    texts = {name: set(joined_texts(rows)) for name, rows in splits.items()}
    assert all(texts.values())
    assert not set.union(*texts.values()) & set(joined_texts(corpora.recovery(news)))
    assert not texts["train"] & texts["validation"]
    assert not (texts["train"] | texts["validation"]) & texts["test"]
    # Sources of validation are new ones; the news corpus is three sources, in training.
    sources = {name: set(splits[name]["source"]) for name in ("train", "validation")}
    assert not sources["train"] & sources["validation"]
    assert {"fake_or_real_news_titles", "fake_or_real_news_head", "isot"} <= sources["train"]
    # Articles are there whole and as titles.
    articles = [row for row in splits["train"] if row["text_pair"].strip()]
    assert {f"{row['text']} " for row in articles} <= texts["train"]
    assert len(corpora.corpus(news, "one")) == 40
    assert len(corpora.corpus(news, "two", 20)) == 20
    others = corpora.other_corpora(news)
    assert len(others["recovery"]) == 70
    assert np.bincount(others["liar (two labels)"]["label"]).tolist() == [9, 9]


class Benchmark:
    """Runs the command, and remembers the folds that were predicted."""

    def __init__(
        self, news: Path, glove_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.file = folder / "results.json"
        self.made: list[tuple[str, str, int]] = []
        self.stop_at = -1
        self.printed = self.warnings = ""
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
        self.printed, self.warnings = done.stdout, done.stderr
        assert (done.returncode == 0) == (self.stop_at < 0), done.stderr
        return json.loads(self.file.read_text())


@pytest.fixture
def benchmark(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Benchmark:
    return Benchmark(news, glove_file, tmp_path, monkeypatch)


def test_an_interrupted_run_is_resumed(benchmark: Benchmark, caplog) -> None:
    benchmark.file.write_text('{"elsewhere": {}}')
    models = ["tfidf_svc_copies", "tfidf_svc", "default"]
    options = ["--seeds", 2, "--folds", 2, "--models", *models, *TINY]
    benchmark.stop_at = 3
    assert list(benchmark.run("titles", *options)) == ["elsewhere"]
    assert benchmark.made == [("default", "1", 42), ("default", "2", 42), ("default", "1", 43)]
    benchmark.stop_at = -1
    results = benchmark.run("titles", *options)
    assert benchmark.made == [
        ("default", "2", 43), ("tfidf_svc", "1", 42), ("tfidf_svc", "2", 42),
        ("tfidf_svc_copies", "1", 42), ("tfidf_svc_copies", "2", 42),
    ]  # fmt: skip
    assert list(results) == ["elsewhere", "titles"]

    models = results["titles"]
    origin = {"cells", "seeds", "made_of", "made_by"}
    assert set(models["default"]) == {"accuracy", *SCORES, *CORRUPTIONS, *origin}
    compared = {f"{name}_versus_default" for name in ("accuracy", *CORRUPTIONS)}
    assert set(models["tfidf_svc"]) == set(models["default"]) | compared
    for model, measures in models.items():
        assert measures["cells"] == ["1", "2"]
        assert measures["seeds"] == (2 if model == "default" else 1)
        for measure in set(measures) - origin - SCORES:
            found = measures[measure]
            assert found["low"] <= found["mean"] <= found["high"]
            assert len(found["folds"]) == 2
        [made_by] = measures["made_by"]
        assert set(made_by) == {"sources", "versions", "machine"}
        assert made_by["sources"][:8] in benchmark.printed
    linear, ours = models["tfidf_svc"], models["default"]
    for measure in ("accuracy", "keyboard"):
        difference = linear[measure]["mean"] - ours[measure]["mean"]
        versus = linear[f"{measure}_versus_default"]
        assert versus["mean"] == pytest.approx(difference)
        assert 0 < versus["p"] <= 1
    assert linear["accuracy"]["mean"] > 0.9  # made-up articles are easy
    assert models["tfidf_svc_copies"]["typos"]["mean"] < linear["typos"]["mean"]
    assert "linear SVC, trained with corrupted copies" in benchmark.printed
    assert f"{linear['accuracy']['mean']:.4f}" in benchmark.printed

    # Predictions on disk give the figures, and are all that is needed. A damaged file is made anew.
    folder = benchmark.file.with_name("results.predictions")
    place = folder / "titles" / "tfidf_svc" / "42" / "1.json"
    kept = json.loads(place.read_text())["cells"]["1"]
    right = np.array(kept["predicted"]) == np.array(kept["labels"])
    assert right.mean() == linear["accuracy"]["folds"][0]
    place.write_text("{")
    assert benchmark.run("titles", *options) == results
    assert benchmark.made == [("tfidf_svc", "1", 42)]
    # More folds use those that are there; other options do not.
    benchmark.run("titles", "--folds", 3, "--models", "tfidf_svc")
    assert benchmark.made == [("tfidf_svc", "3", 42)]
    benchmark.run("titles", "--folds", 1, "--models", "default", *TINY, "--hidden_size", 5)
    assert benchmark.made == [("default", "1", 42)]
    assert "of other data, options or sources" in caplog.text


def test_predictions_of_other_sources_are_made_anew(benchmark: Benchmark, monkeypatch) -> None:
    def run(sources: str, *args: object) -> list[str]:
        monkeypatch.setattr(accuracy, "record", lambda *_: {"sources": sources})
        measures = benchmark.run("titles", "--models", "majority", *args)["titles"]["majority"]
        names = [made_by["sources"] for made_by in measures["made_by"]]
        assert all(name[:8] in benchmark.printed for name in names)
        return names

    assert run("earlier code", "--folds", 1) == ["earlier code"]
    assert run("new code", "--folds", 2, "--reuse_other_sources") == ["earlier code", "new code"]
    assert benchmark.made == [("majority", "2", 42)]
    assert run("new code", "--folds", 2) == ["new code"]
    assert benchmark.made == [("majority", "1", 42)]


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
        if "source" in rows.column_names and corpora_of(rows) == {"one"}:
            return np.eye(2)[rows["label"]]
        return np.tile([0.1, 0.9], (len(rows), 1))

    monkeypatch.setitem(accuracy.MODELS, "tfidf_svc", lambda *_: predict)
    measures = benchmark.run("left_out", "--models", "tfidf_svc")["left_out"]["tfidf_svc"]
    assert measures["cells"] == ["one", "two", "three"]
    real = measures["accuracy"]["folds"][1:]  # the share of REAL texts
    expected = {
        "auc": [1, 0.5, 0.5],
        "balanced_accuracy": [1, 0.5, 0.5],
        "cell_ece": [0, *(0.9 - share for share in real)],
    }
    for name, cells in expected.items():
        assert measures[name]["folds"] == pytest.approx(cells)
        assert measures[name]["mean"] == pytest.approx(np.mean(cells))


def test_margins_of_linear_peers_are_logits(news: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    rows = fold.tests["1"]
    probabilities = accuracy.MODELS["tfidf_svc"](fold, 42, Settings("unread"))(rows)
    plain = BASELINES["tfidf_svc"]().fit(*training_texts(fold))
    margins = plain.decision_function(list(joined_texts(rows)))
    assert np.log(probabilities[:, 1] / probabilities[:, 0]) == pytest.approx(margins)


def test_an_ablation_leaves_ngrams_out(news: Path, glove_file: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    settings = Settings(str(glove_file), TINY)
    model = train_preset("without_shape_ngrams", fold.data, 42, settings).model
    empty = [name for name, weights in model.ngrams.named_parameters() if not weights.any()]
    assert empty == ["shape_weights"]


def test_ngrams_alone_have_no_lstm(news: Path, glove_file: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    trained = train_preset("ngrams_alone", fold.data, 42, Settings(str(glove_file), TINY))
    inputs = trained.tokenizer(fold.tests["1"]["text"][:], padding=True, return_tensors="pt")
    lstm, ngrams = trained.model.eval()(**inputs).part_logits.unbind(dim=1)
    assert not lstm.any()
    assert ngrams.any()


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["--folds", 6], "--folds"),
        (["--seeds", 0], "--seeds"),
        (["--models", "svm"], "'svm'"),
        (["--seed", 3], "--seed"),
        (["--num_epochs_train", 1], "--num_train_epochs"),
        (["--json", __file__], "--json"),
        (["--data_dir", "nowhere"], "nowhere"),
    ],
)
def test_refusals(news: Path, glove_file: Path, args: list[object], part: str) -> None:
    told = ["--task", "titles", "--data_dir", news, "--glove", glove_file, "--models", "majority"]
    told += ["--json", news / "unwritten.json"]
    assert_refused(run_here(accuracy.main, *told, *args), part)


def test_baselines_can_learn_from_the_copies_of_our_presets(news: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    plain, labels = training_texts(fold)
    every, copied_labels = training_texts(fold, copies=True)
    assert every[: len(plain)] == plain
    assert copied_labels == labels * 3
    # The n-gram classifier of a preset sees the same copies.
    texts = concatenate_datasets([fold.data.splits["train"], fold.data.splits["validation"]])
    tokenizer = build_tokenizer(lambda: every, vocab_size=50_000, model_max_length=512)
    tokenized, rows = tokenize(texts, tokenizer), []
    for seed in (42, 43):
        copies = CorruptedTexts(tokenized, texts, tokenizer, 1.0, seed)
        rows += copies.__getitems__(range(len(texts)))["input_ids"].to_pylist()
    assert rows == [tokenizer(text)["input_ids"] for text in every[len(plain) :]]
