"""Several labels a text, from the files to every route that gives scores."""

import csv
import io
import json
import random
import re

import numpy as np
import pytest
import torch
from support import COMMON, SMALL, assert_refused, run_here, write_glove
from transformers import pipeline

from glove_lstm import LightClassifier
from glove_lstm.commands import evaluate, export, predict, train
from glove_lstm.data.errors import DataError
from glove_lstm.data.loading import load_splits
from glove_lstm.inference.batch_classifier import BatchClassifier
from glove_lstm.training.label_sets import as_binary, fit_thresholds

WORDS = {
    "food": "council budget report",
    "sport": "shocking secret exposed",
    "travel": "school vote",
}
QUICK = ["--num_train_epochs", "2", "--use_cpu", "True", "--disable_tqdm", "True"]


def write_rows(path, count, seed):
    """Texts whose words tell their labels; JSON lines, or CSV with the lists as JSON."""
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerow(["text", "label"])
        for _ in range(count):
            shares = zip(WORDS, (0.5, 0.3, 0.2), strict=True)
            labels = [label for label, share in shares if generator.random() < share]
            words = generator.choices(COMMON.split(), k=8)
            words += [
                word for name in labels for word in generator.choices(WORDS[name].split(), k=3)
            ]
            text = " ".join(generator.sample(words, len(words)))
            if path.suffix == ".csv":
                csv.writer(file).writerow([text, json.dumps(labels)])
            else:
                file.write(json.dumps({"text": text, "label": labels}) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained and exported checkpoint, `mine`, beside its files."""
    folder = tmp_path_factory.mktemp("several")
    files = write_rows(folder / "train.jsonl", 200, 1), write_rows(folder / "test.csv", 60, 2)
    named = (
        "--train_file",
        files[0],
        "--test_file",
        files[1],
        "--glove",
        write_glove(folder / "g.8d.txt"),
    )
    done = run_here(train.main, *named, "--output_dir", folder / "mine", *SMALL, *QUICK)
    assert done.returncode == 0, done.stderr
    assert run_here(export.main, folder / "mine").returncode == 0
    return folder


def test_training_fits_thresholds_and_measures_label_sets(folder):
    config = json.loads((folder / "mine" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert len(config["thresholds"]) == 3
    measured = json.loads((folder / "mine" / "metrics.json").read_text())["test"]
    low, high = measured["micro_f1_interval"]
    assert max(0.9, low) <= measured["micro_f1"] <= high
    assert measured["f1"] > 0.9
    assert measured["ece"] < 0.2
    card = (folder / "mine" / "README.md").read_text()
    assert f"micro F1 {measured['micro_f1']:.4f}" in card
    assert f"travel {config['thresholds'][2]:.4f}" in card


def test_every_route_gives_the_same_sigmoid_scores_and_lists_of_labels(folder):
    texts = [
        "council budget and secret exposed",
        "the school",
        "a city of people",
        "shocking report",
    ]
    mine, names = folder / "mine", list(WORDS)
    classify = pipeline("text-classification", model=str(mine), tokenizer=str(mine), top_k=None)
    wanted = np.array(
        [
            [next(s["score"] for s in row if s["label"] == n) for n in names]
            for row in classify(texts)
        ]
    )
    assert (wanted.sum(axis=1) < 0.95).any() or (wanted.sum(axis=1) > 1.05).any()
    light = LightClassifier.from_pretrained(mine)
    np.testing.assert_allclose(light.predict_proba(texts), wanted, atol=1e-5)
    thresholds = json.loads((mine / "config.json").read_text())["thresholds"]
    lists = [
        [n for n, s, t in zip(names, row, thresholds, strict=True) if s >= t] for row in wanted
    ]
    assert len(set(map(len, lists))) > 1
    for backend in ("torch", "onnx"):
        options = "--model", mine, "--backend", backend, "--format"
        rows = [
            json.loads(line)
            for line in run_here(predict.main, *texts, *options, "jsonl").stdout.splitlines()
        ]
        assert [row["label"] for row in rows] == lists
        np.testing.assert_allclose(
            [[row["scores"][n] for n in names] for row in rows], wanted, atol=1e-5
        )
        table = csv.DictReader(io.StringIO(run_here(predict.main, *texts, *options, "csv").stdout))
        assert [json.loads(row["label"]) for row in table] == lists
    batch = BatchClassifier(mine)({"text": np.array(texts, dtype=object)})
    assert [json.loads(label) for label in batch["label"]] == lists


def test_the_evaluation_is_that_of_the_training(folder, tmp_path):
    done = run_here(
        evaluate.main, folder / "mine", "--test_file", folder / "test.csv", "--output_dir", tmp_path
    )
    assert re.search(r"micro F1 +\d", done.stdout), done.stdout + done.stderr
    figures = json.loads((tmp_path / "eval.json").read_text())
    measured = json.loads((folder / "mine" / "metrics.json").read_text())["test"]
    assert figures["micro_f1"] == pytest.approx(measured["micro_f1"], abs=0.02)
    assert set(figures["by_label"]) == set(WORDS)


@pytest.mark.parametrize("kept", [("travel", "food"), ("travel", "news")])
def test_a_checkpoint_is_fine_tuned_on_some_of_its_labels_or_others(folder, tmp_path, kept):
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    names = dict(zip(("travel", "food"), kept, strict=True))
    file = tmp_path / "some.jsonl"
    lists = ([names[label] for label in row["label"] if label in names] for row in rows)
    file.write_text(
        "".join(
            json.dumps({**row, "label": new}) + "\n" for row, new in zip(rows, lists, strict=True)
        )
    )
    start = (
        "--train_file",
        file,
        "--model_name_or_path",
        folder / "mine",
        "--output_dir",
        tmp_path / "out",
    )
    done = run_here(train.main, *start, *QUICK)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())["validation"]["by_label"]
    assert set(found) == (set(WORDS) if "food" in kept else set(kept))
    assert all(found[name]["recall"] > 0.5 for name in kept)


def test_what_does_not_fit_is_refused(folder, tmp_path, articles, checkpoint):
    mine, lists = folder / "mine", folder / "train.jsonl"
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text('{"text": "a", "label": ["x"]}\n{"text": "b", "label": "y"}\n')
    with pytest.raises(DataError, match=r"mixed\.jsonl, row 2 has the label 'y'; give a list"):
        load_splits(train_file=mixed)
    words = (
        "--train_file",
        lists,
        "--glove",
        folder / "g.8d.txt",
        "--class_weight",
        "balanced",
        *SMALL,
    )
    assert_refused(run_here(train.main, *words, "--output_dir", tmp_path / "o"), "--class_weight")
    assert_refused(
        run_here(evaluate.main, mine, "--test_file", articles), "row 1", "a list of labels"
    )
    assert_refused(run_here(evaluate.main, checkpoint, "--test_file", lists), "row 1", "one label")
    assert_refused(
        run_here(evaluate.main, mine, "--test_file", lists, "--robustness"), "--robustness"
    )
    assert_refused(run_here(evaluate.main, "--train_file", lists, "--leaks"), "lists of labels")
    assert_refused(
        run_here(predict.main, "a", "--model", mine, "--abstain_below", "0.6"), "abstain"
    )


def test_the_temperature_and_the_thresholds_are_those_of_yes_or_no_questions():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(40, 2, 3))
    twos = as_binary(logits)
    summed = twos.sum(axis=1).reshape(40, 3, 2)
    scores = torch.tensor(summed).softmax(-1)[..., 1].numpy()
    np.testing.assert_allclose(
        scores, torch.tensor(logits.sum(axis=1)).sigmoid().numpy(), atol=1e-9
    )
    truth = (scores + generator.normal(0, 0.3, scores.shape) > 0.7).astype(float)
    truth[:, 2] = 0
    thresholds = fit_thresholds(scores, truth)

    def f1(label, threshold):
        found = scores[:, label] >= threshold
        return 2 * (found * truth[:, label]).sum() / (found.sum() + truth[:, label].sum())

    assert thresholds[2] == 0.5
    for label in (0, 1):
        assert f1(label, thresholds[label]) == max(f1(label, score) for score in scores[:, label])
