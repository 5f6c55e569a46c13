"""What a model can learn from (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

teacher = open_teacher("sentence-transformers/all-mpnet-base-v2", device)
teacher.fit(train)           # an encoder learns the labels
teacher.logits(texts)        # (n, labels)
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from glove_lstm import auto_classes  # noqa: F401 - teachers of this package then need no remote code
from glove_lstm.distillation.cache import LogitCache
from glove_lstm.distillation.pretrained import (
    TeacherModel,
    content_hash,
    download,
    is_classifier,
    license_of,
    loading_error,
)
from glove_lstm.errors import DataError, shown
from glove_lstm.files import without_folders
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.labels import labels_as_strings

logger = logging.getLogger(__name__)

if TYPE_CHECKING:  # it loads sentence-transformers, which no other training needs
    from glove_lstm.distillation.encoder import EncoderTeacher

Floats = NDArray[np.floating]
# One that knows its labels; or one that learns them by `fit`, whose logits are calibrated.
Teacher: TypeAlias = Union["FunctionTeacher", "EncoderTeacher"]

# Smaller probabilities are raised to this one, because their logarithms would dominate the squared difference.
_LEAST_PROBABILITY = 1e-4
_BATCH_SIZE = 32  # texts that a classifier reads together
_MOST_TOKENS = 512  # of a text, if the tokenizer has no limit
_NO_LIMIT = 1_000_000  # transformers has a larger number if there is no limit


# A model on the Hub or in a folder, a fitted classifier, or a function: see `open_teacher`.
TeacherLike: TypeAlias = Any


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
        return _open_model(teacher, device, seed)
    if hasattr(teacher, "predict_proba") and hasattr(teacher, "classes_"):
        return _teacher_of_function(teacher.predict_proba, labels_as_strings(teacher.classes_))
    if callable(teacher):
        return _teacher_of_function(teacher, label_names or ())
    raise DataError(
        f"teacher is {shown(teacher)}; give a name on the Hub, a folder, a TeacherModel, a fitted classifier with "
        "predict_proba and classes_, or a function that returns the probability of each label."
    )


def _open_model(model: TeacherModel, device: torch.device, seed: int) -> Teacher:
    folder = download(model)
    teacher: Teacher
    if is_classifier(model, folder):
        logger.info("The %s is a classifier.", model)
        teacher = _teacher_of_classifier(model, folder, device)
    else:
        from glove_lstm.distillation.encoder import EncoderTeacher

        logger.info("The %s is an encoder, which learns the labels.", model)
        teacher = EncoderTeacher(model, folder, device, seed)
    teacher.name = without_folders(model.model)
    teacher.license = license_of(folder)
    if not Path(model.model).is_dir():
        teacher.revision = folder.name  # as the Hub's cache names the folders of commits
    return teacher


class FunctionTeacher:
    """A teacher that knows its labels.

    Args:
        title: For messages.
        label_names: Its labels, in the order of its columns.
        compute: Returns the logits for a few texts, (n, labels).
        identity: Of all that decides its logits; None: they are kept in memory only.
    """

    kind = "function"
    learns_labels = False
    revision: str | None = None  # commit on the Hub, if it is known
    license: str | None = None

    def __init__(
        self,
        title: str,
        label_names: Sequence[str],
        compute: Callable[[list[str]], Floats],
        identity: str | None = None,
    ) -> None:
        self.name = title
        self.label_names: Sequence[str] = list(label_names)
        self.settings: dict[str, Any] = {}
        self._title = title
        self._compute = compute
        self._columns = list(range(len(label_names)))
        self._cache = LogitCache(title, identity, len(label_names))

    def fit(self, train: Examples) -> None:
        """Put the labels into the order of the examples.

        Raises:
            DataError: The labels are not the same.
        """
        own = list(self.label_names)
        wanted = train.label_names
        if sorted(own) != sorted(wanted):
            raise DataError(
                f"The labels of the {self._title} are {', '.join(own)}; the labels of the texts are "
                f"{', '.join(wanted)}. They must be the same: rename those of the texts, or set id2label in the "
                "teacher's config.json."
            )
        self._columns = [own.index(label) for label in wanted]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits for n texts, each with mean 0: (n, labels). They are kept by text.

        Raises:
            DataError: The logits cannot be computed, or are not finite.
        """
        logits = self._cache.logits(texts, self._compute)[:, self._columns]
        return logits - logits.mean(axis=1, keepdims=True)


def _teacher_of_function(
    function: Callable[[list[str]], Any], label_names: Sequence[str]
) -> FunctionTeacher:
    """Return a teacher that asks a function for the probability of each label.

    Its logits are kept in memory only: a changed function could not be told from the earlier one.
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    title = f"teacher function {name}"
    if not len(label_names):
        raise DataError(
            f"The {title} does not tell its labels; give label_names, in the order of its columns."
        )

    def log_probabilities(texts: list[str]) -> Floats:
        returned = function(texts)
        expected = (len(texts), len(label_names))
        try:
            probabilities = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError):  # torch refuses one with gradients
            probabilities = np.full(expected, np.nan)
        are_valid = probabilities.shape == expected and bool((probabilities >= 0).all())  # not NaN
        if not are_valid or not np.allclose(probabilities.sum(axis=1), 1, atol=0.01):
            kind = f"{type(returned).__name__} {getattr(returned, 'shape', '')}".rstrip()
            raise DataError(
                f"The {title} returned no probabilities but a {kind}; it must return numbers from 0, of shape (texts, "
                f"labels), here {expected}, and each row must sum to 1; label_names: {', '.join(label_names)}."
            )
        return np.log(np.maximum(probabilities, _LEAST_PROBABILITY))

    teacher = FunctionTeacher(title, label_names, log_probabilities)
    teacher.name = name
    return teacher


def _teacher_of_classifier(
    teacher: TeacherModel, folder: Path, device: torch.device
) -> FunctionTeacher:
    """Return a teacher that asks a classifier of transformers.

    Raises:
        DataError: It cannot be loaded, or cannot read texts.
    """
    is_trusted = teacher.trust_remote_code
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            trust_remote_code=is_trusted,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=is_trusted)
        longest = tokenizer.model_max_length
        if longest > _NO_LIMIT:
            longest = _MOST_TOKENS
        classify = pipeline(
            "text-classification",
            model=model,
            tokenizer=tokenizer,
            device=device,
            batch_size=_BATCH_SIZE,
            top_k=None,  # all labels
            function_to_apply="none",
            truncation=True,
            max_length=longest,
        )
        classify(["One text.", "A word " * _MOST_TOKENS])
    except Exception as error:
        raise loading_error(teacher, error) from error
    missing = set(info["missing_keys"])  # transformers draws these weights at random
    if missing:
        raise DataError(
            f"The {teacher} lacks the weights {min(missing)}: give a model whose weights are complete."
        )
    labels = [model.config.id2label[number] for number in range(model.config.num_labels)]

    def logits(texts: list[str]) -> Floats:
        rows = []
        answers: Any = classify(texts)
        for scored in answers:
            logit_of = {score["label"]: score["score"] for score in scored}
            rows.append([logit_of[label] for label in labels])
        return np.array(rows)

    label_names = [str(label) for label in labels]
    classifier = FunctionTeacher(str(teacher), label_names, logits, content_hash(folder))
    classifier.kind = "classifier"
    return classifier
