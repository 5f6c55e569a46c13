"""The classifier as engines call it: columns in, columns out, also in other processes."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from datasets.fingerprint import Hasher
from support import edit_json

from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.errors import DataError
from glove_lstm.inference.batch_classifier import BatchClassifier

TITLE = "SHOCKING secret they hide from you!!!"
BODY = "The council voted on the bridge on Tuesday, it said."


@pytest.fixture(scope="module")
def marking() -> BatchClassifier:
    return BatchClassifier(DEFAULT_CHECKPOINT, unsure_below=0.6)


@pytest.fixture
def classify() -> BatchClassifier:
    """A classifier that has seen no batch yet."""
    return BatchClassifier(DEFAULT_CHECKPOINT)


def test_a_missing_text_is_an_empty_text(marking):
    texts = np.array([TITLE, None, float("nan"), ""], dtype=object)
    found = marking({"text": texts})
    assert found["label"][0] == "FAKE"
    assert len(set(found["score_FAKE"][1:])) == 1
    # A column that is not read may have any name.
    frame = pd.DataFrame({"text": pd.array([TITLE, pd.NA], dtype="string"), 0: [1, 2]})
    assert marking(frame)["score_FAKE"].tolist() == found["score_FAKE"][:2].tolist()


def test_an_empty_batch_has_the_same_columns(marking):
    texts = np.array([TITLE], dtype=object)
    found = marking({"text": texts})
    empty = marking({"text": texts[:0]})
    assert list(empty) == list(found)
    for values in empty.values():
        assert len(values) == 0


def test_all_batches_are_read_alike(classify):
    """The first batch shows that the author is no text."""
    first = classify({"headline": [None, TITLE], "author": (None, None)})
    second = classify({"headline": [None], "author": ["Jane Doe"]})
    assert second["score_FAKE"][0] == first["score_FAKE"][0]

    named = BatchClassifier(DEFAULT_CHECKPOINT, "title")
    alone = named({"title": [TITLE]})
    with_text = named({"title": [TITLE], "text": [BODY]})
    assert with_text["score"] == alone["score"]


def test_other_processes_get_all_arguments():
    classify = BatchClassifier(DEFAULT_CHECKPOINT, "headline", threads=2, unsure_below=0.6)
    batch = {"headline": np.array([TITLE, ""], object), "text": np.array([BODY, BODY], object)}
    found = classify(batch)
    assert found["unsure"].tolist() == (found["score"] < 0.6).tolist() == [False, True]
    copy = pickle.loads(pickle.dumps(classify))(batch)
    assert list(copy) == list(found)
    for name, values in found.items():
        assert copy[name].tolist() == values.tolist()


def test_the_hash_is_that_of_the_files(tmp_path):
    """`datasets` caches by the hash, which no call changes."""
    folder = tmp_path / "hub"
    shutil.copytree(DEFAULT_CHECKPOINT, folder)
    classify = BatchClassifier(folder)
    before = Hasher.hash(classify)
    classify({"title": [TITLE], "text": [BODY]})
    assert Hasher.hash(classify) == before
    assert Hasher.hash(pickle.loads(pickle.dumps(classify))) == before
    assert Hasher.hash(BatchClassifier(folder)) == before
    assert Hasher.hash(BatchClassifier(folder, unsure_below=0.6)) != before
    edit_json(folder / "config.json", text_column_names=["title"])
    assert Hasher.hash(BatchClassifier(folder)) != before


def test_another_process_chooses_the_columns_anew(classify):
    classify({"headline": [TITLE]})
    copy = pickle.loads(pickle.dumps(classify))
    assert copy({"title": [TITLE], "text": [BODY]})["label"] == ["FAKE"]


def test_a_pickled_classifier_refuses_other_files(exported):
    pickled = pickle.dumps(BatchClassifier(exported))
    found = pickle.loads(pickled)({"text": [TITLE]})
    assert found["label"] == BatchClassifier(exported)({"text": [TITLE]})["label"]
    edit_json(exported / "config.json", thresholds=[0.1, 0.1])
    with pytest.raises(DataError, match=r"config.json has changed since .* load it again"):
        pickle.loads(pickled)
