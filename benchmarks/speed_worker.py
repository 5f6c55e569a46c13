"""A process of the speed benchmark: gets a model ready, measures it, and writes its figures by unit.

Each model imports its own libraries, so that no process carries the libraries of another.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any


def main() -> None:
    """Answer one job: JSON on standard input, JSON on standard output."""
    setup = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, setup["cores"])
    with redirect_stdout(sys.stderr):  # of libraries
        classify = _load(setup)
        classify([setup["first"]])
        figures = {"s to the first label": time.time() - setup["began"]}
        figures["MB of memory"] = peak_memory()
        files = Path(setup["folder"]).rglob("*")
        figures["MB on disk"] = sum(file.stat().st_size for file in files) / 1e6
        figures |= _time(classify, json.loads(sys.stdin.readline()))
    sys.stdout.write(json.dumps(figures) + "\n")


def _load(setup: Mapping[str, Any]) -> Any:
    if setup["model"] == "pipeline":
        from transformers import pipeline

        return pipeline("text-classification", model=setup["folder"], trust_remote_code=True)
    if setup["model"] == "default":
        from glove_lstm.inference.light_classifier import LightClassifier

        return LightClassifier.from_pretrained(setup["folder"], threads=len(setup["cores"]))
    if setup["model"] == "fasttext":
        from benchmarks.peers_fasttext import FastText, fasttext

        return FastText(fasttext.load_model(str(Path(setup["folder"], "model.bin"))))
    import joblib

    return joblib.load(Path(setup["folder"], "model.joblib"))


def _time(classify: Callable[[Sequence[str]], Any], job: Mapping[str, Any]) -> dict[str, float]:
    """Time new texts after texts of another corpus: some one by one, then the others at once."""
    classify(job["warm"])
    first = min(100, len(job["tests"]) // 2)
    times = []
    for text in job["tests"][:first]:
        began = time.perf_counter()
        classify([text])
        times.append(time.perf_counter() - began)
    tests = job["tests"][first:]
    began, used = time.perf_counter(), time.process_time()
    classify(tests)
    return {
        "ms for one text": 1e3 * median(times),
        "texts/s": len(tests) / (time.perf_counter() - began),
        "CPU s a million texts": 1e6 * (time.process_time() - used) / len(tests),
    }


def peak_memory() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    # `resource.getrusage` would include the memory of the parent at the fork.
    status = Path("/proc/self/status").read_text().splitlines()
    [peak] = [line.split()[1] for line in status if line.startswith("VmHWM")]
    return 1024 * int(peak) / 1e6


if __name__ == "__main__":
    main()
