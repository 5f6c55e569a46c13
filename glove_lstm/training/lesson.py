"""What a model learns: the labels of texts, or the logits that a teacher gives for more texts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import rows_without_near_duplicates
from glove_lstm.training.answers import ClassifierAnswers
from glove_lstm.training.augmentation import augment, copies_of_each
from glove_lstm.training.division import Division
from glove_lstm.training.encoder_head import EncoderAnswers
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.teacher import LoadedEncoder, LoadedTeacher
from glove_lstm.training.temperature import fit_temperature
from glove_lstm.vectors.glove import GloveVectors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What the two parts of a model learn, and the texts that calibrate it."""

    ngram_texts: LabelledTexts
    texts: Sequence[str]  # m texts for the LSTM
    # Class indices (m,); or (m, labels) with 1 for each label that a text has; or centred logits of a teacher.
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None  # (m,) in the loss of the LSTM
    held_out: LabelledTexts | None
    teaching: "Teaching | None" = None  # if the targets are a teacher's logits

    @property
    def unlabelled(self) -> Sequence[str]:
        """The texts without labels."""
        return () if self.teaching is None else self.teaching.unlabelled


@dataclass(frozen=True, eq=False)
class Teaching:
    """How a teacher was asked."""

    about: dict[str, Any]  # what metrics.json says of it
    unlabelled: Sequence[str]  # the texts without labels that the LSTM learns from
    # (n, labels) of the teacher for the n held-out texts
    held_out_logits: NDArray[np.float32] | None
    # Then the held-out labels calibrate, but they measure no accuracy.
    held_out_labels_are_the_teachers: bool


def lesson_of_labels(train: LabelledTexts, held_out: LabelledTexts | None) -> Lesson:
    """Return the lesson of labels alone: both parts learn the labels of the training texts."""
    return Lesson(train, train.texts, train.labels, train.weights, held_out)


def lesson_of_teacher(
    teacher: LoadedTeacher,
    division: Division,
    *,
    copies: int | None,
    glove: GloveVectors | None,
    folder: Path,
    seed: int,
) -> Lesson:
    """Ask a teacher for the logits of the training texts, of altered copies of them, and of unlabelled texts.

    The logits are divided by a temperature: that of an encoder's regression, or the one at which a classifier's logits
    fit the labels of held-out texts best; 1 if no labelled texts are held out for a classifier. The n-grams learn the
    labels; if there are more unlabelled than labelled texts, also the teacher's best label of each unlabelled text.

    Args:
        teacher: The teacher. For an encoder, a regression on its embeddings is fitted to the training texts.
        division: The texts. There may be no labelled ones, unless the teacher is an encoder. Unlabelled near duplicates
            of held-out texts are left out.
        copies: Altered copies of each training text; None: `copies_of_each` tells their number.
        glove: Vectors by which words are exchanged in copies; None: none are.
        folder: Where the teacher's logits are kept.
        seed: Of the choice of held-out texts.

    Raises:
        DataError: No texts are left to learn from.
    """
    train = division.train
    answers: ClassifierAnswers | EncoderAnswers
    if isinstance(teacher, LoadedEncoder):
        answers = EncoderAnswers(teacher, train, folder, seed)
    else:
        answers = ClassifierAnswers(teacher, train.label_names, folder)
    held_out = division.held_out
    calibrated_on = None
    if held_out is not None:
        calibrated_on = "validation"
    elif len(division.held_out_unlabelled):
        calibrated_on = "unlabelled"
        count = len(division.held_out_unlabelled)
        logger.info("%s unlabelled texts are held out for calibration.", f"{count:,}")
        held_out = _labelled_by(answers, division.held_out_unlabelled, train.label_names, seed)
    unlabelled = division.unlabelled
    held_out_logits = None
    if held_out is not None:
        held_out_logits = answers.logits(held_out.texts)
        unlabelled = without_near_duplicates(unlabelled, held_out.texts, "held-out")
    if not len(train) and not unlabelled:
        raise DataError("All unlabelled texts are near duplicates of held-out texts; give others.")

    temperature = _temperature_of(answers, division.held_out)
    if copies is None:
        copies = copies_of_each(len(train))
    altered = augment(train.texts, copies, glove)
    logits_of_labelled = answers.logits([*train.texts, *altered])
    logits_of_unlabelled = answers.logits(unlabelled)
    logits = np.concatenate([logits_of_labelled, logits_of_unlabelled])
    ngram_texts = train
    if len(unlabelled) > len(train):
        ngram_texts = _joined(train, unlabelled, logits_of_unlabelled.argmax(axis=1))
    texts = [*train.texts, *altered, *unlabelled]
    logger.info("The model learns the teacher's logits for %s texts.", f"{len(texts):,}")
    about = {
        "teacher": answers.about,
        "temperature": temperature,
        "texts": len(texts),
        "copies": len(altered),
        "unlabelled": len(unlabelled),
        "held_out": 0 if held_out is None else len(held_out),
        "calibrated_on": calibrated_on,
    }
    return Lesson(
        ngram_texts,
        texts,
        targets=logits / np.float32(temperature),
        weights=None,  # those of texts and labels apply to the n-grams only
        held_out=held_out,
        teaching=Teaching(about, unlabelled, held_out_logits, calibrated_on == "unlabelled"),
    )


