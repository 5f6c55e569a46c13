"""What a model learns: the labels of texts, or the logits that a teacher gives for more texts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from glove_lstm.data.glove import GloveVectors
from glove_lstm.data.splits import rows_without_near_duplicates
from glove_lstm.errors import DataError
from glove_lstm.training.answers import ClassifierAnswers
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.copies import altered_copies, copies_of_each
from glove_lstm.training.division import FEWEST_HELD_OUT
from glove_lstm.training.encoder_head import EncoderAnswers
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.teacher import LoadedClassifier, LoadedEncoder, LoadedTeacher
from glove_lstm.training.temperature import fit_temperature

logger = logging.getLogger(__name__)

# Unlabelled texts that are held out for the calibration if there are no validation texts; enough for a temperature.
_CALIBRATING_SHARE = 0.1
_MOST_CALIBRATING = 1_000
# With fewer labels and an encoder, all labelled texts teach, and unlabelled ones calibrate; DECISIONS.md says why.
_FEW_LABELS = 200


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
    train: LabelledTexts,
    held_out: LabelledTexts | None,
    unlabelled: Sequence[str],
    *,
    copies: int | None,
    glove: GloveVectors | None,
    folder: Path,
    seed: int,
) -> Lesson:
    """Ask a teacher for the logits of the training texts, of altered copies of them, and of unlabelled texts.

    The logits are divided by a temperature: that of an encoder's regression, or the one at which a classifier's logits
    fit the labels of held-out texts best. The n-grams learn the labels; if there are more unlabelled than labelled
    texts, also the teacher's best label of each unlabelled text.

    Args:
        teacher: The teacher. For an encoder, a regression on its embeddings is fitted to the training texts.
        train: Texts with labels. There may be none, unless the teacher is an encoder.
        held_out: Texts that calibrate the model. None: a tenth of the unlabelled texts, at most 1,000, with labels of
            the teacher, unless these are fewer than 10.
        unlabelled: Texts without labels. Near duplicates of held-out texts are left out.
        copies: Altered copies of each training text; None: by their number.
        glove: Vectors by which words are exchanged in copies; None: none are.
        folder: Where the teacher's logits are kept.
        seed: Of the choice of held-out texts.

    Raises:
        DataError: No texts are left to learn from.
    """
    answers: ClassifierAnswers | EncoderAnswers
    if isinstance(teacher, LoadedEncoder):
        answers = EncoderAnswers(teacher, train, folder, seed)
    else:
        answers = ClassifierAnswers(teacher, train.label_names, folder)
    temperature = answers.temperature
    held_out_logits = None
    calibrated_on = None
    if held_out is not None:
        calibrated_on = "validation"
        held_out_logits = answers.logits(held_out.texts)
        if isinstance(teacher, LoadedClassifier):
            temperature = fit_temperature(held_out_logits.astype(np.float64), held_out.labels)
    else:
        unlabelled, chosen = _hold_out(unlabelled, train, seed)
        if chosen:
            calibrated_on = "unlabelled"
            logger.info("%s unlabelled texts are held out for calibration.", f"{len(chosen):,}")
            held_out_logits = answers.logits(chosen)
            if isinstance(teacher, LoadedEncoder):
                labels = _drawn_labels(held_out_logits / temperature, seed)
            else:  # nothing is known of how sure it may be
                labels = held_out_logits.argmax(axis=1)
            held_out = LabelledTexts(chosen, labels, train.label_names)
        else:
            logger.warning(
                "The scores are not calibrated: there are too few texts to hold some out."
            )
    if held_out is not None:
        unlabelled = without_near_duplicates(unlabelled, held_out.texts, "held-out")
    if not len(train) and not unlabelled:
        raise DataError("All unlabelled texts are near duplicates of held-out texts; give others.")

    if copies is None:
        copies = copies_of_each(len(train))
    altered = altered_copies(train.texts, copies, glove)
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


def unlabelled_texts_calibrate(
    teacher: LoadedTeacher | None,
    train: LabelledTexts,
    unlabelled: Sequence[str],
    arguments: GloveLstmTrainingArguments,
) -> bool:
    """Return whether unlabelled texts are held out, instead of labelled ones.

    That is so for an encoder with few labelled texts and enough unlabelled ones, unless a share of the labelled texts
    is asked for, or they must choose the epoch.
    """
    if not isinstance(teacher, LoadedEncoder) or len(train) >= _FEW_LABELS:
        return False
    if arguments.validation_fraction is not None or arguments.needs_validation:
        return False
    _, chosen = _hold_out(unlabelled, train, arguments.seed)
    return bool(chosen)


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


def _hold_out(
    unlabelled: Sequence[str], train: LabelledTexts, seed: int
) -> tuple[Sequence[str], list[str]]:
    """Return the unlabelled texts to learn from, and those that calibrate: none if they would be too few."""
    count = min(round(_CALIBRATING_SHARE * len(unlabelled)), _MOST_CALIBRATING)
    candidates = np.arange(len(unlabelled))
    if len(train):
        candidates = rows_without_near_duplicates(unlabelled, train.texts)
    if min(count, len(candidates)) < FEWEST_HELD_OUT:
        return unlabelled, []
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(candidates)[:count]
    others = np.setdiff1d(np.arange(len(unlabelled)), chosen)
    return [unlabelled[row] for row in others], [unlabelled[row] for row in chosen]


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
    every_label = np.concatenate([train.labels.astype(np.int64), labels])
    return LabelledTexts([*train.texts, *texts], every_label, train.label_names, weights)
