"""A checkpoint that several threads may use, and what lies beside its weights: card, figures, pictures."""

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from queue import LifoQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.app.word_space import WordSpace
from glove_lstm.data.errors import DataError
from glove_lstm.data.files import check_revision, first_line
from glove_lstm.inference.checkpoints import load_checkpoint, load_config
from glove_lstm.inference.explanation import Explanation, explain
from glove_lstm.inference.prediction import predict_probabilities
from glove_lstm.tokenization.build import PIECE

_FILES = ("*.json", "*.safetensors", "README.md", "plots/*.png")


class OpenedCheckpoint:
    """A classifier of ours, loaded once.

    Attributes:
        name: As people know it: the folder's name, or the repository's id.
        folder: Where its files are on this machine.
        label_names: In the order of the scores.
    """

    def __init__(self, name: str, folder: Path, copies: int = 1) -> None:
        """Load it; see `open_checkpoint`."""
        self.name, self.folder = name, folder
        model, tokenizer = load_checkpoint(folder)
        self.label_names: tuple[str, ...] = tuple(model.config.label_names)
        self._model, self._vocabulary = model, tokenizer.get_vocab()
        self._special = set(tokenizer.all_special_tokens)
        # A tokenizer's lock lets one thread at a time read; with a copy each, threads read at the same time.
        self._free: LifoQueue[PreTrainedTokenizerBase] = LifoQueue()
        for _ in range(copies):
            self._free.put(copy.deepcopy(tokenizer))

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Probabilities (n, labels) of n texts, at the checkpoint's temperature."""
        with self._tokenizer() as tokenizer:
            return predict_probabilities(self._model, tokenizer, texts, pairs)

    def explain(self, text: str, pair: str | None, label: str | None = None) -> Explanation:
        """What each word contributed; see `glove_lstm.explain`."""
        with self._tokenizer() as tokenizer:
            return explain(self._model, tokenizer, text, pair, label=label)

    @cached_property
    def words(self) -> WordSpace:
        """The trained vectors of whole words; pieces of words and special tokens are left out."""
        rows = self._model.get_input_embeddings().weight.detach().float().cpu().numpy()
        kept = {
            word: row
            for word, row in self._vocabulary.items()
            if word not in self._special and not word.startswith(PIECE)
        }
        return WordSpace(list(kept), rows[list(kept.values())], f"the vectors of {self.name}, as trained")

    @property
    def title(self) -> str:
        """What the card calls it, or its name."""
        first = self.card.partition("\n")[0]
        return first.removeprefix("# ") if first.startswith("# ") else self.name

    @cached_property
    def card(self) -> str:
        """The model card as Markdown, without its metadata; "" where there is none."""
        path = self.folder / "README.md"
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if text.startswith("---\n"):
            text = text.partition("\n---\n")[2]
        return text.strip()

    @cached_property
    def coverage(self) -> list[dict[str, float]]:
        """From metrics.json: for some thresholds, the share of validation texts above and their accuracy."""
        try:
            metrics: Any = json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))
            found = metrics["validation"]["coverage"]
            return [
                {name: float(row[name]) for name in ("threshold", "coverage", "accuracy")} for row in found
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    @property
    def plots(self) -> list[Path]:
        """The pictures that training and evaluation left."""
        return sorted((self.folder / "plots").glob("*.png"))

    @contextmanager
    def _tokenizer(self) -> Iterator[PreTrainedTokenizerBase]:
        lent = self._free.get()
        try:
            yield lent
        finally:
            self._free.put(lent)


def open_checkpoint(model: str | Path, revision: str | None = None, *, copies: int = 1) -> OpenedCheckpoint:
    """Load a checkpoint of ours with this package's own code; no remote code runs.

    Args:
        model: A folder, or a repository's id on the Hub, of which one commit is downloaded.
        revision: Commit, tag or branch on the Hub.
        copies: Of its tokenizer: how many threads tokenise at the same time; more threads wait.

    Raises:
        DataError: There is no such checkpoint, or it is damaged or of another kind.
    """
    check_revision(model, revision)
    folder = Path(model)
    if folder.is_dir():
        return OpenedCheckpoint(folder.resolve().name, folder, copies)
    return OpenedCheckpoint(str(model), _download(str(model), revision), copies)


def _download(repo_id: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    load_config(repo_id, revision)  # before the weights: what is no model of ours shall not fill the disk
    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=list(_FILES)))
    except HFValidationError:
        raise DataError(f"{repo_id} is neither a folder nor a repository's id such as user/name.") from None
    except Exception as error:
        raise DataError(
            f"{repo_id} cannot be had from the Hub ({first_line(error)}); check its name and revision."
        ) from error
