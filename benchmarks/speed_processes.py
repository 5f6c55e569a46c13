"""New processes with pinned threads, whose timings do not disturb each other. Needs Linux."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.inference.backends import processors

_ROOT = Path(__file__).parent.parent  # of the clone, where `benchmarks` can be imported
_LAST = 1500  # characters of the output of a failed process
_THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("RAYON_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)
_COLD_START = """
import os, sys, time
os.sched_setaffinity(0, {cores})
text = sys.stdin.read()
{code}
label = classify(text)[0]["label"]
seconds = time.time() - {began}
import json
# `resource.getrusage` would include the memory of the parent at the fork.
[peak] = [1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps({{"seconds": seconds, "label": label, "peak_bytes": peak}}))
"""


def choose_cores(count: int) -> tuple[int, ...]:
    """The last processors that this process may use: the first one serves interrupts.

    Raises:
        DataError: There are not as many.
    """
    available = processors()
    if not 1 <= count <= len(available):
        raise DataError(f"--threads is {count}, but must be from 1 to {len(available)} here.")
    return tuple(available[-count:])


def run_job(job: Mapping[str, Any], cores: Sequence[int]) -> dict[str, Any]:
    """Run a job of `speed_worker` in a new process, one thread on each of the processors.

    Raises:
        DataError: The process failed; the sentence has the end of its output.
    """
    command = ["-m", "benchmarks.speed_worker"]
    return _answer(command, json.dumps({**job, "cores": list(cores)}), len(cores), str(job["kind"]))


def start_cold(code: str, text: str, cores: Sequence[int]) -> dict[str, Any]:
    """Run code in a new process, up to its first label.

    Args:
        code: Defines `classify`, which takes a string and returns [{"label"}].
        text: To classify.
        cores: The processors that it may use.

    Returns:
        {"seconds": from the start of the process to the label, "label", "peak_bytes"}.

    Raises:
        DataError: The process failed; the sentence has the end of its output.
    """
    program = _COLD_START.format(cores=set(cores), code=code, began=time.time())
    return _answer(["-c", program], text, len(cores), "cold start")


def _answer(command: Sequence[str], text: str, threads: int, what: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *command],
        input=text,
        capture_output=True,
        encoding="utf-8",
        cwd=_ROOT,
        env=_environment(threads),
        check=False,
    )
    if done.returncode:
        errors = done.stderr.strip()
        last = errors.splitlines()[-1] if errors else "it wrote nothing"
        raise DataError(f"The process that measures {what} failed: {last} ({errors[-_LAST:]})")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _environment(threads: int) -> dict[str, str]:
    # Compiled Python files are what every user has.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        **dict.fromkeys(_THREADS, str(threads)),
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "GOMP_SPINCOUNT": "1000",  # spinning barriers can slow two threads down 100 times on virtual processors
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }
