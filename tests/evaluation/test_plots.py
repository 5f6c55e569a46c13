"""Plots."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from glove_lstm.evaluation.plots import plot_measured


@pytest.mark.whole_plots
def test_long_names_have_room(tmp_path: Path) -> None:
    """matplotlib warns if there is none left for the matrix."""
    names = ["Computers, tablets and accessories", "Household appliances (large and small)"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_measured(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), names, tmp_path)


@pytest.mark.whole_plots
@pytest.mark.parametrize(
    ("names", "without_font"),
    [
        (["の", "other"], ""),  # a font that matplotlib brings has it
        (
            ["の", "a\U0010fffd"],
            r"\U0010fffd",
        ),  # no font has the other one, and the first one keeps its own
    ],
)
def test_names_with_letters_that_the_usual_font_lacks(
    names, without_font, tmp_path, monkeypatch, caplog
):
    """matplotlib warns of each letter that it draws as a box; those warnings are not hidden here."""
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "filterwarnings", lambda *_, **__: None)
        plot_measured(probabilities, np.array([0, 1]), names, tmp_path)
    boxes = [str(warning.message) for warning in caught if "Glyph" in str(warning.message)]
    assert bool(boxes) is bool(without_font)
    assert not any(f"Glyph {ord('の')} " in box for box in boxes)
    assert (tmp_path / "confusion.png").stat().st_size > 0
    assert "の" not in caplog.text
    assert bool(without_font) is ("no installed font" in caplog.text)
    assert without_font in caplog.text
