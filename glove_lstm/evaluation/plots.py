"""Plots of a training run and of labelled texts, in colours for colour-blind readers."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.metrics import area_under_risk_coverage, coverage_curve, reliability

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # Okabe and Ito 2008
_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # of labels; theirs, too
_LONGEST = 18  # characters of a word
_COLUMNS = 3  # of small pictures in a large one


def plot_curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Loss and accuracy by epoch, from a Trainer's `log_history`."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for key, label, colour, axis in (
        ("loss", "training", BLUE, left),
        ("eval_loss", "validation", ORANGE, left),
        ("eval_accuracy", "validation", ORANGE, right),
    ):
        points = [(entry["epoch"], entry[key]) for entry in history if key in entry and "epoch" in entry]
        if points:
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, color=colour, label=label)
    left.set(xlabel="epoch", ylabel="cross-entropy", title="Loss")
    right.set(xlabel="epoch", ylabel="accuracy", title="Accuracy")
    _finish(figure, path, legends=(left, right))


def plot_measured(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    names: Sequence[str],
    words: Mapping[str, Sequence[tuple[str, float]]],
    folder: Path,
) -> None:
    """All pictures of labelled texts: confusion.png, reliability.png, coverage.png and words.png.

    Args:
        probabilities: (n, classes).
        labels: (n,).
        names: Of the classes.
        words: As `explanations.important_words` gives them; without any, there is no words.png.
        folder: Where they go.
    """
    plot_confusion(probabilities, labels, names, folder / "confusion.png")
    plot_reliability(probabilities, labels, folder / "reliability.png")
    plot_coverage(probabilities, labels, folder / "coverage.png")
    if any(words.values()):
        plot_words({name: words.get(name, []) for name in names}, folder / "words.png")


def plot_confusion(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], names: Sequence[str], path: Path
) -> None:
    """Rows by true and predicted label."""
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    size = 2.2 + 0.6 * len(names)
    figure = Figure(figsize=(size, size), layout="constrained")
    axis = figure.subplots()
    axis.imshow(counts, cmap="Blues")
    for (row, column), count in np.ndenumerate(counts):
        dark = count > counts.max() / 2
        axis.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    axis.set_xticks(range(len(names)), names, rotation=30 if len(names) > 2 else 0)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    _finish(figure, path)


def plot_reliability(probabilities: NDArray[np.float64], labels: NDArray[np.int64], path: Path) -> None:
    """Accuracy against confidence: a calibrated model lies on the diagonal."""
    bins = reliability(probabilities, labels)
    filled = [(sure, hit, count) for count, hit, sure in bins if count]
    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    sure, hit, count = (np.array(column) for column in zip(*filled, strict=True))
    axis.plot(sure, hit, color=BLUE, linewidth=1)
    axis.scatter(sure, hit, s=10 + 150 * count / count.max(), color=BLUE, label="this model (area: rows)")
    low = 1 / probabilities.shape[1]
    axis.set(
        xlabel="confidence",
        ylabel="accuracy",
        title="Reliability",
        xlim=(low, 1.01),
        ylim=(min(low, hit.min()), 1.02),
    )
    _finish(figure, path, legends=(axis,))


def plot_coverage(probabilities: NDArray[np.float64], labels: NDArray[np.int64], path: Path) -> None:
    """Accuracy of the texts with the highest scores against their share."""
    coverages, accuracies = coverage_curve(probabilities, labels)
    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.subplots()
    # Below some 20 texts the curve is noise, and its jumps would hide the rest.
    shown = coverages >= min(20 / len(labels), 1)
    axis.plot(coverages[shown], accuracies[shown], color=BLUE, linewidth=1, label="this model")
    axis.axhline(accuracies[-1], color=GREY, linestyle="--", linewidth=1, label="without abstaining")
    axis.set(
        xlabel="share of texts that get a label",
        ylabel="accuracy of these labels",
        title=f"Abstaining (AURC {area_under_risk_coverage(probabilities, labels):.4f})",
        xlim=(0, 1.01),
    )
    _finish(figure, path, legends=(axis,))


def plot_words(words: Mapping[str, Sequence[tuple[str, float]]], path: Path) -> None:
    """The words that move texts most towards each label.

    Args:
        words: Label -> words and their weights, as `explanations.important_words` gives them; some label has words.
        path: Of the PNG file.
    """
    shown = [(index, label, items) for index, (label, items) in enumerate(words.items()) if items]
    columns = min(len(shown), _COLUMNS)
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.4 * columns, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    largest = max(mean for _, _, items in shown for _, mean in items)
    for axis, (index, label, items) in zip(axes, shown, strict=False):
        axis.barh(range(len(items)), [mean for _, mean in items], color=_COLOURS[index % len(_COLOURS)])
        # A "$" of an article is no formula.
        axis.set_yticks(range(len(items)), [_shortened(word) for word, _ in items], parse_math=False)
        axis.invert_yaxis()
        axis.set(xlim=(0, 1.05 * largest), xlabel="mean of what it adds to the logit's lead")
        axis.set_title(f"For {label}", parse_math=False)
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    _finish(figure, path)


def _finish(figure: Figure, path: Path, legends: Sequence[Any] = ()) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    for axis in legends:
        if axis.get_legend_handles_labels()[1]:
            axis.legend(frameon=False, fontsize="small")
    with whole_file(path) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a word in a script that the font lacks
        figure.savefig(part, format="png", dpi=150, metadata={"Software": None})


def _shortened(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"
