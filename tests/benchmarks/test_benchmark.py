"""scripts/benchmark.py accuracy: folds, cells, what is kept and what is made anew, and the table."""

import csv
import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from datasets import concatenate_datasets
from support import SMALL, make_article, run_benchmark

from benchmarks import comparison, corpora
from benchmarks.benchmark import main
from benchmarks.comparison import compare, table
from benchmarks.folds import make_folds
from benchmarks.predictions import (
    Cell,
    PredictionStore,
    Predictor,
    fingerprint,
    sources_of,
    training_texts,
)
from glove_lstm.data.errors import DataError
from glove_lstm.data.liar import LABELS
from glove_lstm.data.splits import near_duplicate_groups
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training.batches import MistypedPairs, tokenize
from glove_lstm.training.training_texts import joined_texts

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True"]
HEAD = corpora.HEAD_ROWS
Rows = list[tuple[str, str, str]]


def write(path: Path, rows: Rows, columns: tuple[str, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", *columns])
        places = ["title", "text", "label"]
        for number, row in enumerate(rows):
            writer.writerow([number, *(row[places.index(column)] for column in columns)])


def made_up(count: int, seed: int) -> Rows:
    """Titles, bodies and labels; each title has a word of its own, so that no two are near duplicates."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label = ("FAKE", "REAL")[number % 2]
        title, body = make_article(generator, label, generator.randint(30, 40))
        rows.append((f"{title} Number{seed}x{number} again{number}", body, label))
    return rows


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small corpora laid out as ../shared/data, with some duplicates across them."""
    folder = tmp_path_factory.mktemp("news")
    recovery, isot, titles = made_up(60, 1), made_up(50, 2), made_up(HEAD + 60, 3)
    isot[7] = (recovery[4][0], recovery[4][1] + " almost", recovery[4][2])  # nearly an article of recovery
    recovery += [(title, f"{body} indeed", label) for title, body, label in recovery[:10]]
    isot[9] = (titles[HEAD + 5][0], isot[9][1], isot[9][2])  # an article of which only the title is known
    titles[HEAD + 1] = titles[3]  # an exact repeat, after the rows that are left out
    write(folder / "recovery" / "recovery.csv.gz", recovery, ("title", "text", "label"))
    write(folder / "isot" / "isot.csv.gz", isot, ("title", "text", "label"))
    write(folder / "fake_or_real_news" / "titles.csv", titles, ("title", "label"))
    write(folder / "fake_or_real_news" / "head.csv", titles[:HEAD], ("title", "text", "label"))
    (folder / "liar").mkdir()
    for seed, (split, count) in enumerate({"train": 48, "valid": 12, "test": 18}.items(), start=10):
        lines = [
            "\t".join([str(number), LABELS[number % 6], title, *[""] * 5, *["0"] * 5, ""])
            for number, (title, _, _) in enumerate(made_up(count, seed))
        ]
        (folder / "liar" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_cross_has_nine_cells_and_no_duplicates(news: Path) -> None:
    folds = {fold.name: fold for fold in make_folds("cross", news, 5)}
    cells = [cell for fold in folds.values() for cell in fold.tests]
    assert cells == [
        "recovery->isot", "recovery->titles", "recovery->head",
        "isot->recovery", "isot->titles", "isot->head",
        "titles->recovery", "titles->isot", "titles->head",
    ]  # fmt: skip
    for name, fold in folds.items():
        train = {text for split in fold.data.splits.values() for text in joined_texts(split)}
        for cell, rows in fold.tests.items():
            tested = list(joined_texts(rows))
            assert not train & set(tested), cell
            groups = near_duplicate_groups([*train, *tested])
            assert not set(groups[: len(train)]) & set(groups[len(train) :]), cell
            assert len(fold.texts[cell]) == len(tested)
        share = len(fold.data.splits["validation"]) / len(train)
        assert 0.05 < share < 0.15, name
    sizes = {cell: len(rows) for fold in folds.values() for cell, rows in fold.tests.items()}
    assert sizes["recovery->isot"] == 49  # one is nearly an article of recovery
    assert sizes["titles->isot"] == 49  # another has a title of the training texts
    assert sizes["titles->head"] == HEAD - 1  # the repeated title trains, so its article tests nothing
    trained = set(folds["titles"].data.splits["train"]["text"][:])
    left_out = {title for title in corpora.head(news).titles if title in trained}
    assert len(left_out) <= 1
    assert "text_pair" in folds["titles"].tests["titles->head"].column_names
    # A text has one number, whichever cell tests it.
    both = np.intersect1d(folds["recovery"].texts["recovery->head"], folds["isot"].texts["isot->head"])
    assert len(both) == HEAD


def test_grouped_folds_share_no_group(news: Path) -> None:
    texts = corpora.recovery(news).distinct()
    groups = dict(zip(texts.joined(), near_duplicate_groups(texts.joined()), strict=True))
    crossing = []
    for grouped in (True, False):
        folds = make_folds("recovery", news, 5, grouped=grouped)
        assert sorted(np.concatenate([fold.texts[fold.name] for fold in folds])) == list(range(len(texts)))
        crossing.append(0)
        for fold in folds:
            splits = [*fold.data.splits.values(), *fold.tests.values()]
            sides = [{groups[text] for text in joined_texts(split)} for split in splits]
            assert sum(len(split) for split in splits) == len(texts)
            crossing[-1] += sum(len(sides[a] & sides[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert crossing[0] == 0 < crossing[1]  # the ten near duplicates do cross plain folds


def test_corrupted_texts_are_the_same_every_time(news: Path) -> None:
    [one], [two] = make_folds("recovery", news, 1), make_folds("recovery", news, 1)
    assert one.digest == two.digest
    assert make_folds("recovery", news, 1, grouped=True)[0].digest != one.digest
    rows = one.tests["1"]
    assert set(one.corrupted) == {"typos", "keyboard", "dropped_words", "ocr"}
    for by_cell in one.corrupted.values():
        assert by_cell["1"]["label"][:] == rows["label"][:]
        for part in ("text", "text_pair"):
            changed = sum(a != b for a, b in zip(rows[part][:], by_cell["1"][part][:], strict=True))
            assert changed > 0.5 * len(rows)  # a short title may keep all of its words


def test_baselines_can_learn_from_the_copies_that_our_presets_learn_from(
    news: Path, glove_file: Path
) -> None:
    [fold] = make_folds("recovery", news, 1)
    plain, labels = training_texts(fold, copies=False)
    every, copied_labels = training_texts(fold, copies=True)
    assert len(every) == 3 * len(plain)
    assert every[: len(plain)] == plain
    assert copied_labels == labels * 3
    assert sum(a != b for a, b in zip(plain * 2, every[len(plain) :], strict=True)) > 1.8 * len(plain)

    # The n-gram classifier of a preset, in its last fit, sees the very same.
    texts = concatenate_datasets([fold.data.splits["train"], fold.data.splits["validation"]])
    tokenizer = build_tokenizer(lambda: every, vocab_size=50_000, model_max_length=512)
    pairs = MistypedPairs(tokenize(texts, tokenizer), texts, tokenizer, 0.1, 512, 42, 2)
    rows = pairs.__getitems__(range(len(texts)))["input_ids"].to_pylist()
    assert rows == [tokenizer(text)["input_ids"] for text in every]


def test_typos_cost_a_baseline_less_that_trained_with_them(news: Path, glove_file: Path) -> None:
    models = ["tfidf_svc", "tfidf_svc_copies"]
    results = compare(["titles"], folder=news, glove=str(glove_file), folds=1, models=models)["titles"]
    lost = [results[model]["typos"]["mean"] for model in models]
    assert lost[1] < lost[0]
    assert "linear SVC, trained with mistyped copies" in table({"titles": results})


def test_results_their_file_and_going_on(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch, caplog
) -> None:
    file = tmp_path / "results.json"
    file.write_text('{"elsewhere": {}}')
    made: list[tuple[str, str, int]] = []
    real = Predictor.predict

    def predict(self, model, fold, seed):
        if len(made) == stop_at:
            raise KeyboardInterrupt
        made.append((model, fold.name, seed))
        return real(self, model, fold, seed)

    monkeypatch.setattr(Predictor, "predict", predict)
    models = ["glove_mean_svc", "tfidf_svc", "default"]
    settings = {"folder": news, "glove": str(glove_file), "seeds": 2, "models": models, "json_file": file}
    settings |= {"folds": 2, "arguments": TINY}
    stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        compare(["titles"], **settings)
    assert made == [("default", "1", 42), ("default", "2", 42), ("default", "1", 43)]
    stop_at = -1
    results = compare(["titles"], **settings)
    assert made[3:] == [
        ("default", "2", 43), ("tfidf_svc", "1", 0), ("tfidf_svc", "2", 0),
        ("glove_mean_svc", "1", 0), ("glove_mean_svc", "2", 0),
    ]  # fmt: skip
    assert json.loads(file.read_text()) == {"elsewhere": {}, **results}

    found = results["titles"]
    assert list(found) == ["default", "tfidf_svc", "glove_mean_svc"]
    errors = {"typos", "keyboard", "dropped_words", "ocr"}
    said = {"cells", "seeds", "sources"}
    assert set(found["default"]) == {"accuracy", "ece", *errors, *said}
    compared = {"versus_default", *(f"{error}_versus_default" for error in errors)}
    assert set(found["tfidf_svc"]) == {"accuracy", *errors, *compared, *said}
    for model, measures in found.items():
        assert measures["cells"] == ["1", "2"]
        assert measures["seeds"] == (2 if model == "default" else 1)
        assert measures["sources"] == [sources_of(model)]
        for measure in set(measures) - said:
            assert {"mean", "low", "high", "folds"} <= set(measures[measure])
            assert measures[measure]["low"] <= measures[measure]["mean"] <= measures[measure]["high"]
            assert len(measures[measure]["folds"]) == 2
    versus = found["tfidf_svc"]["versus_default"]
    assert versus["mean"] == pytest.approx(
        found["tfidf_svc"]["accuracy"]["mean"] - found["default"]["accuracy"]["mean"]
    )
    assert 0 < versus["p"] <= 1
    lost = found["tfidf_svc"]["typos_versus_default"]
    assert lost["mean"] == pytest.approx(
        found["tfidf_svc"]["typos"]["mean"] - found["default"]["typos"]["mean"]
    )
    assert 0 < lost["p"] <= 1
    assert found["tfidf_svc"]["accuracy"]["mean"] > 0.9  # made-up articles are easy
    shown = table(results)
    assert "**`default` preset**" in shown
    assert f"{found['tfidf_svc']['accuracy']['mean']:.4f}" in shown
    assert shown.count(sources_of("tfidf_svc")[:8]) == 2  # of both linear models
    assert shown.count(sources_of("default")[:8]) == 1

    # Predictions on disk give the figures, and are all that is needed.
    kept = json.loads(
        (tmp_path / "results.predictions" / "titles" / "tfidf_svc" / "0" / "1.json").read_text()
    )
    right = np.array(kept["cells"]["1"]["predicted"]) == np.array(kept["cells"]["1"]["labels"])
    assert right.mean() == found["tfidf_svc"]["accuracy"]["folds"][0]
    made.clear()
    assert compare(["titles"], **settings) == results
    assert made == []

    # More folds and seeds reuse those that are there; other settings do not.
    compare(["titles"], **{**settings, "folds": 3, "models": ["tfidf_svc"]})
    assert made == [("tfidf_svc", "3", 0)]
    made.clear()
    caplog.clear()
    compare(["titles"], **{**settings, "seeds": 1, "folds": 1, "arguments": [*TINY, "--hidden_size", "5"]})
    assert made == [("default", "1", 42)]
    assert "made anew" in caplog.text


def test_stale_and_damaged_predictions(tmp_path: Path, caplog) -> None:
    cells = {"1": Cell([0, 1], [0, 0], {"typos": [1, 1]}, [[0.6, 0.4], [0.7, 0.3]])}
    place = ("titles", "default", "42", "1")
    store = PredictionStore(tmp_path)
    assert store.read(place, "a", "here") is None
    store.write(place, "a", "here", cells)
    assert store.read(place, "a", "here") == (cells, "here")
    assert not caplog.text
    assert store.read(place, "b", "here") is None
    assert "made anew" in caplog.text
    caplog.clear()
    assert store.read(place, "a", "elsewhere") is None
    assert "other sources" in caplog.text
    assert PredictionStore(tmp_path, reuse_other_sources=True).read(place, "a", "elsewhere") == (
        cells,
        "here",
    )
    (tmp_path / "titles" / "default" / "42" / "1.json").write_text("{")
    assert store.read(place, "a", "here") is None
    assert "no predictions" in caplog.text


def test_predictions_of_other_sources_are_made_anew_unless_asked_for(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch
) -> None:
    made = []
    real = Predictor.predict

    def predict(self, model, fold, seed):
        made.append(fold.name)
        return real(self, model, fold, seed)

    monkeypatch.setattr(Predictor, "predict", predict)

    def run(sources: str, **more) -> list[str]:
        monkeypatch.setattr("benchmarks.comparison.sources_of", lambda _: sources)
        settings = {"folder": news, "glove": str(glove_file), "models": ["majority"]}
        results = compare(["titles"], json_file=tmp_path / "out.json", **settings, **more)
        assert all(source[:8] in table(results) for source in results["titles"]["majority"]["sources"])
        return results["titles"]["majority"]["sources"]

    assert run("earlier code", folds=1) == ["earlier code"]
    assert run("new code", folds=2, reuse_other_sources=True) == ["earlier code", "new code"]
    assert made == ["1", "2"]
    assert run("new code", folds=2) == ["new code"]
    assert made == ["1", "2", "1"]


def test_other_data_change_the_fingerprint(news: Path, glove_file: Path) -> None:
    predictor = Predictor(str(glove_file))
    one, two = make_folds("titles", news, 2)
    found = {
        fingerprint(predictor, "default", one, 42),
        fingerprint(predictor, "default", two, 42),
        fingerprint(predictor, "default", one, 43),
        fingerprint(predictor, "article", one, 42),
        fingerprint(predictor, "tfidf_svc", one, 0),
        fingerprint(Predictor(str(glove_file), ["--hidden_size", "3"]), "default", one, 42),
    }
    assert len(found) == 6
    assert fingerprint(Predictor(str(glove_file)), "default", one, 42) in found


def test_cross_and_liar(news: Path, glove_file: Path) -> None:
    results = compare(
        ["liar", "cross"], folder=news, glove=str(glove_file), models=["default", "majority"], arguments=TINY
    )
    assert results["liar"]["default"]["cells"] == ["test"]
    assert results["liar"]["majority"]["accuracy"]["folds"] == [pytest.approx(1 / 6)]
    cross = results["cross"]["default"]
    assert len(cross["accuracy"]["folds"]) == len(cross["cells"]) == 9
    assert cross["accuracy"]["mean"] == pytest.approx(np.mean(cross["accuracy"]["folds"]))
    assert results["cross"]["majority"]["typos"]["mean"] == 0
    assert "Hoy and Koulouri" in table(results)


def test_command_line(news: Path, glove_file: Path, tmp_path: Path) -> None:
    env = {**os.environ, "TQDM_DISABLE": "1"}
    args = ["accuracy", "--data_dir", news, "--glove", glove_file, "--folds", 1, "--task"]
    options = ["--json", tmp_path / "out.json", "--grouped", "--reuse_other_sources"]
    options += ["--models", "default", "tfidf_svc"]
    done = run_benchmark("benchmark", *args, "recovery", *options, *TINY, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| task |")  # and nothing of the Trainer's
    assert list(json.loads((tmp_path / "out.json").read_text())) == ["recovery_grouped"]
    with pytest.raises(DataError, match="--num_train_epochs"):
        main([*map(str, args), "titles", "--num_epochs_train", "1"])


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"folds": 6}, "--folds"),
        ({"seeds": 0}, "--seeds"),
        ({"models": ["svm"]}, "'svm'"),
        ({"arguments": ["--seed", "3"]}, "--seed"),
        ({"arguments": ["--glove=x"]}, "--glove"),
        ({"folder": Path("nowhere")}, "nowhere"),
        ({"json_file": Path()}, "folder"),
        ({"json_file": Path(__file__)}, "no results"),
    ],
)
def test_refusals(news: Path, glove_file: Path, settings, part: str) -> None:
    with pytest.raises(DataError, match=part):
        compare(["titles"], **{"folder": news, "glove": str(glove_file), **settings})


def test_too_little_data(news: Path, tmp_path: Path) -> None:
    write(tmp_path / "fake_or_real_news" / "titles.csv", made_up(12, 5), ("title", "label"))
    with pytest.raises(DataError, match="fewer than 10"):
        make_folds("titles", tmp_path, 5)


def test_calibration_is_of_the_pooled_texts() -> None:
    # Sure of 0.75 in each fold; right half of the time in one, always in the other, so three in four times pooled.
    sure = [[0.75, 0.25]] * 4
    runs = [[{"1": Cell([0, 0, 1, 1], [0] * 4, {}, sure)}, {"2": Cell([0] * 4, [0] * 4, {}, sure)}]]
    found = comparison._calibration(runs)
    assert found is not None
    assert found["mean"] == pytest.approx(0)
    assert found["folds"] == pytest.approx([0.25, 0.25])
