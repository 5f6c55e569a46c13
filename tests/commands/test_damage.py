"""Files that are cut short, empty or missing: one sentence of the command that reads them names the file."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, assert_refused, write_articles

DAMAGES = ("cut", "missing", "emptied")
NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
# One process for all commands, because a start takes seconds.
_RUN = """
import contextlib, io, json, sys
from glove_lstm.commands.main import main
for args in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            code = main(args)
        except BaseException as error:
            code = f"Traceback: {type(error).__name__}: {error}"
    print(json.dumps([code, said.getvalue()]))
"""


def run_all(commands: list[list[object]]) -> list[tuple[object, str]]:
    """Exit code and output of each command."""
    given = json.dumps([list(map(str, command)) for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=given, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def damage(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if how == "cut" else b"")


def damaged_copies(
    whole: Path, folder: Path, names: tuple[str, ...], damages: tuple[str, ...] = DAMAGES[:2]
) -> list[tuple[Path, str, str]]:
    """A copy of a folder for each of these files and each damage: (copy, file, damage)."""
    cases = [(folder / f"{how}-{name}", name, how) for name in names for how in damages]
    for copy, name, how in cases:
        shutil.copytree(whole, copy)
        damage(copy / name, how)
    return cases


def assert_told(code: object, said: str, *parts: str) -> None:
    assert code == 1, (code, said)
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    for part in parts:
        assert part in errors[0], errors


_TRAIN = "--max_steps 1 --use_cpu True --save_strategy no --load_best_model_at_end False"
COMMANDS = {
    "predict with torch": ["predict", "a", "--backend", "torch", "--model"],
    "predict": ["predict", "a", "--model"],
    "train": ["train", *_TRAIN.split(), "--output_dir", "out", "--model_name_or_path"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_damaged_checkpoints(shared_export: Path, tmp_path: Path, name: str) -> None:
    data = []
    if name == "train":
        data = ["--train_file", write_articles(tmp_path / "small.csv", 20, seed=9)]
    needed = NEEDED
    if name == "predict":  # without torch
        needed = (*NEEDED, "light.onnx")
    damages = DAMAGES if name == "predict" else DAMAGES[:2]
    cases = damaged_copies(shared_export, tmp_path, needed, damages)
    # Without light.onnx, torch is used instead.
    cases = [case for case in cases if case[1:] != ("light.onnx", "missing")]
    found = run_all([[*COMMANDS[name], copy, *data] for copy, _, _ in cases])
    for (copy, file, how), (code, said) in zip(cases, found, strict=True):
        assert_told(code, said, copy.name)
        assert file in said or how == "cut", said


def test_damaged_checkpoints_of_the_trainer(
    checkpoint: Path, articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    """Resuming from one is refused if any of its files would be read, or silently replaced by a new one."""
    whole = max(checkpoint.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    states = "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"
    cases = damaged_copies(whole, tmp_path, ("config.json", "model.safetensors", *states))
    data = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out"]
    found = run_all([["train", *data, "--resume_from_checkpoint", copy] for copy, _, _ in cases])
    for (copy, file, _), (code, said) in zip(cases, found, strict=True):
        assert_told(code, said, copy.name, file)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", ["table", "csv"])
def test_a_full_device_for_output(kind: str) -> None:
    command = [sys.executable, ROOT / "scripts" / "predict.py", "a", "--format", kind]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    done.stdout = ""
    assert_refused(done, "disk is full")
    assert "Exception ignored" not in done.stderr
