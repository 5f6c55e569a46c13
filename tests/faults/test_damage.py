"""Every file of a checkpoint in turn cut short, emptied and missing: told in one sentence by whatever reads it."""

import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import ROOT, assert_refused, write_articles

from faults.stages import Job, bulk_folder, read_bulk
from glove_lstm.data.errors import DataError

DAMAGES = ("cut", "emptied", "missing")
DECIDING = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
# What the commands do with a folder; one process for all the ways to damage it, because a start takes seconds.
_RUN = """
import contextlib, io, json, sys
from importlib import import_module
from glove_lstm.commands.command import run_command
for name, args in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            code = run_command(import_module(f"glove_lstm.commands.{name}").main, args)
        except BaseException as error:
            code = f"Traceback: {type(error).__name__}: {error}"
    print(json.dumps([code, said.getvalue()]))
"""


def run_all(commands: list[tuple[str, list[str]]]) -> list[tuple[object, str]]:
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=json.dumps(commands), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def damage(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if how == "cut" else b"")


def damaged_copies(whole: Path, folder: Path) -> dict[tuple[str, str], Path]:
    """A copy of a folder for each of its files and each way to damage it; what is not damaged is linked."""
    copies = {}
    for path in sorted(path for path in whole.rglob("*") if path.is_file()):
        for how in DAMAGES:
            name = str(path.relative_to(whole))
            copy = folder / f"{how}-{name.replace('/', '-')}"
            shutil.copytree(whole, copy, copy_function=lambda a, b: Path(b).symlink_to(a))
            (copy / name).unlink()
            shutil.copy(path, copy / name)
            damage(copy / name, how)
            copies[name, how] = copy
    return copies


def assert_told(code: object, said: str, *parts: str) -> None:
    assert code == 1, (code, said)
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    for part in parts:
        assert part in errors[0], errors


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return write_articles(tmp_path_factory.mktemp("small") / "small.csv", 20)


