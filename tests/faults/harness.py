"""Run a stage in a process of its own, kill it at a chosen point or fill its disk.

A point is a change to a file: the n-th time that the process opens a file for writing, renames, removes, links or makes
something in its folder. Between two points a process only fills files whose names are already there, so that killing it
at every point covers every state that it can leave behind.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faults.stages import STAGES
from glove_lstm.commands.command import run_command

SIGNALS = (signal.SIGKILL, signal.SIGTERM)
_CHANGES = {"rename", "remove", "mkdir", "rmdir", "link", "symlink", "truncate", "chmod"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_context: Any = multiprocessing.get_context(
    "forkserver"
)  # forks from a process that has imported this:
_context.set_forkserver_preload(
    [
        "datasets",
        "matplotlib.pyplot",
        "glove_lstm.training.experiment",
        "glove_lstm.evaluation.report",
    ]
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: Its exit code; -n if signal n killed it.
        output: What it wrote to standard output and error.
        points: The points that it passed; 0 if it was killed.
    """

    code: int
    output: str
    points: int


def run(name: str, work: Path, given: dict[str, Any], **fault: int) -> Outcome:
    """Run a stage to its end; see `start`."""
    return start(name, work, given, **fault)()


def start(name: str, work: Path, given: dict[str, Any], *, kill: int = 0, at: int = 0) -> Any:
    """Start a stage and return a function that waits for its outcome.

    Args:
        name: The stage.
        work: Its folder.
        given: Its inputs. The folder "logs" is outside of `work`, where there may be no room.
        kill: Signal to send at point `at`, which counts from 1.
    """
    log = Path(given["logs"]) / f"{name}-{len(list(Path(given['logs']).iterdir()))}"
    log.touch()
    process = _context.Process(target=_child, args=(name, work, given, kill, at, log))
    process.start()

    def finish() -> Outcome:
        process.join(300)
        points = Path(f"{log}.points")
        passed = int(points.read_text()) if points.exists() else 0
        return Outcome(process.exitcode, log.read_text(errors="replace"), passed)

    return finish


def _child(name: str, work: Path, given: dict[str, Any], kill: int, at: int, log: Path) -> None:
    handle = os.open(log, os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    points = 0

    def hook(event: str, values: tuple[Any, ...]) -> None:
        nonlocal points
        if _is_change(event, values, f"{work}{os.sep}"):
            points += 1
            if points == at:
                os.kill(os.getpid(), kill)

    sys.addaudithook(hook)
    code = run_command(lambda _: STAGES[name][0](work, given), [])
    Path(f"{log}.points").write_text(str(points))
    sys.exit(code)


def _is_change(event: str, values: tuple[Any, ...], folder: str) -> bool:
    if event == "open":
        path, mode, flags = values
        writes = (
            bool(flags & _WRITES)
            if isinstance(flags, int)
            else any(c in (mode or "") for c in "wax+")
        )
        return writes and isinstance(path, str) and path.startswith(folder)
    module, _, change = event.partition(".")
    paths = [os.fspath(value) for value in values if isinstance(value, str | os.PathLike)]
    return module == "os" and change in _CHANGES and any(path.startswith(folder) for path in paths)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a small disk at `folder`; without the right to do so, the test is skipped."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def leave_room(disk: Path, room: int) -> Path:
    """Fill a disk up to `room` bytes with a file that is returned, to be removed later."""
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file:
        for _ in range(max(0, free - room) // 4096):
            file.write(b"\1" * 4096)
    return ballast
