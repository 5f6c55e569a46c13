"""The report of `glove-lstm evaluate`, as text and as eval.json."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint.names import TRAINING_TEXTS_NAME
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import accuracy_with_interval, measure, measure_by_label
from glove_lstm.evaluation.metrics_file import remarks
from glove_lstm.evaluation.plots import CONFUSION_NAME, RELIABILITY_NAME, plot_measured
from glove_lstm.evaluation.predictions import PREDICTIONS_NAME, Predictions
from glove_lstm.evaluation.robustness import DESCRIPTIONS, measure_robustness
from glove_lstm.files import check_writable, read_json_object, whole_file
from glove_lstm.inference.classifier import Classifier
from glove_lstm.printable import markdown_table

logger = logging.getLogger(__name__)

_FIGURES_NAME = "eval.json"
_KEYS_OF_REPORTS = {"seen", "leaks"}  # a report has one of them, or both
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


@dataclass
class Report:
    """Measures of a model on labelled texts, leaks in the texts, or both.

    `find_unseen` comes first and selects the texts for `add_model`; `add_teacher` comes after it. The caller sets
    `figures["leaks"]` to the result of `find_leaks`.
    """

    figures: dict[str, Any] = field(default_factory=dict)  # contents of eval.json
    predictions: Predictions | None = None  # None without a model

    def find_unseen(self, record: TextRecord | None, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count the texts that a model was trained or validated on, and return the rows of the others.

        Without a record, all rows are returned.
        """
        self.figures["seen"] = None
        if record is None:
            return np.arange(len(texts))
        trained, validated = record.find(texts)
        unseen = ~(trained | validated)
        masks = {"trained": trained, "validated": validated, "unseen": unseen}
        counts = {name: int(mask.sum()) for name, mask in masks.items()}
        self.figures["seen"] = {**counts, "complete": record.complete}
        return unseen.nonzero()[0]

    def describe_seen(self, model: str) -> str:
        """Return sentences about how many of the texts the model has seen.

        Args:
            model: Name of the model.
        """
        counts = self.figures["seen"]
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

    def add_model(
        self,
        classifier: Classifier,
        texts: Sequence[str],
        labels: NDArray[Any],
        *,
        rows: Sequence[int],
        files: Sequence[str] | None = None,
        robustness: bool = False,
    ) -> None:
        """Measure a classifier.

        Args:
            classifier: The classifier.
            texts: n texts.
            labels: (n,) indices of the classifier's labels; or (n, labels), 1 where a text has the label.
            rows: The number of each text in its table, from 1.
            files: The table of each text, if there are several.
            robustness: Whether to measure it on perturbed texts, too; for models of one label a text.
        """
        names = list(classifier.label_names)
        thresholds = classifier.thresholds
        tokenizer = classifier.tokenizer
        truncated_before = tokenizer.truncated_texts
        scores = classifier.predict_proba(texts)
        truncated = tokenizer.truncated_texts - truncated_before
        clause = tokenizer.truncation_warning(truncated, len(texts))
        if clause:
            logger.warning("%s.", clause)
        self.predictions = Predictions(texts, rows, files, names, labels, scores, thresholds)
        self.figures |= {"truncated": truncated, "labels": names}
        self.figures |= measure(scores, labels, names, thresholds)
        if thresholds is not None:
            return
        self.figures |= measure_by_label(scores, labels, names)
        if robustness:
            self.figures["robustness"] = measure_robustness(classifier, texts, labels)

    def add_teacher(self, name: str, logits: NDArray[np.floating]) -> None:
        """Compare the measured model with a teacher.

        Args:
            name: The teacher's name.
            logits: (n, classes) its logits for the texts of `add_model`.
        """
        assert self.predictions is not None
        teacher_labels = logits.argmax(axis=1)
        measures = accuracy_with_interval(teacher_labels == self.predictions.labels)
        agreement = float((teacher_labels == self.predictions.scores.argmax(axis=1)).mean())
        self.figures["teacher"] = {"name": name, **measures, "agreement": agreement}

    def text(self) -> str:
        """Format everything for a terminal."""
        figures = self.figures
        sections = []
        if "seen" in figures:
            sections.append(self.describe_seen(figures.get("model", "the classifier")))
        if self.predictions is not None:
            sections += [_measures(figures), *remarks(figures, advise=False)]
            if "teacher" in figures:
                sections.append(_teacher(figures))
            sections.append(_by_label(figures))
            if "confusion" in figures:
                sections += [_confusion(figures), _coverage(figures)]
            sections.append(self.predictions.surest_mistakes())
        if "robustness" in figures:
            sections.append(_robustness(figures["robustness"]))
        if "leaks" in figures:
            sections.append(_leaks(figures["leaks"]))
        return "\n\n".join(filter(None, sections)) + "\n"

    def save(self, folder: Path) -> None:
        """Write eval.json; for a model predictions.csv, and if a text has one label, the plots of `plot_measured`.

        Files of these names are replaced, and no other is touched.

        Raises:
            DataError: See `check_report_folder`.
        """
        check_report_folder(folder)
        written = set()
        predictions = self.predictions
        if predictions is not None:
            if predictions.thresholds is None:
                plot_measured(
                    predictions.scores, predictions.labels, predictions.label_names, folder
                )
                written |= {CONFUSION_NAME, RELIABILITY_NAME}
            predictions.write(folder / PREDICTIONS_NAME)
            written.add(PREDICTIONS_NAME)
        for path in _files_beside_figures(folder):
            if path.name not in written:
                logger.warning("%s is of an earlier report.", path)
        text = json.dumps(self.figures, indent=2, ensure_ascii=False, allow_nan=False)
        with whole_file(folder / _FIGURES_NAME) as unfinished:
            unfinished.write_text(f"{text}\n", encoding="utf-8", errors="replace")


