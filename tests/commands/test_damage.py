"""Files that are cut short, empty or missing: one sentence of the command that reads them names the file."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import QUICK, ROOT, SMALL, assert_refused, edit_json, run_here

from glove_lstm import GloveLstmClassifier
from glove_lstm.app.api import Api
from glove_lstm.checkpoint import LOADED_NAMES, Checkpoint
from glove_lstm.commands import evaluate, export, predict, train
from glove_lstm.errors import DataError
from glove_lstm.inference.batch_classifier import BatchClassifier
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.weights_file import check_weights, read_header


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("backend", ["torch", "onnx"])
@pytest.mark.parametrize("name", LOADED_NAMES)
def test_a_checkpoint_that_was_cut_short(exported: Path, backend: str, name: str) -> None:
    cut(exported / name)
    done = run_here(predict.main, "a", "--backend", backend, "--model", exported)
    assert_refused(done, str(exported))
    # Errors of safetensors and ONNX Runtime do not name damaged weights.
    if name != "model.safetensors":
        assert name in done.stderr


def test_an_onnx_file_that_was_cut_short(exported: Path) -> None:
    cut(exported / "light.onnx")
    assert_refused(run_here(predict.main, "a", "--model", exported), str(exported / "light.onnx"))


def overwrite_last(path: Path, name: str, value: np.generic) -> None:
    """Overwrite the last value of a tensor in a safetensors file."""
    header, start = read_header(path)
    _, end = header[name]["data_offsets"]
    content = bytearray(path.read_bytes())
    content[start + end - value.nbytes : start + end] = value.tobytes()
    path.write_bytes(content)


def load_model(folder: Path) -> object:
    return Checkpoint.open(folder).load_model()


LOADERS = (
    load_model,
    LightClassifier.from_pretrained,
    GloveLstmClassifier.from_pretrained,
    BatchClassifier,
    partial(BatchClassifier, backend="torch"),
    Api,
)


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        ("classifier.weight", np.float32("nan")),
        ("encoder.embeddings.word_embeddings.weight", np.float16("-inf")),
    ],
)
def test_weights_that_are_no_numbers_are_refused_everywhere(
    exported: Path, articles: Path, tensor: str, value: np.generic
) -> None:
    overwrite_last(exported / "model.safetensors", tensor, value)
    # As if the ONNX file was made from these weights.
    graph = onnx.load(exported / "light.onnx", load_external_data=False)
    onnx.helper.set_model_props(graph, Checkpoint.open(exported).content_hashes())
    onnx.save(graph, exported / "light.onnx")

    parts = [str(exported / "model.safetensors"), tensor, "not finite"]
    for load in LOADERS:
        with pytest.raises(DataError) as refusal:
            load(exported)
        for part in parts:
            assert part in str(refusal.value)
    for backend in ("onnx", "torch"):
        done = run_here(predict.main, "a", "--model", exported, "--backend", backend)
        assert_refused(done, *parts)
    assert_refused(run_here(evaluate.main, exported, "--test_file", articles), *parts)
    assert_refused(run_here(export.main, exported), *parts)


def test_weights_that_are_too_large_for_a_score(copy: Path) -> None:
    overwrite_last(copy / "model.safetensors", "classifier.bias", np.float32(3e38))
    edit_json(copy / "config.json", temperature=0.1)
    for options in ([], ["--explain"]):
        done = run_here(predict.main, "a", "--model", copy, *options)
        assert_refused(done, "logits", "not finite")
    with pytest.raises(DataError, match="not finite"):
        GloveLstmClassifier.from_pretrained(copy).predict(["a"])


@pytest.fixture
def save_bias(copy: Path):
    """A function that saves a bias of the checkpoint, and returns the path of the weights."""
    path = copy / "model.safetensors"
    weights = load_file(path)

    def save(value: float, dtype: torch.dtype) -> Path:
        weights["dense.bias"] = torch.full((8,), value, dtype=dtype)
        save_file(weights, path)
        return path

    return save


FLOATS = pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64]
)


@FLOATS
def test_the_largest_number_is_read(save_bias, dtype: torch.dtype) -> None:
    path = save_bias(torch.finfo(dtype).max, dtype)
    check_weights(path, label_count=2)


@FLOATS
def test_infinity_is_refused_in_every_format(save_bias, dtype: torch.dtype) -> None:
    path = save_bias(float("inf"), dtype)
    with pytest.raises(DataError, match="dense"):
        load_model(path.parent)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 100, b"\x02" + bytes(7) + b"[]", b"\x09" + bytes(7) + b'{"a": {}}']
)
def test_files_that_are_not_safetensors(exported: Path, content: bytes) -> None:
    (exported / "model.safetensors").write_bytes(content)
    for backend in ("onnx", "torch"):
        done = run_here(predict.main, "a", "--model", exported, "--backend", backend)
        assert_refused(done, "model.safetensors is damaged")


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "trainer_state.json"])
def test_damaged_checkpoints_of_the_trainer(
    trained: Path, articles: Path, glove_file: Path, tmp_path: Path, name: str
) -> None:
    """Resuming from one ends in one sentence; nothing is saved."""
    [whole] = trained.glob("checkpoint-*")
    damaged = Path(shutil.copytree(whole, tmp_path / whole.name))
    cut(damaged / name)
    command = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path]
    command += SMALL + QUICK
    done = run_here(train.main, *command, "--refit", "False", "--resume_from_checkpoint", damaged)
    assert_refused(done, "cannot continue from", damaged.name)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_for_output() -> None:
    command = [sys.executable, ROOT / "scripts" / "predict.py", "a"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    assert_refused(done, "disk is full")
    assert "Exception ignored" not in done.stderr
