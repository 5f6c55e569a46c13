"""The report of `glove-lstm evaluate`, as text and as eval.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.loading import joined_texts
from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.metrics import (
    accuracy_with_interval,
    measure_label_sets,
    measure_labels,
    measure_sources,
)
from glove_lstm.evaluation.plots import PLOTS, plot_measured
from glove_lstm.evaluation.robustness import DESCRIPTIONS, measure_robustness
from glove_lstm.inference.prediction import predict_probabilities
from glove_lstm.inference.printable import one_line
from glove_lstm.inference.scores import decision_thresholds
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.training_texts import TRAINING_TEXTS_NAME, TrainingTexts

_WITH_INTERVAL = {"accuracy": "accuracy", "f1": "macro F1", "micro_f1": "micro F1"}
_WITH_INTERVAL |= {"brier": "Brier score"}
_OTHERS = {"ece": "ECE", "mcc": "Matthews correlation", "roc_auc": "ROC AUC"}
_OTHERS |= {"majority_share": "majority class"}

_SOURCES = 19  # in the table; eval.json has all


@dataclass
class Report:
    """Measures of a model on labelled texts, or leaks of the texts alone."""

    figures: dict[str, Any] = field(default_factory=dict)  # contents of eval.json
    probabilities: NDArray[np.float64] | None = None  # (n, classes); None without a model
    labels: NDArray[np.int64] | None = None  # (n,), or (n, classes) of 1 and 0

    def add_seen(self, record: TrainingTexts | None, texts: Dataset) -> Dataset:
        """Count the texts that a model was trained or validated on, and return the others; all without a record."""
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
        """Return a sentence on the numbers of texts that a model, of this name, has and has not seen."""
        counts = self.figures["seen"]
        if counts is None:
            return (
                f"It is unknown which texts {model} has seen: it has no {TRAINING_TEXTS_NAME}. "
                "Figures on texts of its training say nothing of new texts."
            )
        seen, unseen = counts["trained"] + counts["validated"], counts["unseen"]
        roles = f"(trained on {counts['trained']:,}, validated on {counts['validated']:,})"
        if not unseen:
            return f"All {seen:,} texts were seen {roles}."
        sentence = f"{seen:,} of the {seen + unseen:,} texts were seen {roles}"
        sentence += f"; the figures are of the other {unseen:,}." if seen else "."
        sentence += " Copies are found apart from case, punctuation and white space; edited copies are not found."
        if not counts["complete"]:
            sentence += (
                " It is unknown which other texts it has seen: it was trained from a checkpoint "
                "without a record."
            )
        return sentence

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
            texts: Columns text, label, perhaps text_pair and source, as `load_splits` makes them with the model's
                labels.
            robustness: Whether to measure it on perturbed texts, too.
        """
        names: list[str] = model.config.label_names
        pairs = texts["text_pair"][:] if "text_pair" in texts.column_names else None
        self.probabilities = predict_probabilities(model, tokenizer, texts["text"][:], pairs)
        self.labels = np.array(texts["label"][:])
        self.figures["labels"] = names
        if thresholds := decision_thresholds(model.config.to_dict()):
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
        """Compare the measured model with its teacher, whose logits for the same texts are (n, classes)."""
        assert self.probabilities is not None
        assert self.labels is not None
        best = logits.argmax(axis=1)
        measures = accuracy_with_interval(best == self.labels)
        agreement = float((best == self.probabilities.argmax(axis=1)).mean())
        self.figures["teacher"] = {"name": name, **measures, "agreement": agreement}

    def text(self) -> str:
        """Format everything for a terminal."""
        figures = self.figures
        parts = []
        if self.labels is not None:
            parts = [_measures(figures), _by_label(figures)]
        if "teacher" in figures:
            parts.insert(1, _teacher(figures))
        if "confusion" in figures:
            parts += [_confusion(figures), _coverage(figures)]
        if figures.get("by_source"):
            parts.append(_by_source(figures["by_source"]))
        if "robustness" in figures:
            parts.append(_robustness(figures["robustness"]))
        if "leaks" in figures:
            parts.append(_leaks(figures["leaks"]))
        return "\n\n".join(parts) + "\n"

    def save(self, folder: str | Path) -> None:
        """Write eval.json and, of a model, the plots of `plot_measured`."""
        folder = Path(folder)
        for name in PLOTS:  # of an earlier report
            (folder / name).unlink(missing_ok=True)
        if self.probabilities is not None and self.labels is not None and self.labels.ndim == 1:
            plot_measured(self.probabilities, self.labels, self.figures["labels"], folder)
        with whole_file(folder / "eval.json") as part:
            text = json.dumps(self.figures, indent=2, ensure_ascii=False, allow_nan=False)
            part.write_text(text + "\n", encoding="utf-8", errors="replace")


