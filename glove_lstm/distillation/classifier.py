"""A sequence classifier of transformers as a teacher."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from glove_lstm.distillation.cache import AnswerCache
from glove_lstm.distillation.function import columns_of
from glove_lstm.distillation.pretrained import (
    TeacherModel,
    identity,
    license_of,
    loading_error,
    revision_of,
)
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import without_folders
from glove_lstm.tables.examples import Examples

_DEFAULT_LONGEST = 512  # tokens that it reads if its tokenizer has no limit
_NO_LIMIT = 1_000_000  # transformers has a larger number if there is no limit


class ClassifierTeacher:
    """A teacher that tells labels; see `Teacher`.

    Args:
        teacher: Where it is from.
        folder: Its files.
        device: Where it computes.

    Raises:
        DataError: It cannot be loaded, or cannot read texts.
    """

    kind = "classifier"
    learns_labels = False

    def __init__(self, teacher: TeacherModel, folder: Path, device: torch.device) -> None:
        self._tokenizer, self._model = _load(teacher, folder)
        self._model.to(device).eval()
        config = self._model.config
        self.name = without_folders(teacher.model)
        self.label_names: Sequence[str] = [
            str(config.id2label[label]) for label in range(config.num_labels)
        ]
        self.revision = revision_of(teacher, folder)
        self.license = license_of(folder)
        self.settings: dict[str, Any] = {}
        self._columns = list(range(config.num_labels))
        try:
            self._own_logits(["One text.", "Another text"])
        except Exception as error:
            problem = f"The teacher {teacher.model} cannot read texts ({first_line(error)})"
            raise DataError(f"{problem}; give another one.") from error
        self._cache = AnswerCache(self.name, identity(folder))

    def fit(self, train: Examples) -> None:
        """Put the labels into the order of the examples."""
        self._columns = columns_of(self.name, self.label_names, train.label_names)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits for n texts, each with mean 0: (n, labels)."""
        if not len(texts):
            return np.zeros((0, len(self._columns)), dtype=np.float32)
        logits = self._cache.answers(texts, self._own_logits)[:, self._columns]
        return logits - logits.mean(axis=1, keepdims=True)

    @torch.inference_mode()
    def _own_logits(self, texts: list[str]) -> NDArray[np.floating]:
        """Return the logits in the order of the model's own labels."""
        inputs = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(self._model.device)
        # Twice to three times as fast where the processor has such instructions.
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
            outputs = self._model(**inputs)
        return outputs.logits.float().numpy(force=True)

    @property
    def _longest(self) -> int:
        """Tokens of a text that it reads."""
        longest = self._tokenizer.model_max_length
        if longest > _NO_LIMIT:
            longest = _DEFAULT_LONGEST
        positions = getattr(self._model.config, "max_position_embeddings", None)
        if positions is not None and positions > 0:  # XLNet, which has no limit, says -1
            longest = min(longest, positions)
        return longest


def has_fast_bfloat16() -> bool:
    """Return whether the processor multiplies matrices of bfloat16 (AMX). Older versions of torch do not tell."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16", False))


def _load(teacher: TeacherModel, folder: Path) -> tuple[Any, Any]:
    """Return tokenizer and model."""
    trust = teacher.trust_remote_code
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            trust_remote_code=trust,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:
        raise loading_error(teacher, error) from error
    missing = set(info["missing_keys"])  # transformers draws these weights at random
    if missing:
        raise DataError(
            f"The teacher {teacher.model} lacks the weights {min(missing)}: give a model whose weights are complete."
        )
    return tokenizer, model
