"""benchmarks.accuracy: predictions are measured, compared and printed; the pages hold the stored results."""

import json
import operator
import random
from collections import Counter
from functools import partial, reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import make_article, read_json, succeed, write_table

from benchmarks import accuracy, corpora, folds, tables
from benchmarks.corpora import joined_texts
from benchmarks.few_labels import draw
from benchmarks.folds import make_folds
from benchmarks.hub.corpora import publisher, training_weights
from benchmarks.hub.sources import balanced_weights
from glove_lstm.errors import DataError

MEASURES = {"accuracy", "ece", "auc", "balanced_accuracy", "fit_seconds"}
ORIGIN = {"right", "seeds", "made_of", "made_by"}


def made_up_model(known, fold, seed, settings):
    """Gives a text the probabilities of `known`, if it is there, else 0.9 for REAL."""
    return lambda texts: np.array([known.get(text, (0.1, 0.9)) for text in texts])


def test_models_are_measured_and_compared(data_dir, glove_file, tmp_path, monkeypatch):
    """`made_up` is right on all texts of the first fold, and `default` on those that are REAL."""
    [fold] = make_folds("titles", data_dir, 1)
    right = np.eye(2)[fold.test["label"]]
    known = dict(zip(joined_texts(fold.test), right, strict=True))
    monkeypatch.setitem(accuracy.MODELS, "made_up", partial(made_up_model, known))
    monkeypatch.setitem(accuracy.MODELS, "default", partial(made_up_model, {}))
    words = ["--task", "titles", "--data_dir", data_dir, "--glove", glove_file]
    words += ["--json", tmp_path / "results.json"]
    options = ["--seeds", 2, "--folds", 2, "--models", "default", "made_up"]
    printed = succeed(accuracy.main, *words, *options).stdout
    rows = read_json(tmp_path / "results.json")["titles"]
    assert rows["default"]["seeds"] == 2
    assert rows["made_up"]["seeds"] == 1
    for row in rows.values():
        assert row.keys() - {"versus_default"} == MEASURES | ORIGIN
        assert row["accuracy"]["low"] <= row["accuracy"]["mean"] <= row["accuracy"]["high"]
        assert len(row["accuracy"]["folds"]) == 2
        assert set(row["made_by"]) == {"commit", "date", "versions", "machine"}
        assert row["made_by"]["commit"] in printed
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
    assert f"**{made_up['accuracy']['mean']:.3f} (" in printed

    # Other options are another model; rows of other texts are not compared.
    options = ["--folds", 1, "--models", "default", "--hidden_size", 5]
    succeed(accuracy.main, *words, *options)
    other = read_json(tmp_path / "results.json")["titles"]
    assert other["default"]["made_of"] != rows["default"]["made_of"]
    assert "versus_default" not in other["made_up"]


def test_the_page_holds_the_stored_results():
    made = tables.make_tables()
    for path in tables.PAGES:
        page = path.read_text(encoding="utf-8")
        assert page == tables.fill(page, made), "Run python -m benchmarks.tables."
        assert "| --- |" in page


# Folds

# Of the fold below, by the code that made the stored results.
DIGEST = "3590556e3470e8d0297978372711f3b607d734fb6ef27f5bacc9a448733a8c9f"


def test_each_text_is_tested_once(data_dir):
    texts = joined_texts(corpora.distinct(corpora.read(data_dir, "titles")))
    tested: list[str] = []
    for fold in make_folds("titles", data_dir):
        parts = [joined_texts(part) for part in (fold.train, fold.validation, fold.test)]
        assert sorted(reduce(operator.iadd, parts, [])) == sorted(texts)
        assert joined_texts(fold.every) == parts[0] + parts[1]
        tested += parts[2]
    assert sorted(tested) == sorted(texts)


def test_the_stored_divisions():
    stored = read_json(Path(folds.__file__).with_name("folds.json"))
    counts = {task: len(divisions) for task, divisions in stored.items()}
    assert counts == {"titles": 5, "recovery": 5, "subj": 1, "trec": 1}
    for task, divisions in stored.items():
        assert len({len(division) for division in divisions}) == 1
        for parts in zip(*divisions, strict=True):
            assert set(parts) <= set("012")
            assert parts.count("2") == 1 or len(divisions) == 1, task


def test_other_texts_than_those_that_were_divided(data_dir, monkeypatch, tmp_path):
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"titles": ["01"]}))
    monkeypatch.setattr(folds, "DIVISIONS", file)
    with pytest.raises(DataError, match=r"other\.json divides 2 texts, but .* has 120"):
        make_folds("titles", data_dir)


def test_the_digest_tells_texts_and_labels(data_dir):
    first, second = make_folds("titles", data_dir, 2)
    [again] = make_folds("titles", data_dir, 1)
    assert first.digest == again.digest
    assert first.digest != second.digest
    small = pd.DataFrame({"text": ["a"], "label": [0]})
    pairs = small.assign(text_pair=["b"])
    assert folds.Fold("1", ["x", "y"], small, small, pairs).digest == DIGEST


