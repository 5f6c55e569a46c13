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
QUICK = ["--num_train_epochs", "2", "--use_cpu", "True", "--disable_tqdm", "True"]


def write_rows(path, count, seed, names=WORDS):
    """Texts whose words tell their labels; JSON lines, or CSV with the lists as JSON."""
    generator = random.Random(seed)
    rows = []
    for _ in range(count):
        shares = zip(names, WORDS.values(), (0.5, 0.3, 0.2), strict=False)
        of_text = {name: own for name, own, share in shares if generator.random() < share}
        words = generator.choices(COMMON.split(), k=8)
        words += [word for own in of_text.values() for word in generator.choices(own.split(), k=3)]
        text = " ".join(generator.sample(words, len(words)))
        rows.append({"text": text, "label": list(of_text)})
    if path.suffix == ".csv":
        rows = [{**row, "label": json.dumps(row["label"])} for row in rows]
    return write_table(path, rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained and exported checkpoint, `mine`, beside its files."""
    folder = tmp_path_factory.mktemp("several")
    files = "--train_file", write_rows(folder / "train.jsonl", 200, 1)
    files += "--test_file", write_rows(folder / "test.csv", 60, 2)
    files += "--glove", write_glove(folder / "g.8d.txt"), "--output_dir", folder / "mine"
    succeed(train.main, *files, *SMALL, *QUICK)
    assert run_here(export.main, folder / "mine").returncode == 0
    return folder


def test_training_evaluation_and_card_give_f1_of_label_sets(folder, tmp_path):
    config = json.loads((folder / "mine" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    found = json.loads((folder / "mine" / "metrics.json").read_text())["test"]
    low, high = found["micro_f1_interval"]
    assert max(0.9, low) <= found["micro_f1"] <= high
    assert found["f1"] > 0.9
    assert found["ece"] < 0.2
    card = (folder / "mine" / "README.md").read_text()
    assert f"micro F1 {found['micro_f1']:.4f}" in card
    assert f"trip {config['thresholds'][2]:.4f}" in card
    again = "--test_file", folder / "test.csv", "--output_dir", tmp_path
    done = run_here(evaluate.main, folder / "mine", *again)
    measured = json.loads((tmp_path / "eval.json").read_text())
    assert measured["micro_f1"] == pytest.approx(found["micro_f1"], abs=1e-4), done.stderr
    assert re.search(rf"micro F1 +{measured['micro_f1']:.4f}", done.stdout)
    assert set(measured["by_label"]) == set(NAMES)


def test_every_route_gives_the_same_sigmoids_and_lists_of_labels(folder):
    texts = ["council budget and secret exposed", "the school", "a city of people", "secret report"]
    mine = folder / "mine"
    classify = pipeline("text-classification", model=str(mine), tokenizer=str(mine), top_k=None)
    rows = [{found["label"]: found["score"] for found in row} for row in classify(texts)]
    wanted = np.array([[row[name] for name in NAMES] for row in rows])
    assert abs(wanted.sum(axis=1) - 1).max() > 0.05
    light = LightClassifier.from_pretrained(mine)
    np.testing.assert_allclose(light.predict_proba(texts), wanted, atol=1e-5)
    over = wanted >= json.loads((mine / "config.json").read_text())["thresholds"]
    lists = [[NAMES[at] for at in row.nonzero()[0]] for row in over]
    assert len(set(map(len, lists))) > 1
    for backend in ("torch", "onnx"):
        options = *texts, "--model", mine, "--backend", backend, "--format"
        lines = run_here(predict.main, *options, "jsonl").stdout.splitlines()
        assert [json.loads(line)["label"] for line in lines] == lists
        scores = [list(json.loads(line)["scores"].values()) for line in lines]
        np.testing.assert_allclose(scores, wanted, atol=1e-5)
        table = csv.DictReader(io.StringIO(run_here(predict.main, *options, "csv").stdout))
        assert [json.loads(row["label"]) for row in table] == lists
    explained = run_here(predict.main, *texts, "--model", mine, "--explain").stdout
    assert all(f"{json.dumps(labels)} " in explained for labels in lists)
    assert explained.count("(best: ") == sum(len(labels) != 1 for labels in lists)
    batch = BatchClassifier(mine)({"text": np.array(texts, dtype=object)})
    assert [json.loads(label) for label in batch["label"]] == lists


@pytest.mark.parametrize("names", [("sport", "food"), ("sport", "news")])
def test_a_checkpoint_is_fine_tuned_on_some_of_its_labels_or_others(folder, tmp_path, names):
    rows = write_rows(tmp_path / "rows.jsonl", 200, 3, names)
    start = "--train_file", rows, "--model_name_or_path", folder / "mine"
    succeed(train.main, *start, "--output_dir", tmp_path / "out", *QUICK, "--refit", "False")
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())["validation"]["by_label"]
    assert set(found) == set(NAMES if "food" in names else names)
    assert all(found[name]["f1"] > 0.7 for name in names)


def test_what_does_not_fit_is_refused(folder, tmp_path):
    lists, single = folder / "train.jsonl", tmp_path / "single.jsonl"
    single.write_text('{"text": "a", "label": "food"}\n')
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(lists.read_text().splitlines()[0] + "\n" + single.read_text())
    of_train = "--output_dir", tmp_path / "out", "--glove", folder / "g.8d.txt", *SMALL
    for command, *words, told in (
        (train, "--train_file", mixed, *of_train, "row 2 has the label 'food'; give a list"),
        (
            train,
            "--train_file",
            lists,
            *of_train,
            "--class_weight",
            "balanced",
            "class_weight is for one label",
        ),
        (train, "--train_file", lists, *of_train, "--with_baselines", "--with_baselines is for"),
        (evaluate, folder / "mine", "--test_file", single, "row 1 has the label 'food'"),
        (evaluate, folder / "mine", "--test_file", lists, "--robustness", "--robustness is for"),
        (evaluate, "--test_file", lists, "give one label"),
        (evaluate, "--train_file", lists, "--leaks", "lists of labels"),
    ):
        assert_refused(run_here(command.main, *words), told)


def test_temperature_and_thresholds_are_those_of_yes_or_no_questions():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(40, 2, 3))
    twos = torch.tensor(as_binary(logits).sum(axis=1).reshape(40, 3, 2))
    scores = torch.tensor(logits).sum(dim=1).sigmoid().numpy()
    np.testing.assert_allclose(twos.softmax(-1)[..., 1].numpy(), scores, atol=1e-9)
    truth = (scores + generator.normal(0, 0.3, scores.shape) > 0.7) * [1, 1, 0]
    *thresholds, absent = fit_thresholds(scores, truth)
    assert absent == 0.5
    for column, has, threshold in zip(scores.T, truth.T, thresholds, strict=False):
        f1 = [2 * has[column >= t].sum() / ((column >= t).sum() + has.sum()) for t in column]
        found = column >= threshold
        assert 2 * has[found].sum() / (found.sum() + has.sum()) == max(f1)


def test_the_trainer_is_told_f1_at_even_odds():
    logits, labels = np.array([[2, -1], [0.5, 3], [-1, -2]]), np.array([[1, 1], [0, 1], [0, 0]])
    found = compute_metrics(EvalPrediction(logits, labels))
    assert found == pytest.approx({"accuracy": 1 / 3, "f1": 2 / 3, "micro_f1": 2 / 3})
