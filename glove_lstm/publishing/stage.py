"""The files that a push sends, of a model or of a page: copied from a checkpoint by an allow list, and completed."""

import json
import re
import shutil
from importlib.metadata import requires
from pathlib import Path

from huggingface_hub import HfApi

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import (
    CARD_NAME,
    LIGHT_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    PLACEHOLDER_ID,
    PLOT_NAMES,
    TRAINING_TEXTS_NAME,
    remote_code,
)
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.publishing.card import write_card
from glove_lstm.version import __version__

SPACE_MODEL = "model"  # the folder of the checkpoint beside the page
# Of a checkpoint, all other files stay here: the record of the training texts, training_args.bin and optimizer.pt of
# transformers' Trainer, hidden files, __pycache__, and code, which is this package's.
_SENT_NAMES = (*LOADED_NAMES, LIGHT_NAME, METRICS_NAME, *PLOT_NAMES)
_RUNTIME_NAMES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
_HERE = Path(__file__).parent
_HANDLER_NEEDS = "torch|transformers"  # it runs the remote code of the repository
_SPACE_CARD = """\
---
title: "{title}"
sdk: static
app_file: index.html
short_description: A text classifier that marks the words that matter
---

# {title}

Classifies texts in the browser with a GloVe+LSTM checkpoint; no text leaves it. `model/` holds the model and its card,
which says what the labels mean. The other files are the page of glove-lstm {version}.
"""


def stage_checkpoint(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Write the files of a model's repository into a new folder.

    The remote code, the handler, its requirements and the notebook are those of this package.

    Args:
        checkpoint: A checkpoint; one that transformers' Trainer saved lacks metrics.json.
        folder: The new folder.
        repo_id: Repository that the card and the notebook name.

    Raises:
        DataError: A file is missing or damaged.
    """
    _copy_model(checkpoint, folder, repo_id)
    for path in remote_code():
        shutil.copyfile(path, folder / path.name)
    write_hub_files(folder, repo_id)


def stage_space(
    checkpoint: Path, folder: Path, repo_id: str | None, runtime: Path | None = None
) -> None:
    """Write the page that classifies in the browser, and the checkpoint that it shows, into a new folder.

    Args:
        checkpoint: The checkpoint.
        folder: The new folder.
        repo_id: The Space; None: any web server, for which no card of a Space is written.
        runtime: The folder of an installed npm package onnxruntime-web, which is copied; None: the page loads it from
            a CDN.

    Raises:
        DataError: A file is missing or damaged, or the model cannot be exported.
    """
    # The card names the model's repository. It is unknown here; the Space is not it.
    _copy_model(checkpoint, folder / SPACE_MODEL, PLACEHOLDER_ID)
    shutil.copytree(_HERE / "page", folder, dirs_exist_ok=True)
    card_address = f"{SPACE_MODEL}/{CARD_NAME}"
    if repo_id is not None:
        card_address = f"{HfApi().endpoint}/spaces/{repo_id}/blob/main/{card_address}"
        card = _SPACE_CARD.format(title=repo_id.partition("/")[2], version=__version__)
        (folder / CARD_NAME).write_text(card, encoding="utf-8")
    about = {
        "title": repo_id or checkpoint.resolve().name,
        "base": f"{SPACE_MODEL}/",
        "card": card_address,
    }
    if runtime is not None:
        _copy_runtime(runtime, folder / "runtime")
        about["runtime"] = "runtime/"
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (folder / "model.json").write_text(f"{text}\n", encoding="utf-8")


def _copy_model(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Copy the published files of a checkpoint, with the card for `repo_id`.

    A missing light.onnx is exported, and a missing card rendered.

    Raises:
        DataError: A file is missing or damaged, or the weights have changed since they were measured.
    """
    opened = Checkpoint.open(checkpoint)
    is_measured = MetricsFile.read(checkpoint) is not None
    if (checkpoint / LIGHT_NAME).is_file():
        LightClassifier.from_checkpoint(opened)  # checks the files that it reads
    has_record = (checkpoint / TRAINING_TEXTS_NAME).is_file()
    if is_measured and has_record and opened.training_texts() is None:
        problem = f"{checkpoint / METRICS_NAME} is of earlier weights"
        raise DataError(f"{problem}; remove it, plots and {CARD_NAME}, or train again.")
    for name in _SENT_NAMES:
        if (checkpoint / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(checkpoint / name, target)
    card = checkpoint / CARD_NAME
    if card.is_file():
        text = card.read_text(encoding="utf-8").replace(PLACEHOLDER_ID, repo_id)
        (folder / CARD_NAME).write_text(text, encoding="utf-8")
    else:
        write_card(folder, repo_id)
    if not (folder / LIGHT_NAME).is_file():
        from glove_lstm.inference.onnx_export import export_onnx  # needs torch

        export_onnx(folder)


def _copy_runtime(package: Path, folder: Path) -> None:
    """Copy the files of ONNX Runtime Web that the page loads."""
    folder.mkdir()
    for name in _RUNTIME_NAMES:
        path = package / "dist" / name
        if not path.is_file():
            raise DataError(
                f"{path} does not exist; give the folder of an installed onnxruntime-web."
            )
        shutil.copyfile(path, folder / name)


def write_hub_files(folder: Path, repo_id: str) -> None:
    """Write the handler of an Inference Endpoint, its requirements, and the tour with this repository's model."""
    shutil.copyfile(_HERE / "handler.py", folder / "handler.py")
    requirements = ""
    for line in requires("glove-lstm") or []:  # such as "torch>=2.9.0; extra == 'train'"
        requirement = line.partition(";")[0].strip()
        if re.fullmatch(rf"({_HANDLER_NEEDS})\b[^[]*", requirement):
            requirements += f"{requirement}\n"
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")

    tour = json.loads((_HERE / "tour.ipynb").read_text(encoding="utf-8"))
    [cell] = [cell for cell in tour["cells"] if cell["id"] == "model"]
    wheel = f"glove_lstm-{__version__}-py3-none-any.whl"
    cell["source"] = [
        "# Build the wheel in a clone of glove-lstm (`python -m build`), and upload it to this notebook first.\n",
        f"%pip install -q '{wheel}[train]'\n",
        "\n",
        f'model = "{repo_id}"',
    ]
    text = json.dumps(tour, indent=1, ensure_ascii=False)
    (folder / "notebook.ipynb").write_text(f"{text}\n", encoding="utf-8")


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file, by its path inside the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
