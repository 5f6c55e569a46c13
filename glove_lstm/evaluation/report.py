"""The report of `glove-lstm evaluate`, as text and as eval.json."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.explanations import describe, explain_sample, explanation_figures
from glove_lstm.evaluation.leaks import LeakReport
from glove_lstm.evaluation.metrics import measure_labels
from glove_lstm.evaluation.plots import plot_measured
from glove_lstm.evaluation.robustness import DESCRIPTIONS, measure_robustness
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import softmax
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.training_texts import joined_texts


@dataclass
class Report:
    """Measures of a model on labelled texts, or leaks of the texts alone.

    Attributes:
        figures: Contents of eval.json.
        probabilities: (n, classes); None without a model.
        labels: (n,), as the model numbers them; None without a model.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    probabilities: NDArray[np.float64] | None = None
    labels: NDArray[np.int64] | None = None

    def add_model(
        self,
        model: GloveLstmForSequenceClassification,
        tokenizer: PreTrainedTokenizerBase,
        texts: Dataset,
        label_names: Sequence[str],
        *,
        robustness: bool = False,
        explained: int = 0,
    ) -> None:
        """Measure a model.

        Args:
            model: A classifier whose labels include those that occur.
            tokenizer: Its tokenizer.
            texts: Columns text, label, perhaps text_pair, as `load_splits` makes them.
            label_names: Names of the numbers in the column of labels.
            robustness: Whether to measure it on perturbed texts, too.
            explained: Texts to explain at the most.
        """
        names: list[str] = model.config.label_names
        self.probabilities, self.labels = _predict(model, tokenizer, texts, label_names)
        self.figures |= {"labels": names, **measure_labels(self.probabilities, self.labels, names)}
        if explained:
            explanations = explain_sample(model, tokenizer, texts, limit=explained)
            self.figures["explanations"] = explanation_figures(model, tokenizer, explanations)
        if robustness:
            rows = list(joined_texts(texts))
            self.figures["robustness"] = measure_robustness(model, tokenizer, rows, self.labels)

    def add_leaks(self, leaks: LeakReport) -> None:
        """Add the findings of the leak checks."""
        self.figures["leaks"] = {
            "findings": [vars(finding) for finding in leaks.findings],
            "checked": leaks.checked,
        }

    def text(self) -> str:
        """Format everything for a terminal."""
        figures = self.figures
        parts = []
        if self.labels is not None:
            parts += [_measures(figures), _by_label(figures), _confusion(figures), _coverage(figures)]
        if "robustness" in figures:
            parts.append(_robustness(figures["robustness"]))
        if "explanations" in figures:
            parts.append(describe(figures["explanations"]))
        if "leaks" in figures:
            parts.append(_leaks(figures["leaks"]))
        return "\n\n".join(parts) + "\n"

    def save(self, folder: Path) -> None:
        """Write eval.json and, of a model, the pictures of `plot_measured`."""
        if self.probabilities is not None and self.labels is not None:
            words = self.figures.get("explanations", {}).get("words", {})
            plot_measured(self.probabilities, self.labels, self.figures["labels"], words, folder)
        with whole_file(folder / "eval.json") as part:
            # NaN, where a measure is not defined, is no JSON.
            figures = {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in self.figures.items()
            }
            text = json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False)
            part.write_text(text + "\n", encoding="utf-8", errors="replace")


def _predict(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset,
    label_names: Sequence[str],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities (n, classes), and labels (n,) as the model numbers them."""
    names: list[str] = model.config.label_names
    number = np.array([names.index(name) if name in names else -1 for name in label_names])
    labels = number[np.array(texts["label"][:])]
    assert labels.min() >= 0, "a label that the model lacks"
    pairs = texts["text_pair"][:] if "text_pair" in texts.column_names else None
    return softmax(predict_logits(model, tokenizer, texts["text"][:], pairs)), labels


def _measures(figures: Mapping[str, Any]) -> str:
    rows = [["measure", "value", "95 % interval"]]
    for name, shown in (
        ("accuracy", "accuracy"),
        ("f1", "macro F1"),
        ("ece", "ECE"),
        ("brier", "Brier score"),
    ):
        rows.append([shown, f"{figures[name]:.4f}", _interval(figures[f"{name}_interval"])])
    for name, shown in (("mcc", "Matthews correlation"), ("roc_auc", "ROC AUC"), ("aurc", "AURC")):
        rows.append([shown, f"{figures[name]:.4f}" if math.isfinite(figures[name]) else "not defined", ""])
    rows.append(["majority class", f"{figures['majority_share']:.4f}", ""])
    return _table(rows)


def _by_label(figures: Mapping[str, Any]) -> str:
    rows = [["label", "rows", "precision", "95 % interval", "recall", "95 % interval"]]
    for name, found in figures["by_label"].items():
        cells = [name, f"{found['rows']:,}"]
        for measure in ("precision", "recall"):
            cells += [f"{found[measure]:.4f}", _interval(found[f"{measure}_interval"])]
        rows.append(cells)
    return _table(rows)


def _confusion(figures: Mapping[str, Any]) -> str:
    names = figures["labels"]
    rows = [["true \\ predicted", *names]]
    rows += [[name, *map(str, counts)] for name, counts in zip(names, figures["confusion"], strict=True)]
    return _table(rows)


def _coverage(figures: Mapping[str, Any]) -> str:
    rows = [["score at least", "texts", "accuracy"]]
    rows += [
        [f"{row['threshold']:.4f}", f"{row['coverage']:.1%}", f"{row['accuracy']:.4f}"]
        for row in figures["coverage"]
    ]
    return _table(rows)


def _robustness(found: Mapping[str, Any]) -> str:
    rows = [["texts", "accuracy", "95 % interval", "lost", "95 % interval"]]
    for name, figures in found.items():
        cells = [DESCRIPTIONS.get(name, "as they are"), f"{figures['accuracy']:.4f}"]
        cells.append(_interval(figures["accuracy_interval"]))
        if "lost" in figures:
            cells += [f"{figures['lost']:+.4f}", _interval(figures["lost_interval"], sign="+")]
        rows.append(cells)
    return _table(rows)


def _leaks(leaks: Mapping[str, Any]) -> str:
    checked = leaks["checked"]
    rows = ", ".join(f"{split} {count:,}" for split, count in checked["rows"].items())
    others = ", ".join(map(repr, checked["other_columns"])) or "none"
    texts = ", ".join(map(repr, checked["text_columns"]))
    lines = [f"Leaks looked for in {rows} rows; text in {texts}; other columns: {others}."]
    lines += [f"- {finding['sentence']}" for finding in leaks["findings"]] or ["None found."]
    return "\n".join(lines)


def _interval(interval: Sequence[float], sign: str = "") -> str:
    return " to ".join(format(value, f"{sign}.4f") for value in interval)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be; words to the left, figures to the right."""
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
