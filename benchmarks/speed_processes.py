"""Fresh processes whose threads are pinned, for timings that do not disturb each other."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.inference.backends import processors

_WORKER = "benchmarks.speed_worker"
_LAST = 1500  # characters of what a failed process said


class MissingPeerError(Exception):
    """A peer that is compared with is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Job:
    """Work for one process.

    Attributes:
        kind: Of `speed_worker.KINDS`.
        values: Its arguments.
        cores: The processors that it may use; also the number of its threads.
    """

    kind: str
    values: Mapping[str, Any]
    cores: tuple[int, ...]


@dataclass(frozen=True)
class ColdStart:
    """A new process, up to its first label.

    Attributes:
        seconds: Until the label was there.
        peak_bytes: The most memory that it held.
        label: What it said.
        score: How sure it was.
    """

    seconds: float
    peak_bytes: int
    label: str
    score: float


def choose_cores(count: int) -> tuple[int, ...]:
    """The last processors that this process may use: the first one serves interrupts.

    Raises:
        DataError: There are not as many.
    """
    available = processors()
    if not 1 <= count <= len(available):
        raise DataError(f"--threads is {count}, but must be from 1 to {len(available)} on this machine.")
    return tuple(available[-count:])


def pinned(threads: int) -> dict[str, str]:
    """The environment variables that hold every library to so many threads."""
    names = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "RAYON_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    )
    values = dict.fromkeys(names, str(threads))
    # Spinning OpenMP barriers can slow two threads down 100 times where a processor is a virtual one.
    return values | {
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "GOMP_SPINCOUNT": "1000",
    }


def run_together(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Let processes get ready, start their work at once, and give what each says of it.

    Raises:
        MissingPeerError: A peer is not installed.
        DataError: A process failed; the sentence has the end of what it said.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(job)) for job in jobs]
        for worker in workers:
            worker.answer()
        for worker in workers:
            worker.go()
        return [worker.answer() for worker in workers]


def start_cold(code: str, text: str, cores: tuple[int, ...]) -> ColdStart:
    """Run code in a new process and time it, up to its first label.

    Args:
        code: Defines `classify`, which takes a string and gives `[{"label", "score"}]`.
        text: To classify.
        cores: The processors that it may use.
    """
    program = _COLD_START.format(cores=set(cores), code=code)
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=_environment(len(cores)),
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(text)
        process.stdin.close()
        first = process.stdout.readline()
        seconds = time.perf_counter() - began
        rest, said = process.stdout.read(), process.stderr.read()
    if process.returncode or not first:
        raise DataError(f"A new process gave no label: {_end_of(said)}")
    found = json.loads(first)
    return ColdStart(seconds, int(rest), found["label"], found["score"])


_COLD_START = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {cores})
text = sys.stdin.read()
{code}
found = classify(text)[0]
import json
print(json.dumps({{"label": found["label"], "score": float(found["score"])}}), flush=True)
from benchmarks.peak_memory import peak_bytes
print(peak_bytes())
"""


class _Worker:
    """One process: it is sent a job, says when it is ready, is told to go, and gives its result."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            encoding="utf-8",
            env=_environment(len(job.cores)),
        )
        self._send({"kind": job.kind, "cores": job.cores, **job.values})

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait()
        self._said.close()

    def go(self) -> None:
        self._send({})

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
            raise DataError(f"The process that measures {self._job.kind} failed: {_end_of(said)}")
        found: dict[str, Any] = json.loads(line)
        if "missing" in found:
            raise MissingPeerError(f"{found['missing']} is missing: pip install 'glove-lstm[benchmark]'")
        return found

    def _send(self, values: Mapping[str, Any]) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(values) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died; its answer, which is empty, tells of it


def _environment(threads: int) -> dict[str, str]:
    # Nothing here needs the network, and compiled Python files are what every user has.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    return {**kept, **pinned(threads), **quiet}


def _end_of(said: str) -> str:
    """The last line of a traceback, and the rest of the end before it."""
    said = said.strip()
    return f"{said.splitlines()[-1]} ({said[-_LAST:]})" if said else "it said nothing."
