"""Several labels a text, from the files to every route that gives scores."""

import csv
import io
import json
import random
import re

import numpy as np
import pytest
import torch
from support import COMMON, SMALL, assert_refused, run_here, succeed, write_glove, write_table
from transformers import EvalPrediction, pipeline

from glove_lstm import LightClassifier
from glove_lstm.commands import evaluate, export, predict, train
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.inference.batch_classifier import BatchClassifier
from glove_lstm.training.calibration import as_binary, fit_thresholds

WORDS = {"food": "council budget report", "sport": "shocking secret exposed", "trip": "school vote"}
NAMES = list(WORDS)
SHARES = 0.5, 0.3, 0.2  # of the texts that have the label
QUICK = ["--num_train_epochs", "2", "--use_cpu", "True", "--disable_tqdm", "True"]


def write_rows(path, count, seed, names=NAMES):
    """Texts whose words tell their labels; JSON lines, or CSV with the lists as JSON."""
    generator = random.Random(seed)
    common = COMMON.split()
    rows = []
    for _ in range(count):
        labels = []
        words = generator.choices(common, k=8)
        for name, own_words, share in zip(names, WORDS.values(), SHARES, strict=False):
            if generator.random() < share:
                labels.append(name)
                words += generator.choices(own_words.split(), k=3)
        generator.shuffle(words)
        if path.suffix == ".csv":
            labels = json.dumps(labels)
        rows.append({"text": " ".join(words), "label": labels})
    return write_table(path, rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained checkpoint, `mine`, beside its files."""
    folder = tmp_path_factory.mktemp("several")
    write_glove(folder / "g.8d.txt")
    files = ["--train_file", write_rows(folder / "train.jsonl", 200, 1)]
    files += ["--test_file", write_rows(folder / "test.csv", 60, 2)]
    files += ["--glove", folder / "g.8d.txt", "--output_dir", folder / "mine"]
    succeed(train.main, *files, *SMALL, *QUICK)
    return folder


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_training_evaluation_and_card_give_f1_of_label_sets(folder, tmp_path):
    mine = folder / "mine"
    config = read(mine / "config.json")
    assert config["problem_type"] == "multi_label_classification"
    figures = read(mine / "metrics.json")["test"]
    low, high = figures["micro_f1_interval"]
    assert max(0.9, low) <= figures["micro_f1"] <= high
    assert figures["f1"] > 0.9
    assert figures["ece"] < 0.2
    card = (mine / "README.md").read_text(encoding="utf-8")
    assert f"micro F1 {figures['micro_f1']:.4f}" in card
    assert f"trip {config['thresholds'][2]:.4f}" in card

    files = "--test_file", folder / "test.csv", "--output_dir", tmp_path
    done = succeed(evaluate.main, mine, *files)
    measured = read(tmp_path / "eval.json")
    assert measured["micro_f1"] == pytest.approx(figures["micro_f1"], abs=1e-4)
    assert re.search(rf"micro F1 +{measured['micro_f1']:.4f}", done.stdout)
    assert set(measured["by_label"]) == set(NAMES)


TEXTS = ["council budget and secret exposed", "the school", "a city of people", "secret report"]


@pytest.fixture(scope="module")
def expected(folder):
    """The sigmoids that the pipeline of transformers gives: (texts, labels)."""
    mine = str(folder / "mine")
    classify = pipeline("text-classification", model=mine, tokenizer=mine, top_k=None)
    scores = []
    for row in classify(TEXTS):
        by_label = {answer["label"]: answer["score"] for answer in row}
        scores.append([by_label[name] for name in NAMES])
    assert abs(np.sum(scores, axis=1) - 1).max() > 0.05  # no distribution over the labels
    return np.array(scores)


@pytest.fixture(scope="module")
def expected_labels(folder, expected):
    """The labels of each text: those whose scores reach their thresholds."""
    thresholds = read(folder / "mine" / "config.json")["thresholds"]
    labels = [[NAMES[column] for column in row.nonzero()[0]] for row in expected >= thresholds]
    assert len({len(row) for row in labels}) > 1
    return labels


@pytest.fixture(scope="module")
def exported(folder):
    mine = folder / "mine"
    succeed(export.main, mine)
    return mine


def test_light_classifier_gives_the_same_sigmoids(exported, expected):
    light = LightClassifier.from_pretrained(exported)
    np.testing.assert_allclose(light.predict_proba(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_predict_gives_the_same_sigmoids_and_lists_of_labels(
    exported, expected, expected_labels, backend
):
    options = *TEXTS, "--model", exported, "--backend", backend, "--format"
    lines = succeed(predict.main, *options, "jsonl").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["label"] for row in rows] == expected_labels
    scores = [list(row["scores"].values()) for row in rows]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    table = csv.DictReader(io.StringIO(succeed(predict.main, *options, "csv").stdout))
    assert [json.loads(row["label"]) for row in table] == expected_labels


def test_explanations_name_the_best_label_where_there_is_not_one(exported, expected_labels):
    explained = succeed(predict.main, *TEXTS, "--model", exported, "--explain").stdout
    for labels in expected_labels:
        assert f"{json.dumps(labels)} " in explained
    without_one = [labels for labels in expected_labels if len(labels) != 1]
    assert explained.count("(best: ") == len(without_one)


def test_batch_classifier_gives_the_same_lists_of_labels(exported, expected_labels):
    batch = BatchClassifier(exported)({"text": np.array(TEXTS, dtype=object)})
    assert [json.loads(label) for label in batch["label"]] == expected_labels


@pytest.mark.parametrize("names", [("sport", "food"), ("sport", "news")])
def test_a_checkpoint_is_fine_tuned_on_some_of_its_labels_or_others(folder, tmp_path, names):
    rows = write_rows(tmp_path / "rows.jsonl", 200, 3, names)
    start = "--train_file", rows, "--model_name_or_path", folder / "mine"
    succeed(train.main, *start, "--output_dir", tmp_path / "out", *QUICK, "--refit", "False")
    by_label = read(tmp_path / "out" / "metrics.json")["validation"]["by_label"]
    known = "food" in names  # then the checkpoint's labels stay
    assert set(by_label) == set(NAMES if known else names)
    for name in names:
        assert by_label[name]["f1"] > 0.7


def test_what_does_not_fit_is_refused(folder, tmp_path):
    lists, single = folder / "train.jsonl", tmp_path / "single.jsonl"
    single.write_text('{"text": "a", "label": "food"}\n')
    mixed = tmp_path / "mixed.jsonl"
    first_line = lists.read_text().splitlines()[0]
    mixed.write_text(f"{first_line}\n{single.read_text()}")

    new = ["--output_dir", tmp_path / "out", "--glove", folder / "g.8d.txt", *SMALL]
    for words, said in (
        ([mixed], "row 2 has the label 'food'; give a list"),
        ([lists, "--class_weight", "balanced"], "class_weight is for one label"),
        ([lists, "--with_baselines"], "--with_baselines is for"),
    ):
        assert_refused(run_here(train.main, "--train_file", *words, *new), said)
    for words, said in (
        ([folder / "mine", "--test_file", single], "row 1 has the label 'food'"),
        ([folder / "mine", "--test_file", lists, "--robustness"], "--robustness is for"),
        (["--test_file", lists], "give one label"),
        (["--train_file", lists, "--leaks"], "lists of labels"),
    ):
        assert_refused(run_here(evaluate.main, *words), said)


def test_a_label_of_several_is_a_binary_question():
    logits = np.random.default_rng(0).normal(size=(40, 2, 3))  # texts, parts, labels
    binary = as_binary(logits).sum(axis=1).reshape(40, 3, 2)  # texts, labels, no and yes
    scores = torch.tensor(logits).sum(dim=1).sigmoid()
    yes = torch.tensor(binary).softmax(-1)[..., 1]
    np.testing.assert_allclose(yes, scores, atol=1e-9)


def f1_at(threshold, scores, has_label):
    given = scores >= threshold
    return 2 * has_label[given].sum() / (given.sum() + has_label.sum())


def test_thresholds_have_the_highest_f1():
    generator = np.random.default_rng(0)
    scores = generator.random((40, 3))
    truth = scores + generator.normal(0, 0.3, scores.shape) > 0.7
    truth[:, 2] = False
    *thresholds, absent = fit_thresholds(scores, truth.astype(int))
    assert absent == 0.5
    for column, threshold in enumerate(thresholds):
        of_label, has_label = scores[:, column], truth[:, column]
        highest = max(f1_at(score, of_label, has_label) for score in of_label)
        assert f1_at(threshold, of_label, has_label) == highest


def test_the_trainer_is_told_f1_at_even_odds():
    logits, labels = np.array([[2, -1], [0.5, 3], [-1, -2]]), np.array([[1, 1], [0, 1], [0, 0]])
    metrics = compute_metrics(EvalPrediction(logits, labels))
    assert metrics == pytest.approx({"accuracy": 1 / 3, "f1": 2 / 3, "micro_f1": 2 / 3})
