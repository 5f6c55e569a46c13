"""Tables of few labels: those of docs/howto/few_texts.md, and that of the results."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as t_distribution

from benchmarks.records import TASK_NAMES, made_by, markdown_table, with_interval

Drawing = dict[str, dict[str, Any]]  # model -> what was measured
Cells = dict[tuple[str, int], list[Drawing]]  # task and number of labels -> drawings

_MODELS = {
    "tfidf_svc_cased_chars": "linear SVC, words and characters",
    "model2vec_logistic": "model2vec, logistic regression",
    "model2vec": "model2vec, fine-tuned",
    "svc_taught_MiniLM": "linear SVC, words and characters, taught by MiniLM",
    "glove_lstm": "glove-lstm, labels alone",
    "taught_MiniLM": "**glove-lstm, taught by MiniLM**",
    "taught_MPNet": "**glove-lstm, taught by MPNet**",
    "encoder_MiniLM": "MiniLM, tuned (the teacher)",
    "encoder_MPNet": "MPNet, tuned (the teacher)",
    "setfit": "SetFit on MiniLM",
}
_FEWEST_LABELS = 100  # in a table of its own
_MORE_LABELS = (300, 1_000)  # in another table


def few_labels_summary(results: dict[str, Any], speeds: dict[str, float]) -> str:
    """Format the mean accuracy over drawings with a hundred labels, by model and task, with size and texts a second."""
    cells = _cells_of(results, [_FEWEST_LABELS])
    heads = [TASK_NAMES[task] for task, _ in cells]
    lines = []
    for model, name in _MODELS.items():
        megabytes = _median_megabytes(cells, model)
        if megabytes is not None:
            accuracies = [_mean_accuracy(drawings, model) for drawings in cells.values()]
            lines.append([name, *accuracies, f"{megabytes:,.1f}", _speed(speeds, model)])
    return markdown_table(["", *heads, "MB", "texts/s"], lines)


def more_labels_summary(results: dict[str, Any]) -> str:
    """Format the mean accuracy over drawings with 300 and 1,000 labels, by model, task and number of labels."""
    cells = _cells_of(results, _MORE_LABELS)
    heads = [f"{TASK_NAMES[task]}, {count:,}" for task, count in cells]
    lines = []
    for model, name in _MODELS.items():
        accuracies = [_mean_accuracy(drawings, model) for drawings in cells.values()]
        if any(accuracies):
            lines.append([name, *accuracies])
    return markdown_table(["", *heads], lines)


def few_labels_table(results: dict[str, Any]) -> str:
    """Format accuracy with intervals over texts and drawings, and what else was measured."""
    heads = ["task", "labels", "model", "accuracy (95 % interval)", "by drawing", "log loss"]
    heads += ["calibration error", "CPU s to train", "commit, date"]
    lines = []
    for (task, count), drawings in _cells_of(results).items():
        for model in _MODELS:
            rows = _rows_of(model, drawings)
            if rows:
                lines.append([task, f"{count:,}", f"`{model}`", *_measures(rows)])
    return markdown_table(heads, lines)


def _measures(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Format what was measured of a model in one or more drawings."""
    right = np.array([[float(digit) for digit in row["right"]] for row in rows])
    by_drawing = [f"{row['accuracy']:.3f}" for row in rows]
    log_loss = np.mean([row["log_loss"] for row in rows])
    calibration_error = ""
    if all("ece" in row for row in rows):
        mean = np.mean([row["ece"] for row in rows])
        calibration_error = f"{mean:.3f}"
    # The most of the drawings: the first one of model2vec distilled the vectors, too.
    cpu_seconds = max(row["cpu_seconds"] for row in rows)
    return [
        with_interval(_normal_interval(right)),
        " ".join(by_drawing),
        f"{log_loss:.3f}",
        calibration_error,
        f"{cpu_seconds:,.0f}",
        made_by(rows),
    ]


def _normal_interval(right: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean of (drawings, texts), with a 95 % interval for the variance of drawings and of texts.

    The few drawings have a t distribution. Of a single drawing, the interval is for the variance of texts alone.
    """
    drawings, texts = right.shape
    half_of_texts = 1.96 * (right.mean(axis=0).var() / texts) ** 0.5
    half_of_drawings = 0.0
    if drawings > 1:
        deviation = right.mean(axis=1).std(ddof=1) / drawings**0.5
        half_of_drawings = t_distribution.ppf(0.975, drawings - 1) * deviation
    half = np.hypot(half_of_texts, half_of_drawings)
    mean = right.mean()
    return {"mean": mean, "low": max(mean - half, 0.0), "high": min(mean + half, 1.0)}


def _cells_of(results: dict[str, Any], counts: Iterable[int] | None = None) -> Cells:
    """Return the drawings by task and number of labels, in their order; None: all numbers."""
    cells = {}
    for name, drawings in results.items():
        task, _, count = name.partition("-")
        if count.isdecimal() and (counts is None or int(count) in counts):
            cells[task, int(count)] = list(drawings.values())
    tasks = list(TASK_NAMES)
    return dict(sorted(cells.items(), key=lambda item: (tasks.index(item[0][0]), item[0][1])))


def _rows_of(model: str, drawings: Iterable[Drawing]) -> list[dict[str, Any]]:
    """Return what was measured of a model, of the drawings that have it."""
    return [drawing[model] for drawing in drawings if model in drawing]


def _mean_accuracy(drawings: Sequence[Drawing], model: str) -> str:
    """Format the mean accuracy of a model over drawings: in parentheses if some are missing, empty if all are."""
    rows = _rows_of(model, drawings)
    if not rows:
        return ""
    mean = np.mean([row["accuracy"] for row in rows])
    return f"{mean:.3f}" if len(rows) == len(drawings) else f"({mean:.3f})"


def _median_megabytes(cells: Cells, model: str) -> float | None:
    """Return the median size of a model in all drawings; None if there is none."""
    sizes = []
    for drawings in cells.values():
        sizes += [row["megabytes"] for row in _rows_of(model, drawings)]
    return float(np.median(sizes)) if sizes else None


def _speed(speeds: dict[str, float], model: str) -> str:
    """Format the texts a second of a model; empty if they are not measured."""
    return f"{speeds[model]:,.0f}" if model in speeds else ""
