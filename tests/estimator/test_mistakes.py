"""What the estimator says of mistakes."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from support import LABELS, TEXTS, TINY, assert_names

from glove_lstm import GloveLstmClassifier

pytestmark = pytest.mark.usefixtures("beside_the_vectors")

# Arguments of the classifier or of fit, and what the error names.
MISTAKES = {
    "a string for a truth": ({"use_cpu": "False"}, "use_cpu", "'False'", "True or False"),
    "class weight": ({"class_weight": "even"}, "class_weight", "'even'", "'balanced'"),
    "validation: a number": ({"validation": 0.1}, "validation", "0.1", "(texts, labels)"),
    "validation: a string": (
        {"validation": "a tenth"},
        "validation",
        "'a tenth'",
        "(texts, labels)",
    ),
    "vectors of a checkpoint": ({"model_name_or_path": "hub"}, "model_name_or_path", "glove"),
    "two seeds": ({"seed": 1}, "seed", "random_state"),
    "one text": ({"X": "one text"}, "X", "str"),
    "numbers": ({"X": np.ones((120, 3))}, "X", "(120, 3)"),
    "no text to validate": (
        {"validation": (["a text", " "], ["FAKE", "REAL"])},
        *("validation texts, row 2", "fill"),
    ),
    "weights without labels": (
        {"y": None, "teacher": len, "sample_weight": [1] * 120},
        *("sample_weight", "labels"),
    ),
    "no text": ({"X": ["", *["a text"] * 119]}, "X, row 1", "fill"),
    "no labels": ({"y": None}, "y", "None", "teacher"),
    "groups of two columns": ({"groups": np.ones((120, 2))}, "groups", "columns"),
    "weights of two columns": ({"sample_weight": np.ones((120, 1))}, "sample_weight", "columns"),
    "one group": ({"groups": [1] * 120}, "groups of texts", "validation_fraction"),
    "None": ({"y": [*LABELS[1:], None]}, "y, row 120"),
    "one class": ({"y": ["FAKE"] * 120}, "'FAKE'", "one class"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake):
    change, *words = MISTAKES[mistake]
    arguments_of_fit = {
        "X": TEXTS,
        "y": LABELS,
        "validation": None,
        "groups": None,
        "sample_weight": None,
    }
    arguments_of_classifier = dict(TINY)
    for name, value in change.items():
        if name in arguments_of_fit:
            arguments_of_fit[name] = value
        else:
            arguments_of_classifier[name] = value
    classifier = GloveLstmClassifier().set_params(**arguments_of_classifier)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - DataError, or scikit-learn's own
        classifier.fit(**arguments_of_fit)
    assert_names(caught.value, *words)
    with pytest.raises(NotFittedError):
        classifier.predict(TEXTS)
