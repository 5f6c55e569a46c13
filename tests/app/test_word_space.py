"""Neighbours and maps of words, against a slow search."""

import numpy as np
import pytest

from glove_lstm.app.word_space import WordSpace, draw_map
from glove_lstm.data.errors import DataError


@pytest.fixture(scope="module")
def space():
    generator = np.random.default_rng(0)
    words = [f"w{number}" for number in range(500)]
    return WordSpace(words, generator.standard_normal((500, 6)).astype(np.float32) * 3, "a test")


def test_nearest_words_are_those_of_a_slow_search(space):
    unit = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    similarity = unit @ unit[7]
    expected = [number for number in np.argsort(-similarity) if number != 7][:5]
    neighbours = space.nearest("W7", 5)
    assert [word for word, _ in neighbours] == [f"w{number}" for number in expected]
    assert [value for _, value in neighbours] == pytest.approx(similarity[expected], abs=1e-6)
    assert len(space.nearest("w1", 1000)) == 499


def test_a_map_keeps_the_widest_directions(space):
    places = space.places(["w1", "W2", "w3", "w4", "none", "w1"])
    assert list(places) == ["w1", "w2", "w3", "w4"]
    points = np.array(list(places.values()))
    assert np.abs(points).max() == pytest.approx(1)
    assert points[:, 0].var() >= points[:, 1].var()
    with pytest.raises(DataError, match="three words"):
        space.places(["w1", "none", "w2"])
    assert "<b>" not in draw_map({"<b>": (1, -1), "b": (1, -1), "c": (0, 0)})
