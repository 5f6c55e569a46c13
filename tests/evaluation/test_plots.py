"""Plots."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from glove_lstm.evaluation.plots import plot_measured


@pytest.mark.whole_report
def test_long_names_have_room(tmp_path: Path) -> None:
    """matplotlib warns if there is none left for the matrix."""
    names = ["Computers, tablets and accessories", "Household appliances (large and small)"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_measured(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), names, tmp_path)


@pytest.mark.whole_report
def test_names_with_letters_that_the_usual_font_lacks(tmp_path: Path) -> None:
    """matplotlib warns of each letter that it draws as a box. A font that it brings has this one."""
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_measured(probabilities, np.array([0, 1]), ["の", "other"], tmp_path)
    assert (tmp_path / "confusion.png").stat().st_size > 0
