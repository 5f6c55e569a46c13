"""Plots of a training run and of measured texts, in colours that colour-blind readers can tell apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from glove_lstm.evaluation.metrics import Floats, Ints, reliability
from glove_lstm.files import whole_file
from glove_lstm.inference.output_formats import shortened

# Colours of Okabe and Ito 2008.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREY = "#666666"
_LONGEST_NAME = 30  # characters of a label; longer ones are cut
_MOST_COUNTED = 30  # labels whose matrix has room for numbers


def plot_curves(
    history: Sequence[Mapping[str, Any]], path: Path, training_loss: str = "cross-entropy"
) -> None:
    """Plot loss and accuracy by epoch, from a Trainer's `log_history`."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    _plot_curve(loss, history, "loss", f"training ({training_loss})", BLUE)
    _plot_curve(loss, history, "eval_loss", "validation (cross-entropy)", ORANGE)
    _plot_curve(accuracy, history, "eval_accuracy", "validation", ORANGE)
    loss.set(xlabel="epoch", ylabel="loss", title="Loss")
    accuracy.set(xlabel="epoch", ylabel="accuracy", title="Accuracy")
    if not accuracy.lines:  # there are no validation texts
        accuracy.remove()
    _save(figure, path)


def _plot_curve(
    axis: Axes, history: Sequence[Mapping[str, Any]], key: str, label: str, colour: str
) -> None:
    """Plot a value of the log by epoch. Plot nothing if the log does not have it."""
    entries = [entry for entry in history if key in entry]
    if not entries:
        return
    epochs = [entry["epoch"] for entry in entries]
    values = [entry[key] for entry in entries]
    axis.plot(epochs, values, marker="o", markersize=3, color=colour, label=label)
    axis.legend(frameon=False, fontsize="small")


def plot_measured(probabilities: Floats, labels: Ints, names: Sequence[str], folder: Path) -> None:
    """Write confusion.png and reliability.png into a folder.

    Args:
        probabilities: (n, classes).
        labels: (n,) class indices.
        names: Class names.
        folder: Folder of the files.
    """
    _plot_confusion(probabilities, labels, names, folder / "confusion.png")
    _plot_reliability(probabilities, labels, folder / "reliability.png")


def _plot_confusion(probabilities: Floats, labels: Ints, names: Sequence[str], path: Path) -> None:
    # "$" would start a formula.
    shown_names = [shortened(name, _LONGEST_NAME).replace("$", r"\$") for name in names]
    inches = min(2.2 + 0.6 * len(names), 20) + 0.07 * max(map(len, shown_names))
    figure = Figure(figsize=(inches, inches), layout="constrained")
    axis = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        labels,
        probabilities.argmax(axis=1),
        labels=range(len(names)),
        display_labels=shown_names,
        cmap="Blues",
        values_format="d",
        include_values=len(names) <= _MOST_COUNTED,
        colorbar=False,
        xticks_rotation=30,
        ax=axis,
    )
    axis.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    _save(figure, path)


def _plot_reliability(probabilities: Floats, labels: Ints, path: Path) -> None:
    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.subplots()
    counts, accuracy, confidence = reliability(probabilities, labels)
    axis.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    axis.plot(confidence, accuracy, color=BLUE, linewidth=1)
    area = 10 + 150 * counts / counts.max()
    axis.scatter(confidence, accuracy, s=area, color=BLUE, label="model (area: rows)")
    lowest = 1 / probabilities.shape[1]  # the highest of the probabilities cannot be lower
    axis.set(xlim=(lowest, 1.01), ylim=(min(lowest, accuracy.min()), 1.02))
    axis.set(xlabel="confidence", ylabel="accuracy", title="Reliability")
    axis.legend(frameon=False, fontsize="small")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as unfinished:
        # Without the version of matplotlib, the same plot is the same file.
        figure.savefig(unfinished, format="png", dpi=150, metadata={"Software": None})
