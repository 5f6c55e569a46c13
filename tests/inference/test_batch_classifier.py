"""The classifier as engines call it: columns in, columns out; and Ray Data with two workers."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from datasets import load_dataset
from datasets.fingerprint import Hasher
from support import read_csv, succeed

from glove_lstm.checkpoint import DEFAULT_CHECKPOINT
from glove_lstm.commands import predict
from glove_lstm.errors import DataError
from glove_lstm.inference.batch_classifier import BatchClassifier


@pytest.fixture(scope="module")
def classifier() -> BatchClassifier:
    return BatchClassifier(DEFAULT_CHECKPOINT, unsure_below=0.6)


@pytest.fixture(scope="module")
def labelled(articles, tmp_path_factory) -> list[dict]:
    """What predict writes."""
    path = tmp_path_factory.mktemp("labelled") / "labels.csv"
    succeed(predict.main, "--input", articles, "--output", path)
    return read_csv(path)


def table(articles) -> pd.DataFrame:
    return pd.read_csv(articles).rename(columns={"label": "truth", "Unnamed: 0": "id"})


def test_arrays_and_frames_give_what_files_give(articles, labelled):
    frame = table(articles)
    classify = BatchClassifier(DEFAULT_CHECKPOINT)
    arrays = classify({name: frame[name].to_numpy() for name in frame})
    assert list(arrays) == [*frame, "label", "score", "score_FAKE", "score_REAL"]
    assert arrays["label"].tolist() == [row["label"] for row in labelled]
    for name in ("score", "score_FAKE", "score_REAL"):
        wanted = [float(row[name]) for row in labelled]
        assert arrays[name].tolist() == pytest.approx(wanted, abs=2e-6)
    found = classify(frame)
    assert isinstance(found, pd.DataFrame)
    assert found["label"].tolist() == arrays["label"].tolist()
    assert "label" not in frame


def test_datasets_are_mapped(articles, labelled):
    rows = load_dataset("csv", data_files=str(articles), split="train", streaming=True)
    rows = rows.rename_column("label", "truth")
    classify = BatchClassifier(DEFAULT_CHECKPOINT, backend="torch")
    found = list(rows.map(classify, batched=True, batch_size=50))
    assert [row["label"] for row in found] == [row["label"] for row in labelled]
    assert found[0]["truth"] == "FAKE"


def test_missing_texts_and_empty_batches(classifier):
    secret = "SHOCKING secret they hide from you!!!"
    texts = np.array([secret, None, float("nan"), ""], dtype=object)
    found = classifier({"text": texts})
    assert found["label"][0] == "FAKE"
    assert len(set(found["score_FAKE"][1:])) == 1
    missing = pd.DataFrame({"text": pd.array([secret, pd.NA], dtype="string"), 0: [1, 2]})
    assert classifier(missing)["score_FAKE"].tolist() == found["score_FAKE"][:2].tolist()
    empty = classifier({"text": texts[:0]})
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(found, 0)


def test_all_batches_are_read_alike():
    classify = BatchClassifier(DEFAULT_CHECKPOINT)
    first = classify({"headline": [None, "Senate passes budget bill"], "author": (None, None)})
    second = classify({"headline": [None], "author": ["Jane Doe"]})
    assert second["score_FAKE"][0] == first["score_FAKE"][0]


def test_a_column_that_the_first_batch_lacks_is_not_left_out_in_silence():
    title, body = ["SHOCKING secret!!!"], ["The council voted on the bridge on Tuesday, it said."]
    classify = BatchClassifier(DEFAULT_CHECKPOINT)
    classify({"title": title})
    with pytest.raises(DataError, match="column 'text', which is not read, because the first "):
        classify({"title": title, "text": body})
    assert len(classify({"title": title})["label"]) == 1
    for first in ({"title": title}, {"title": title, "text": body}):
        by_name = BatchClassifier(DEFAULT_CHECKPOINT, "title")
        found = [by_name(first), by_name({"title": title, "text": body})]
        assert found[0]["score"] == found[1]["score"]


def test_another_model_in_the_same_folder_is_another_classifier(tmp_path):
    shutil.copytree(DEFAULT_CHECKPOINT, tmp_path / "hub")

    def fingerprint() -> str:
        return Hasher.hash(BatchClassifier(tmp_path / "hub", backend="torch"))

    before = fingerprint()
    assert fingerprint() == before
    config = tmp_path / "hub" / "config.json"
    config.write_text(config.read_text().replace('"shrinkage": 8.0', '"shrinkage": 7.0'))
    assert fingerprint() != before


def test_mistakes(classifier, tmp_path):
    with pytest.raises(DataError, match="batched=True"):
        classifier({"text": "a"})
    labelled = {"text": np.array(["a"]), "label": np.array(["FAKE"])}
    with pytest.raises(DataError, match="column 'label' already; drop or rename it"):
        classifier(labelled)
    with pytest.raises(DataError, match="no column 'body'"):
        BatchClassifier(DEFAULT_CHECKPOINT, ["body"])({"text": np.array(["a"])})
    classifier({"text": np.array(["a"])})
    with pytest.raises(DataError, match="no column 'text'"):
        classifier({"title": np.array(["a"])})
    with pytest.raises(DataError):
        BatchClassifier(tmp_path)
    no_threads = {"threads": 0, "backend": "torch"}
    for wrong in ({"backend": "tf"}, {"threads": 0}, no_threads, {"unsure_below": 2}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be "):
            BatchClassifier(DEFAULT_CHECKPOINT, **wrong)


def test_other_processes_get_a_copy(classifier):
    batch = {"text": np.array(["Senate passes budget bill", ""])}
    copy = pickle.loads(pickle.dumps(classifier))
    for name, values in classifier(batch).items():
        assert copy(batch)[name].tolist() == values.tolist()


@pytest.mark.slow
def test_ray_data_with_two_workers_gives_the_rows_of_one_process(articles, labelled, monkeypatch):
    pytest.importorskip("ray", reason="needs Ray: pip install 'glove-lstm[ray]'")
    monkeypatch.setenv("RAY_worker_register_timeout_seconds", "300")  # for a busy machine
    import ray
    import ray.data

    # Ray's processes ask for this machine's own address, which the tests' network guard refuses.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    # Ray Data needs processors beside the two that the workers hold, or nothing moves.
    options = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
    ray.init(num_cpus=4, _node_ip_address="127.0.0.1", **options)
    try:
        rows = ray.data.from_pandas(table(articles)).repartition(4)
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
    assert found["label"].tolist() == [row["label"] for row in labelled]
    scores = [float(row["score"]) for row in labelled]
    assert found["score"].tolist() == pytest.approx(scores, abs=2e-6)
