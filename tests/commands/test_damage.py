"""Files that are cut short, empty or missing: one sentence of the command that reads them names the file."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import QUICK, ROOT, SMALL, assert_refused, run_here

from glove_lstm import GloveLstmClassifier
from glove_lstm.app.api import Api
from glove_lstm.checkpoint import Checkpoint
from glove_lstm.commands import evaluate, export, predict, train
from glove_lstm.errors import DataError
from glove_lstm.inference.batch_classifier import BatchClassifier
from glove_lstm.inference.runtime import LightClassifier
from glove_lstm.weights_file import check_weights

NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def damaged_copies(
    whole: Path, folder: Path, names: tuple[str, ...]
) -> Iterator[tuple[Path, str, str]]:
    """Copies of a folder with one damaged file each: (copy, file, damage). Names of copies do not tell the file."""
    for name in names:
        content = (whole / name).read_bytes()
        half = content[: len(content) // 2]
        for damage, rest in (("cut", half), ("missing", None), ("emptied", b"")):
            copy = Path(tempfile.mkdtemp(dir=folder)) / "copy"
            shutil.copytree(whole, copy)
            (copy / name).unlink()
            if rest is not None:
                (copy / name).write_bytes(rest)
            yield copy, name, damage


@pytest.mark.parametrize(
    ("options", "needed"),
    [(["--backend", "torch"], NEEDED), ([], (*NEEDED, "light.onnx"))],
    ids=["with torch", "without torch"],
)
def test_damaged_checkpoints(
    shared_export: Path, tmp_path: Path, options: list[str], needed: tuple[str, ...]
) -> None:
    for copy, file, damage in damaged_copies(shared_export, tmp_path, needed):
        if (file, damage) == ("light.onnx", "missing"):
            continue  # torch is used instead
        done = run_here(predict.main, "a", *options, "--model", copy)
        assert_refused(done, "error: ", str(copy))
        # The error of damaged weights is that of safetensors or ONNX Runtime.
        if file != "model.safetensors" or damage == "missing":
            assert file in done.stderr


def overwrite_last(path: Path, name: str, value: np.generic) -> None:
    """Overwrite the last value of a tensor in a safetensors file."""
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    end = start + json.loads(content[8:start])[name]["data_offsets"][1]
    content[end - value.nbytes : end] = value.tobytes()
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
    graph = onnx.load(exported / "light.onnx", load_external_data=False)
    onnx.helper.set_model_props(
        graph, Checkpoint.open(exported).content_hashes()
    )  # made from these weights
    onnx.save(graph, exported / "light.onnx")

    parts = str(exported / "model.safetensors"), tensor, "not finite"
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
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "temperature": 0.1}))
    said = "logits", "not finite"
    assert_refused(run_here(predict.main, "a", "--model", copy), *said)
    assert_refused(run_here(predict.main, "a", "--model", copy, "--explain"), *said)
    with pytest.raises(DataError, match="not finite"):
        GloveLstmClassifier.from_pretrained(copy).predict(["a"])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_infinity_and_the_largest_numbers_are_told_apart(copy: Path, kind: torch.dtype) -> None:
    path = copy / "model.safetensors"
    weights = load_file(path)
    for value in (torch.finfo(kind).max, torch.finfo(kind).min, torch.finfo(kind).tiny, -0.0):
        save_file({**weights, "dense.bias": torch.full((8,), value, dtype=kind)}, path)
        check_weights(path, 2)
    for value in ("nan", "inf", "-inf"):
        save_file({**weights, "dense.bias": torch.full((8,), float(value), dtype=kind)}, path)
        with pytest.raises(DataError, match="dense"):
            load_model(copy)


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
    content = (damaged / name).read_bytes()
    (damaged / name).write_bytes(content[: len(content) // 2])
    data = ["--train_file", articles, "--glove", glove_file, *SMALL, *QUICK]
    resume = ["--output_dir", tmp_path, "--resume_from_checkpoint", damaged]
    done = run_here(train.main, *data, *resume, "--refit", "False")
    assert_refused(done, "cannot continue from", damaged.name)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", ["table", "csv"])
def test_a_full_device_for_output(kind: str) -> None:
    command = [sys.executable, ROOT / "scripts" / "predict.py", "a", "--format", kind]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    done.stdout = ""
    assert_refused(done, "disk is full")
    assert "Exception ignored" not in done.stderr
