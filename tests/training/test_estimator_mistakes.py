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
from glove_lstm.data.files import DataError

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"bogus": 1},
            "GloveLstmClassifier has no argument bogus; docs/train.md describes the arguments.",
        ),
        (
            {"num_train_epoch": 1},
            "GloveLstmClassifier has no argument num_train_epoch; did you mean num_train_epochs?",
        ),
        ({"help": True}, "GloveLstmClassifier has no argument help; leave it out."),
        ({"train_file": "a.csv"}, "GloveLstmClassifier has no argument train_file; leave it out."),
        ({"num_train_epochs": "many"}, "Argument num_train_epochs: invalid float value: 'many'."),
        (
            {"truncation_side": "up"},
            "Argument truncation_side: invalid choice: 'up' (choose from 'right', 'left').",
        ),
        ({"learning_rate": -1}, "learning_rate must be at least 0, not -1.0."),
        ({"preset": "small"}, "preset must be one of article, default, not 'small'."),
        (
            {"class_weight": "even"},
            "class_weight must be 'balanced', a dictionary of labels and weights, or None, not 'even'.",
        ),
        (
            {"token_types": False},
            "token_types=False leaves no word shapes and characters: set type_embedding_size and "
            "character_buckets to 0.",
        ),
        (
            {"validation": 1.5},
            "validation must be (texts, labels), a share from 0 to below 1, or None, not 1.5.",
        ),
        (
            {"validation": -0.1},
            "validation must be (texts, labels), a share from 0 to below 1, or None, not -0.1.",
        ),
        (
            {"validation": "a tenth"},
            "validation must be (texts, labels), a share from 0 to below 1, or None, not a str.",
        ),
        (
            {"validation": 0.999},
            "X has too few distinct rows (80 in all) to cut 100% for validation; give validation texts, or set "
            "validation to None.",
        ),
        (
            {"load_best_model_at_end": True, "validation": None},
            "load_best_model_at_end, save_strategy best and the schedules reduce_lr_on_plateau and greedy need "
            "validation texts; give some.",
        ),
    ],
    ids=str,
)
def test_sentences_name_arguments_as_python_does(arguments, sentence):
    options = {**TINY, **arguments}
    validation = options.pop("validation", 0.1)
    with pytest.raises(DataError) as caught:
        GloveLstmClassifier(**options).fit(TEXTS, LABELS, validation=validation)
    assert str(caught.value) == sentence


def test_a_checkpoint_brings_its_tokenizer(checkpoint):
    classifier = GloveLstmClassifier(model_name_or_path=str(checkpoint), vocab_size=9)
    with pytest.raises(DataError) as caught:
        classifier.fit(TEXTS, LABELS)
    said = "vocab_size is of a new tokenizer, and model_name_or_path brings one: leave it out."
    assert str(caught.value) == said


QUIET = """
import json, pathlib, sys
from glove_lstm import GloveLstmClassifier
folder, texts = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
options = {"model_name_or_path": str(folder), "use_cpu": True, "max_steps": 1, "verbose": 0}
GloveLstmClassifier(**options, character_buckets=16).fit(texts, ["FAKE", "REAL"] * 40)
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_train_epoch": 3}, "no argument num_train_epoch; did you mean num_train_epochs"),
        ({"num_train_epochs": "many"}, "num_train_epochs.*'many'"),
        ({"train_file": "a.csv"}, "no argument train_file"),
        ({"glove": None}, "glove is None; give a name"),
        ({"seed": 1}, "random_state and seed are the same"),
        ({"X": "one text"}, "X is str"),
        ({"X": np.ones((80, 3))}, r"X is ndarray of shape \(80, 3\)"),
        ({"X": ["", *["a text"] * 79]}, "X, row 1 has no text"),
        ({"y": [1, *LABELS[1:]]}, "y, row 2 has the label 'REAL'"),
        ({"y": [*LABELS[1:], None]}, "y, row 80 has no label; label the text"),
        ({"y": [float("nan"), *[0, 1] * 39, 1]}, "y, row 1 has no label"),
        ({"y": [*LABELS[1:], pd.NaT]}, "y, row 80 has no label"),
        ({"y": [*LABELS[1:], np.datetime64("NaT")]}, "y, row 80 has no label"),
        ({"y": [*LABELS[1:], " "]}, "y, row 80 has no label"),
        ({"y": [*LABELS[1:], "x\ud800"]}, "y, row 80 has the label .*, which is not Unicode"),
        ({"y": [0, 2**63] * 40}, "y, row 2 has the label 9223372036854775808, which is beyond 64"),
        ({"y": [2.0, 10**18 + 1] * 40}, "y, row 2 has the label 1000000000000000001, too large"),
        ({"y": ["FAKE"] * 80}, "y has 1 class, .'FAKE'.; a classifier needs two"),
        ({"y": ["FAKE"] * 79 + ["REAL"]}, "1 row of the label 'REAL'.* set validation=None"),
        ({"validation": (["a text"], ["REEL"])}, "'REEL', not one of FAKE, REAL"),
        ({"model_name_or_path": "hub"}, "glove is of a new model"),
        ({"class_weight": {0.7: 2}}, "^class_weight: label '0.7' is not one of FAKE, REAL"),
    ],
    ids=str,
)
def test_mistakes(change, said):
    arguments = {"X": TEXTS, "y": LABELS, "validation": 0.1}
    given = {name: change.get(name, value) for name, value in arguments.items()}
    others = {name: value for name, value in change.items() if name not in arguments}
    classifier = GloveLstmClassifier(**TINY).set_params(**others)
    with pytest.raises(ValueError, match=said):
        classifier.fit(**given)
    with pytest.raises(NotFittedError):
        classifier.predict(TEXTS)
