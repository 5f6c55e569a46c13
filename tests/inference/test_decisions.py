"""From scores to labels: a score that equals a threshold reaches it."""

import numpy as np

from glove_lstm.inference.decisions import are_unsure, decide

NAMES = ["a", "b", "c"]
SCORES = np.array([[0.5, 0.25, 0.25], [0.25, 0.75, 0.0]])


def test_one_label_is_the_best():
    assert decide(SCORES, NAMES, None) == ["a", "b"]
    assert are_unsure(SCORES, 0.75).tolist() == [True, False]
    assert decide(SCORES[:0], NAMES, None) == []


def test_several_labels_are_those_that_reach_their_thresholds():
    assert decide(SCORES, NAMES, [0.3, 0.25, 0.25]) == [["a", "b", "c"], ["b"]]
    assert decide(SCORES, NAMES, [0.6, 0.8, 0.3]) == [[], []]
