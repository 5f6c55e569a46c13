"""Stage the page in `page/`, which classifies in the browser, and its checkpoint: for a Space or any web server."""

import shutil
import tempfile
from pathlib import Path

from huggingface_hub import HfApi

from glove_lstm.checkpoint.names import CARD_NAME, LIGHT_NAME, LOADED_NAMES, METRICS_NAME
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.publishing.card import PLACEHOLDER_ID
from glove_lstm.publishing.push import (
    SPACE_MODEL,
    check_no_secrets,
    copy_checkpoint,
    list_files,
)
from glove_lstm.version import __version__

PAGE = Path(__file__).with_name("page")
_CARD = """\
---
title: "{title}"
sdk: static
app_file: index.html
short_description: A text classifier that marks the words that matter
---

# {title}

Classifies texts in the browser with a GloVe+LSTM checkpoint; no text leaves it. `model/` holds the model and its card,
which says what the labels mean. The other files are the page of glove-lstm {package}.
"""
_MODEL_NAMES = (*LOADED_NAMES, METRICS_NAME, LIGHT_NAME, CARD_NAME)
# What index.html names when it is opened in a clone of this project.
_MODEL_IN_CLONE = 'data-model="../../../hub/"'


def stage_space(checkpoint: Path, folder: Path, repo_id: str | None) -> None:
    """Write the files of a page into a new folder, and explain a text once with the files of the model.

    Args:
        checkpoint: The checkpoint that the page shows.
        folder: The new folder.
        repo_id: The Space; None: any web server, for which no card of a Space is written.

    Raises:
        DataError: The checkpoint must not be published, cannot be exported, or is one that the page cannot show.
    """
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "checkpoint"
        # The card names the model's repository. It is unknown here; the Space is not it.
        copy_checkpoint(checkpoint, whole, PLACEHOLDER_ID)
        LightClassifier.from_pretrained(whole).explain("A title")
        model = folder / SPACE_MODEL
        model.mkdir(parents=True)
        for name in _MODEL_NAMES:
            if (whole / name).is_file():  # transformers' Trainer writes no metrics.json
                shutil.copyfile(whole / name, model / name)
        if (whole / "plots").is_dir():
            shutil.copytree(whole / "plots", model / "plots")  # which the card shows
    _write_page(folder, repo_id)
    for name in list_files(folder):
        check_no_secrets((folder / name).read_bytes(), name)


def _write_page(folder: Path, repo_id: str | None) -> None:
    """Write the page and, for a Space, its card."""
    for path in PAGE.iterdir():
        if path.suffix in (".html", ".js"):
            shutil.copyfile(path, folder / path.name)
    page = folder / "index.html"
    card_address = f"{SPACE_MODEL}/{CARD_NAME}"
    if repo_id is not None:
        card_address = f"{HfApi().endpoint}/spaces/{repo_id}/blob/main/{card_address}"
    beside_page = f'data-model="{SPACE_MODEL}/" data-model-page="{card_address}"'
    html = page.read_text(encoding="utf-8").replace(_MODEL_IN_CLONE, beside_page)
    page.write_text(html, encoding="utf-8")
    if repo_id is None:
        return
    title = repo_id.partition("/")[2]
    card = _CARD.format(title=title, package=__version__)
    (folder / CARD_NAME).write_text(card, encoding="utf-8")
