"""Files that are cut short, empty or missing: one sentence of the command that reads them names the file."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from support import ROOT, assert_refused, run_here

from glove_lstm.commands import predict, train

_NUMBERS = count()  # of copies, whose names must not tell the file
NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def damaged_copies(
    whole: Path, folder: Path, names: tuple[str, ...]
) -> Iterator[tuple[Path, str, str]]:
    """Copies of a folder with one damaged file each: (copy, file, damage)."""
    for name in names:
        content = (whole / name).read_bytes()
        cut = content[: len(content) // 2]
        for how, rest in (("cut", cut), ("missing", None), ("emptied", b"")):
            copy = Path(shutil.copytree(whole, folder / f"{next(_NUMBERS)}"))
            (copy / name).unlink()
            if rest is not None:
                (copy / name).write_bytes(rest)
            yield copy, name, how


COMMANDS = {
    "predict with torch": [predict.main, "a", "--backend", "torch", "--model"],
    "predict": [predict.main, "a", "--model"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_damaged_checkpoints(shared_export: Path, tmp_path: Path, name: str) -> None:
    needed = (*NEEDED, "light.onnx") if name == "predict" else NEEDED  # predict runs without torch
    for copy, file, how in damaged_copies(shared_export, tmp_path, needed):
        if (file, how) == ("light.onnx", "missing"):
            continue  # torch is used instead
        done = run_here(*COMMANDS[name], copy)
        assert_refused(done, "error: ", str(copy))
        # Of damaged weights the error is that of safetensors or ONNX Runtime.
        assert file in done.stderr or (file == "model.safetensors" and how != "missing")


def test_damaged_checkpoints_of_the_trainer(
    checkpoint: Path, articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    """Resuming from one is refused if any of its files would be read, or silently replaced by a new one."""
    whole = max(checkpoint.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    states = "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"
    needed = "config.json", "model.safetensors", "made_of.json", *states
    data = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out"]
    for copy, file, _ in damaged_copies(whole, tmp_path, needed):
        done = run_here(train.main, *data, "--resume_from_checkpoint", copy)
        assert_refused(done, "error: ", copy.name, file)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", ["table", "csv"])
def test_a_full_device_for_output(kind: str) -> None:
    command = [sys.executable, ROOT / "scripts" / "predict.py", "a", "--format", kind]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    done.stdout = ""
    assert_refused(done, "disk is full")
    assert "Exception ignored" not in done.stderr
