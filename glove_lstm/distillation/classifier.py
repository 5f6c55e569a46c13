"""A sequence classifier of transformers as a teacher."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from glove_lstm.distillation.known_labels import TeacherOfKnownLabels
from glove_lstm.distillation.pretrained import (
    TeacherModel,
    content_hash,
    has_fast_bfloat16,
    license_of,
    loading_error,
    revision_of,
)
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import without_folders

_DEFAULT_LONGEST = 512  # tokens that it reads if its tokenizer has no limit
_NO_LIMIT = 1_000_000  # transformers has a larger number if there is no limit


class ClassifierTeacher(TeacherOfKnownLabels):
    """A sequence classifier that is a teacher.

    Args:
        teacher: Where it is from.
        folder: Its files.
        device: Where it computes.

    Raises:
        DataError: It cannot be loaded, or cannot read texts.
    """

    kind = "classifier"

    def __init__(self, teacher: TeacherModel, folder: Path, device: torch.device) -> None:
        self._tokenizer, self._model = _load(teacher, folder)
        self._model.to(device).eval()
        config = self._model.config
        label_names = [str(config.id2label[label]) for label in range(config.num_labels)]
        identity = content_hash(folder, [f"max_length {self._longest}"])
        super().__init__(without_folders(teacher.model), label_names, identity)
        self.revision = revision_of(teacher, folder)
        self.license = license_of(folder)
        try:
            self._own_logits(["One text.", "Another text"])
        except Exception as error:
            problem = f"The teacher {teacher.model} cannot read texts ({first_line(error)})"
            raise DataError(f"{problem}; give another one.") from error

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
            # RoBERTa and its kind count positions from the number after that of padding.
            embeddings = getattr(self._model.base_model, "embeddings", None)
            padding = getattr(embeddings, "padding_idx", None)
            unused = 0 if padding is None else padding + 1
            longest = min(longest, positions - unused)
        return longest


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
