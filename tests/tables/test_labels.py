"""Every form of the same labels is read alike, and gives them one order."""

from decimal import Decimal

import datasets
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from support import assert_refused

from glove_lstm.errors import DataError
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.in_memory import read_labels
from glove_lstm.tables.labels import label_values, labels_as_strings
from glove_lstm.tables.load import load_splits


def of_datasets(labels):
    return datasets.Dataset.from_dict({"label": labels})["label"]


def of_numpy(labels):
    return [[np.int64(label) for label in row] for row in labels]


LISTS = [["b", "a"], ["a"], []]
TABLE = [[0, 1], [1, 0], [1, 1]]
NUMBERED = [["1"], ["0"], ["0", "1"]]
NAMED = [["y"], ["z"], ["z", "y"]]
FORMS = [list, np.array, pd.Series, of_datasets]
FORMS_OF_TABLE = [list, np.array, csr_array, pd.DataFrame, pd.Series, of_datasets]


@pytest.mark.parametrize(
    ("forms", "values", "columns", "names", "classes"),
    [
        (FORMS, ["b", "a"], None, ["b", "a"], ["a", "b"]),
        (FORMS, ["01", "1"], None, ["01", "1"], ["01", "1"]),
        (FORMS, [10, 9], None, ["10", "9"], [9, 10]),
        (FORMS, [True, False], None, ["True", "False"], [False, True]),
        (FORMS, [-1.0, 1e17], None, ["-1", f"1{'0' * 17}"], [-1.0, 1e17]),
        ([list, pd.Series, of_datasets], LISTS, None, LISTS, ["a", "b"]),
        ([list, of_numpy], [[0, 1], [1]], None, [["0", "1"], ["1"]], [0, 1]),
        ([list], [["0", "1"], ["1"]], None, [["0", "1"], ["1"]], ["0", "1"]),
        # As in scikit-learn, lists of 0 and 1 are a table.
        (FORMS_OF_TABLE, TABLE, None, NUMBERED, [0, 1]),
        ([list, np.array, csr_array], TABLE, np.array(["z", "y"]), NAMED, ["z", "y"]),
        ([lambda table: pd.DataFrame(table, columns=["z", "y"])], TABLE, ["y", "z"], NAMED, ["z", "y"]),
    ],
)  # fmt: skip
def test_labels_in_memory(forms, values, columns, names, classes):
    for form in forms:
        labels = form(values)
        read_names, read_classes, is_table = read_labels(labels, columns=columns)
        assert read_names == names, form
        assert repr(read_classes) == repr(classes), form
        assert is_table == (values is TABLE)
        if not isinstance(names[0], list):
            label_type = type(classes[0]).__name__
            assert label_values(labels_as_strings(classes), label_type).tolist() == sorted(values)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a", 1], ["y, row 2", "label 1", "row 1 has 'a'"]),
        ([2.0, 1], ["y, row 2", "label 1", "2.0"]),
        ([True, 2], ["y, row 2", "label 2", "row 1", "True"]),
        (["a", None], ["y, row 2", "no label"]),
        ([float("nan"), 0, 1], ["y, row 1", "no label"]),
        ([["a"], ["b", None]], ["y, row 2", "no label"]),
        ([["a"], "b"], ["y, row 2", "'b'", "a list"]),
        ([0, 2**63], ["y, row 2", "64 bits"]),
        (np.array([[0, 2], [1, 1]]), ["2 columns", "0 or 1"]),
        (pd.DataFrame([[0, 1], [1, 0]], columns=["a", "a"]), ["y", "names"]),
    ],
    ids=str,
)
def test_labels_that_cannot_be_used(labels, words):
    assert_refused(words, read_labels, labels)


BRACKETS = "[" * 100_000  # deeper than a parser of JSON goes


