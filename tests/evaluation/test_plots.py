"""Plots."""

import warnings

import numpy as np
import pytest

from glove_lstm.evaluation.plots import plot_measured


@pytest.mark.whole_plots
def test_long_names_have_room(tmp_path):
    """matplotlib warns if there is none left for the matrix."""
    names = ["Computers, tablets and accessories", "Household appliances (large and small)"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_measured(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), names, tmp_path)
