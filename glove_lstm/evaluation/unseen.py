"""Measure a classifier on the texts that its training has not seen: figures on others say nothing of new texts."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint.names import TRAINING_TEXTS_NAME
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.errors import DataError
from glove_lstm.evaluation.report import Report, make_report
from glove_lstm.evaluation.robustness import measure_robustness
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)


def measure_unseen(
    classifier: LightClassifier,
    texts: Examples,
    training_texts: TextRecord | None,
    *,
    places: Sequence[Mapping[str, Any]] | None = None,
    source: Mapping[str, Any] | None = None,
    robustness: bool = False,
) -> Report:
    """Measure a classifier on the texts that its training has not seen.

    Args:
        classifier: The classifier.
        texts: n texts, with the labels of the classifier in its order.
        training_texts: The texts of its training; None: they are unknown, and all texts are measured.
        places: Columns of predictions.csv that say where each text is from; None: texts are numbered.
        source: The first entries of eval.json, such as "model", its name, and "data".
        robustness: Whether to measure it on perturbed texts, too; for models of one label a text.

    Raises:
        DataError: The training has seen all texts; or `robustness` is for another model.
    """
    if robustness and classifier.thresholds is not None:
        raise DataError("robustness is for models of one label a text; leave it out.")
    source = source or {}
    unseen, seen = find_unseen(texts.texts, training_texts)
    introduction = _describe_seen(source.get("model", "the classifier"), seen)
    if not len(unseen):
        raise DataError(f"{introduction} Give other texts.")
    places = places or [{"row": row} for row in range(1, len(texts) + 1)]
    texts = texts.select(unseen)
    scores, truncated = _scores(classifier, texts.texts)
    further: dict[str, Any] = {}
    if robustness:
        further["robustness"] = measure_robustness(classifier, texts.texts, texts.labels)
    further["top_words"] = {
        label: [word for word, _ in classifier.top_words(label)] for label in classifier.label_names
    }
    return make_report(
        introduction,
        {**source, "seen": seen, "truncated": truncated},
        texts,
        [places[number] for number in unseen],
        scores,
        classifier.thresholds,
        further,
    )


def find_unseen(
    texts: Sequence[str], training_texts: TextRecord | None
) -> tuple[NDArray[np.int64], dict[str, Any] | None]:
    """Return the rows of the texts that a training has not seen, and counts of the texts; None if it is unknown."""
    if training_texts is None:
        return np.arange(len(texts)), None
    trained, validated = training_texts.find(texts)
    is_unseen = ~(trained | validated)
    counts = {
        "trained": int(trained.sum()),
        "validated": int(validated.sum()),
        "unseen": int(is_unseen.sum()),
        "complete": training_texts.complete,
    }
    return is_unseen.nonzero()[0], counts


def _scores(classifier: LightClassifier, texts: Sequence[str]) -> tuple[NDArray[Any], int]:
    """Return the scores of n texts, (n, labels), and how many texts were truncated; warn of these."""
    tokenizer = classifier.tokenizer
    truncated_before = tokenizer.truncated_texts
    scores = classifier.predict_proba(texts)
    truncated = tokenizer.truncated_texts - truncated_before
    clause = tokenizer.truncation_warning(truncated, len(texts))
    if clause:
        logger.warning("%s.", clause)
    return scores, truncated


def _describe_seen(model: str, counts: Mapping[str, Any] | None) -> str:
    """Return sentences about how many of the texts the training has seen."""
    if counts is None:
        return (
            f"It is unknown which texts {model} has seen: it has no {TRAINING_TEXTS_NAME} of its weights. "
            "Figures on texts of its training say nothing of new texts."
        )
    seen = counts["trained"] + counts["validated"]
    unseen = counts["unseen"]
    roles = f"(trained on {counts['trained']:,}, validated on {counts['validated']:,})"
    if not unseen:
        return f"All {seen:,} texts were seen {roles}."
    sentences = (
        f"{seen:,} of the {seen + unseen:,} texts were seen {roles}; the others are measured. Copies are found despite "
        "other case, punctuation or white space; edited copies are not found."
    )
    if not counts["complete"]:
        sentences += " It is unknown which other texts the training before it has seen."
    return sentences
