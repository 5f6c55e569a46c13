"""A sequence classifier of transformers as a teacher."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from glove_lstm import auto_classes  # noqa: F401 - teachers of this package then need no remote code
from glove_lstm.distillation.function import FunctionTeacher
from glove_lstm.distillation.pretrained import (
    TeacherModel,
    content_hash,
    license_of,
    loading_error,
    revision_of,
)
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import without_folders

_BATCH_SIZE = 32  # texts
_MOST_TOKENS = 512  # of a text, if the tokenizer has no limit
_NO_LIMIT = 1_000_000  # transformers has a larger number if there is no limit


def classifier_teacher(
    teacher: TeacherModel, folder: Path, device: torch.device
) -> FunctionTeacher:
    """Return a teacher that asks a classifier.

    Args:
        teacher: Where it is from.
        folder: Its files.
        device: Where it computes.

    Raises:
        DataError: It cannot be loaded, or cannot read texts.
    """
    model, tokenizer = _load(teacher, folder)
    model.to(device)
    longest = tokenizer.model_max_length
    if longest > _NO_LIMIT:
        longest = _MOST_TOKENS

    @torch.inference_mode()
    def logits(texts: list[str]) -> NDArray[np.floating]:
        batches = []
        for start in range(0, len(texts), _BATCH_SIZE):
            inputs = tokenizer(
                texts[start : start + _BATCH_SIZE],
                padding=True,
                truncation=True,
                max_length=longest,
                return_tensors="pt",
            )
            batches.append(model(**inputs.to(device)).logits.cpu().numpy())
        return np.concatenate(batches)

    try:
        logits(["One text.", "A word " * _MOST_TOKENS])
    except Exception as error:
        raise DataError(
            f"The teacher {teacher.model} cannot read texts ({first_line(error)}); give another one, or set "
            "model_max_length in its tokenizer_config.json to the tokens that it can read."
        ) from error
    return FunctionTeacher(
        without_folders(teacher.model),
        [str(model.config.id2label[number]) for number in range(model.config.num_labels)],
        logits,
        kind="classifier",
        identity=content_hash(folder),
        revision=revision_of(teacher, folder),
        license=license_of(folder),
    )


def _load(teacher: TeacherModel, folder: Path) -> tuple[Any, Any]:
    """Return the model and its tokenizer."""
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            trust_remote_code=teacher.trust_remote_code,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=teacher.trust_remote_code
        )
    except Exception as error:
        raise loading_error(teacher, error) from error
    missing = set(info["missing_keys"])  # transformers draws these weights at random
    if missing:
        raise DataError(
            f"The teacher {teacher.model} lacks the weights {min(missing)}: give a model whose weights are complete."
        )
    return model, tokenizer