# benchmarks.few_labels: the texts that are drawn


def test_a_drawing(data_dir):
    [fold] = make_folds("titles", data_dir, 1)
    drawing = draw(fold, 20, 1)
    every = joined_texts(fold.every)
    label_of = dict(zip(every, fold.every["label"], strict=True))
    # Disjoint, and nothing is lost.
    assert len(drawing.texts) == len(set(drawing.texts)) == 20
    assert sorted([*drawing.texts, *drawing.unlabelled]) == sorted(every)
    assert not set(every) & set(drawing.test_texts)
    assert drawing.test_texts == joined_texts(fold.test)
    assert drawing.test_labels == fold.test["label"].tolist()
    # The labels are those of the texts, in the mix of all of them.
    assert drawing.labels == [label_of[text] for text in drawing.texts]
    shares = np.bincount(fold.every["label"]) / len(every)
    np.testing.assert_allclose(np.bincount(drawing.labels), 20 * shares, atol=1)
    assert len(drawing.label_names) == len(shares)
    # A seed repeats it; another draws others.
    assert draw(fold, 20, 1) == drawing
    assert set(draw(fold, 20, 2).texts) != set(drawing.texts)
    # All of them may be drawn.
    whole = draw(fold, len(every), 1)
    assert (sorted(whole.texts), whole.unlabelled) == (sorted(every), [])


# Publishers and weights of the shipped checkpoint


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["theguardian.com/business", "twitter:Guardian news", "www.theguardian.com"], "guardian"),
        (["bbc.co.uk/tech", "bbc.com", "twitter:BBC News (UK)"], "bbc"),
        (["isot-real", "reuters.com"], "reuters"),
        (["r/TheOnion", "satire:theonion.com"], "onion"),
        (["snopes:false", "rating:true", "fake:", "r/nottheonion", ""], ""),
        (["abcnews.com.co"], "abcnewscomco"),  # an imitation of abcnews.go.com
    ],
)
def test_names_of_publishers(names, expected):
    assert {publisher(name) for name in names} == {expected}


# Rows of each source and label.
COUNTS = {
    ("a/x", 0): 64,
    ("a/y", 0): 16,
    ("a/x", 1): 20,
    ("b", 0): 4,
    ("b", 1): 21,
    ("fake", 0): 400,
    ("real", 1): 100,
}


def test_weights_of_training_texts():
    """A corpus of n rows weighs sqrt(n), and so does a source of n rows within its corpus and label."""
    rows = list(Counter(COUNTS).elements())
    sources, labels = zip(*rows, strict=True)
    totals = Counter()
    for (source, label), weight in zip(rows, balanced_weights(sources, labels), strict=True):
        corpus = source.split("/")[0]
        totals[corpus] += weight
        totals[corpus, label] += weight
        totals[source, label] += weight
    for corpus in ("a", "b"):  # which have both labels
        assert totals[corpus, 0] == pytest.approx(totals[corpus, 1])
    assert totals["a"] / totals["b"] == pytest.approx(2)  # sqrt(100) and sqrt(25)
    assert totals["a/x", 0] / totals["a/y", 0] == pytest.approx(2)  # sqrt(64) and sqrt(16)
    # Corpora of a single label are rescaled to their mean: (sqrt(400) + sqrt(100)) / 2, and a weighs sqrt(100).
    assert totals["fake"] == pytest.approx(totals["real"])
    assert totals["fake"] / totals["a"] == pytest.approx(1.5)

    # Weights are capped, and those of the news corpus count twice.
    sources = ["isot"] * 100 + ["other"] * 100 + ["rare"] * 2
    weights = training_weights(sources, [0, 1] * 101)
    assert weights[:100] == pytest.approx(2 * weights[100:200])
    assert weights[200:] == pytest.approx(5)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder of 120 titles, none of which is near another: each has a word of its own."""
    folder = tmp_path_factory.mktemp("data_dir")
    generator = random.Random(3)
    rows = []
    for number in range(120):
        label = ("FAKE", "REAL")[number % 2]
        title, _ = make_article(generator, label, 0)
        rows.append({"title": f"{title} Number{number} again{number}", "label": label})
    (folder / "fake_or_real_news").mkdir()
    write_table(folder / "fake_or_real_news" / "titles.csv", rows)
    return folder


@pytest.fixture(autouse=True)
def divisions(tmp_path, monkeypatch):
    """Of the made-up titles, which have no near duplicates: pairs of both labels are on one side."""
    file = tmp_path / "folds.json"
    titles = []
    for fold in range(5):
        pairs = ["2" if pair % 5 == fold else "10"[pair % 6 > 0] for pair in range(60)]
        titles.append("".join(digit * 2 for digit in pairs))
    file.write_text(json.dumps({"titles": titles}))
    monkeypatch.setattr(folds, "DIVISIONS", file)
