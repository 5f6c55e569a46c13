"""Plots of a training run and of measured texts, in colours for colour-blind readers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.metrics import Floats, Ints, reliability

PLOTS = "confusion.png", "reliability.png"  # of `plot_measured`
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # Okabe and Ito 2008


def plot_curves(
    history: Sequence[Mapping[str, Any]], path: Path, training_loss: str = "cross-entropy"
) -> None:
    """Plot loss and accuracy by epoch, from a Trainer's `log_history`."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for key, label, colour, axis in (
        ("loss", f"training ({training_loss})", BLUE, left),
        ("eval_loss", "validation (cross-entropy)", ORANGE, left),
        ("eval_accuracy", "validation", ORANGE, right),
    ):
        entries = [entry for entry in history if key in entry]
        if entries:
            epochs, values = ([entry[name] for entry in entries] for name in ("epoch", key))
            axis.plot(epochs, values, marker="o", markersize=3, color=colour, label=label)
            axis.legend(frameon=False, fontsize="small")
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    right.set(xlabel="epoch", ylabel="accuracy", title="Accuracy")
    if not right.lines:  # no validation texts
        right.remove()
    _save(figure, path)


def plot_measured(probabilities: Floats, labels: Ints, names: Sequence[str], folder: Path) -> None:
    """Plot confusion.png and reliability.png into a folder, of n texts' probabilities (n, classes) and labels (n,)."""
    inches = min(2.2 + 0.6 * len(names), 20)
    figure = Figure(figsize=(inches, inches), layout="constrained")
    axis = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        labels,
        probabilities.argmax(axis=1),
        labels=range(len(names)),
        display_labels=[name.replace("$", r"\$") for name in names],  # else mathematics
        cmap="Blues",
        values_format="d",
        include_values=len(names) <= 30,
        colorbar=False,
        xticks_rotation=30 if len(names) > 2 else 0,
        ax=axis,
    )
    axis.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    _save(figure, folder / PLOTS[0])

    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.subplots()
    counts, accuracy, confidence = reliability(probabilities, labels)
    axis.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    axis.plot(confidence, accuracy, color=BLUE, linewidth=1)
    area = 10 + 150 * counts / counts.max()
    axis.scatter(confidence, accuracy, s=area, color=BLUE, label="model (area: rows)")
    low = 1 / len(names)
    axis.set(xlim=(low, 1.01), ylim=(min(low, accuracy.min()), 1.02))
    axis.set(xlabel="confidence", ylabel="accuracy", title="Reliability")
    axis.legend(frameon=False, fontsize="small")
    _save(figure, folder / PLOTS[1])


def _save(figure: Figure, path: Path) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as part:
        figure.savefig(part, format="png", dpi=150, metadata={"Software": None})