def check_report_folder(folder: Path) -> None:
    """Refuse a folder whose files a report would replace, although no report has written them.

    Raises:
        DataError: `folder` is a file; or has plots or predictions without an eval.json, or an eval.json of somebody
            else.
    """
    check_writable(folder)
    advice = "move it, or give another --output_dir"
    earlier = folder / _FIGURES_NAME
    others = _files_beside_figures(folder)
    if earlier.exists():
        figures = read_json_object(earlier, advice)
        if _KEYS_OF_REPORTS.isdisjoint(figures):
            raise DataError(f"{earlier} is of no earlier report: {advice}.")
    elif others:
        raise DataError(
            f"{others[0]} is of no earlier report, because {_FIGURES_NAME} is missing: {advice}."
        )


def _files_beside_figures(folder: Path) -> list[Path]:
    """Return the files of a report, except eval.json, that a folder has."""
    paths = [folder / name for name in (CONFUSION_NAME, RELIABILITY_NAME, PREDICTIONS_NAME)]
    return [path for path in paths if path.exists()]


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


def _teacher(figures: Mapping[str, Any]) -> str:
    teacher = figures["teacher"]
    rows = [
        ["this model", *_with_interval(figures, "accuracy")],
        [teacher["name"], *_with_interval(teacher, "accuracy")],
    ]
    table = markdown_table(["classifier", "accuracy", "95 % interval"], rows)
    return f"{table}\n\nBoth give {teacher['agreement']:.1%} of the texts the same label."


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


def _leaks(leaks: Sequence[Mapping[str, Any]]) -> str:
    if not leaks:
        return "No phrase alone gives a label away."
    rows = []
    for leak in leaks:
        phrase = repr(leak["phrase"]) if leak["phrase"] else "no text"
        rows.append([phrase, leak["label"], f"{leak['covered']:.1%}", f"{leak['elsewhere']:.1%}"])
    table = markdown_table(["phrase", "label", "in its texts", "in others"], rows)
    remedy = (
        "Remove a phrase from all texts if it is an artefact of how the data were made, such as the name of a source: "
        "a model learns it instead of the rest. Keep it if it belongs to the meaning of the label, as "
        "'How many' does to questions for a number."
    )
    return f"Phrases that alone give a label away:\n\n{table}\n\n{remedy}"


def _with_interval(figures: Mapping[str, Any], name: str, sign: str = "") -> list[str]:
    """Return two cells, a measure and its interval. With the sign "+", positive numbers have a plus sign."""
    low, high = figures[f"{name}_interval"]
    return [f"{figures[name]:{sign}.4f}", f"{low:{sign}.4f} to {high:{sign}.4f}"]