def _measures(figures: Mapping[str, Any]) -> str:
    rows = [["measure", "value", "95 % interval"]]
    for name, shown in _WITH_INTERVAL.items():
        if f"{name}_interval" in figures:
            rows.append([shown, *_with_interval(figures, name)])
    for name, shown in _OTHERS.items():
        if name in figures:
            value = figures[name]
            rows.append([shown, "not defined" if value is None else f"{value:.4f}"])
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
    names = ["precision", "recall"] if "confusion" in figures else ["f1"]
    rows = [["label", "rows", *chain.from_iterable([name, "95 % interval"] for name in names)]]
    for label, measures in figures["by_label"].items():
        defined = names if measures["rows"] else names[:1]  # without recall
        cells = chain.from_iterable(_with_interval(measures, name) for name in defined)
        rows.append([label, f"{measures['rows']:,}", *cells])
    return _table(rows)


def _confusion(figures: Mapping[str, Any]) -> str:
    names = figures["labels"]
    rows = [[name, *row] for name, row in zip(names, figures["confusion"], strict=True)]
    return _table([["true \\ predicted", *names], *rows])


def _coverage(figures: Mapping[str, Any]) -> str:
    rows = [
        [f"{row['threshold']:.4f}", f"{row['coverage']:.1%}", f"{row['accuracy']:.4f}"]
        for row in figures["coverage"]
    ]
    return _table([["score at least", "texts", "accuracy"], *rows])


def _by_source(measured: Mapping[str, Any]) -> str:
    """The least accurate corpora and sources first."""
    names = "accuracy", "balanced_accuracy", "roc_auc"
    worst = sorted(
        measured.items(), key=lambda item: item[1].get("balanced_accuracy", item[1]["accuracy"])
    )
    rows = [["source", "rows", "accuracy", "balanced accuracy", "ROC AUC"]]
    for source, measures in worst[:_SOURCES]:
        figures = [f"{measures[name]:.4f}" if name in measures else "-" for name in names]
        rows.append([source, f"{measures['rows']:,}", *figures])
    return _table(rows)


def _robustness(robustness: Mapping[str, Any]) -> str:
    rows = [["texts", "accuracy", "95 % interval", "lost", "95 % interval"]]
    for name, figures in robustness.items():
        cells = [DESCRIPTIONS.get(name, "as they are"), *_with_interval(figures, "accuracy")]
        rows.append(cells + (_with_interval(figures, "lost", "+") if "lost" in figures else []))
    return _table(rows)


def _leaks(leaks: Mapping[str, Any]) -> str:
    checked = leaks["checked"]
    rows = ", ".join(f"{split} {count:,}" for split, count in checked["rows"].items())
    lines = [f"Leaks looked for in {rows} rows; columns: {', '.join(checked['text_columns'])}."]
    lines += [f"- {finding['sentence']}" for finding in leaks["findings"]] or ["None found."]
    return "\n".join(lines)


def _with_interval(figures: Mapping[str, Any], name: str, sign: str = "") -> list[str]:
    """Two cells: a measure, and its interval."""
    low, high = figures[f"{name}_interval"]
    return [f"{figures[name]:{sign}.4f}", f"{low:{sign}.4f} to {high:{sign}.4f}"]


def _table(rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as they need to be; words to the left, figures to the right."""
    rows = [[one_line(str(cell)) for cell in row] for row in rows]
    columns = zip_longest(*rows, fillvalue="")
    widths = [max(len(str(cell)) for cell in column) for column in columns]
    lines = []
    for first, *cells in rows:
        figures = [f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=False)]
        lines.append("  ".join([first.ljust(widths[0]), *figures]).rstrip())
    return "\n".join(lines)
