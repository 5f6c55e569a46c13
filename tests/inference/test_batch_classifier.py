"""The classifier as engines call it: columns in, columns out; and Ray Data with two workers."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from datasets.fingerprint import Hasher
from support import edit_json, succeed

from glove_lstm.checkpoint import DEFAULT_CHECKPOINT
from glove_lstm.commands import predict
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


@pytest.fixture(scope="module")
def expected(articles, tmp_path_factory) -> pd.DataFrame:
    """What predict writes for the articles."""
    path = tmp_path_factory.mktemp("expected") / "labels.csv"
    succeed(predict.main, "--input", articles, "--output", path)
    return pd.read_csv(path)


@pytest.fixture
def table(articles) -> pd.DataFrame:
    return pd.read_csv(articles).rename(columns={"label": "truth", "Unnamed: 0": "id"})


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


def test_another_model_in_the_same_folder_is_another_classifier(tmp_path):
    """`datasets` caches by the hash."""
    folder = tmp_path / "hub"
    shutil.copytree(DEFAULT_CHECKPOINT, folder)
    before = Hasher.hash(BatchClassifier(folder, backend="torch"))
    assert Hasher.hash(BatchClassifier(folder, backend="torch")) == before
    edit_json(folder / "config.json", shrinkage=7.0)
    assert Hasher.hash(BatchClassifier(folder, backend="torch")) != before


@pytest.mark.slow
def test_ray_data_with_two_workers_gives_the_rows_of_one_process(table, expected, monkeypatch):
    pytest.importorskip("ray", reason="needs Ray: pip install 'glove-lstm[ray]'")
    monkeypatch.setenv("RAY_worker_register_timeout_seconds", "300")  # for a busy machine
    import ray
    import ray.data

    # Ray's processes ask for this machine's own address, which the tests' network guard refuses.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    ray.init(
        num_cpus=4,  # Ray Data needs processors beside the two that the workers hold, or nothing moves
        _node_ip_address="127.0.0.1",
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
    )
    try:
        rows = ray.data.from_pandas(table).repartition(4)
        rows = rows.map_batches(
            BatchClassifier,
            fn_constructor_args=[str(DEFAULT_CHECKPOINT)],
            batch_size=40,
            compute=ray.data.ActorPoolStrategy(size=2),
            num_cpus=1,
        )
        found = rows.to_pandas().sort_values("id")
    finally:
        ray.shutdown()
    assert found["id"].tolist() == list(range(160))
    assert found["label"].tolist() == expected["label"].tolist()
    assert found["score"].tolist() == pytest.approx(expected["score"].tolist(), abs=2e-6)
