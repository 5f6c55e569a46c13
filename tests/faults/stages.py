"""The stages that write files. Each has a function that makes them and one that reads them, or returns None."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from support import QUICK, SMALL

from glove_lstm.commands import export as export_command
from glove_lstm.commands import predict as predict_command
from glove_lstm.commands import train as train_command
from glove_lstm.data import download as downloads
from glove_lstm.data.errors import DataError
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.runtime import LightClassifier
from glove_lstm.training.resuming import check_resumable

torch.set_num_threads(1)
Given = dict[str, Any]


def download(work: Path, given: Given) -> None:
    downloads.PAUSE = 0.0
    downloads.download(given["url"], sha256=given["sha256"], cache_dir=work)


def read_download(work: Path, _: Given) -> Any:
    found = [path for path in work.glob("downloads/*") if path.suffix not in (".part", ".lock")]
    return found[0].read_bytes() if found else None


def train(work: Path, given: Given) -> None:
    """Train, from the last whole checkpoint if there is one."""
    args = [
        "--train_file",
        given["articles"],
        "--glove",
        given["vectors"],
        "--output_dir",
        work / "out",
    ]
    args += [
        "--num_train_epochs",
        2,
        "--save_strategy",
        "steps",
        "--save_steps",
        3,
        "--eval_strategy",
        "no",
    ]
    args += ["--load_best_model_at_end", False]
    checkpoints = (work / "out").glob("checkpoint-*")
    for folder in sorted(checkpoints, key=lambda path: int(path.name.split("-")[1]), reverse=True):
        try:
            check_resumable(folder)
        except DataError:
            continue
        args += ["--resume_from_checkpoint", folder]
        break
    train_command.main([*SMALL, *QUICK, *map(str, args)])


def read_train(work: Path, _: Given) -> Any:
    """Everything that decides what the model says."""
    try:
        model, tokenizer = load_checkpoint(work / "out")
    except DataError:
        return None
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return weights, model.config.temperature, model.config.label_names, tokenizer.get_vocab()


def export(work: Path, _: Given) -> None:
    export_command.main([str(work / "model")])


def read_export(work: Path, _: Given) -> Any:
    try:
        return LightClassifier.from_pretrained(work / "model")(["Council votes", "SECRET hoax!"])
    except DataError:
        return None


def predict(work: Path, given: Given) -> None:
    data = "--input", given["articles"], "--output_dir", str(work / "out")
    predict_command.main(
        [*data, "--format", "csv", "--rows_per_part", "30", "--model", given["export"]]
    )


def read_predict(work: Path, _: Given) -> Any:
    return {path.name: path.read_text() for path in work.glob("out/part-*")} or None


Stage = tuple[Callable[[Path, Given], None], Callable[[Path, Given], Any]]
STAGES: dict[str, Stage] = {
    "download": (download, read_download),
    "export": (export, read_export),
    "predict": (predict, read_predict),
    "train": (train, read_train),
}
