"""What a model can learn from (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

teacher = open_teacher("sentence-transformers/all-mpnet-base-v2", device)
teacher.fit(train)           # an encoder learns the labels
teacher.logits(texts)        # (n, labels)
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

import torch

from glove_lstm.distillation.classifier import classifier_teacher
from glove_lstm.distillation.function import FunctionTeacher, teacher_of_function
from glove_lstm.distillation.pretrained import TeacherModel, download, is_classifier
from glove_lstm.errors import DataError, shown
from glove_lstm.tables.labels import labels_as_strings

logger = logging.getLogger(__name__)

if TYPE_CHECKING:  # it loads sentence-transformers, which no other training needs
    from glove_lstm.distillation.encoder import EncoderTeacher

# One that knows its labels; or one that learns them by `fit`, whose logits are calibrated.
Teacher: TypeAlias = Union[FunctionTeacher, "EncoderTeacher"]


class FittedClassifier(Protocol):
    """A classifier of scikit-learn that takes texts."""

    classes_: Sequence[Any]

    def predict_proba(self, texts: list[str]) -> Any:
        """Return the probability of each label of n texts, (n, labels)."""


# A model on the Hub or in a folder, or what returns the probability of each label.
TeacherLike = str | Path | TeacherModel | FittedClassifier | Callable[[list[str]], Any]


def open_teacher(
    teacher: TeacherLike,
    device: torch.device,
    label_names: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> Teacher:
    """Open a teacher.

    Args:
        teacher: A `TeacherModel`, or only its name or folder. It is a classifier if `architectures` in its config.json
            ends with ForSequenceClassification, and an encoder if not. Or a fitted classifier of scikit-learn, whose
            `predict_proba` takes texts, with its labels in `classes_`. Or a function that takes a list of texts and
            returns the probability of each label, (n, labels).
        device: Where a model computes.
        label_names: The labels of a function, in the order of its columns. Models and classifiers tell theirs.
        seed: Of what an encoder learns.

    Raises:
        DataError: The teacher cannot be loaded, or is a function without label names.
    """
    if isinstance(teacher, str | Path):
        teacher = TeacherModel(str(teacher))
    if isinstance(teacher, TeacherModel):
        folder = download(teacher)
        if is_classifier(teacher, folder):
            logger.info("The teacher %s is a classifier.", teacher.model)
            return classifier_teacher(teacher, folder, device)
        from glove_lstm.distillation.encoder import EncoderTeacher

        logger.info("The teacher %s is an encoder, which learns the labels.", teacher.model)
        return EncoderTeacher(teacher, folder, device, seed)
    if hasattr(teacher, "predict_proba") and hasattr(teacher, "classes_"):
        return teacher_of_function(teacher.predict_proba, labels_as_strings(teacher.classes_))
    if callable(teacher):
        return teacher_of_function(teacher, label_names or ())
    raise DataError(
        f"teacher is {shown(teacher)}; give a name on the Hub, a folder, a TeacherModel, a fitted classifier with "
        "predict_proba and classes_, or a function that returns the probability of each label."
    )