COMMANDS = {
    "predict with torch": lambda folder, _: ("predict", ["a", "--model", folder, "--backend", "torch"]),
    "predict with onnx": lambda folder, _: ("predict", ["a", "--model", folder, "--backend", "onnx"]),
    "eval": lambda folder, data: ("evaluate", [folder, "--test_file", data]),
    "export": lambda folder, _: ("export", [folder]),
    "train": lambda folder, data: (
        "train",
        ["--model_name_or_path", folder, "--train_file", data, "--output_dir", f"{folder}/out", "--max_steps", "1",
         "--use_cpu", "True", "--disable_tqdm", "True", "--save_strategy", "no", "--load_best_model_at_end", "False"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_damaged_checkpoints(shared_export: Path, small: Path, tmp_path: Path, name: str) -> None:
    """What decides the scores is missed or found damaged; any other file is not even looked at."""
    copies = damaged_copies(shared_export, tmp_path)
    needed = {*DECIDING, *(["model.onnx"] if name == "predict with onnx" else [])}
    # Where nothing is wrong a command goes on for a while, so that not each meets each.
    asked = {"missing"} if name.startswith("predict") else set()
    copies = {(file, how): copy for (file, how), copy in copies.items() if file in needed or how in asked}
    if name == "predict with onnx":  # it reads the weights only to see whether the ONNX file is theirs
        del copies["model.safetensors", "missing"]
    found = run_all([COMMANDS[name](str(folder), str(small)) for folder in copies.values()])
    assert len(found) == len(copies) >= 3 * len(needed) - 1
    for ((file, how), folder), (code, said) in zip(copies.items(), found, strict=True):
        if file in needed:
            assert_told(code, said, folder.name)
            assert file in said or how == "cut", said
        else:
            assert code == 0, (file, how, said)


def test_an_onnx_file_of_other_weights(shared_export: Path, tmp_path: Path) -> None:
    """As it is where somebody trains on, or copies one of two files."""
    from safetensors.numpy import load_file, save_file

    other = Path(shutil.copytree(shared_export, tmp_path / "other"))
    tensors = load_file(other / "model.safetensors")
    name = next(name for name in tensors if name.endswith("bias"))
    save_file({**tensors, name: tensors[name] + 0.1}, other / "model.safetensors", {"format": "pt"})
    folder = str(other)
    found = run_all(
        [("predict", ["a", "--model", folder]), ("predict", ["a", "--model", folder, "--backend", "torch"])]
    )
    assert_told(*found[0], "model.onnx was not made from the weights", folder)
    assert found[1][0] == 0


@pytest.mark.slow
def test_damaged_checkpoints_of_the_trainer(
    checkpoint: Path, articles: Path, glove_file: Path, tmp_path: Path
):
    """Going on from one is refused where any of its files would be read, or silently replaced by a new one."""
    whole = max(checkpoint.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    copies = damaged_copies(whole, tmp_path)
    given = ["--train_file", str(articles), "--glove", str(glove_file), "--output_dir", str(tmp_path / "out")]
    needed = (
        "config.json",
        "model.safetensors",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "trainer_state.json",
    )
    cases = {case: folder for case, folder in copies.items() if case[0] in needed}
    assert len(cases) == 3 * len(needed)
    for file in ("optimizer.pt", "rng_state.pth"):  # archives, in which a single wrong byte shows
        shutil.copytree(whole, folder := tmp_path / f"{file}-wrong")
        with zipfile.ZipFile(folder / file) as archive:
            largest = max(archive.infolist(), key=lambda member: member.file_size)
            content = archive.read(largest)
        with (folder / file).open("r+b") as stream:
            stream.seek(stream.read().index(content) + len(content) // 2)
            stream.write(bytes([content[len(content) // 2] ^ 1]))
        cases[file, "wrong"] = folder
    found = run_all(
        [("train", [*given, "--resume_from_checkpoint", str(folder)]) for folder in cases.values()]
    )
    for ((file, _), folder), (code, said) in zip(cases.items(), found, strict=True):
        assert_told(code, said, folder.name, file, "begin anew")
    given[1] = str(tmp_path / "none.csv")  # the checkpoint is looked at before the data
    ((code, said),) = run_all([("train", [*given, "--resume_from_checkpoint", str(tmp_path / "none")])])
    assert_told(code, said, "none is no folder")


def test_damaged_glove_files(glove_file: Path, articles: Path, tmp_path: Path) -> None:
    """Text and archives; a line that is cut in the middle is named."""
    text = glove_file.read_bytes()
    (tmp_path / "v.txt").write_bytes(text)
    (tmp_path / "v.txt.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "v.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.txt", text)
    commands, names = [], []
    for name in ("v.txt", "v.txt.gz", "v.zip"):
        for how in DAMAGES:
            folder = tmp_path / f"{how}-{name}"
            folder.mkdir()
            shutil.copy(tmp_path / name, folder / name)
            damage(folder / name, how)
            names.append(folder.name)
            args = [
                "--train_file",
                str(articles),
                "--glove",
                str(folder / name),
                "--output_dir",
                str(tmp_path / "out"),
            ]
            commands.append(("train", args))
    for folder, (code, said) in zip(names, run_all(commands), strict=True):
        assert_told(code, said, folder)


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_folders_of_parts(articles: Path, tmp_path: Path, how: str) -> None:
    """Where run.json is damaged, the parts stay and the run is refused."""
    job = Job(tmp_path / "work", {"articles": str(articles), "kind": "csv"})
    bulk_folder(job)
    wanted = read_bulk(job)
    path = job.work / "out" / "run.json"
    before = path.read_bytes()
    damage(path, how)
    assert "holds parts of another run" in (_refused(lambda: bulk_folder(job)) or "")
    path.write_bytes(before)
    bulk_folder(job)
    assert read_bulk(job) == wanted


def _refused(action) -> str | None:
    """What a person is told, or None where all went well."""
    try:
        action()
    except DataError as error:
        return str(error)
    return None


def test_a_full_device_for_output() -> None:
    """Also what is only written at the very end."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    for kind in ("table", "csv"):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, ROOT / "scripts" / "predict.py", "a", "--format", kind],
                stdout=full, stderr=subprocess.PIPE, encoding="utf-8",
            )  # fmt: skip
        done.stdout = ""
        assert_refused(done, "disk is full")
        assert "Exception ignored" not in done.stderr
