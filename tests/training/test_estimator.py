"""GloveLstmClassifier beside scikit-learn: its conventions, its inputs, and the commands that it shares code with."""

import json
import pickle
import random
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch
from hub_server import TOKEN, HubServer
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data
from support import (
    QUICK,
    SMALL,
    make_article,
    read_csv,
    run_client,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.commands import evaluate as evaluate_command
from glove_lstm.commands import train as train_command
from glove_lstm.data.files import DataError
from glove_lstm.publishing.checkpoint import stage_checkpoint
from glove_lstm.publishing.staging import list_files


def arguments(words):
    return dict(zip((word[2:] for word in words[::2]), words[1::2], strict=True))


TINY = {"glove": "tiny.8d.txt", "random_state": 0, "verbose": 0, "use_cpu": True}
TINY |= {"learning_rate": 0.02, "num_train_epochs": 1, "max_steps": 20}
TINY |= {**arguments(SMALL), "ngram_buckets": 64, "corrupted_share": 0, "min_validation": 1}


@pytest.fixture(autouse=True)
def _beside_the_vectors(glove_file, monkeypatch):
    monkeypatch.chdir(glove_file.parent)


LABELS = ["FAKE", "REAL"] * 40
GENERATOR = random.Random(3)
PAIRS = [make_article(GENERATOR, label, 12) for label in LABELS]


@pytest.fixture
def texts():
    return [" ".join(pair) for pair in PAIRS]


@pytest.fixture(scope="module")
def fitted(glove_file):
    texts = list(map(" ".join, PAIRS))
    return GloveLstmClassifier(**{**TINY, "glove": glove_file}).fit(texts, LABELS)


class OfNumbers(GloveLstmClassifier):
    """Writes the numbers of scikit-learn's checks as words, since its checks know no texts."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = tags.input_tags.allow_nan = False
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X, y, validation=None):
        return super().fit(self.words(validate_data(self, X)), y, validation)

    def predict_proba(self, X):
        check_is_fitted(self)
        return super().predict_proba(self.words(validate_data(self, X, reset=False)))

    def words(self, table):
        return [" ".join(f"w{i}_{value:.0f}" for i, value in enumerate(row)) for row in table]


@pytest.mark.slow
@parametrize_with_checks([OfNumbers(**TINY)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_every_form_of_the_texts_gives_the_same_model(fitted, texts):
    expected = fitted.predict_proba(texts)
    assert expected.shape == (80, 2)
    assert fitted.score(texts, LABELS) > 0.9
    forms = [np.array(texts), pd.Series(texts), pd.DataFrame({"title": texts}), tuple(texts)]
    forms += [PAIRS, np.array(PAIRS), pd.DataFrame(PAIRS)]
    if find_spec("polars"):
        import polars

        forms += [polars.Series(texts), polars.DataFrame(PAIRS, orient="row")]
    for form in forms:
        assert np.array_equal(fitted.predict_proba(form), expected)
    again = clone(fitted).fit(pd.DataFrame(PAIRS), pd.Series(LABELS, dtype="category"))
    np.testing.assert_allclose(again.predict_proba(PAIRS), expected, atol=1e-6)
    alone = [fitted.predict_proba([text])[0] for text in texts[:5]]
    np.testing.assert_allclose(alone, expected[:5], atol=1e-6)
    other = clone(fitted).set_params(random_state=1).fit(texts, LABELS)
    assert np.abs(other.predict_proba(texts) - expected).max() > 1e-3


@pytest.mark.parametrize(
    "values",
    [
        (0, 1),
        (10, 9),
        (-3, 123456789012345678),
        (2**63 - 2, 2**63 - 1),
        (-(2**63), 1234567890123456789),
        (False, True),
        (0.0, 2.0),
        (-1.0, 1e17),
        ("no", "yes"),
        ("01", "1"),
        ("0", "1"),
        ("-5", "40"),
        ("False", "True"),
        ("0.0", "2.0"),
        ('["a"]', '["b", "c"]'),
    ],
    ids=repr,
)
def test_labels_keep_their_kind(texts, values, tmp_path):
    labels = [values[row % 2] for row in range(80)]
    weights = dict(zip(*np.unique(np.array(labels), return_counts=True), strict=True))
    options = {**TINY, "class_weight": weights, "refit": False}
    fitted = GloveLstmClassifier(**options).fit(texts, np.array(labels))
    assert repr(fitted.classes_.tolist()) == repr(sorted(values))
    assert fitted.score(texts, labels) > 0.9
    for part in (fitted.model_, fitted.tokenizer_):  # without figures and plots
        part.save_pretrained(tmp_path)
    loaded = GloveLstmClassifier.from_pretrained(tmp_path)
    assert repr(loaded.classes_.tolist()) == repr(sorted(values))
    assert loaded.classes_.dtype.kind == fitted.classes_.dtype.kind
    assert loaded.predict(texts).tolist() == fitted.predict(texts).tolist()
    assert loaded.score(texts, labels) > 0.9
    name = values[1]
    if isinstance(name, float):  # the config names whole numbers without a point
        name = int(name)
    assert loaded.explain(texts[0], label=values[1]).label == str(name)
    (tmp_path / "model.safetensors").write_bytes(b"of another model")
    with pytest.raises(DataError, match=r"model.safetensors is not the file that was loaded"):
        loaded.save_pretrained(tmp_path / "copy")


def test_labels_in_memory_are_never_read_as_json(fitted, texts):
    labels = [{"FAKE": "[1, 2]", "REAL": "['a', b]"}[label] for label in LABELS]
    classifier = clone(fitted).fit(texts, labels, validation=(texts[:20], labels[:20]))
    assert classifier.classes_.tolist() == ["['a', b]", "[1, 2]"]
    assert classifier.score(texts, labels) > 0.9
    new = [f"{text} unseen" for text in texts]
    assert classifier.evaluate(new, labels).figures["accuracy"] > 0.9


def test_fine_tuning_on_some_of_the_labels_keeps_the_others(texts, tmp_path):
    names = np.array(["False", "True", "Maybe"])[np.arange(80) % 3]
    GloveLstmClassifier(**TINY).fit(texts, names).save_pretrained(tmp_path)
    loaded = GloveLstmClassifier.from_pretrained(tmp_path).set_params(max_steps=1, use_cpu=True)
    assert loaded.fit(texts, names == "True").classes_.tolist() == ["False", "Maybe", "True"]


def test_labels_keep_their_kind_where_the_saved_files_are_copied(texts, tmp_path):
    labels = ["0", "1"] * 40
    fitted = GloveLstmClassifier(**TINY).fit(texts, labels)
    fitted.save_pretrained(tmp_path / "mine")
    config = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert config["label_type"] == "str"
    assert config.get("text_column_names") is None  # the texts were in memory
    GloveLstmClassifier.from_pretrained(tmp_path / "mine").save_pretrained(tmp_path / "copy")
    stage_checkpoint(tmp_path / "copy", tmp_path / "staged", "user/mine")
    for folder in ("mine", "copy", "staged"):
        loaded = GloveLstmClassifier.from_pretrained(tmp_path / folder)
        assert loaded.score(texts, labels) > 0.9
        assert set(loaded.predict(texts).tolist()) == {"0", "1"}
    light = LightClassifier.from_pretrained(tmp_path / "staged")
    assert [row["label"] for row in light(texts)] == loaded.predict(texts).tolist()


def test_labels_of_a_checkpoint_of_the_command_are_strings(texts, tmp_path):
    rows = [{"text": text, "label": row % 2} for row, text in enumerate(texts)]
    data = "--train_file", write_table(tmp_path / "a.csv", rows), "--glove", "tiny.8d.txt"
    out = "--output_dir", tmp_path / "out"
    succeed(train_command.main, *data, *out, *SMALL, *QUICK, "--max_steps", "5")
    loaded = GloveLstmClassifier.from_pretrained(tmp_path / "out")
    assert loaded.classes_.tolist() == ["0", "1"]
    tuned = loaded.set_params(max_steps=1, use_cpu=True, verbose=0).fit(texts, [0, 1] * 40)
    assert tuned.classes_.tolist() == [0, 1]


def test_labels_that_are_not_of_the_type_in_the_config_are_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "label_type": "int"}))
    with pytest.raises(DataError, match="labels FAKE, REAL are not all of the type int"):
        GloveLstmClassifier.from_pretrained(copy)


def test_blank_texts_can_be_dropped_and_the_calibration_left_out(fitted, texts):
    classifier = clone(fitted).set_params(on_empty="drop")
    alone = classifier.fit(["", *texts], ["FAKE", *LABELS], validation=None)
    assert alone.model_.config.temperature == 1 != fitted.model_.config.temperature
    assert alone.score(texts, LABELS) > 0.9


def test_selection_pipelines_and_copies(fitted, texts, capfd):
    new = clone(fitted).set_params(refit=False)
    states = random.getstate(), torch.get_rng_state().tolist()
    search = GridSearchCV(
        clone(new), {"learning_rate": [0.02, np.float64(1e-6)], "ngram_buckets": [0]}, cv=2
    ).fit(texts, LABELS)
    assert search.best_params_ == {"learning_rate": 0.02, "ngram_buckets": 0}
    chain = make_pipeline(clone(new))
    chain.fit(texts, LABELS, glovelstmclassifier__validation=(texts[:20], LABELS[:20]))
    assert chain.score(texts, LABELS) > 0.9
    assert cross_val_score(clone(new), texts, LABELS, cv=2, error_score="raise").min() > 0.9
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(texts), fitted.predict_proba(texts))
    assert capfd.readouterr() == ("", "")  # verbose=0
    assert states == (random.getstate(), torch.get_rng_state().tolist())


def read(path):
    rows = read_csv(path)
    return [(row["title"], row["text"]) for row in rows], [row["label"] for row in rows]


def test_the_model_is_that_of_the_command(checkpoint, articles):
    pairs, labels = read(articles)
    same = GloveLstmClassifier("tiny.8d.txt", verbose=0, seed=42, **arguments([*SMALL, *QUICK]))
    expected = GloveLstmClassifier.from_pretrained(checkpoint).predict_proba(pairs)
    found = same.fit(pairs, labels).predict_proba(pairs)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_evaluation_and_files_are_those_of_the_commands(fitted, texts, checkpoint, tmp_path):
    fitted.save_pretrained(tmp_path / "mine")
    (tmp_path / "mine/.git").mkdir()
    GloveLstmClassifier.from_pretrained(tmp_path / "mine").save_pretrained(tmp_path / "copy")
    assert not (tmp_path / "copy/.git").exists()
    made, command = (set(list_files(folder)) for folder in (tmp_path / "mine", checkpoint))
    of_training = "checkpoint-", "first_model/"
    assert made == {name for name in command if not name.startswith(of_training)}
    new, labels = read(write_articles(tmp_path / "test.csv", 60, seed=9))
    seen = [(text, "") for text in texts[:9]]
    report = fitted.evaluate([*new, *seen], [*labels, *LABELS[:9]])
    files = "--test_file", tmp_path / "test.csv", "--output_dir", tmp_path / "out"
    done = run_here(evaluate_command.main, tmp_path / "mine", *files)
    assert report.text() in done.stdout, done.stderr
    expected = json.loads((tmp_path / "out" / "eval.json").read_text())
    for name in ("rows", "accuracy", "accuracy_interval", "ece", "brier"):
        assert report.figures[name] == pytest.approx(expected[name], abs=1e-6)
    assert report.figures["seen"]["unseen"] == 60
    with pytest.raises(DataError, match="All 80 texts were seen"):
        fitted.evaluate(texts, LABELS)
    tuned = GloveLstmClassifier.from_pretrained(tmp_path / "mine")
    tuned.set_params(num_train_epochs=1, use_cpu=True, verbose=0).fit(texts[:20], LABELS[:20])
    assert tuned.tokenizer_.get_vocab() == fitted.tokenizer_.get_vocab()
    with pytest.raises(DataError, match="All 80 texts were seen"):
        tuned.evaluate(texts, LABELS)  # the record of its start is kept
    assert np.abs(tuned.predict_proba(texts) - fitted.predict_proba(texts)).max() > 1e-4
    tuned.save_pretrained(tmp_path / "tuned")
    about = json.loads((tmp_path / "tuned" / "metrics.json").read_text())["about"]
    assert about["rows"] == {"train": 10, "validation": 10, "all": 20}
    assert about["known_before"] == 10


def test_a_model_of_bf16_training_predicts_as_the_saved_one_does(texts, tmp_path):
    fitted = GloveLstmClassifier(**TINY, bf16=True).fit(texts, LABELS)
    fitted.save_pretrained(tmp_path)
    loaded = GloveLstmClassifier.from_pretrained(tmp_path)
    pickled = pickle.loads(pickle.dumps(fitted))
    for other in (loaded, pickled):
        difference = np.abs(other.predict_proba(texts) - fitted.predict_proba(texts))
        assert difference.max() < 1e-6


@pytest.mark.slow
def test_push_and_load_from_the_hub(fitted, texts, tmp_path):
    fitted.save_pretrained(tmp_path / "mine")
    expected = fitted.predict_proba(texts[:3]).tolist()
    with HubServer() as hub:
        hub.add_token(TOKEN)
        code = f"""
        from glove_lstm import GloveLstmClassifier
        mine = GloveLstmClassifier.from_pretrained({str(tmp_path / "mine")!r})
        commit = mine.push_to_hub("user/mine")
        loaded = GloveLstmClassifier.from_pretrained("user/mine", revision=commit.oid)
        assert abs(loaded.predict_proba({texts[:3]!r}) - {expected}).max() < 1e-6
        loaded.save_pretrained("copy")
        mine.push_to_hub("user/private-texts", training_texts=False)
        """
        done = run_client(hub, code, tmp_path / "home", token=TOKEN)
        assert done.returncode == 0, done.stderr
        assert b"user/mine" in hub.files("user/mine")["README.md"]
        sent, withheld = hub.files("user/mine"), hub.files("user/private-texts")
        assert sent.keys() - withheld.keys() == {"training_texts.safetensors"}
        assert b"hash" in sent["README.md"]
        assert b"hash" not in withheld["README.md"].replace(b"hashed n-grams", b"")
    assert (tmp_path / "home/copy/plots/curves.png").is_file()


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
def test_sentences_name_arguments_as_python_does(texts, arguments, sentence):
    options = {**TINY, **arguments}
    validation = options.pop("validation", 0.1)
    with pytest.raises(DataError) as caught:
        GloveLstmClassifier(**options).fit(texts, LABELS, validation=validation)
    assert str(caught.value) == sentence


def test_a_checkpoint_brings_its_tokenizer(texts, checkpoint):
    classifier = GloveLstmClassifier(model_name_or_path=str(checkpoint), vocab_size=9)
    with pytest.raises(DataError) as caught:
        classifier.fit(texts, LABELS)
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


def test_without_verbose_nothing_is_printed(texts, copy):
    """Neither by a fit that starts from a checkpoint of another shape, nor by loading one that does not fit."""
    command = [sys.executable, "-c", QUIET, str(copy), json.dumps(texts)]
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
        ({"y": ["FAKE"] * 79 + ["REAL"]}, "X has 1 row of the label 'REAL'.* set validation=None"),
        ({"validation": (["a text"], ["REEL"])}, "'REEL', not one of FAKE, REAL"),
        ({"model_name_or_path": "hub"}, "glove is of a new model"),
        ({"class_weight": {0.7: 2}}, "^class_weight: label '0.7' is not one of FAKE, REAL"),
    ],
    ids=str,
)
def test_mistakes(texts, change, said):
    arguments = {"X": texts, "y": LABELS, "validation": 0.1}
    given = {name: change.get(name, value) for name, value in arguments.items()}
    others = {name: value for name, value in change.items() if name not in arguments}
    classifier = GloveLstmClassifier(**TINY).set_params(**others)
    with pytest.raises(ValueError, match=said):
        classifier.fit(**given)
    with pytest.raises(NotFittedError):
        classifier.predict(texts)
