"""Files that are cut short, empty or missing: one sentence of the command that reads them names the file."""

import json
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
from glove_lstm.app import build_app
from glove_lstm.checkpoint import LOADED_NAMES, Checkpoint
from glove_lstm.commands import evaluate, export, predict, push, train
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


def open_app(folder: Path) -> object:
    return build_app(Checkpoint.open(folder), "mine")


LOADERS = (
    load_model,
    LightClassifier.from_pretrained,
    GloveLstmClassifier.from_pretrained,
    BatchClassifier,
    partial(BatchClassifier, backend="torch"),
    open_app,
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
    "dtype",
    [torch.int32, torch.int8, torch.bool, torch.complex64, torch.float8_e4m3fn],
)
def test_weights_of_a_type_that_the_network_does_not_read(
    copy: Path, save_bias, articles: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    """Refused wherever a checkpoint is opened, a push and the start of a training included."""
    save_bias(1.0, dtype)
    (copy / "training_texts.safetensors").unlink()
    parts = (str(copy / "model.safetensors"), "dense.bias", "type")
    training = ["--train_file", articles, "--model_name_or_path", copy]
    commands = {
        predict.main: ["a", "--model", copy],
        evaluate.main: [copy, "--test_file", articles],
        export.main: [copy],
        push.main: [copy, "--repo_id", "user/name", "--dry_run"],
        train.main: [*training, "--output_dir", tmp_path / "out", *QUICK],
    }
    for command, words in commands.items():
        assert_refused(run_here(command, *words), *parts)
    for load in (load_model, GloveLstmClassifier.from_pretrained, partial(BatchClassifier)):
        with pytest.raises(DataError, match=r"dense\.bias"):
            load(copy)


def test_weights_of_a_wrong_type_are_refused_without_torch(exported: Path) -> None:
    path = exported / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"F32"', b'"I32"', 1))
    with pytest.raises(DataError, match="has the type 'I32'"):
        LightClassifier.from_pretrained(exported)


NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize("backend", ["torch", "onnx"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_json_that_is_nested_too_deeply(exported: Path, backend: str, name: str) -> None:
    (exported / name).write_bytes(NESTED)
    done = run_here(predict.main, "a", "--model", exported, "--backend", backend)
    assert_refused(done, str(exported / name))


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_tokenizer_without_an_unknown_token(exported: Path, backend: str) -> None:
    path = exported / "tokenizer.json"
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    edit_json(path, model={**model, "unk_token": "<none>"})
    done = run_here(predict.main, "qzx", "--model", exported, "--backend", backend)
    assert_refused(done, str(path), "unknown token")


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_tokenizer_with_a_pattern_that_backtracks_for_ever(exported: Path, backend: str) -> None:
    pattern = {"Regex": r"(?<x>(a|aa)+)\k<x>$"}
    splitter = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    edit_json(exported / "tokenizer.json", pre_tokenizer=splitter)
    words = ["a" * 60 + "!", "--model", exported, "--backend", backend]
    assert_refused(run_here(predict.main, *words), "tokenizer.json", "pattern")


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
    done = run_here(train.main, *command, "--resume_from_checkpoint", damaged)
    assert_refused(done, damaged.name)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="this system limits no file sizes")
def test_a_limit_of_the_size_of_a_file(tmp_path: Path) -> None:
    import resource

    command = [sys.executable, ROOT / "scripts" / "predict.py", "a", "--output", tmp_path / "a.csv"]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (8, 8))
    done = subprocess.run(
        command, stderr=subprocess.PIPE, encoding="utf-8", preexec_fn=limit, check=False
    )
    assert_refused(done, "ulimit -f")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_for_output() -> None:
    command = [sys.executable, ROOT / "scripts" / "predict.py", "a"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    assert_refused(done, "disk is full")
    assert "Exception ignored" not in done.stderr
