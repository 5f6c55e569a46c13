"""Pictures of the stored results, for README and docs."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.records import TASK_NAMES
from glove_lstm.evaluation.plots import BLUE, ORANGE

# Pictures are as wide as the screen of a phone, and have no ground of their own, which may be light or dark.
_GREY = "#808080"  # can be read on white and on black
_ON_ANY_GROUND = {
    **{f"{part}.color": _GREY for part in ("text", "xtick", "ytick")},
    **{f"axes.{part}color": _GREY for part in ("edge", "label", "title")},
    "savefig.transparent": True,
    "font.size": 11,
}
_FEW_LABELS_TASKS = ("sst2", "trec")
_FEWEST_LABELS = 100
# Points: the name, and where it stands.
_DRAWN_FEW_LABELS = {
    "tfidf_svc_cased_chars": ("linear SVC", "left"),
    "model2vec_logistic": ("model2vec", "left"),
    "glove_lstm": ("labels alone", "right"),
    "taught_MiniLM": ("taught by MiniLM", "right"),
    "encoder_MiniLM": ("MiniLM", "right"),
    "setfit": ("SetFit", "left"),
}
_DRAWN_MODELS = {
    "default": ("glove-lstm", "right"),
    "tfidf_svc_cased": ("linear SVC", "left"),
    "fasttext": ("fastText", "right"),
    "minilm_logistic": ("MiniLM, embeddings", "right"),
    "minilm_finetuned": ("MiniLM, fine-tuned", "right"),
}
# Where a name stands: its offset in points, and how it is aligned.
_PLACES = {
    "right": ((7, 0), "left", "center"),
    "left": ((-7, 0), "right", "center"),
}
_OURS = ("glove-lstm", "labels alone", "taught by MiniLM")


def draw_few_labels(results: dict[str, Any], speeds: dict[str, float], path: Path) -> None:
    """Draw accuracy with a hundred labels against speed on one processor, a panel for each of two tasks."""
    with rc_context(_ON_ANY_GROUND):
        figure = Figure(figsize=(5, 5.5), layout="constrained")
        panels = figure.subplots(len(_FEW_LABELS_TASKS), 1, sharex=True)
        for panel, task in zip(panels, _FEW_LABELS_TASKS, strict=True):
            drawings = results.get(f"{task}-{_FEWEST_LABELS}", {}).values()
            for model, (name, place) in _DRAWN_FEW_LABELS.items():
                rows = [rows_of[model] for rows_of in drawings if model in rows_of]
                if rows and model in speeds:
                    mean = float(np.mean([row["accuracy"] for row in rows]))
                    _draw_named_point(panel, speeds[model], mean, name, place)
            title = f"{TASK_NAMES[task]}, {_FEWEST_LABELS} labels"
            panel.set(title=title, ylabel="accuracy", xscale="log", xlim=(10, 3e6))
            panel.margins(y=0.15)
        panels[-1].set(xlabel="texts a second, one processor")
        _save(figure, path)


def _draw_named_point(panel: Axes, x: float, y: float, name: str, place: str) -> None:
    colour = ORANGE if name in _OURS else BLUE
    offset, horizontal, vertical = _PLACES[place]
    panel.plot(x, y, "o", color=colour)
    panel.annotate(
        name,
        (x, y),
        xytext=offset,
        textcoords="offset points",
        horizontalalignment=horizontal,
        verticalalignment=vertical,
        color=colour,
    )


def draw_accuracy(accuracy: dict[str, Any], speed: dict[str, Any], path: Path) -> None:
    """Draw accuracy against speed on one processor, of models that have both figures."""
    tasks = ("titles", "recovery")
    with rc_context(_ON_ANY_GROUND):
        figure = Figure(figsize=(5, 5.5), layout="constrained")
        panels = figure.subplots(len(tasks), 1, sharex=True)
        for panel, task in zip(panels, tasks, strict=True):
            both = speed.get(task, {}).keys() & accuracy.get(task, {}).keys()
            for model in sorted(both & _DRAWN_MODELS.keys()):
                measure = accuracy[task][model]["accuracy"]
                texts_a_second = speed[task][model]["median"]["texts/s"]
                below = measure["mean"] - measure["low"]
                above = measure["high"] - measure["mean"]
                panel.errorbar(
                    texts_a_second, measure["mean"], [[below], [above]], color=_colour(model)
                )
                _draw_named_point(panel, texts_a_second, measure["mean"], *_DRAWN_MODELS[model])
            panel.set(title=TASK_NAMES[task], ylabel="accuracy", xscale="log", xlim=(1, 2e6))
            panel.margins(y=0.15)
        panels[-1].set(xlabel="texts a second, one processor")
        _save(figure, path)


def _colour(model: str) -> str:
    return ORANGE if model == "default" else BLUE


def _save(figure: Figure, path: Path) -> None:
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": ""}):  # the same file each time
        figure.savefig(path, metadata={"Date": None})
