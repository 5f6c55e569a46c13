"""The picture of the default checkpoint: two titles of the card and the words that decided their labels.

The Hub shows it where a link to the model is shared.
"""

import math
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.examples import EXAMPLES
from glove_lstm.evaluation.plots import BLUE, GREY, ORANGE
from glove_lstm.inference.classifier import Classifier
from glove_lstm.inference.explain import Explanation, WordEffect

_TITLES = (EXAMPLES[0][0], EXAMPLES[6][0])  # one in the style of each label
_COLOURS = {"REAL": BLUE, "FAKE": ORANGE}
_SIZE = (12, 6.3)  # inches; social networks show this format
_DPI = 100
_COLOUR_COUNT = 64  # few colours make a small file
_MARGIN = 0.06  # of the width, as all lengths below
_SPACE = 0.01  # between two words
_WORD_SIZE = 28  # points
_DEEPEST = 0.6  # opacity behind the strongest word: black letters stay readable


def plot_thumbnail(name: str, classifier: Classifier, path: Path) -> None:
    """Draw the explained titles.

    Args:
        name: Name of the model.
        classifier: A classifier with the labels FAKE and REAL.
        path: The PNG.
    """
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(_MARGIN, 0.8, name, fontsize=36, weight="bold")
    question = "Which kind of source does a text resemble, and which words tell?"
    figure.text(_MARGIN, 0.7, question, fontsize=20, color=GREY)
    for height, title in zip((0.48, 0.2), _TITLES, strict=True):
        explanation = classifier.explain(title)
        _draw_words(figure, explanation, height)
        [answer] = classifier(title)
        _draw_score(figure, answer["label"], answer["score"], height - 0.1)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(_COLOUR_COUNT).save(path, optimize=True)


def _draw_words(figure: Figure, explanation: Explanation, height: float) -> None:
    """Draw the words of a title side by side, with the colour of the label that each counts for."""
    largest = max(abs(word.effect) for word in explanation.effects)
    left = _MARGIN
    end_of_last_word = 0
    for word in explanation.effects:
        if word.begin > end_of_last_word:
            left += _SPACE
        end_of_last_word = word.end
        left += _draw_word(figure, explanation, word, largest, (left, height))


def _draw_word(
    figure: Figure,
    explanation: Explanation,
    word: WordEffect,
    largest: float,
    position: tuple[float, float],
) -> float:
    """Draw a word and return its width as a share of the figure's width."""
    [rival] = _COLOURS.keys() - {explanation.label}
    label = explanation.label if word.effect > 0 else rival
    opacity = _DEEPEST * abs(word.effect) / largest
    background = {
        "facecolor": (_COLOURS[label], opacity),
        "edgecolor": "none",
        "boxstyle": "square,pad=0.1",
    }
    letters = explanation.text[word.begin : word.end]
    text = figure.text(*position, letters, fontsize=_WORD_SIZE, bbox=background)
    return text.get_window_extent().width / figure.bbox.width


def _draw_score(figure: Figure, label: str, score: float, height: float) -> None:
    percent = math.floor(round(100 * score, 4))  # rounded down, as in the app
    text = f"resembles {label} sources, {percent} %"
    colour = _COLOURS[label]
    figure.text(_MARGIN, height, text, fontsize=21, color=colour, weight="bold")
