"""The ONNX graph computes what PyTorch does, for every shape of network and every batch; and the files it comes in."""

import inspect
import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import SHAPES, random_batch, torch_logits

from glove_lstm import GloveLstmConfig
from glove_lstm.data.errors import DataError
from glove_lstm.inference import onnx_export
from glove_lstm.inference.checkpoint_files import RESULT_FIELDS, check_made_from, weights_digest
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.onnx_export import export_int8, export_onnx
from glove_lstm.inference.onnx_graph import build_graph

DIGEST = "0" * 64
# What training, names or a mere convention is about; every other value of the config changes what is computed.
HARMLESS = {
    "word_dropout",
    "embedding_dropout",
    "hidden_dropout",
    "classifier_dropout",
    "freeze_embeddings",
    "half_precision_embeddings",
    "pad_token_id",
    "unk_token_id",
}


def run(model, batch, *, int8=False):
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    graph = build_graph(model.config, weights, {}, DIGEST, int8=int8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {known.name: batch[known.name] for known in session.get_inputs()})[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=SHAPES,
    lengths=st.lists(st.integers(0, 15), min_size=1, max_size=5),
    more=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_equals_pytorch_whatever_the_network_and_the_batch(make, shape, lengths, more, seed) -> None:
    model = make(seed, **shape)
    batch = random_batch(lengths, max(lengths) + more, seed)
    np.testing.assert_allclose(run(model, batch), torch_logits(model, batch), atol=1e-5)


@pytest.mark.parametrize("window", [0, 4])
def test_half_precision_tables_and_rows_of_padding(make, window) -> None:
    model = make(window_size=window, ngram_buckets=16, character_ngrams=4, type_embedding_size=2)
    model.round_tables()
    batch = random_batch([0, 9, 4, 0], 12)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    for name in model._tables():
        weights[name] = weights[name].astype(np.float16)
    graph = build_graph(model.config, weights, {}, DIGEST)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, batch)[0]
    np.testing.assert_allclose(found, torch_logits(model, batch), atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_int8_is_near(make, bidirectional) -> None:
    model = make(hidden_size=16, embedding_size=12, bidirectional=bidirectional, window_size=5)
    batch = random_batch([0, 3, 11, 12], 12)
    assert np.abs(run(model, batch, int8=True) - torch_logits(model, batch)).max() < 0.1


def test_digest_covers_every_value_that_changes_the_result() -> None:
    fields = set(inspect.signature(GloveLstmConfig).parameters) - {"kwargs"}
    assert fields == set(RESULT_FIELDS) | HARMLESS


def test_exported_file_is_small_valid_and_knows_its_weights(exported) -> None:
    path = exported / "model.onnx"
    onnx.checker.check_model(str(path), full_check=True)
    check_made_from(path, weights_digest(exported))
    config = json.loads((exported / "config.json").read_text())
    (exported / "config.json").write_text(json.dumps(config | {"hidden_dropout": 0.77}))
    check_made_from(path, weights_digest(exported))  # nothing that a prediction depends on
    (exported / "config.json").write_text(json.dumps(config | {"ngram_weight": 0.77}))
    with pytest.raises(DataError, match=r"model\.onnx was not made from .*glove-lstm export"):
        check_made_from(path, weights_digest(exported))
    assert not [file for file in exported.iterdir() if file.name.endswith(".part")]


def test_big_tables_stay_in_the_weights_file(tmp_path, checkpoint) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*"))
    model, _ = load_checkpoint(folder)
    graph = onnx.load(str(export_onnx(folder)), load_external_data=False)
    outside = [tensor.name for tensor in graph.graph.initializer if tensor.external_data]
    assert "ngrams.word_weights" in outside
    big = [value for value in model.state_dict().values() if value.numel() * 2 >= 1 << 16]
    assert len(outside) == len(big)
    places = {entry.value for tensor in graph.graph.initializer for entry in tensor.external_data[:1]}
    assert places == {"model.safetensors"}


def test_failure_leaves_what_was_there(exported, monkeypatch) -> None:
    before = (exported / "model.onnx").read_bytes()

    def differ(*_args):
        raise RuntimeError("differs")

    monkeypatch.setattr(onnx_export, "_compare", differ)
    with pytest.raises(RuntimeError, match="differs"):
        export_onnx(exported)
    assert (exported / "model.onnx").read_bytes() == before
    assert not [file for file in exported.iterdir() if file.name.endswith(".part")]


def test_int8_only_where_the_accuracy_holds(exported, monkeypatch) -> None:
    texts, labels = ["council report budget", "shocking secret hoax"] * 5, np.array([1, 0] * 5)
    trial = export_int8(exported, texts, None, labels)
    assert trial.path == exported / "model_int8.onnx"
    assert trial.path.is_file()
    assert trial.texts == 10
    monkeypatch.setattr(onnx_export, "MOST_LOST", -1.0)
    assert export_int8(exported, texts, None, labels).path is None
    assert not (exported / "model_int8.onnx").exists()  # not even the older one


def test_weights_of_another_kind_are_refused(tmp_path, checkpoint) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*"))
    model, _ = load_checkpoint(folder)
    model.to(torch.bfloat16).save_pretrained(folder)
    with pytest.raises(DataError, match="stored as BF16; save the model in float32"):
        export_onnx(folder)
    with pytest.raises(DataError, match="is no folder"):
        export_onnx(tmp_path / "nowhere")
