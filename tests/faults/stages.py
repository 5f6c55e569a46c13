"""The stages that write something, each as a function that can be run again, and what a reader finds afterwards."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import bulk_worker
import datasets
import matplotlib.pyplot  # noqa: F401 - seconds that the processes forked from this one need not spend
import torch
from support import QUICK, SMALL

from glove_lstm.commands import train as train_command
from glove_lstm.data import download as downloads
from glove_lstm.data.errors import DataError
from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.data.streaming import open_files
from glove_lstm.data.whole_files import whole_files
from glove_lstm.inference.bulk import Labeller, label_to_folder
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.inference.runtime import LightClassifier
from glove_lstm.training import experiment  # noqa: F401
from glove_lstm.training.resuming import check_resumable

torch.set_num_threads(1)


@dataclass(frozen=True)
class Job:
    """What a stage is given, and the folder that it writes to: all in `work`."""

    work: Path
    given: dict[str, Any] = field(default_factory=dict)


Make = Callable[[Job], None]
Read = Callable[[Job], Any]  # None where there is nothing that a reader would take


def download(job: Job) -> None:
    downloads.PAUSE = 0.0
    downloads.download(job.given["url"], sha256=job.given["sha256"], cache_dir=job.work)


def read_download(job: Job) -> Any:
    found = [path for path in job.work.glob("downloads/*") if path.suffix not in (".part", ".lock")]
    return found[0].read_bytes() if found else None


def dataset(job: Job) -> None:
    _builder(job).download_and_prepare()


def read_dataset(job: Job) -> Any:
    try:
        found = _builder(job).as_dataset()
    except (FileNotFoundError, DataError):
        return None
    return {name: rows.to_dict() for name, rows in found.items()}


def _builder(job: Job) -> FakeOrRealNews:
    datasets.disable_progress_bars()
    return FakeOrRealNews(cache_dir=job.work, data_files=job.given["articles"])


def train(job: Job) -> None:
    """Trains, from the last whole checkpoint on where there is one."""
    out = job.work / "out"
    arguments = ["--train_file", job.given["articles"], "--glove", job.given["vectors"], "--output_dir", out]
    options = "--num_train_epochs 2 --save_strategy steps --save_steps 3 --eval_strategy steps --eval_steps 3"
    for folder in sorted(out.glob("checkpoint-*"), key=lambda path: -int(path.name.split("-")[1])):
        try:
            check_resumable(folder)
        except DataError:
            continue
        arguments += ["--resume_from_checkpoint", folder]
        break
    train_command.main([*SMALL, *QUICK, *map(str, arguments), *options.split()])


def read_train(job: Job) -> Any:
    return _weights(job.work / "out")


def save(job: Job) -> None:
    """A new checkpoint over an old one, as training into the same folder writes it."""
    model, tokenizer = load_checkpoint(job.given["checkpoint"])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    model.config.temperature = 3.0
    with whole_files(job.work / "model") as part:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)


def read_save(job: Job) -> Any:
    return _weights(job.work / "model")


def export(job: Job) -> None:
    export_onnx(job.work / "model")


def read_export(job: Job) -> Any:
    try:
        return LightClassifier.from_pretrained(job.work / "model")(["Council votes", "SECRET hoax!"])
    except DataError:
        return None


def bulk_folder(job: Job) -> None:
    labeller = Labeller(bulk_worker.predict, bulk_worker.NAMES)
    source = open_files([job.given["articles"]])
    label_to_folder(source, labeller, job.work / "out", job.given["kind"], model={}, rows_per_part=30)


def read_bulk(job: Job) -> Any:
    """All that is there under its final name; parts may be missing, and none may be half-written."""
    found = {}
    for path in job.work.rglob("*"):
        name = path.relative_to(job.work)
        if path.is_file() and not any(part[0] == "." for part in name.parts):
            found[str(name)] = path.read_bytes()
    return found or None


def _weights(folder: Path) -> Any:
    """Everything that decides what a model says."""
    try:
        model, tokenizer = load_checkpoint(folder)
    except DataError:
        return None
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return (
        digest.hexdigest(),
        model.config.temperature,
        model.config.label_names,
        sorted(tokenizer.get_vocab().items()),
    )


# How each is made, and read; `{kind}` stages take the format of their output.
STAGES: dict[str, tuple[Make, Read]] = {
    "download": (download, read_download),
    "dataset": (dataset, read_dataset),
    "train": (train, read_train),
    "save": (save, read_save),
    "export": (export, read_export),
    "bulk_folder": (bulk_folder, read_bulk),
}
