"""A new process that trains a model, or loads one, and measures time and memory.

Each model imports its own libraries, so that no process carries the libraries of another.
"""

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

Job = Mapping[str, Any]

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def run_worker(job: Job, threads: int) -> dict[str, Any]:
    """Run a job in a new process, and return its answer; see `measure_training` and `measure_speed`."""
    from glove_lstm.errors import DataError

    environment = {
        **os.environ,
        **dict.fromkeys(_THREADS, str(threads)),
        "PYTHONDONTWRITEBYTECODE": "",  # compiled Python files are what every user has
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "GOMP_SPINCOUNT": "1000",  # spinning barriers can slow two threads down 100 times on virtual processors
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.worker"],
        input=json.dumps({**job, "began": time.time()}),
        capture_output=True,
        encoding="utf-8",
        cwd=Path(__file__).parent.parent,  # where `benchmarks` can be imported
        env=environment,
        check=False,
    )
    if done.returncode:
        errors = done.stderr.strip()[-1500:]
        raise DataError(f"A measuring process failed ({done.returncode}): {errors}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Answer one job: JSON on standard input, JSON on standard output."""
    job = json.loads(sys.stdin.read())
    measure = {"training": measure_training, "speed": measure_speed}[job["measure"]]
    with redirect_stdout(sys.stderr):  # of libraries
        answer = measure(job)
    sys.stdout.write(json.dumps(answer) + "\n")


def _peak_memory() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    # `resource.getrusage` would include the memory of the parent at the fork.
    status = Path("/proc/self/status").read_text().splitlines()
    [peak] = [line.split()[1] for line in status if line.startswith("VmHWM")]
    return 1024 * int(peak) / 1e6


# Training


def measure_training(job: Job) -> dict[str, Any]:
    """Run `glove-lstm train` on FOLDER/train.csv, and classify FOLDER/test.csv: columns `title` and `label`.

    Returns:
        Figures by unit, and "predicted", the label of each test text.
    """
    from glove_lstm.commands.train import main as train

    folder = Path(job["folder"])
    checkpoint = folder / "checkpoint"
    argv = ["--train_file", str(folder / "train.csv"), "--text_column_names", "title"]
    argv += ["--glove", job["glove"]]
    train([*argv, "--output_dir", str(checkpoint)])
    figures: dict[str, Any] = {
        "CPU s to train": _cpu_seconds(),
        "s to train": time.time() - job["began"],
        "MB of memory": _peak_memory(),
    }

    from glove_lstm.inference.light_classifier import LightClassifier

    with (folder / "test.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["title"] for row in csv.DictReader(file)]
    classifier = LightClassifier.from_pretrained(checkpoint)
    best = classifier.predict_logits(texts).argmax(axis=1)
    return {**figures, "predicted": [classifier.label_names[label] for label in best]}


def _cpu_seconds() -> float:
    """Return what this process, from its start, and its children have used."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


# Speed


def measure_speed(job: Job) -> dict[str, float]:
    """Load the model of a folder; classify one text, then others one by one, then many; return figures by unit."""
    os.sched_setaffinity(0, job["cores"])
    classify = _load(job)
    classify([job["first"]])
    figures = {"s to the first label": time.time() - job["began"]}
    figures["MB of memory"] = _peak_memory()
    files = Path(job["folder"]).rglob("*")
    figures["MB on disk"] = sum(file.stat().st_size for file in files) / 1e6

    texts = json.loads(Path(job["texts"]).read_text(encoding="utf-8"))
    classify(texts["warm"])
    singles = min(100, len(texts["tests"]) // 2)
    times = []
    for text in texts["tests"][:singles]:
        began = time.perf_counter()
        classify([text])
        times.append(time.perf_counter() - began)
    tests = texts["tests"][singles:]
    began, used = time.perf_counter(), time.process_time()
    classify(tests)
    figures["ms for one text"] = 1e3 * median(times)
    figures["texts/s"] = len(tests) / (time.perf_counter() - began)
    figures["CPU s a million texts"] = 1e6 * (time.process_time() - used) / len(tests)
    return figures


def _load(job: Job) -> Any:
    if job["model"] == "pipeline":
        from transformers import pipeline

        return pipeline("text-classification", model=job["folder"], trust_remote_code=True)
    if job["model"] == "default":
        from glove_lstm.inference.light_classifier import LightClassifier

        return LightClassifier.from_pretrained(job["folder"], threads=len(job["cores"]))
    if job["model"] == "fasttext":
        import fasttext

        from benchmarks.peers_fasttext import FastText

        return FastText(fasttext.load_model(str(Path(job["folder"], "model.bin"))))
    import joblib

    return joblib.load(Path(job["folder"], "model.joblib"))


if __name__ == "__main__":
    main()
