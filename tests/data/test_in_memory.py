"""Every form of the same labels in memory is read alike; training/test_estimator_mistakes.py has what is refused."""

import datasets
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix

from glove_lstm.data.in_memory import label_values, labels_as_strings, read_labels

LISTS = [["b", "a"], ["a"], []]
TABLE = [[0, 1], [1, 0], [1, 1]]


def of_datasets(labels):
    return datasets.Dataset.from_dict({"label": labels})["label"]


def of_objects(labels):
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array


def of_arrays(labels):
    return pd.Series([np.array(row, dtype=object) for row in labels])


@pytest.mark.parametrize(
    "form", [list, of_objects, pd.Series, of_arrays, of_datasets], ids=lambda form: form.__name__
)
def test_lists_of_labels(form):
    read = read_labels(form(LISTS))
    assert read.labels == LISTS
    assert read.classes == ["a", "b"]
    assert read.is_multi_label
    assert read.are_lists


@pytest.mark.parametrize(
    "form", [list, np.array, csr_matrix, csr_array, pd.Series, pd.DataFrame], ids=lambda f: f.__name__
)  # fmt: skip
def test_a_table_of_0_and_1(form):
    read = read_labels(form(TABLE))
    assert read.labels == [["1"], ["0"], ["0", "1"]]
    assert (read.classes, read.label_type) == (["0", "1"], "int")
    named = read_labels(form(TABLE), column_labels=np.array(["z", "y"]))
    assert named.labels == [["y"], ["z"], ["z", "y"]]


def test_the_columns_of_a_frame_are_the_labels():
    frame = pd.DataFrame(TABLE, columns=["z", "y"])
    for read in (read_labels(frame), read_labels(frame, column_labels=["y", "z"])):
        assert read.labels == [["y"], ["z"], ["z", "y"]]
        assert (read.classes, read.label_type) == (["z", "y"], "str")


def test_lists_of_0_and_1_are_a_table_unless_other_labels_were_lists():
    labels = [[0, 1], [1, 0]]
    assert read_labels(labels).labels == [["1"], ["0"]]
    assert read_labels(labels, are_lists=True).labels == [["0", "1"], ["1", "0"]]


@pytest.mark.parametrize(
    "values", [["b", "a"], [10, 9], [True, False], [-1.0, 1e17], ["01", "1"]], ids=str
)
@pytest.mark.parametrize("form", [list, np.array, pd.Series, of_datasets])
def test_one_label_a_text(form, values):
    read = read_labels(form(values))
    assert read.labels == labels_as_strings(values)
    assert label_values(read.classes, read.label_type).tolist() == sorted(values)