def without_near_duplicates(texts: Sequence[str], others: Sequence[str], name: str) -> list[str]:
    """Return the unlabelled texts without the near duplicates of other texts, and warn of how many there were.

    Args:
        texts: n texts.
        others: Texts that measure or calibrate the model.
        name: What the warning calls them.
    """
    if not len(texts) or not len(others):
        return list(texts)
    kept = rows_without_near_duplicates(texts, others)
    if len(kept) < len(texts):
        left_out = f"{len(texts) - len(kept):,} of {len(texts):,}"
        logger.warning(
            "%s unlabelled texts are left out: they are near duplicates of %s texts.",
            left_out,
            name,
        )
    return [texts[row] for row in kept]


def _temperature_of(
    answers: ClassifierAnswers | EncoderAnswers, held_out: LabelledTexts | None
) -> float:
    """Return the temperature of a teacher; 1 for a classifier if no labelled text tells how sure it may be."""
    if isinstance(answers, EncoderAnswers):
        return answers.temperature
    if held_out is None:
        return 1.0
    return fit_temperature(answers.logits(held_out.texts).astype(np.float64), held_out.labels)


def _labelled_by(
    answers: ClassifierAnswers | EncoderAnswers,
    texts: Sequence[str],
    label_names: Sequence[str],
    seed: int,
) -> LabelledTexts:
    """Return texts with a teacher's labels: of an encoder drawn by their probabilities, of a classifier the best."""
    logits = answers.logits(texts)
    labels = logits.argmax(axis=1)  # nothing is known of how sure a classifier may be
    if isinstance(answers, EncoderAnswers):
        labels = _drawn_labels(logits / answers.temperature, seed)
    return LabelledTexts(texts, labels, label_names)


def _drawn_labels(logits: NDArray[np.floating], seed: int) -> NDArray[np.int64]:
    """Draw a label for each text by its probabilities, (n,): drawn labels are as unsure as the logits."""
    limits = softmax(logits.astype(np.float64), axis=1).cumsum(axis=1)
    drawn = np.random.default_rng(seed).random((len(logits), 1))
    return (drawn > limits[:, :-1]).sum(axis=1)


def _joined(
    train: LabelledTexts, texts: Sequence[str], labels: NDArray[np.integer]
) -> LabelledTexts:
    """Append texts with labels to the training texts; they weigh 1 each."""
    weights = None
    if train.weights is not None:
        weights = np.concatenate([train.weights, np.ones(len(texts))])
    all_labels = np.concatenate([train.labels.astype(np.int64), labels])
    return LabelledTexts([*train.texts, *texts], all_labels, train.label_names, weights)
