"""The report of `glove-lstm evaluate`, as text and as files."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint.names import TRAINING_TEXTS_NAME
from glove_lstm.checkpoint.new_folder import check_new_folder, new_folder
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import measure, measure_by_label
from glove_lstm.evaluation.metrics_file import remarks
from glove_lstm.evaluation.plots import plot_measured
from glove_lstm.evaluation.predictions import Predictions
from glove_lstm.evaluation.robustness import DESCRIPTIONS, measure_robustness
from glove_lstm.inference.classifier import Classifier
from glove_lstm.printable import markdown_table
from glove_lstm.tables.labels import number_labels
from glove_lstm.tables.load import Rows

logger = logging.getLogger(__name__)

_MEASURES_WITH_INTERVAL = {
    "accuracy": "accuracy",
    "f1": "macro F1",
    "micro_f1": "micro F1",
    "brier": "Brier score",
}
_OTHER_MEASURES = {
    "ece": "ECE",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "majority_share": "majority class",
}


@dataclass(frozen=True, eq=False)
class Report:
    """Measures of a classifier on labelled texts; `measure_unseen` makes it.

    Attributes:
        figures: The contents of eval.json.
        predictions: The scores of the measured texts.
    """

    figures: dict[str, Any]
    predictions: Predictions

    def text(self) -> str:
        """Format everything for a terminal."""
        figures = self.figures
        sections = [
            _describe_seen(figures),
            _measures(figures),
            *remarks(figures, advise=False),
            _by_label(figures),
        ]
        if "confusion" in figures:
            sections += [_confusion(figures), _coverage(figures)]
        mistakes = self.predictions.surest_mistakes()
        if mistakes:
            sections.append(mistakes)
        if "robustness" in figures:
            sections.append(_robustness(figures["robustness"]))
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
                plot_measured(
                    predictions.scores, predictions.labels, predictions.label_names, unfinished
                )


def measure_unseen(
    classifier: Classifier,
    rows: Rows,
    training_texts: TextRecord | None,
    *,
    source: Mapping[str, Any] | None = None,
    robustness: bool = False,
) -> Report:
    """Measure a classifier on the texts that its training has not seen.

    Args:
        classifier: The classifier.
        rows: n texts with labels of the classifier, and their numbers.
        training_texts: The texts of its training; None: they are unknown, and all texts are measured.
        source: The first entries of eval.json, such as "model", its name, and "data".
        robustness: Whether to measure it on perturbed texts, too; for models of one label a text.

    Raises:
        DataError: The training has seen all texts.
    """
    figures = dict(source or {})
    unseen, figures["seen"] = _find_unseen(rows.texts, training_texts)
    if not len(unseen):
        raise DataError(f"{_describe_seen(figures)} Give other texts.")

    texts = [rows.texts[row] for row in unseen]
    names = list(classifier.label_names)
    labels = number_labels(rows.labels, names)[unseen]
    scores, figures["truncated"] = _scores(classifier, texts)
    thresholds = classifier.thresholds
    figures["labels"] = names
    figures |= measure(scores, labels, names, thresholds)
    if thresholds is None:
        figures |= measure_by_label(scores, labels, names)
    if robustness:
        figures["robustness"] = measure_robustness(classifier, texts, labels)

    numbers = [rows.numbers[row] for row in unseen]
    files = None
    if len(set(rows.files)) > 1:
        files = [rows.files[row] for row in unseen]
    return Report(figures, Predictions(texts, numbers, files, names, labels, scores, thresholds))


def _find_unseen(
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
    sentences = f"{seen:,} of the {seen + unseen:,} texts were seen {roles}"
    if seen:
        sentences += f"; the figures are for the other {unseen:,}"
    sentences += ". Copies are found despite other case, punctuation or white space; edited copies are not found."
    if not counts["complete"]:
        sentences += (
            " It is unknown which other texts it has seen: it was trained from a checkpoint "
            "without a record."
        )
    return sentences


def _measures(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, title in _MEASURES_WITH_INTERVAL.items():
        if f"{name}_interval" in figures:
            rows.append([title, *_with_interval(figures, name)])
    for name, title in _OTHER_MEASURES.items():
        if name not in figures:
            continue
        cell = "not defined"
        if figures[name] is not None:
            cell = f"{figures[name]:.4f}"
        rows.append([title, cell])
    return markdown_table(["measure", "value", "95 % interval"], rows)


def _by_label(figures: Mapping[str, Any]) -> str:
    names = ["f1"]
    has_one_label_each = "confusion" in figures
    if has_one_label_each:
        names = ["precision", "recall"]
    header = ["label", "rows"]
    for name in names:
        header += [name, "95 % interval"]
    rows = []
    for label, measures in figures["by_label"].items():
        row = [label, f"{measures['rows']:,}"]
        for name in names:
            if name == "recall" and not measures["rows"]:
                continue  # not defined for a label that no text has
            row += _with_interval(measures, name)
        rows.append(row)
    return markdown_table(header, rows)


def _confusion(figures: Mapping[str, Any]) -> str:
    names = figures["labels"]
    rows = []
    for name, counts in zip(names, figures["confusion"], strict=True):
        rows.append([name, *map(str, counts)])
    return markdown_table(["true / predicted", *names], rows)


def _coverage(figures: Mapping[str, Any]) -> str:
    rows = []
    for kept in figures["coverage"]:
        threshold = f"{kept['threshold']:.4f}"
        rows.append([threshold, f"{kept['coverage']:.1%}", f"{kept['accuracy']:.4f}"])
    return markdown_table(["score at least", "texts", "accuracy"], rows)


def _robustness(robustness: Mapping[str, Any]) -> str:
    rows = []
    for name, figures in robustness.items():
        description = DESCRIPTIONS.get(name, "as they are")  # of the clean texts
        row = [description, *_with_interval(figures, "accuracy")]
        if "lost" in figures:
            row += _with_interval(figures, "lost", "+")
        rows.append(row)
    header = ["texts", "accuracy", "95 % interval", "lost", "95 % interval"]
    return markdown_table(header, rows)


def _with_interval(figures: Mapping[str, Any], name: str, sign: str = "") -> list[str]:
    """Return two cells, a measure and its interval. With the sign "+", positive numbers have a plus sign."""
    low, high = figures[f"{name}_interval"]
    return [f"{figures[name]:{sign}.4f}", f"{low:{sign}.4f} to {high:{sign}.4f}"]
