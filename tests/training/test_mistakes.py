"""What is said of mistakes in texts, labels, arguments and teachers; nothing is written."""

from types import SimpleNamespace

import numpy as np
import pytest
from support import assert_names, by_length, changed_copy, with_pooling

from glove_lstm import TeacherModel
from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.errors import DataError
from glove_lstm.training.settings import make_settings

T = [f"text {number}" for number in range(40)]
L = ["a", "b"] * 20
LISTS = [["a"], ["b"]] * 20
EQUAL = {"texts": ["the same"] * 100, "labels": ["a", "b"] * 50}

# Arguments of fit or of the settings, and what the error names.
OF_FIT = {
    "no texts": ({"texts": [], "labels": []}, "training texts"),
    "one label": ({"labels": ["a"] * 40}, "'a'", "two"),
    "a label is missing": ({"labels": L[1:]}, "40 texts", "39", "labels"),
    "an unknown label": ({"label_names": ["a", "c"]}, "row 2", "'b'", "'a', 'c'"),
    "lists and labels": ({"labels": [["a"], *L[1:]]}, "row 2", "'b'", "lists"),
    "lists to validate": ({"validation": (T, [["a"]] * 40)}, "alidation", "one label"),
    "a negative weight": ({"sample_weight": [-1, *[1] * 39]}, "sample_weight, row 1", "-1", "0"),
    "a weight is missing": ({"sample_weight": [1] * 39}, "40 texts", "39", "sample_weight"),
    "a label without weight": ({"class_weight": {"a": 2}}, "weight", "'b'"),
    "class weights of lists": ({"labels": LISTS, "class_weight": "balanced"}, "class_weight"),
    "unlabelled without teacher": ({"unlabelled": ["x"]}, "nlabelled", "teacher"),
    "a high rate": ({"learning_rate": 1000.0}, "diverged", "learning_rate"),
    "a huge network": ({"hidden_size": 100_000_000}, "hidden_size"),
    "equal texts": ({**EQUAL, "validation_fraction": 0.1}, "distinct", "validation_fraction 0"),
}


@pytest.fixture
def check(train, tmp_path, monkeypatch):
    """A function: the error names the words, and nothing is written into the current and the output folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def check(values, words):
        given = {"texts": T, "labels": L, "num_train_epochs": 1, **values}
        with pytest.raises(DataError) as caught:
            train(given.pop("texts"), given.pop("labels"), given.pop("validation", None), **given)
        assert_names(caught.value, *words, besides=tmp_path)
        assert not list(here.iterdir())

    return check


@pytest.mark.parametrize("mistake", OF_FIT)
def test_fit(check, mistake):
    values, *words = OF_FIT[mistake]
    check(values, words)


CHECKPOINT = {"model_name_or_path": "user/model"}

# Settings, and what the error names.
SETTINGS = {
    "a revision alone": ({"revision": "main"}, "revision", "model_name_or_path"),
    "a schedule": ({"lr_scheduler_type": "cosine"}, "lr_scheduler_type", "linear", "constant"),
    "an option of the Trainer": ({"weight_decy": 0.1}, "weight_decy", "weight_decay"),
    "a string as boolean": ({"freeze_embeddings": "False"}, "freeze_embeddings", "'False'"),
    "a tokenizer of its own": ({**CHECKPOINT, "vocab_size": 9}, *CHECKPOINT, "vocab_size"),
}


@pytest.mark.parametrize("mistake", SETTINGS)
def test_settings(mistake):
    values, *words = SETTINGS[mistake]
    with pytest.raises(DataError) as caught:
        make_settings(use_cpu=True, **values)
    assert_names(caught.value, *words)


def test_a_folder_has_no_revision(check, checkpoint):
    values = {"model_name_or_path": str(checkpoint), "revision": "main"}
    check(values, ["revision", "'main'", "folder"])


def answering(answer):
    """A teacher that is a function."""
    return lambda at: {"teacher": answer, "label_names": ["a", "b"]}


def changed(**config):
    """The small BERT with another config."""
    return lambda at: {"teacher": changed_copy(at.transformer, at.folder / "changed", **config)}


def headless(at):
    """Its config promises a head whose weights are not there."""
    config = {"num_labels": 2, "architectures": ["BertForSequenceClassification"]}
    return {"teacher": changed_copy(at.encoder, at.folder / "changed", **config)}


def pooled(kinds, pooling):
    """The encoder with other files of sentence-transformers."""
    return lambda at: {
        "teacher": with_pooling(at.encoder, at.folder / "pooled", kinds, **{pooling: True})
    }


MEAN = "pooling_mode_mean_tokens"
UNLABELLED = {"texts": [], "labels": [], "teacher": by_length}

# The change of the arguments, and what the error names.
OF_TEACHERS = {
    "a number": (answering(7), "teacher", "7", "folder"),
    "a revision of a folder": (
        lambda at: {"teacher": TeacherModel(str(at.transformer), revision="v1")},
        *("revision", "'v1'", "folder"),
    ),
    "one score a text": (answering(lambda texts: np.ones(len(texts))), "shape", "(texts, labels)"),
    "sums of 2": (answering(lambda texts: np.ones((len(texts), 2))), "probabilities"),
    "4 columns": (answering(lambda texts: np.full((len(texts), 4), 0.25)), "4)", "a, b"),
    "several labels": (changed(problem_type=MULTI_LABEL), "multi_label", "one label"),
    "no head": (headless, "classifier.", "weights"),
    "no such module": (pooled(["Transformer", "Pooling", "Magic"], MEAN), "pooled", "Magic"),
    "labels of others": (lambda at: {"teacher": at.transformer}, "REAL, FAKE", "a, b", "id2label"),
    "lists": (lambda at: {"teacher": at.transformer, "labels": LISTS}, "one label"),
    "no labels": (lambda at: {**UNLABELLED, "unlabelled": ["x"]}, "label", "teacher"),
    "a label without texts": (
        lambda at: {"teacher": at.encoder, "label_names": ["a", "b", "X"]},
        *("encoder", "'X'"),
    ),
    "equal unlabelled texts": (
        lambda at: {**UNLABELLED, "unlabelled": ["the same"] * 200, "label_names": ["a", "b"]},
        *("nlabelled", "near duplicates", "held-out"),
    ),
}


@pytest.mark.parametrize("mistake", OF_TEACHERS)
def test_teachers(check, transformer, encoder, tmp_path, mistake):
    change, *words = OF_TEACHERS[mistake]
    at = SimpleNamespace(transformer=transformer, encoder=encoder, folder=tmp_path)
    check(change(at), words)
