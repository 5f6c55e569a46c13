"""Files that appear whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from glove_lstm.data.whole_files import whole_file, whole_files


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "metrics.json"
    with whole_file(target) as part:
        part.write_text("{}")
        assert not target.exists()
    assert target.read_text() == "{}"
    assert everything(tmp_path) == ["deep", "deep/metrics.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, "old"])
def test_an_exception_leaves_what_was_there(tmp_path, error, before):
    target = tmp_path / "metrics.json"
    if before:
        target.write_text(before)
    with pytest.raises(type(error)), whole_file(target) as part:  # noqa: PT012
        part.write_text("half")
        raise error
    assert everything(tmp_path) == (["metrics.json"] if before else [])
    assert not before or target.read_text() == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_exception_leaves_the_folder_as_it_was(tmp_path, error):
    (tmp_path / "config.json").write_text("old")
    with pytest.raises(type(error)), whole_files(tmp_path) as part:  # noqa: PT012
        (part / "config.json").write_text("new")
        (part / "model.safetensors").write_bytes(b"half")
        raise error
    assert everything(tmp_path) == ["config.json"]
    assert (tmp_path / "config.json").read_text() == "old"


def test_a_folder_is_filled_and_the_last_file_moves_last(tmp_path, monkeypatch):
    (tmp_path / "keep.txt").write_text("kept")
    (tmp_path / "model.safetensors").write_text("old")
    moved = []
    replace = type(tmp_path).replace
    monkeypatch.setattr(
        type(tmp_path), "replace", lambda self, to: (moved.append(to.name), replace(self, to))[1]
    )
    with whole_files(tmp_path) as part:
        (part / "sub").mkdir()
        for name in ("config.json", "model.safetensors", "sub/z.txt", "a.txt"):
            (part / name).write_text("new")
        assert (tmp_path / "model.safetensors").read_text() == "old"
    assert moved[-1] == "config.json"
    assert everything(tmp_path) == [
        "a.txt",
        "config.json",
        "keep.txt",
        "model.safetensors",
        "sub",
        "sub/z.txt",
    ]
    assert (tmp_path / "model.safetensors").read_text() == "new"


def test_no_reader_finds_some_of_the_old_and_some_of_the_new(tmp_path, monkeypatch):
    """What moves last is not there while the others move: who finds it finds all of one state."""
    for name in ("a.txt", "config.json", "z.txt"):
        (tmp_path / name).write_text("old")
    seen = []
    replace = type(tmp_path).replace

    def look(self, to):
        replace(self, to)
        seen.append({path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()})

    monkeypatch.setattr(type(tmp_path), "replace", look)
    with whole_files(tmp_path) as part:
        for name in ("a.txt", "config.json", "z.txt"):
            (part / name).write_text("new")
    assert len(seen) == 3
    assert all(len(set(state.values())) == 1 for state in seen if "config.json" in state)
    with whole_files(tmp_path) as part:  # without it, nothing is said of the whole
        (part / "a.txt").write_text("newer")
    assert (tmp_path / "config.json").read_text() == "new"


_KILLED = """
import os, signal, sys, time
from pathlib import Path
from glove_lstm.data.whole_files import whole_file, whole_files
folder = Path(sys.argv[1])
with whole_file(folder / "a[1].json") as file, whole_files(folder) as part:
    file.write_text("half")
    (part / "b.txt").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    pytest.importorskip("fcntl")
    command = [sys.executable, "-c", _KILLED, str(tmp_path)]
    killed, living = (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        for process in (killed, living):
            assert process.stdout.readline() == "ready\n"
        before = set(everything(tmp_path))
        killed.kill()
        killed.wait()
        for _ in range(2):
            with whole_file(tmp_path / "a[1].json") as file, whole_files(tmp_path) as part:
                file.write_text("whole")
                (part / "b.txt").write_text("whole")
        left = set(everything(tmp_path)) - {"a[1].json", "b.txt"}
        assert len(before) == 6
        assert len(left) == 3  # a file, a folder and the file in it
        assert left < before
    finally:
        living.kill()
        living.wait()
    with whole_file(tmp_path / "a[1].json"), whole_files(tmp_path):
        pass
    assert everything(tmp_path) == ["a[1].json", "b.txt"]


def test_others_may_read_what_was_written(tmp_path, monkeypatch):
    mask = os.umask(0o022)
    monkeypatch.setattr(
        os, "umask", None
    )  # it is the whole process's: other threads create files, too
    try:
        with whole_file(tmp_path / "a") as part:
            part.write_text("x")
        with whole_files(tmp_path) as folder:
            (folder / "b").write_text("x")
            (folder / "b").chmod(0o600)
    finally:
        monkeypatch.undo()
        os.umask(mask)
    for name in "ab":
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644
