"""Every form of the same labels is read alike, and gives them one order."""

from decimal import Decimal

import datasets
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix

from glove_lstm.errors import DataError
from glove_lstm.tables.in_memory import read_labels
from glove_lstm.tables.labels import check_label_names, label_values
from glove_lstm.tables.load import load_splits


def of_datasets(labels):
    return datasets.Dataset.from_dict({"label": labels})["label"]


def of_objects(labels):
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array


def of_arrays(labels):
    return pd.Series([np.array(row, dtype=object) for row in labels])


def named_frame(table):
    return pd.DataFrame(table, columns=["z", "y"])


LISTS = [["b", "a"], ["a"], []]
FORMS_OF_LISTS = [list, of_objects, pd.Series, of_arrays, of_datasets]
TABLE = [[0, 1], [1, 0], [1, 1]]
NUMBERED = [["1"], ["0"], ["0", "1"]]
NAMED = [["y"], ["z"], ["z", "y"]]
FORMS_OF_TABLE = [np.array, csr_matrix, csr_array, pd.DataFrame]
COLUMN_LABELS = {"column_labels": np.array(["z", "y"])}
OTHER_ORDER = {"column_labels": np.array([1, 0])}
OTHERS_NUMBERED = [["0"], ["1"], ["1", "0"]]
FORMS = [list, np.array, pd.Series, of_datasets]


@pytest.mark.parametrize(
    ("forms", "values", "options", "names", "classes", "label_type"),
    [
        (FORMS, ["b", "a"], {}, ["b", "a"], ["a", "b"], "str"),
        (FORMS, ["01", "1"], {}, ["01", "1"], ["01", "1"], "str"),
        (FORMS, [10, 9], {}, ["10", "9"], ["9", "10"], "int"),
        (FORMS, [True, False], {}, ["True", "False"], ["False", "True"], "bool"),
        (FORMS, [-1.0, 1e17], {}, ["-1", f"1{'0' * 17}"], ["-1", f"1{'0' * 17}"], "float"),
        (FORMS_OF_LISTS, LISTS, {}, LISTS, ["a", "b"], "str"),
        (FORMS_OF_TABLE, TABLE, {}, NUMBERED, ["0", "1"], "int"),
        (FORMS_OF_TABLE, TABLE, COLUMN_LABELS, NAMED, ["z", "y"], "str"),
        ([named_frame], TABLE, {}, NAMED, ["z", "y"], "str"),
        ([named_frame], TABLE, {"column_labels": ["y", "z"]}, NAMED, ["z", "y"], "str"),
        # Columns of an array are in the order of the training; a frame names them, also by numbers.
        ([np.array, csr_matrix], TABLE, OTHER_ORDER, OTHERS_NUMBERED, ["1", "0"], "int"),
        ([pd.DataFrame], TABLE, OTHER_ORDER, NUMBERED, ["0", "1"], "int"),
        ([pd.DataFrame], TABLE, {"column_labels": ["1", "0"]}, NUMBERED, ["0", "1"], "int"),
        ([list], [[0, 1], [1]], {}, [["0", "1"], ["1"]], ["0", "1"], "int"),
    ],
)
def test_labels_in_memory(forms, values, options, names, classes, label_type):
    for form in forms:
        read = read_labels(form(values), **options)
        assert read.labels == names, form
        assert (read.classes, read.label_type) == (classes, label_type), form
        assert read.is_multi_label == isinstance(names[0], list), form
        if not read.is_multi_label:
            assert label_values(classes, label_type).tolist() == sorted(values), form


@pytest.mark.parametrize("form", [list, pd.Series, of_objects, of_arrays, of_datasets])
def test_lists_of_0_and_1_are_a_table_as_in_scikit_learn(form):
    read = read_labels(form([[0, 1], [1, 1]]))
    assert (read.labels, read.is_table) == ([["1"], ["0", "1"]], True)
    assert not read_labels(form([["0", "1"], ["1"]])).is_table


BRACKETS = "[" * 100_000  # deeper than a parser of JSON goes


@pytest.mark.parametrize(
    ("name", "cells", "classes", "labels", "warning"),
    [
        ("a.parquet", ["REAL", "FAKE"], ["FAKE", "REAL"], ["REAL", "FAKE"], ""),
        ("a.parquet", [10, 2], ["2", "10"], ["10", "2"], ""),
        ("a.parquet", [1.0, 0.0], ["0", "1"], ["1", "0"], ""),
        ("a.parquet", [True, False], ["False", "True"], ["True", "False"], ""),
        ("a.parquet", [Decimal("1.00"), Decimal("0.00")], ["0", "1"], ["1", "0"], ""),
        ("a.parquet", [["x", "y"], []], ["x", "y"], [["x", "y"], []], ""),
        (
            "a.parquet",
            [Decimal(10**31), Decimal(7)],
            ["7", f"1{'0' * 31}"],
            [f"1{'0' * 31}", "7"],
            "",
        ),
        ("a.csv", ["10", "2"], ["2", "10"], ["10", "2"], ""),
        ("a.csv", ["NA", "None"], ["NA", "None"], ["NA", "None"], ""),
        ("a.csv", ['["x", "y"]', '["y"]'], ["x", "y"], [["x", "y"], ["y"]], ""),
        ("a.jsonl", ["x\ud800", BRACKETS], [BRACKETS, "x\ufffd"], ["x\ufffd", BRACKETS], ""),
        ("a.csv", ["Fake", "fake"] * 3, ["Fake", "fake"], ["Fake", "fake"] * 3, "alike"),
        ("a.csv", ["1.5", "2.5"], ["1.5", "2.5"], ["1.5", "2.5"], "decimals"),
    ],
    ids=range(13),
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


def test_labels_that_a_model_fixes(file):
    names = ["REAL", "FAKE", "SATIRE"]
    rows = [{"text": "a", "label": "FAKE"}, {"text": "b", "label": "REAL"}]
    data = load_splits(test_file=file(rows), label_names=names)
    assert data.label_names == names
    assert data.splits["test"].labels == ["FAKE", "REAL"]


def test_labels_of_few_texts_may_be_rare(file):
    """A teacher and unlabelled texts teach labels that have a text or two."""
    path = file([{"text": f"text {row}", "label": row // 2} for row in range(20)])
    with pytest.raises(DataError, match="10 different labels for 20 texts"):
        load_splits(train_file=path)
    data = load_splits(train_file=path, may_be_rare=True)
    assert len(data.label_names) == 10
    with pytest.raises(DataError, match="1,001 different labels; give at most 1,000"):
        check_label_names([str(name) for name in range(1001)], 2000, "y", "", may_be_rare=True)
