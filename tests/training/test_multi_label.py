"""Texts with any number of labels: training and evaluation, and every route that gives scores."""

import csv
import io
import json
import random
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from estimator_news import TINY
from scipy.sparse import csr_matrix
from sklearn.preprocessing import MultiLabelBinarizer
from support import COMMON, SMALL, assert_refused, run_here, succeed, write_glove, write_table
from transformers import EvalPrediction, pipeline

from glove_lstm import GloveLstmClassifier
from glove_lstm.commands import evaluate, predict, train
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.inference.batch_classifier import BatchClassifier

WORDS = {"food": "council budget report", "sport": "shocking secret exposed", "trip": "school vote"}
NAMES = list(WORDS)
SHARES = 0.5, 0.3, 0.2  # of the texts that have the label
QUICK = ["--num_train_epochs", "2", "--use_cpu", "True", "--disable_tqdm", "True"]
MULTI_LABEL = "multi_label_classification"


def write_rows(path, count, seed, names=NAMES):
    """Write texts whose words show their labels: JSON lines, or CSV with the lists as JSON."""
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
        cell = labels
        if path.suffix == ".csv":
            cell = json.dumps(labels)
        rows.append({"text": " ".join(words), "label": cell})
    return write_table(path, rows)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained checkpoint, `mine`, beside its files."""
    folder = tmp_path_factory.mktemp("multi_label")
    glove = write_glove(folder / "g.8d.txt")
    train_file = write_rows(folder / "train.jsonl", 200, 1)
    test_file = write_rows(folder / "test.csv", 60, 2)
    command = ["--train_file", train_file, "--test_file", test_file, "--glove", glove]
    command += SMALL + QUICK
    succeed(train.main, *command, "--output_dir", folder / "mine")
    return folder


def test_training_writes_measures_of_label_sets(folder):
    config = read(folder / "mine" / "config.json")
    assert config["problem_type"] == MULTI_LABEL
    metrics = read(folder / "mine" / "metrics.json")
    assert metrics["about"]["arguments"]["label_smoothing_factor"] == 0
    figures = metrics["test"]
    low, high = figures["micro_f1_interval"]
    assert low <= figures["micro_f1"] <= high
    assert figures["micro_f1"] > 0.9
    assert figures["f1"] > 0.9
    assert figures["ece"] < 0.2
    card = (folder / "mine" / "README.md").read_text(encoding="utf-8")
    assert f"{figures['micro_f1']:.4f}" in card
    assert "`thresholds` in config.json" in card
    assert len(config["thresholds"]) == 3


def test_evaluation_gives_the_same_measures(folder, tmp_path):
    figures = read(folder / "mine" / "metrics.json")["test"]
    files = "--test_file", folder / "test.csv", "--output_dir", tmp_path
    done = succeed(evaluate.main, folder / "mine", *files)
    measured = read(tmp_path / "eval.json")
    assert measured["micro_f1"] == pytest.approx(figures["micro_f1"], abs=1e-4)
    assert re.search(rf"micro F1[ |]+{measured['micro_f1']:.4f}", done.stdout)
    assert set(measured["by_label"]) == set(NAMES)


@pytest.mark.parametrize("names", [("sport", "food"), ("sport", "news")])
def test_a_checkpoint_is_fine_tuned_on_some_of_its_labels_or_others(folder, tmp_path, names):
    rows = write_rows(tmp_path / "rows.jsonl", 200, 3, names)
    command = ["--train_file", rows, "--model_name_or_path", folder / "mine"]
    command += QUICK
    succeed(train.main, *command, "--output_dir", tmp_path / "out")
    by_label = read(tmp_path / "out" / "metrics.json")["validation"]["by_label"]
    expected_names = names
    if "food" in names:  # all labels are known: the checkpoint's labels stay
        expected_names = NAMES
    assert set(by_label) == set(expected_names)
    for name in names:
        assert by_label[name]["f1"] > 0.7


@pytest.mark.usefixtures("beside_the_vectors")
def test_the_estimator_takes_lists_of_labels_or_a_table_of_0_and_1(folder):
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    texts = [row["text"] for row in rows]
    lists = [row["label"] for row in rows]
    table = MultiLabelBinarizer(classes=NAMES).fit_transform(lists)
    by_lists = GloveLstmClassifier(**TINY).fit(texts, lists)
    by_table = GloveLstmClassifier(**TINY).fit(texts, table)
    assert by_lists.classes_.tolist() == NAMES
    assert by_table.classes_.tolist() == [0, 1, 2]
    scores = by_lists.predict_proba(texts)
    np.testing.assert_allclose(by_table.predict_proba(texts), scores, atol=1e-6)

    is_right = (by_lists.predict(texts) == table).all(axis=1)
    assert is_right.mean() > 0.8
    assert by_lists.score(texts, lists) == by_table.score(texts, table) == is_right.mean()


@pytest.mark.usefixtures("beside_the_vectors")
def test_the_columns_of_a_frame_are_the_labels_in_their_order(folder):
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    texts = [row["text"] for row in rows]
    columns = ["trip", "food", "sport"]
    table = MultiLabelBinarizer(classes=columns).fit_transform([row["label"] for row in rows])
    frame = pd.DataFrame(table, columns=columns)
    classifier = GloveLstmClassifier(**TINY).fit(texts, frame)
    assert classifier.classes_.tolist() == columns
    is_right = (classifier.predict(texts) == table).all(axis=1)
    assert is_right.mean() > 0.8
    for labels in (frame, table, csr_matrix(table), pd.Series(table.tolist())):
        assert classifier.score(texts, labels) == is_right.mean()


@pytest.mark.usefixtures("beside_the_vectors")
def test_score_reads_rows_of_0_and_1_as_fit_did(folder):
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    texts = [row["text"] for row in rows]
    numbers = [[int("sport" in row["label"])] for row in rows]  # lists of one label: 0 or 1
    classifier = GloveLstmClassifier(**TINY).fit(texts, numbers)
    table = classifier.predict(texts)  # one label a text
    assert set(table.sum(axis=1)) == {1}
    # Read as lists, as by `fit`, all texts have both labels.
    assert classifier.score(texts, table.tolist()) == 0
    assert classifier.score(texts, table) == 1


@pytest.mark.usefixtures("beside_the_vectors")
def test_a_loaded_estimator_reads_labels_as_fit_did(folder, tmp_path):
    """The labels 0 and 1 as lists, among them [0, 1]; and as a table of two columns."""
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    texts = [row["text"] for row in rows]
    more_texts = [f"{text} more words" for text in texts]
    lists = [[0, 1] if "food" in row["label"] else [1] for row in rows]
    both = [[0, 1], [1, 0]] * (len(rows) // 2)  # read as a table or as lists of two labels
    table = np.array([[row.count(0), 1] for row in lists])
    for labels in (lists, table):
        fitted = GloveLstmClassifier(**TINY).fit(texts, labels)
        fitted.save_pretrained(tmp_path / "saved")
        loaded = GloveLstmClassifier.from_pretrained(tmp_path / "saved")
        again = GloveLstmClassifier.from_pretrained(tmp_path / "saved")
        again.save_pretrained(tmp_path / "copy")
        copied = GloveLstmClassifier.from_pretrained(tmp_path / "copy")
        for classifier in (loaded, copied):
            assert (classifier.predict(texts) == fitted.predict(texts)).all()
            assert classifier.score(texts, labels) == fitted.score(texts, labels)
            assert classifier.score(texts, both) == fitted.score(texts, both)
            measured = classifier.evaluate(more_texts, labels).figures
            assert measured == fitted.evaluate(more_texts, labels).figures


def test_lists_of_0_and_1_are_lists_for_a_model_of_the_command(tmp_path, folder):
    train_file = write_rows(tmp_path / "train.jsonl", 100, 1, ["0", "1"])
    command = ["--train_file", train_file, "--glove", folder / "g.8d.txt", *SMALL, *QUICK]
    succeed(train.main, *command, "--output_dir", tmp_path / "mine")
    loaded = GloveLstmClassifier.from_pretrained(tmp_path / "mine")
    texts = ["council budget report", "shocking secret exposed", "the of and"]
    lists = loaded.predict(texts)
    named = [[int(number) for number in np.flatnonzero(row)] for row in lists]
    assert loaded.score(texts, named) == 1
    assert loaded.score([texts[0]] * 2, [[0, 1], [1, 0]]) == loaded.score([texts[0]], [["0", "1"]])


@pytest.fixture
def tables(folder, tmp_path):
    """Files of lists of labels, of single labels, and of both."""
    lists = folder / "train.jsonl"
    single = tmp_path / "single.jsonl"
    single.write_text('{"text": "a", "label": "food"}\n')
    mixed = tmp_path / "mixed.jsonl"
    first_line = lists.read_text().splitlines()[0]
    mixed.write_text(f"{first_line}\n{single.read_text()}")
    return {"LISTS": lists, "SINGLE": single, "MIXED": mixed, "MINE": folder / "mine"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--train_file MIXED", "row 2 has the label 'food'; give a list"),
        ("--train_file LISTS --class_weight balanced", "class_weight is for one label"),
        ("--train_file LISTS --with_baselines", "--with_baselines is for"),
    ],
)
def test_training_refuses(folder, tables, tmp_path, words, sentence):
    command = [tables.get(word, word) for word in words.split()]
    command += ["--glove", folder / "g.8d.txt", "--output_dir", tmp_path / "out"]
    assert_refused(run_here(train.main, *command), sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("MINE --test_file SINGLE", "row 1 has the label 'food'"),
        ("MINE --test_file LISTS --robustness", "--robustness is for"),
        ("--test_file LISTS", "give one label"),
        ("--train_file LISTS --leaks", "lists of labels"),
    ],
)
def test_evaluation_refuses(tables, words, sentence):
    command = [tables.get(word, word) for word in words.split()]
    assert_refused(run_here(evaluate.main, *command), sentence)


# Routes

TEXTS = ["council budget report", "SHOCKING SECRET EXPOSED!", "a city", "secret council"]


@pytest.fixture(scope="module", params=[0.25, 0.6], ids=["one or two", "none or one"])
def multi_label_export(request, shared_export, tmp_path_factory):
    """The stored checkpoint as a multi-label model: its ONNX files stay valid. The parameter is the threshold."""
    folder = tmp_path_factory.mktemp("multi_label") / "multi_label_export"
    shutil.copytree(shared_export, folder)
    config = read(folder / "config.json")
    config["problem_type"] = MULTI_LABEL
    config["thresholds"] = [request.param, request.param]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def expected(multi_label_export):
    """The sigmoids that the pipeline of transformers gives: (texts, labels)."""
    model = str(multi_label_export)
    classify = pipeline("text-classification", model=model, tokenizer=model, top_k=None)
    rows = []
    for answers in classify(TEXTS):
        by_label = {answer["label"]: answer["score"] for answer in answers}
        rows.append([by_label["FAKE"], by_label["REAL"]])
    return np.array(rows)


@pytest.fixture(scope="module")
def expected_labels(multi_label_export, expected):
    """The labels of each text: those whose scores reach their thresholds."""
    thresholds = read(multi_label_export / "config.json")["thresholds"]
    labels = []
    for scores in expected:
        reached = np.flatnonzero(scores >= thresholds)
        names = np.array(["FAKE", "REAL"])[reached]
        labels.append(names.tolist())
    numbers_of_labels = {len(names) for names in labels}
    assert len(numbers_of_labels) > 1
    return labels


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_predict_gives_the_same_sigmoids_and_lists_of_labels(
    multi_label_export, expected, expected_labels, backend
):
    command = [*TEXTS, "--model", multi_label_export, "--backend", backend, "--format"]
    lines = succeed(predict.main, *command, "jsonl").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["label"] for row in rows] == expected_labels
    scores = [list(row["scores"].values()) for row in rows]
    np.testing.assert_allclose(scores, expected, atol=1e-5)

    table = succeed(predict.main, *command, "csv").stdout
    cells = [row["label"] for row in csv.DictReader(io.StringIO(table))]
    assert [json.loads(cell) for cell in cells] == expected_labels


def test_explanations_name_the_best_label_unless_there_is_exactly_one(
    multi_label_export, expected_labels
):
    explained = succeed(predict.main, *TEXTS, "--model", multi_label_export, "--explain").stdout
    for labels in expected_labels:
        assert f"{json.dumps(labels)} " in explained
    without_one = [labels for labels in expected_labels if len(labels) != 1]
    assert explained.count("(best: ") == len(without_one)


def test_the_batch_classifier_gives_the_same_lists_of_labels(multi_label_export, expected_labels):
    classify = BatchClassifier(multi_label_export)
    batch = classify({"text": np.array(TEXTS, dtype=object)})
    assert [json.loads(label) for label in batch["label"]] == expected_labels


def test_metrics_for_the_trainer_have_the_threshold_one_half():
    logits = np.array([[2, -1], [0.5, 3], [-1, -2]])
    labels = np.array([[1, 1], [0, 1], [0, 0]])
    metrics = compute_metrics(EvalPrediction(logits, labels))
    assert metrics == pytest.approx({"accuracy": 1 / 3, "f1": 2 / 3, "micro_f1": 2 / 3})
