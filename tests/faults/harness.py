"""Run a stage in a process of its own, and let a signal, or a full disk, meet it at a chosen point.

A point is a change to a file: the n-th time that the process opens a file for writing, renames, removes, links or makes
something below its folder. What happens between two such changes is the filling of a file whose name is already there,
so that the state after a kill is one of these.
"""

import contextlib
import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faults.stages import STAGES, Job
from glove_lstm.commands.command import run_command

_CHANGES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_context: Any = multiprocessing.get_context("forkserver")  # forks from a process that has imported everything
_context.set_forkserver_preload(
    [
        "glove_lstm.training.experiment",
        "glove_lstm.inference.onnx_export",
        "glove_lstm.commands.train",
        "matplotlib.pyplot",
    ]
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: Its exit code; below zero the signal that killed it.
        said: What it wrote.
        points: Changes to files that it made, where it came to its end.
        seen: What readers found at each of these, where they looked.
    """

    code: int
    said: str
    points: int = 0
    seen: tuple[Any, ...] = ()


def start(stage: str, job: Job, *, kill: int = 0, at: int = 0, watch: bool = False) -> Any:
    """Begin a stage; see `finish`.

    Args:
        stage: Its name.
        job: What it is given.
        kill: The signal to send at point `at`.
        at: From 1.
        watch: Read what is there before every change.
    """
    process = _context.Process(target=_child, args=(stage, job, kill, at, watch, _log(job)))
    process.start()
    return process


def finish(process: Any, job: Job) -> Outcome:
    """Wait for it."""
    process.join(300)
    said = _log(job).read_text(errors="replace") if _log(job).exists() else ""
    found = Path(f"{_log(job)}.found")
    points, seen = eval(found.read_text()) if found.exists() else (0, ())
    found.unlink(missing_ok=True)
    return Outcome(process.exitcode, said, points, tuple(seen))


def run(stage: str, job: Job, **fault: Any) -> Outcome:
    """Run a stage to its end."""
    return finish(start(stage, job, **fault), job)


def tree(folder: Path) -> list[str]:
    """The names of all files, but for locks and the hidden files that a killed process leaves."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock" and "/." not in f"/{path.relative_to(folder)}"
    )


def _log(job: Job) -> Path:
    return Path(job.given["log"])  # not beside `work`, where there may be no room


def _child(stage: str, job: Job, kill: int, at: int, watch: bool, log: Path) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    make, read = STAGES[stage]
    below = str(job.work) + os.sep
    points, seen, looking = 0, [], False

    def hook(event: str, values: tuple[Any, ...]) -> None:
        nonlocal points, looking
        if looking or not _changes(event, values, below):
            return
        points += 1
        if watch:
            looking = True
            seen.append(digest(read(job)))
            looking = False
        if points == at:
            os.kill(os.getpid(), kill)

    sys.addaudithook(hook)
    code = run_command(lambda _: make(job), [])
    Path(f"{log}.found").write_text(repr((points, seen)))
    sys.exit(code)


def _changes(event: str, values: tuple[Any, ...], below: str) -> bool:
    if event == "open":
        path, mode, flags = values
        writes = bool(flags & _WRITES) if isinstance(flags, int) else any(c in (mode or "") for c in "wax+")
        return writes and isinstance(path, str) and path.startswith(below)
    return event in _CHANGES and any(
        isinstance(value, str) and value.startswith(below) for value in map(_text, values)
    )


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def digest(found: Any) -> Any:
    """Short, for what can be large; a hash that is the same in all processes."""
    return None if found is None else hashlib.sha256(repr(found).encode()).hexdigest()


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int):
    """A disk of its own at `folder`; the test is skipped where it may not be made."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def leave_room(disk: Path, room: int) -> Path:
    """Fill a disk up to `room` bytes; removing the file that is given makes it large again."""
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file:
        for _ in range(max(0, free - room) // 4096):
            file.write(b"\1" * 4096)
    return ballast


SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM}
