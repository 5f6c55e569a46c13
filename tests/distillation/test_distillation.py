"""A model that learns from a teacher: one training on its logits, with labels, copies and texts without labels."""

import json

import numpy as np
import pytest
import torch
from support import (
    QUICK,
    SMALL,
    accuracy,
    by_length,
    read_csv,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm.commands import train as train_command
from glove_lstm.distillation.copies import make_copies
from glove_lstm.distillation.targets import make_targets
from glove_lstm.distillation.teacher import open_teacher
from glove_lstm.tables.examples import Examples, Split, weigh
from glove_lstm.vectors.glove import GloveVectors


def by_case(texts):
    """Probabilities of REAL and FAKE: titles of FAKE articles are in capitals."""
    fake = []
    for text in texts:
        has_capitals = any(word.isupper() and len(word) > 1 for word in text.split())
        fake.append(0.98 if has_capitals else 0.02)
    return np.stack([1 - np.array(fake), fake], axis=1)


def test_a_teacher_and_texts_without_labels_are_enough(train, news):
    names = ["REAL", "FAKE"]  # in the order of the function's columns
    options = {"label_names": names, "unlabelled": news.texts, "num_train_epochs": 8}
    trained = train([], [], teacher=by_case, **options)
    record = trained.record
    assert 10 <= record.calibration.texts <= 16
    assert record.calibration.labels_of == "teacher"
    assert record.teacher.kind == "function"
    assert record.teacher.agreement > 0.9
    assert record.teacher.unlabelled == record.teacher.texts == 160 - record.calibration.texts
    assert record.train_texts == 0
    assert len(trained.text_record.trained) == 160 - record.calibration.texts
    assert trained.model.config.temperature != 1
    assert trained.model.config.held_out_scores["labels_of"] == "teacher"
    # The teacher's labels measure nothing.
    assert record.validation_texts == 0
    assert trained.validation is None
    assert not any(name.startswith("eval") for log in record.history for name in log)
    assert accuracy(trained, news.texts, news.labels) > 0.9


@pytest.mark.usefixtures("one_copy")
def test_the_lstm_learns_the_teacher_and_the_ngrams_the_labels(train, news, caplog):
    """The columns of the function are not in the order of the labels, so that it is always wrong."""
    options = {"teacher": by_case, "label_names": ["FAKE", "REAL"], "num_train_epochs": 12}
    trained = train(news.texts, news.labels, **options)
    assert accuracy(trained, news.texts, news.labels, part=0) < 0.1
    assert accuracy(trained, news.texts, news.labels, part=1) > 0.9
    assert "right for 0 %" in caplog.text
    assert "another order" in caplog.text


@pytest.mark.usefixtures("one_copy")
def test_columns_are_in_the_order_of_scikit_learn(train, news, caplog):
    """Which sorts names as texts: "10" is before "2"."""

    class Classifier:
        classes_ = np.array([10.0, 2.0])

        def predict_proba(self, texts):
            return by_case(texts)  # of REAL and FAKE

    labels = [{"REAL": "10", "FAKE": "2"}[label] for label in news.labels]
    options = {"teacher": Classifier(), "num_train_epochs": 1}
    trained = train(news.texts, labels, **options)
    assert list(trained.model.config.label_names) == ["2", "10"]
    assert trained.record.teacher.temperature < 5
    assert "another order" not in caplog.text
    alone = train([], [], unlabelled=news.texts, **options)
    assert list(alone.model.config.label_names) == ["10", "2"]


@pytest.mark.parametrize("unlabelled", [1, 9])
def test_texts_weigh_as_their_labels_whoever_labels_them(unlabelled):
    """Those of a teacher, too, and altered copies. An encoder has learned the weights of the labels already."""
    label_weights = {"a": 3.0, "b": 0.5}
    texts = ["one", "two two", "three"]
    train = Examples.from_names(texts, ["a", "b", "a"], ["a", "b"])
    others = [f"{'x' * (number % 2 + 1)} {number}" for number in range(unlabelled)]
    split = Split(
        weigh(train, label_weights),
        None,
        others,
        label_weights=label_weights,
        most_are_unlabelled=len(others) > len(train),
    )
    teacher = open_teacher(by_length, torch.device("cpu"), ["a", "b"])
    targets = make_targets(split, teacher, glove=None)
    probabilities = by_length(others)
    best = probabilities.argmax(axis=1)
    squares = probabilities.max(axis=1) ** 2
    of_labels = np.bincount(best, squares, minlength=2)
    of_best = squares * (probabilities.mean(axis=0) * squares.sum() / of_labels.clip(1e-9))[best]
    expected = np.array([3.0, 0.5])[best]
    if unlabelled > len(texts):
        assert targets.kind == "labels"
        expected *= of_best
    else:
        assert targets.kind == "logits"
        of_copies = targets.weights[3:-unlabelled]
        assert len(of_copies) == targets.copies > 3
        np.testing.assert_array_equal(of_copies, np.repeat([3.0, 0.5, 3.0], targets.copies // 3))
    np.testing.assert_array_equal(targets.weights[:3], [3.0, 0.5, 3.0])
    np.testing.assert_allclose(targets.weights[-unlabelled:], expected)
    if targets.kind == "labels":
        teacher.learns_labels = True
        learned = make_targets(split, teacher, glove=None)
        np.testing.assert_allclose(learned.weights[-unlabelled:], of_best)


@pytest.mark.parametrize(
    ("sure", "unsure", "share_of_b"),
    [(0.9, 0.6, 0.9 * 0.1 + 0.1 * 0.6), (0.51, 0.55, None)],
)
def test_best_labels_have_the_shares_of_the_probabilities(sure, unsure, share_of_b):
    """A teacher is surer of "a", its label of nine of ten texts. A factor of at most 4 makes up for it."""
    train = Examples.from_names(["one", "two"], ["a", "b"], ["a", "b"])
    others = [f"{number:03}" for number in range(100)]
    scores = {text: [sure, 1 - sure] for text in others}
    scores |= {text: [1 - unsure, unsure] for text in others[::10]}

    def of_texts(texts):
        return [scores[text] for text in texts]

    teacher = open_teacher(of_texts, torch.device("cpu"), ["a", "b"])
    split = Split(train, None, others, most_are_unlabelled=True)
    weights = make_targets(split, teacher, glove=None).weights[2:]
    if share_of_b is None:
        np.testing.assert_allclose(weights[::10], 4 * unsure**2, rtol=1e-6)
    else:
        assert weights[::10].sum() / weights.sum() == pytest.approx(share_of_b)
        assert weights.sum() == pytest.approx(90 * sure**2 + 10 * unsure**2)


def test_copies_lack_words_and_are_cut():
    """A tenth of the words, and four in ten copies."""
    texts = [" ".join(f"{number}" for number in range(first, first + 50)) for first in range(20)]
    copies = [[int(word) for word in copied.split()] for copied in make_copies(texts, 14, None)]
    spans = np.array([words[-1] - words[0] + 1 for words in copies])
    kept = np.array([len(words) for words in copies])
    assert kept.sum() / spans.sum() == pytest.approx(0.9, abs=0.03)
    assert (spans < 40).mean() == pytest.approx(0.4 * 0.8, abs=0.08)


def test_copies_of_texts_without_spaces_differ():
    text = "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b, very good"
    copies = make_copies([text], 14, None)
    assert len(set(copies)) > 7
    for copied in copies:
        assert set(copied) <= set(text)
        assert copied == copied.strip()
    # A word is found in front of any kind of space.
    vectors = np.array([[1.0, 0.0], [0.9, 0.1]], dtype=np.float32)
    glove = GloveVectors(["good", "fine"], vectors, "made up")
    copies = make_copies(["Good\u00a0good\u3000good good"], 14, glove)
    assert {"fine", "Fine"} <= set(" ".join(copies).split())
    # Single spaces between words, and nothing but words of the text.
    for copied in make_copies(["a  big\ttree , and more"], 14, None):
        assert set(copied.split(" ")) <= {"a", "big", "tree", ",", "and", "more"}


def test_few_labelled_texts_leave_the_calibration_to_unlabelled_ones(train, news, caplog):
    """None of these is a copy of a labelled text."""
    options = {"teacher": by_case, "label_names": ["FAKE", "REAL"], "num_train_epochs": 1}
    texts, labels = news.texts[:40], news.labels[:40]
    copies = [f"{text} Again" for text in texts if len(text.split()) > 50]
    assert len(copies) > 5
    unlabelled = [*copies, *news.texts[40:]]
    trained = train(texts, labels, unlabelled=unlabelled, **options)
    assert len(trained.train) == trained.record.train_texts == 40
    assert trained.record.calibration.labels_of == "teacher"
    assert trained.record.calibration.texts == round(len(unlabelled) / 10)
    is_trained, is_held_out = trained.text_record.find(copies)
    assert is_trained.all()
    assert not is_held_out.any()
    assert "not calibrated" not in caplog.text
    trained = train(texts, labels, unlabelled=news.texts[40:90], **options)  # a tenth is too few
    assert caplog.text.count("not calibrated") == 1
    assert trained.record.calibration is None
    assert trained.record.teacher.agreement is None


@pytest.mark.usefixtures("one_copy")
def test_near_duplicates_of_validation_texts_are_left_out(train, news, caplog):
    held_out = news.texts[:20], news.labels[:20]
    copies = [f"{text} Again" for text in news.texts[:20] if len(text.split()) > 50]
    assert copies
    texts, labels = news.texts[20:], news.labels[20:]
    options = {"teacher": by_case, "label_names": ["FAKE", "REAL"], "num_train_epochs": 1}
    unlabelled = [*copies, "a text of its own"]
    trained = train(texts, labels, held_out, unlabelled=unlabelled, **options)
    taught = trained.record.teacher
    assert (taught.kind, taught.settings) == ("function", {})
    assert "by_case" in taught.name
    assert taught.copies == 140
    assert taught.texts == 2 * 140 + taught.unlabelled
    assert trained.record.options["dropout"] == 0.1
    assert taught.unlabelled == 1
    assert f"{len(copies)} of {len(copies) + 1} unlabelled texts are left out" in caplog.text


def test_the_command_learns_from_a_teacher(glove_file, transformer, news, tmp_path, caplog):
    """Near duplicates of test texts, and blank texts, teach nothing."""
    test_file = write_articles(tmp_path / "test.csv", 60, seed=9)
    tested = [f"{row['title']} {row['text']}" for row in read_csv(test_file)]
    copies = [f"{text} Again" for text in tested if len(text.split()) > 50]
    assert copies
    unlabelled = [*news.texts, *copies, " ", ""]
    more = write_table(tmp_path / "more.jsonl", [{"text": text} for text in unlabelled])
    out = tmp_path / "out"
    files = ["--unlabelled_file", more, "--test_file", test_file]
    command = ["--teacher", transformer, *files, "--glove", glove_file, *SMALL, *QUICK]
    succeed(train_command.main, *command, "--output_dir", out)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    record = metrics["training"]
    assert record["teacher"]["unlabelled"] + record["calibration"]["texts"] == 160
    assert f"{len(copies)} of {160 + len(copies)} unlabelled texts are left out" in caplog.text
    assert metrics["data"]["description"] == "test test.csv, more.jsonl (without labels)"


@pytest.mark.usefixtures("one_copy")
@pytest.mark.parametrize(
    ("of_checkpoint", "expected"),
    [(["REAL", "FAKE"], ["REAL", "FAKE"]), (["REAL", "MAYBE", "FAKE"], ["FAKE", "REAL"])],
    ids=["another order", "more labels"],
)
def test_the_columns_of_a_function_are_as_named_also_in_fine_tuning(
    train, news, tmp_path, of_checkpoint, expected
):
    """A checkpoint with more labels starts anew: nobody teaches the others."""
    first = train(news.texts, news.labels, label_names=of_checkpoint, num_train_epochs=1)
    first.model.save_pretrained(tmp_path)
    first.tokenizer.save_pretrained(tmp_path)

    def teacher(texts):
        return by_case(texts)[:, ::-1]  # FAKE and REAL

    options = {"model_name_or_path": str(tmp_path), "label_names": ["FAKE", "REAL"]}
    taught = train(news.texts, news.labels, teacher=teacher, **options)
    assert list(taught.model.config.label_names) == expected
    assert taught.record.teacher.temperature < 5
    assert taught.record.teacher.agreement > 0.9


# What is asked


@pytest.mark.usefixtures("one_copy")
def test_trainings_with_other_seeds_and_folds_ask_only_what_is_missing(
    train, news, transformer, read
):
    """As GridSearchCV asks: each text and each altered copy of it is read once."""
    options = {"teacher": transformer, "num_train_epochs": 1}
    # Two texts whenever it is opened; all texts; copies of the training texts.
    for opened in (1, 2):
        train(news.texts, news.labels, **options)
        assert len(read) == 2 * opened + 160 + 144
    for seed in (1, 2):
        train(news.texts, news.labels, **options, seed=seed)
    for fold in range(4):
        rows = [row for row in range(160) if row % 4 != fold]
        labels = [news.labels[row] for row in rows]
        train([news.texts[row] for row in rows], labels, **options)
    assert len(read) - 8 * 2 == 160 + 160


# Encoders


def test_an_encoder_teaches_with_few_labels(train, news, encoder):
    """All labelled texts teach; unlabelled ones calibrate."""
    options = {"unlabelled": news.texts[40:], "num_train_epochs": 8}
    trained = train(news.texts[:40], news.labels[:40], teacher=encoder, **options)
    record = trained.record
    assert record.teacher.name == encoder.name
    assert record.teacher.kind == "encoder"
    assert record.teacher.license == "mit"
    assert record.teacher.temperature == 1  # its logits are calibrated
    assert record.teacher.settings
    assert record.calibration.labels_of == "teacher"
    assert 10 <= record.calibration.texts <= 12
    assert record.teacher.learned == "best labels"
    assert record.teacher.copies == 0
    assert record.teacher.texts == 160 - record.calibration.texts
    assert record.teacher.agreement > 0.8
    assert len(trained.train) == 40
    assert trained.validation is None  # drawn labels measure nothing
    assert not any(name.startswith("eval") for log in record.history for name in log)
    assert trained.model.config.temperature != 1


@pytest.mark.usefixtures("one_copy")
def test_held_out_texts_teach_an_encoder_nothing(train, news, encoder):
    """Their labels are wrong: with them, the encoder would teach wrong labels."""
    names = {"FAKE": "REAL", "REAL": "FAKE"}
    held_out = news.texts[40:], [names[label] for label in news.labels[40:]]
    options = {"teacher": encoder, "num_train_epochs": 8}
    trained = train(news.texts[:40], news.labels[:40], held_out, **options)
    assert trained.record.calibration.labels_of == "people"
    assert trained.record.calibration.texts == 120
    assert accuracy(trained, news.texts, news.labels, part=0) > 0.8
