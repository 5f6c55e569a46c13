"""The report of `glove-lstm evaluate`, as text and as eval.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.checkpoint import TRAINING_TEXTS_NAME
from glove_lstm.data.loading import joined_texts
from glove_lstm.data.text_record import TextRecord
from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.metrics import (
    accuracy_with_interval,
    measure_label_sets,
    measure_labels,
    measure_sources,
)
from glove_lstm.evaluation.plots import CONFUSION_NAME, RELIABILITY_NAME, plot_measured
from glove_lstm.evaluation.robustness import DESCRIPTIONS, measure_robustness
from glove_lstm.inference.prediction import predict_probabilities
from glove_lstm.inference.scores import decision_thresholds
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.printable import one_line

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
_MOST_SOURCES = 19  # in the table; eval.json has all


@dataclass
class Report:
    """Measures of a model on labelled texts, leaks in the texts, or both.

    `leave_out_seen` comes first and selects the texts for `add_model`; `add_teacher` comes after it. The caller sets
    `figures["leaks"]` to the result of `check_leaks`.
    """

    figures: dict[str, Any] = field(default_factory=dict)  # contents of eval.json
    probabilities: NDArray[np.float64] | None = None  # (n, classes); None without a model
    labels: NDArray[np.int64] | None = None  # (n,), or (n, classes) of 1 and 0

    def leave_out_seen(self, record: TextRecord | None, texts: Dataset) -> Dataset:
        """Count the texts that a model was trained or validated on, and return the others.

        Without a record, all texts are returned.
        """
        self.figures["seen"] = None
        if record is None:
            return texts
        trained, validated = record.find(joined_texts(texts))
        unseen = ~(trained | validated)
        masks = {"trained": trained, "validated": validated, "unseen": unseen}
        counts = {name: int(mask.sum()) for name, mask in masks.items()}
        self.figures["seen"] = {**counts, "complete": record.complete}
        return texts.select(unseen.nonzero()[0])

    def describe_seen(self, model: str) -> str:
        """Return sentences about how many of the texts the model has seen.

        Args:
            model: Name of the model.
        """
        counts = self.figures["seen"]
        if counts is None:
            return (
                f"It is unknown which texts {model} has seen: it has no {TRAINING_TEXTS_NAME}. "
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
        model: GloveLstmForSequenceClassification,
        tokenizer: PreTrainedTokenizerBase,
        texts: Dataset,
        *,
        robustness: bool = False,
    ) -> None:
        """Measure a model.

        Args:
            model: A classifier.
            tokenizer: Its tokenizer.
            texts: Columns text and label, and perhaps text_pair and source, as `load_splits` makes them with the
                model's labels.
            robustness: Whether to measure it on perturbed texts, too. Ignored for multi-label models.
        """
        names: list[str] = model.config.label_names
        pairs = None
        if "text_pair" in texts.column_names:
            pairs = texts["text_pair"][:]
        self.probabilities = predict_probabilities(model, tokenizer, texts["text"][:], pairs)
        self.labels = np.array(texts["label"][:])
        self.figures["labels"] = names
        thresholds = decision_thresholds(model.config.to_dict())
        if thresholds is not None:
            self.figures |= measure_label_sets(self.probabilities, self.labels, thresholds, names)
            return
        self.figures |= measure_labels(self.probabilities, self.labels, names)
        if "source" in texts.column_names:
            sources = texts["source"][:]
            by_source = measure_sources(self.probabilities, self.labels, sources)
            self.figures["by_source"] = by_source
        if robustness:
            rows = list(joined_texts(texts))
            self.figures["robustness"] = measure_robustness(model, tokenizer, rows, self.labels)

    def add_teacher(self, name: str, logits: NDArray[np.floating]) -> None:
        """Compare the measured model with a teacher.

        Args:
            name: The teacher's name.
            logits: (n, classes) its logits for the texts of `add_model`.
        """
        assert self.probabilities is not None
        assert self.labels is not None
        teacher_labels = logits.argmax(axis=1)
        measures = accuracy_with_interval(teacher_labels == self.labels)
        agreement = float((teacher_labels == self.probabilities.argmax(axis=1)).mean())
        self.figures["teacher"] = {"name": name, **measures, "agreement": agreement}

    def text(self) -> str:
        """Format everything for a terminal."""
        figures = self.figures
        sections = []
        if self.labels is not None:
            sections.append(_measures(figures))
        if "teacher" in figures:
            sections.append(_teacher(figures))
        if self.labels is not None:
            sections.append(_by_label(figures))
        if "confusion" in figures:
            sections += [_confusion(figures), _coverage(figures)]
        if figures.get("by_source"):
            sections.append(_by_source(figures["by_source"]))
        if "robustness" in figures:
            sections.append(_robustness(figures["robustness"]))
        if "leaks" in figures:
            sections.append(_leaks(figures["leaks"]))
        return "\n\n".join(sections) + "\n"

    def save(self, folder: str | Path) -> None:
        """Write eval.json and, for a model with one label a text, the plots of `plot_measured`."""
        folder = Path(folder)
        # Plots of an earlier report would not fit, and this one may have none.
        for name in (CONFUSION_NAME, RELIABILITY_NAME):
            (folder / name).unlink(missing_ok=True)
        if self.probabilities is not None and self.labels is not None and self.labels.ndim == 1:
            plot_measured(self.probabilities, self.labels, self.figures["labels"], folder)
        text = json.dumps(self.figures, indent=2, ensure_ascii=False, allow_nan=False)
        with whole_file(folder / "eval.json") as unfinished:
            unfinished.write_text(f"{text}\n", encoding="utf-8", errors="replace")


def _measures(figures: Mapping[str, Any]) -> str:
    rows = [["measure", "value", "95 % interval"]]
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
    return _table(rows)


def _teacher(figures: Mapping[str, Any]) -> str:
    teacher = figures["teacher"]
    rows = [
        ["classifier", "accuracy", "95 % interval"],
        ["this model", *_with_interval(figures, "accuracy")],
        [teacher["name"], *_with_interval(teacher, "accuracy")],
    ]
    return f"{_table(rows)}\nBoth give {teacher['agreement']:.1%} of the texts the same label."


def _by_label(figures: Mapping[str, Any]) -> str:
    names = ["f1"]
    has_one_label_each = "confusion" in figures
    if has_one_label_each:
        names = ["precision", "recall"]
    header = ["label", "rows"]
    for name in names:
        header += [name, "95 % interval"]
    rows = [header]
    for label, measures in figures["by_label"].items():
        row = [label, f"{measures['rows']:,}"]
        for name in names:
            if name == "recall" and not measures["rows"]:
                continue  # not defined for a label that no text has
            row += _with_interval(measures, name)
        rows.append(row)
    return _table(rows)


def _confusion(figures: Mapping[str, Any]) -> str:
    names = figures["labels"]
    rows = [["true \\ predicted", *names]]
    for name, counts in zip(names, figures["confusion"], strict=True):
        rows.append([name, *counts])
    return _table(rows)


def _coverage(figures: Mapping[str, Any]) -> str:
    rows = [["score at least", "texts", "accuracy"]]
    for kept in figures["coverage"]:
        threshold = f"{kept['threshold']:.4f}"
        rows.append([threshold, f"{kept['coverage']:.1%}", f"{kept['accuracy']:.4f}"])
    return _table(rows)


def _by_source(measured: Mapping[str, Any]) -> str:
    """Return a table of corpora and publishers, the least accurate first."""

    def accuracy(source: str) -> float:
        measures = measured[source]
        return measures.get("balanced_accuracy", measures["accuracy"])

    rows = [["source", "rows", "accuracy", "balanced accuracy", "ROC AUC"]]
    least_accurate_first = sorted(measured, key=accuracy)
    for source in least_accurate_first[:_MOST_SOURCES]:
        measures = measured[source]
        row = [source, f"{measures['rows']:,}"]
        for name in ("accuracy", "balanced_accuracy", "roc_auc"):
            cell = "-"
            if name in measures:
                cell = f"{measures[name]:.4f}"
            row.append(cell)
        rows.append(row)
    return _table(rows)


def _robustness(robustness: Mapping[str, Any]) -> str:
    rows = [["texts", "accuracy", "95 % interval", "lost", "95 % interval"]]
    for name, figures in robustness.items():
        description = DESCRIPTIONS.get(name, "as they are")  # of the clean texts
        row = [description, *_with_interval(figures, "accuracy")]
        if "lost" in figures:
            row += _with_interval(figures, "lost", "+")
        rows.append(row)
    return _table(rows)


def _leaks(leaks: Mapping[str, Any]) -> str:
    checked = leaks["checked"]
    rows = ", ".join(f"{split} {count:,}" for split, count in checked["rows"].items())
    lines = [f"Leaks looked for in {rows} rows; columns: {', '.join(checked['text_columns'])}."]
    lines += [f"- {finding['sentence']}" for finding in leaks["findings"]]
    if not leaks["findings"]:
        lines.append("None found.")
    return "\n".join(lines)


def _with_interval(figures: Mapping[str, Any], name: str, sign: str = "") -> list[str]:
    """Return two cells, a measure and its interval. With the sign "+", positive numbers have a plus sign."""
    low, high = figures[f"{name}_interval"]
    return [f"{figures[name]:{sign}.4f}", f"{low:{sign}.4f} to {high:{sign}.4f}"]


def _table(rows: Sequence[Sequence[Any]]) -> str:
    """Format a table: the first column is aligned left, the others right. Rows may lack cells at their ends."""
    printed_rows = [_printed(row) for row in rows]
    columns = zip_longest(*printed_rows, fillvalue="")
    widths = [_width(column) for column in columns]
    lines = []
    for first, *others in printed_rows:
        cells = [first.ljust(widths[0])]
        for cell, width in zip(others, widths[1:], strict=False):
            cells.append(cell.rjust(width))
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _printed(row: Sequence[Any]) -> list[str]:
    return [one_line(str(cell)) for cell in row]


def _width(column: Sequence[str]) -> int:
    return max(len(cell) for cell in column)
