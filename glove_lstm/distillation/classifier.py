"""A sequence classifier of transformers as a teacher."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, TextClassificationPipeline, pipeline

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
_PARALLELISM = "TOKENIZERS_PARALLELISM"


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
    classify = _load(teacher, folder, device)
    assert classify.tokenizer is not None
    longest = classify.tokenizer.model_max_length
    if longest > _NO_LIMIT:
        longest = _MOST_TOKENS
    config: Any = classify.model.config
    label_names = [str(config.id2label[number]) for number in range(config.num_labels)]

    def logits(texts: list[str]) -> NDArray[np.floating]:
        was_set = _PARALLELISM in os.environ
        scores_of_texts: Any = classify(
            texts, batch_size=_BATCH_SIZE, truncation=True, max_length=longest
        )
        if not was_set:  # the pipeline sets it, which slows all tokenizers of the process
            os.environ.pop(_PARALLELISM, None)
        rows = []
        for scores in scores_of_texts:  # sorted by score
            score_of = {str(entry["label"]): entry["score"] for entry in scores}
            rows.append([score_of[label] for label in label_names])
        return np.array(rows)

    try:
        logits(["One text.", "A word " * _MOST_TOKENS])
    except Exception as error:
        raise DataError(
            f"The teacher {teacher.model} cannot read texts ({first_line(error)}); give another one, or set "
            "model_max_length in its tokenizer_config.json to the tokens that it can read."
        ) from error
    return FunctionTeacher(
        without_folders(teacher.model),
        label_names,
        logits,
        kind="classifier",
        identity=content_hash(folder),
        revision=revision_of(teacher, folder),
        license=license_of(folder),
    )


def _load(teacher: TeacherModel, folder: Path, device: torch.device) -> TextClassificationPipeline:
    """Return a pipeline that gives the logits of all labels."""
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            trust_remote_code=teacher.trust_remote_code,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        classify = pipeline(
            "text-classification",
            model=model,
            tokenizer=str(folder),
            device=device,
            trust_remote_code=teacher.trust_remote_code,
            top_k=None,
            function_to_apply="none",
        )
    except Exception as error:
        raise loading_error(teacher, error) from error
    missing = set(info["missing_keys"])  # transformers draws these weights at random
    if missing:
        raise DataError(
            f"The teacher {teacher.model} lacks the weights {min(missing)}: give a model whose weights are complete."
        )
    return classify
