"""The classifier as engines call it: columns in, columns out; and Ray Data with two workers."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from datasets import load_dataset
from datasets.fingerprint import Hasher
from hub_server import HubServer
from support import edit_json, run_client, succeed

from glove_lstm.checkpoint import DEFAULT_CHECKPOINT
from glove_lstm.commands import predict
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


@pytest.fixture(scope="module")
def expected(articles, tmp_path_factory) -> pd.DataFrame:
    """What predict writes for the articles."""
    path = tmp_path_factory.mktemp("expected") / "labels.csv"
    succeed(predict.main, "--input", articles, "--output", path)
    return pd.read_csv(path)


@pytest.fixture
def table(articles) -> pd.DataFrame:
    return pd.read_csv(articles).rename(columns={"label": "truth", "Unnamed: 0": "id"})


# Batches


def test_arrays_give_what_files_give(classify, table, expected):
    found = classify({name: table[name].to_numpy() for name in table})
    assert list(found) == [*table, "label", "score", "score_FAKE", "score_REAL"]
    assert found["label"].tolist() == expected["label"].tolist()
    for name in ("score", "score_FAKE", "score_REAL"):
        assert found[name].tolist() == pytest.approx(expected[name].tolist(), abs=2e-6)


def test_a_frame_gives_a_frame(classify, table, expected):
    found = classify(table)
    assert isinstance(found, pd.DataFrame)
    assert found["label"].tolist() == expected["label"].tolist()
    assert "label" not in table


def test_datasets_are_mapped(articles, expected):
    rows = load_dataset("csv", data_files=str(articles), split="train", streaming=True)
    rows = rows.rename_column("label", "truth")
    classify = BatchClassifier(DEFAULT_CHECKPOINT, backend="torch")
    found = list(rows.map(classify, batched=True, batch_size=50))
    assert [row["label"] for row in found] == expected["label"].tolist()
    assert found[0]["truth"] == "FAKE"


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


# Columns


def test_all_batches_are_read_alike(classify):
    """The first batch shows that the author is no text."""
    first = classify({"headline": [None, TITLE], "author": (None, None)})
    second = classify({"headline": [None], "author": ["Jane Doe"]})
    assert second["score_FAKE"][0] == first["score_FAKE"][0]


def test_a_column_that_the_first_batch_lacks_is_not_left_out_in_silence(classify):
    classify({"title": [TITLE]})
    with pytest.raises(DataError, match="column 'text', which is not read, because the first "):
        classify({"title": [TITLE], "text": [BODY]})
    assert len(classify({"title": [TITLE]})["label"]) == 1


def test_a_column_that_was_named_is_read_from_all_batches():
    classify = BatchClassifier(DEFAULT_CHECKPOINT, "title")
    alone = classify({"title": [TITLE]})
    with_text = classify({"title": [TITLE], "text": [BODY]})
    assert with_text["score"] == alone["score"]


# Mistakes


def test_batches_that_cannot_be_read_are_refused(classify):
    with pytest.raises(DataError, match="batched=True"):
        classify({"text": "a"})
    labelled = {"text": np.array(["a"]), "label": np.array(["FAKE"])}
    with pytest.raises(DataError, match="column 'label' already; drop or rename it"):
        classify(labelled)
    classify({"text": np.array(["a"])})
    with pytest.raises(DataError, match="no column 'text'"):
        classify({"title": np.array(["a"])})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("backend", {"backend": "tf"}),
        ("threads", {"threads": 0}),
        ("unsure_below", {"unsure_below": 2}),
    ],
)
def test_bad_arguments_are_named(name, arguments):
    with pytest.raises(ValueError, match=f"{name} must be "):
        BatchClassifier(DEFAULT_CHECKPOINT, **arguments)


# Other processes


def test_another_model_in_the_same_folder_is_another_classifier(tmp_path):
    folder = tmp_path / "hub"
    shutil.copytree(DEFAULT_CHECKPOINT, folder)
    before = Hasher.hash(BatchClassifier(folder, backend="torch"))
    assert Hasher.hash(BatchClassifier(folder, backend="torch")) == before
    edit_json(folder / "config.json", shrinkage=7.0)
    assert Hasher.hash(BatchClassifier(folder, backend="torch")) != before


def test_other_processes_get_a_copy(marking):
    batch = {"text": np.array([TITLE, ""])}
    copy = pickle.loads(pickle.dumps(marking))
    for name, values in marking(batch).items():
        assert copy(batch)[name].tolist() == values.tolist()


def test_a_copy_reads_the_commit_that_was_named(tmp_path):
    files = {
        path.name: path.read_bytes() for path in DEFAULT_CHECKPOINT.iterdir() if path.is_file()
    }
    with HubServer() as hub:
        repo = hub.add_repo("user/model", files)
        commit = repo.branches["main"].sha
        repo.commit("main", {**files, "config.json": b"{}"})
        code = f"""
            import pickle
            from glove_lstm import BatchClassifier
            classify = BatchClassifier("user/model", revision="{commit}")
            copy = pickle.loads(pickle.dumps(classify))
            print(copy({{"text": ["{TITLE}"]}})["label"][0])
        """
        done = run_client(hub, code, tmp_path)
    assert done.stdout == "FAKE\n", done.stderr


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
