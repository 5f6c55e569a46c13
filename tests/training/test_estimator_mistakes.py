"""What the estimator says of mistakes, and that it says nothing else with verbose=0."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from estimator_news import LABELS, TEXTS, TINY
from sklearn.exceptions import NotFittedError

from glove_lstm import GloveLstmClassifier
from glove_lstm.errors import DataError

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"num_train_epoch": 1}, "no argument num_train_epoch; did you mean num_train_epochs?"),
        ({"help": True}, "There is no argument help; leave it out."),
        ({"push_to_hub": True}, "GloveLstmClassifier has no argument push_to_hub; leave it out."),
        ({"num_train_epochs": "many"}, "num_train_epochs must be a number above 0, not 'many'."),
        ({"use_cpu": "False"}, "use_cpu must be True or False, not 'False'."),
        ({"validation_fraction": 1}, "validation_fraction must be a number"),
        ({"teacher": lambda texts: [{"FAKE": 1.0}] * len(texts)}, "no array of numbers"),
        ({"truncation_side": "up"}, "truncation_side must be right or left, not 'up'."),
        ({"class_weight": "even"}, "class_weight must be 'balanced', a dictionary of labels and"),
        ({"validation": 0.1}, "validation must be (texts, labels) or None, not 0.1"),
        ({"validation": "a tenth"}, "validation must be (texts, labels) or None, not a str"),
        ({"validation": ([], [])}, "There are no validation texts"),
        ({"validation": (["a text"], ["REEL"])}, "'REEL', not one of FAKE, REAL"),
        ({"glove": None}, "glove is None; give a name"),
        ({"model_name_or_path": "hub"}, "With model_name_or_path, leave glove out"),
        ({"seed": 1}, "seed is drawn from random_state"),
        ({"X": "one text"}, "X is str"),
        ({"X": np.ones((120, 3))}, "X is ndarray of shape (120, 3)"),
        ({"X": ["", *["a text"] * 119]}, "X, row 1 has no text"),
        ({"y": [1, *LABELS[1:]]}, "y, row 2 has the label 'REAL'"),
        ({"y": [True, 2] * 60}, "y, row 2 has the label 2, but row 1 has True"),
        ({"y": [["a", "b"], ["c", None]] * 60}, "y, row 2 has no label"),
        ({"y": [*LABELS[1:], None]}, "y, row 120 has no label; label the text"),
        ({"y": [float("nan"), *[0, 1] * 59, 1]}, "y, row 1 has no label"),
        ({"y": [*LABELS[1:], np.datetime64("NaT")]}, "y, row 120 has no label"),
        ({"y": [*LABELS[1:], " "]}, "y, row 120 has no label"),
        ({"y": [0, 2**63] * 60}, "y, row 2 has the label 9223372036854775808, which is beyond 64"),
        ({"y": [2.0, 1] * 60}, "y, row 2 has the label 1, but row 1 has 2.0"),
        ({"y": [f"{n}.5" for n in range(120)]}, "y has 120 different labels for 120 texts"),
        (
            {"y": pd.DataFrame(np.eye(120, 2), columns=["a", "a"])},
            "columns of y must have different names",
        ),
        ({"y": ["FAKE"] * 120}, "y has 1 class, ['FAKE']; a classifier needs two"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes(change, sentence):
    arguments_of_fit = {"X": TEXTS, "y": LABELS, "validation": None}
    arguments_of_classifier = dict(TINY)
    for name, value in change.items():
        if name in arguments_of_fit:
            arguments_of_fit[name] = value
        else:
            arguments_of_classifier[name] = value
    classifier = GloveLstmClassifier().set_params(**arguments_of_classifier)
    with pytest.raises(DataError) as caught:
        classifier.fit(**arguments_of_fit)
    assert sentence in str(caught.value)
    with pytest.raises(NotFittedError):
        classifier.predict(TEXTS)


QUIET = """
import json, pathlib, sys
from glove_lstm import GloveLstmClassifier
folder, texts = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
options = {"model_name_or_path": str(folder), "use_cpu": True, "max_steps": 1, "verbose": 0}
GloveLstmClassifier(**options, character_buckets=16).fit(texts, ["FAKE", "REAL"] * 60)
GloveLstmClassifier.from_pretrained(folder)
config = json.loads((folder / "config.json").read_text())
(folder / "config.json").write_text(json.dumps({**config, "character_buckets": 16}))
try:
    GloveLstmClassifier.from_pretrained(folder)
except ValueError as error:
    print(error)
"""


def test_without_verbose_nothing_is_printed(copy):
    """Neither by a fit that starts from a checkpoint of another shape, nor by loading one that does not fit."""
    command = [sys.executable, "-c", QUIET, str(copy), json.dumps(TEXTS)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.stderr == ""
    assert done.stdout == (
        f"{copy}: model.safetensors does not fit config.json (encoder.embeddings.character_embeddings.weight): "
        "get the checkpoint again.\n"
    )
