"""The report of `glove-lstm evaluate`, as text and as files."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from glove_lstm.checkpoint.names import TRAINING_TEXTS_NAME
from glove_lstm.checkpoint.new_folder import check_new_folder, new_folder
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.errors import DataError
from glove_lstm.evaluation.measures import Measures, figure_cells
from glove_lstm.evaluation.plots import plot_measured
from glove_lstm.evaluation.predictions import Predictions
from glove_lstm.evaluation.robustness import DESCRIPTIONS, measure_robustness
from glove_lstm.inference.classifier import Classifier
from glove_lstm.printable import markdown_table
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Report:
    """Measures of a classifier on labelled texts; `measure_unseen` makes it.

    Attributes:
        figures: The contents of eval.json.
        measures: The main figures.
        predictions: The scores of the measured texts.
    """

    figures: dict[str, Any]
    measures: Measures
    predictions: Predictions

    def text(self) -> str:
        """Format everything for a terminal."""
        sections = [
            _describe_seen(self.figures),
            self.measures.table(),
            *self.measures.remarks(advise=False),
            self.predictions.label_report(),
        ]
        if self.measures.coverage is not None:
            sections.append(_coverage(self.measures.coverage))
        mistakes = self.predictions.surest_mistakes()
        if mistakes:
            sections.append(mistakes)
        if "robustness" in self.figures:
            sections.append(_robustness(self.figures["robustness"]))
        return "\n\n".join(sections) + "\n"

    def save(self, folder: str | Path) -> None:
        """Write eval.json, predictions.csv and, for one label a text, plots: all of them, or nothing.

        Args:
            folder: A new or empty folder.

        Raises:
            DataError: The folder holds something, or cannot be written.
        """
        folder = Path(folder)
        check_new_folder(folder)
        predictions = self.predictions
        with new_folder(folder) as unfinished:
            text = json.dumps(self.figures, indent=2, ensure_ascii=False, allow_nan=False)
            (unfinished / "eval.json").write_text(f"{text}\n", encoding="utf-8", errors="replace")
            predictions.write(unfinished / "predictions.csv")
            if predictions.thresholds is None:
                texts = predictions.texts
                plot_measured(predictions.scores, texts.labels, texts.label_names, unfinished)


def measure_unseen(
    classifier: Classifier,
    texts: Examples,
    training_texts: TextRecord | None,
    *,
    rows: Sequence[int] | None = None,
    files: Sequence[str] | None = None,
    source: Mapping[str, Any] | None = None,
    robustness: bool = False,
) -> Report:
    """Measure a classifier on the texts that its training has not seen.

    Args:
        classifier: The classifier.
        texts: n texts with labels of the classifier, in its order.
        training_texts: The texts of its training; None: they are unknown, and all texts are measured.
        rows: The number of each text in its table, from 1; None: texts are numbered.
        files: The table of each text; None: there is one.
        source: The first entries of eval.json, such as "model", its name, and "data".
        robustness: Whether to measure it on perturbed texts, too; for models of one label a text.

    Raises:
        DataError: The training has seen all texts.
    """
    figures = dict(source or {})
    unseen, figures["seen"] = find_unseen(texts.texts, training_texts)
    if not len(unseen):
        raise DataError(f"{_describe_seen(figures)} Give other texts.")
    rows = rows or range(1, len(texts) + 1)
    texts = texts.select(unseen)
    scores, figures["truncated"] = _scores(classifier, texts.texts)
    predictions = Predictions(
        texts,
        [rows[number] for number in unseen],
        None if files is None else [files[number] for number in unseen],
        scores,
        classifier.thresholds,
    )
    measures = Measures.of(scores, texts.labels, texts.label_names, classifier.thresholds)
    figures["labels"] = list(texts.label_names)
    figures |= measures.to_json()
    figures["by_label"] = predictions.by_label()
    if classifier.thresholds is None:
        labels = range(len(texts.label_names))
        confusion = confusion_matrix(texts.labels, predictions.predicted, labels=labels)
        figures["confusion"] = confusion.tolist()  # a row for each true label
    if robustness:
        figures["robustness"] = measure_robustness(classifier, texts.texts, texts.labels)
    return Report(figures, measures, predictions)


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


def _scores(classifier: Classifier, texts: Sequence[str]) -> tuple[NDArray[Any], int]:
    """Return the scores of n texts, (n, labels), and how many texts were truncated; warn of these."""
    tokenizer = classifier.tokenizer
    truncated_before = tokenizer.truncated_texts
    scores = classifier.predict_proba(texts)
    truncated = tokenizer.truncated_texts - truncated_before
    clause = tokenizer.truncation_warning(truncated, len(texts))
    if clause:
        logger.warning("%s.", clause)
    return scores, truncated


def _describe_seen(figures: Mapping[str, Any]) -> str:
    """Return sentences about how many of the texts the training has seen."""
    model = figures.get("model", "the classifier")
    counts = figures["seen"]
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


def _coverage(coverage: Sequence[Mapping[str, float]]) -> str:
    rows = [
        [f"{kept['threshold']:.4f}", f"{kept['coverage']:.1%}", f"{kept['accuracy']:.4f}"]
        for kept in coverage
    ]
    return markdown_table(["score at least", "texts", "accuracy"], rows)


def _robustness(robustness: Mapping[str, Any]) -> str:
    rows = []
    for name, figures in robustness.items():
        row = [DESCRIPTIONS.get(name, "as they are")]  # the clean texts have no description
        row += figure_cells(figures["accuracy"], figures["accuracy_interval"])
        if "lost" in figures:
            row += figure_cells(figures["lost"], figures["lost_interval"], "+")
        rows.append(row)
    return markdown_table(["texts", "accuracy", "95 % interval", "lost", "95 % interval"], rows)
