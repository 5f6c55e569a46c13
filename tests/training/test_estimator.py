"""GloveLstmClassifier beside scikit-learn: its conventions, its inputs, and the commands that it shares code with."""

import json
import pickle
import random
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch
from estimator_news import LABELS, PAIRS, TEXTS, TINY, arguments
from hub_server import TOKEN, HubServer
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data
from support import (
    QUICK,
    SMALL,
    read_csv,
    run_client,
    run_here,
    write_articles,
)

from glove_lstm import GloveLstmClassifier
from glove_lstm.commands import evaluate as evaluate_command
from glove_lstm.errors import DataError
from glove_lstm.publishing.hub_upload import list_files

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


@pytest.fixture
def texts():
    return TEXTS


@pytest.fixture(scope="module")
def fitted(glove_file):
    return GloveLstmClassifier(**{**TINY, "glove": glove_file}).fit(TEXTS, LABELS)


class OfNumbers(GloveLstmClassifier):
    """Writes the numbers of scikit-learn's checks as words, since its checks know no texts."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = tags.input_tags.allow_nan = False
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X, y=None, validation=None):
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
    assert expected.shape == (120, 2)
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
    with pytest.raises(DataError, match="All 120 texts were seen"):
        fitted.evaluate(texts, LABELS)
    tuned = GloveLstmClassifier.from_pretrained(tmp_path / "mine")
    tuned.set_params(num_train_epochs=1, use_cpu=True, verbose=0).fit(texts, LABELS)
    assert tuned.tokenizer_.get_vocab() == fitted.tokenizer_.get_vocab()
    with pytest.raises(DataError, match="All 120 texts were seen"):
        tuned.evaluate(texts, LABELS)  # the record of its start is kept
    assert np.abs(tuned.predict_proba(texts) - fitted.predict_proba(texts)).max() > 1e-4
    tuned.save_pretrained(tmp_path / "tuned")
    about = json.loads((tmp_path / "tuned" / "metrics.json").read_text())["about"]
    assert about["rows"] == {"train": 108, "validation": 12, "all": 120}
    assert about["known_before"] == 12


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