@pytest.mark.parametrize(
    ("name", "cells", "classes", "labels", "warning"),
    [
        ("a.parquet", [10, 2], ["2", "10"], ["10", "2"], ""),
        ("a.parquet", [1.0, 0.0], ["0", "1"], ["1", "0"], ""),
        ("a.parquet", [True, False], ["False", "True"], ["True", "False"], ""),
        ("a.parquet", [Decimal("1.00"), Decimal("0.00")], ["0", "1"], ["1", "0"], ""),
        ("a.parquet", [["x", "y"], []], ["x", "y"], [["x", "y"], []], ""),
        ("a.csv", ["10", "2"], ["2", "10"], ["10", "2"], ""),
        ("a.csv", ["NA", "None"], ["NA", "None"], ["NA", "None"], ""),
        ("a.csv", ['["x", "y"]', '["y"]'], ["x", "y"], [["x", "y"], ["y"]], ""),
        ("a.jsonl", ["x\ud800", BRACKETS], [BRACKETS, "x\ufffd"], ["x\ufffd", BRACKETS], ""),
        ("a.csv", ["Fake", "fake"] * 3, ["Fake", "fake"], ["Fake", "fake"] * 3, "alike"),
        ("a.csv", ["1", "1.0"] * 3, ["1", "1.0"], ["1", "1.0"] * 3, "alike"),
    ],
    ids=range(11),
)
def test_labels_of_files(file, caplog, name, cells, classes, labels, warning):
    caplog.set_level("WARNING", "glove_lstm")
    rows = [{"text": "a", "label": label} for label in cells]
    data = load_splits(train_file=file(rows, name))
    assert data.label_names == classes
    assert data.splits["train"].labels == labels
    assert data.is_multi_label == isinstance(labels[0], list)
    assert bool(caplog.messages) == bool(warning)
    assert warning in caplog.text


@pytest.mark.parametrize(
    ("names", "cells", "known"),
    [
        (["REAL", "FAKE", "SATIRE"], ["FAKE", "REAL"], ["FAKE", "REAL"]),
        (["REAL", "FAKE"], ["FAKE", "SATIRE", "fake", "REAL"], ["FAKE", "REAL"]),
        (["a", "b"], [["b"], ["a", "c"], [], ["a"]], [["b"], [], ["a"]]),
    ],
)
def test_labels_that_a_model_fixes(file, caplog, names, cells, known):
    """test_mistakes.py has the refusal of others, which may be left out."""
    path = file([{"text": str(label), "label": label} for label in cells], "a.jsonl")
    data = load_splits(test_file=path, label_names=names, skip_unknown_labels=True)
    assert data.label_names == names
    assert data.splits["test"].labels == known
    assert data.splits["test"].texts == [str(label) for label in known]
    skipped = len(cells) - len(known)
    said = f"{skipped} row{'s' * (skipped > 1)} left out, with a label that no training text has"
    assert (said in caplog.text) == bool(skipped)


def test_texts_of_unknown_labels_may_be_left_out_but_not_all(file):
    train = file([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}], "a.csv")
    others = file([{"text": "c", "label": "z"}], "c.csv")
    with pytest.raises(DataError, match=r"c\.csv has no rows with text and a known label"):
        load_splits(train_file=train, test_file=others, skip_unknown_labels=True)


def test_labels_of_few_texts_may_be_rare(file):
    """A teacher and unlabelled texts teach labels that have a text or two."""
    path = file([{"text": f"text {row}", "label": row // 2} for row in range(20)])
    with pytest.raises(DataError, match="10 different labels for 20 texts"):
        load_splits(train_file=path)
    data = load_splits(train_file=path, may_be_rare=True)
    assert len(data.label_names) == 10


def test_a_selection_keeps_what_is_known_of_its_texts():
    logits = np.array([[1.0, 0.0], [0.0, 2.0]])
    texts = Examples(["a", "b"], np.array([0, 1]), ["x", "y"], None, logits, logits, "teacher")
    selected = texts.select([1])
    assert (selected.texts, selected.labels_of) == (["b"], "teacher")
    for kept in (selected.logits, selected.teacher_logits):
        np.testing.assert_array_equal(kept, logits[1:])
