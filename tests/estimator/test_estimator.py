"""GloveLstmClassifier beside scikit-learn: its conventions, its inputs, and the commands that it shares code with."""

import json
import logging
import pickle
import random

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data
from support import (
    COMMON,
    LABELS,
    PAIRS,
    QUICK_VALUES,
    SMALL_VALUES,
    TEXTS,
    TINY,
    assert_names,
    read_csv,
    succeed,
    write_articles,
)

from glove_lstm import GloveLstmClassifier, LightClassifier, TeacherModel
from glove_lstm.commands import evaluate as evaluate_command
from glove_lstm.errors import DataError
from glove_lstm.publishing.stage import file_sizes

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


@pytest.fixture(scope="module")
def fitted(glove_file):
    classifier = GloveLstmClassifier(**TINY).set_params(glove=glove_file)
    return classifier.fit(TEXTS, LABELS)


class OfNumbers(GloveLstmClassifier):
    """Writes the numbers of scikit-learn's checks as words, since its checks know no texts."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = False
        tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        tags.input_tags.allow_nan = False
        return tags

    def fit(self, X, y=None, validation=None):
        return super().fit(self.words(validate_data(self, X)), y, validation)

    def predict_proba(self, X):
        check_is_fitted(self)
        return super().predict_proba(self.words(validate_data(self, X, reset=False)))

    def decision_function(self, X):
        check_is_fitted(self)
        return super().decision_function(self.words(validate_data(self, X, reset=False)))

    def words(self, table):
        texts = []
        for row in table:
            words = [f"w{column}_{value:.0f}" for column, value in enumerate(row)]
            texts.append(" ".join(words))
        return texts


# The n-grams learn what the checks ask for, so that a step of the LSTM is enough.
SMALLEST = {**TINY, "num_train_epochs": 0.01}


@pytest.mark.slow
@parametrize_with_checks([OfNumbers(**SMALLEST)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_selection_and_pipelines(fitted, capfd):
    chain = make_pipeline(clone(fitted))
    grid = {
        "glovelstmclassifier__learning_rate": [np.float64(1e-6)],
        "glovelstmclassifier__max_seq_length": [np.int64(1), np.int64(40)],
    }
    search = GridSearchCV(chain, grid, cv=2, error_score="raise")
    search.fit(TEXTS, LABELS, glovelstmclassifier__validation=(TEXTS[:20], LABELS[:20]))
    assert list(search.best_params_.values()) == [1e-6, 40]
    assert search.score(TEXTS, LABELS) > 0.9
    first, second = search.predict_proba(TEXTS).T
    np.testing.assert_allclose(search.decision_function(TEXTS), np.log(second / first), atol=1e-5)

    assert capfd.readouterr() == ("", "")  # verbose=0


def polars_series(texts):
    return pytest.importorskip("polars").Series(texts)


def polars_frame(pairs):
    return pytest.importorskip("polars").DataFrame(pairs, orient="row")


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (np.array, TEXTS),
        (pd.Series, TEXTS),
        (pd.DataFrame, TEXTS),
        (polars_series, TEXTS),
        (list, PAIRS),
        (pd.DataFrame, PAIRS),
        (polars_frame, PAIRS),
    ],
    ids=lambda value: value.__name__ if callable(value) else type(value[0]).__name__,
)
def test_texts_in_every_form(fitted, form, texts):
    """A pair of title and body gives the scores of the joined text."""
    expected = fitted.predict_proba(TEXTS)
    np.testing.assert_array_equal(fitted.predict_proba(form(texts)), expected)


def test_random_state_weights_and_groups_alone_change_the_model(fitted):
    expected = fitted.predict_proba(TEXTS)
    same_texts = pd.DataFrame(PAIRS)
    same_labels = pd.Series(LABELS, dtype="category")
    again = clone(fitted).fit(same_texts, same_labels)
    np.testing.assert_allclose(again.predict_proba(TEXTS), expected, atol=1e-6)

    weights = [1 + 8 * (row % 3 == 0) for row in range(120)]
    authors = [row // 5 for row in range(120)]
    other = clone(fitted).set_params(random_state=1)
    for changed in (
        other.fit(TEXTS, LABELS),
        clone(fitted).fit(TEXTS, LABELS, sample_weight=weights),
        clone(fitted).fit(TEXTS, LABELS, groups=authors),
    ):
        assert np.abs(changed.predict_proba(TEXTS) - expected).max() > 1e-3


# Beside the commands


def read(path):
    rows = read_csv(path)
    pairs = [(row["title"], row["text"]) for row in rows]
    return pairs, [row["label"] for row in rows]


def test_the_command_trains_the_same_model(trained, articles):
    pairs, labels = read(articles)
    options = {"verbose": 0, "seed": 42, **SMALL_VALUES, **QUICK_VALUES}
    same = GloveLstmClassifier("tiny.8d.txt", **options).fit(pairs, labels)
    expected = GloveLstmClassifier.from_pretrained(trained).predict_proba(pairs)
    np.testing.assert_allclose(same.predict_proba(pairs), expected, atol=1e-6)


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "mine"
    fitted.save_pretrained(folder)
    return folder


def test_the_command_saves_the_same_files(saved, trained):
    assert set(file_sizes(saved)) == set(file_sizes(trained))
    config = json.loads((saved / "config.json").read_text())
    assert config.get("text_column_names") is None  # the texts were in memory


def test_the_command_measures_the_same_figures(fitted, saved, tmp_path):
    test_file = write_articles(tmp_path / "test.csv", 60, seed=9)
    texts, labels = read(test_file)
    seen_texts = [(text, "") for text in TEXTS[:9]]
    report = fitted.evaluate(texts + seen_texts, labels + LABELS[:9])
    assert report.figures["seen"]["unseen"] == 60

    out = tmp_path / "out"
    command = [saved, "--test_file", test_file, "--output_dir", out]
    done = succeed(evaluate_command.main, *command)
    assert report.text().startswith("9 of the 69 texts were seen")
    report.save(str(tmp_path / "report"))
    saved_figures = json.loads((tmp_path / "report" / "eval.json").read_text())
    assert saved_figures["accuracy"] == report.figures["accuracy"]
    _, measures = report.text().split("\n\n", 1)
    assert measures in done.stdout  # the top words, too
    assert "The words that speak most for each label" in measures
    expected = json.loads((out / "eval.json").read_text())
    for name in ("rows", "accuracy", "accuracy_interval", "ece", "brier"):
        assert report.figures[name] == pytest.approx(expected[name], abs=1e-6)


# Trained on, and taught


def test_fine_tuning_keeps_the_tokenizer_and_the_record_of_texts(fitted, tmp_path):
    start = clone(fitted).set_params(validation_fraction=0).fit(TEXTS, LABELS)
    assert start.model_.config.temperature == 1  # not calibrated
    start.save_pretrained(tmp_path / "start")
    tuned = GloveLstmClassifier.from_pretrained(tmp_path / "start")
    tuned.set_params(num_train_epochs=0.01, validation_fraction=0.1, use_cpu=True, verbose=0)
    tuned.fit(TEXTS, LABELS)
    assert tuned.tokenizer_.get_vocab() == start.tokenizer_.get_vocab()
    with pytest.raises(DataError, match="All 120 texts were seen"):
        tuned.evaluate(TEXTS, LABELS)
    assert np.abs(tuned.predict_proba(TEXTS) - start.predict_proba(TEXTS)).max() > 1e-4

    tuned.save_pretrained(tmp_path / "tuned")
    metrics = json.loads((tmp_path / "tuned" / "metrics.json").read_text())
    training = metrics["training"]
    assert (training["train_texts"], training["validation_texts"]) == (108, 12)
    # The start was trained on all validation texts.
    assert metrics["validation"]["seen"] == 12
    # A text that both trainings have learned is counted once.
    tuned.fit(TEXTS, LABELS, validation=(TEXTS[:12], LABELS[:12]))
    tuned.save_pretrained(tmp_path / "both")
    metrics = json.loads((tmp_path / "both" / "metrics.json").read_text())
    assert metrics["validation"]["seen"] == 12


def test_a_transformer_teaches(news, transformer, capfd, monkeypatch):
    alone = GloveLstmClassifier(**TINY, teacher=TeacherModel(str(transformer)))
    with monkeypatch.context() as changed:
        changed.setattr(logging.getLogger(), "handlers", [])  # logging is not configured
        alone.set_params(verbose=1).fit(news.texts)
    assert alone.classes_.tolist() == ["FAKE", "REAL"]
    assert alone.predict_proba(news.texts[:3]).shape == (3, 2)
    log = capfd.readouterr().err
    assert "is a classifier" in log
    assert "%|" not in log  # no bars without a terminal, either of transformers


def test_a_function_teaches_labels_that_are_named(news):
    """The names are those of its columns, and keep their type; the texts have no labels, or lack some."""

    def three(texts):
        assert all(text.strip() for text in texts)
        return np.tile([0.2, 0.7, 0.1], (len(texts), 1))

    numbers = [2, 1, 3]
    names = ["REAL", "FAKE", "SATIRE"]
    for labels, columns in ((None, numbers), (news.labels, names)):
        classifier = GloveLstmClassifier(**TINY, teacher=three, label_names=columns)
        classifier.fit(news.texts, labels, unlabelled=[*news.texts[:60], " ", ""])
        assert classifier.classes_.tolist() == sorted(columns)
        assert classifier.predict_proba(news.texts).mean(axis=0).argmax() == 0


# Saved


def test_a_loaded_classifier_is_not_saved(exported, tmp_path):
    loaded = GloveLstmClassifier.from_pretrained(exported)
    with pytest.raises(DataError, match="copy its folder"):
        loaded.save_pretrained(tmp_path / "mine")


def test_a_fitted_classifier_is_pickled(fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    again.save_pretrained(tmp_path / "mine")


def test_a_revision_pins_the_checkpoint_that_is_fine_tuned(exported, hub, tmp_path):
    files = {path.name: path.read_bytes() for path in exported.iterdir() if path.is_file()}
    repo = hub.add_repo("user/start", files)
    pinned = repo.at("main").sha
    repo.commit("main", {**files, "config.json": b"damaged"})
    loaded = GloveLstmClassifier.from_pretrained("user/start", pinned)
    assert loaded.get_params()["revision"] == pinned
    tuned = (
        clone(loaded).set_params(num_train_epochs=0.01, use_cpu=True, verbose=0).fit(TEXTS, LABELS)
    )
    assert tuned.tokenizer_.get_vocab() == loaded.tokenizer_.get_vocab()
    with pytest.raises(DataError, match=r"config\.json"):
        tuned.set_params(revision="main").fit(TEXTS, LABELS)


def test_labels_of_another_kind_are_refused(fitted):
    for measure in (fitted.score, fitted.evaluate):
        with pytest.raises(DataError, match="one label for each text"):
            measure(TEXTS[:2], [["FAKE"], []])
    with pytest.raises(DataError, match="no texts"):
        fitted.evaluate([], [])


# Mistakes

# Arguments of fit, and what the error names.
MISTAKES = {
    "validation: a number": ({"validation": 0.1}, "validation", "0.1", "(texts, labels)"),
    "numbers": ({"X": np.ones((120, 3))}, "X", "(120, 3)"),
    "no text to validate": (
        {"validation": (["a text", " "], ["FAKE", "REAL"])},
        *("validation texts, row 2", "fill"),
    ),
    "no text": ({"X": ["", *["a text"] * 119]}, "X, row 1", "fill"),
    "groups of two columns": ({"groups": np.ones((120, 2))}, "groups", "columns"),
    "one group": ({"groups": [1] * 120}, "groups of texts", "validation_fraction"),
    "None": ({"y": [*LABELS[1:], None]}, "y, row 120"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake):
    change, *words = MISTAKES[mistake]
    classifier = GloveLstmClassifier(**TINY)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - DataError, or scikit-learn's own
        classifier.fit(**{"X": TEXTS, "y": LABELS, **change})
    assert_names(caught.value, *words)
    with pytest.raises(NotFittedError):
        classifier.predict(TEXTS)


# Labels keep their type and their form, in memory and through files


def through_files(fitted, folder):
    fitted.save_pretrained(folder)
    return GloveLstmClassifier.from_pretrained(folder)


@pytest.mark.parametrize(
    "values",
    [(2**63 - 1, -(2**63)), (False, True), (-1.0, 1e17), ("01", "[1, 2]")],
    ids=repr,
)
def test_labels_keep_their_type(values, tmp_path):
    labels = list(values) * 60
    classes = sorted(values)
    class_weight = dict.fromkeys(classes, 60)
    fitted = GloveLstmClassifier(**TINY, class_weight=class_weight)
    fitted.fit(TEXTS, np.array(labels), validation=(TEXTS[:20], labels[:20]))
    loaded = through_files(fitted, tmp_path)
    new = [f"{text} unseen" for text in TEXTS]
    for classifier in (fitted, loaded):
        assert repr(classifier.classes_.tolist()) == repr(classes)
        assert classifier.score(TEXTS, labels) > 0.9
        assert classifier.evaluate(new, labels).figures["accuracy"] > 0.9

    label = values[1]
    name = str(label)
    if isinstance(label, float):  # the config names whole numbers without a point
        name = str(int(label))
    assert loaded.explain(TEXTS[0], label=label).label == name
    top_words = loaded.top_words(label, n=3)
    assert top_words == LightClassifier.from_pretrained(tmp_path).top_words(name, 3)
    assert len(top_words) == 3


# Several labels a text

WORDS = {"food": "council budget report", "sport": "shocking secret exposed", "trip": "school vote"}
NAMES = list(WORDS)


def texts_of_several_labels(count):
    """Texts whose words show their labels, and these as a table of 0 and 1."""
    generator = random.Random(1)
    texts = []
    rows = []
    for _ in range(count):
        words = generator.choices(COMMON.split(), k=8)
        row = [int(generator.random() < share) for share in (0.5, 0.3, 0.2)]
        for has_label, own_words in zip(row, WORDS.values(), strict=True):
            words += generator.choices(own_words.split(), k=3 * has_label)
        generator.shuffle(words)
        texts.append(" ".join(words))
        rows.append(row)
    return texts, np.array(rows)


MANY, TABLE = texts_of_several_labels(200)
LISTS = [np.array(NAMES)[row > 0].tolist() for row in TABLE]
TRIP_FIRST = TABLE[:, [2, 0, 1]]
FRAME = pd.DataFrame(TRIP_FIRST, columns=["trip", "food", "sport"])
# Form of y -> y, the table that it stands for, classes, and other forms that `score` reads alike.
FORMS = {
    "lists": (LISTS, TABLE, NAMES, [TABLE]),
    "table": (TABLE, TABLE, [0, 1, 2], [csr_matrix(TABLE), TABLE.astype(float).tolist()]),
    "frame": (
        FRAME,
        TRIP_FIRST,
        ["trip", "food", "sport"],
        [TRIP_FIRST, pd.Series(TRIP_FIRST.tolist()), FRAME[NAMES]],
    ),
    "numbered frame": (
        pd.DataFrame(TRIP_FIRST, columns=[2, 0, 1]),
        TRIP_FIRST,
        [2, 0, 1],
        [TRIP_FIRST, pd.DataFrame(TABLE, columns=[0, 1, 2])],
    ),
}


def test_a_fine_tuned_table_keeps_the_order_of_its_columns(tmp_path):
    """The checkpoint has its labels in another order, and one more."""
    GloveLstmClassifier(**TINY).fit(MANY, LISTS).save_pretrained(tmp_path)
    tuned = GloveLstmClassifier.from_pretrained(tmp_path).set_params(
        num_train_epochs=0.01, learning_rate=1e-3, use_cpu=True, verbose=0, random_state=0
    )
    frame = FRAME[["trip", "food"]]
    tuned.fit(MANY, frame)
    assert tuned.classes_.tolist() == ["trip", "food"]
    assert (tuned.predict(MANY) == frame.to_numpy()).mean() > 0.8
    assert tuned.predict_proba(MANY).shape == frame.shape


def test_the_order_of_a_table_wins_over_label_names(tmp_path):
    fitted = GloveLstmClassifier(**TINY, label_names=[*NAMES, "never"]).fit(MANY, FRAME)
    for classifier in (fitted, through_files(fitted, tmp_path)):
        assert classifier.classes_.tolist() == [*FRAME.columns, "never"]
        assert (classifier.predict(MANY)[:, :3] == FRAME.to_numpy()).mean() > 0.8
    with pytest.raises(DataError, match="robustness is for models of one label"):
        fitted.evaluate(MANY, FRAME, robustness=True)


def test_labels_of_a_teacher_keep_their_type():
    """A classifier of scikit-learn, which has learned them, and stays fitted."""
    known = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, [0, 1] * 60)
    classifier = clone(GloveLstmClassifier(**TINY, teacher=known)).fit(TEXTS)
    assert classifier.classes_.tolist() == [0, 1]


def test_no_label_may_be_named_twice():
    twice = GloveLstmClassifier(**TINY, label_names=["FAKE", "FAKE", "REAL"])
    with pytest.raises(DataError, match="twice"):
        twice.fit(TEXTS, ["FAKE", "REAL"] * 60)


@pytest.mark.parametrize("form", FORMS)
def test_several_labels(form, tmp_path):
    y, table, classes, others = FORMS[form]
    names = NAMES if form == "frame" else None  # the order of its columns wins
    fitted = GloveLstmClassifier(**TINY, label_names=names).fit(MANY, y)
    more = [f"{text} more words" for text in MANY]
    for classifier in (fitted, through_files(fitted, tmp_path)):
        assert classifier.classes_.tolist() == classes
        predicted = classifier.predict(MANY)
        logits = classifier.decision_function(MANY)
        np.testing.assert_allclose(expit(logits), classifier.predict_proba(MANY), atol=1e-6)
        is_right = (predicted == table).all(axis=1)
        assert is_right.mean() > 0.8
        for labels in (y, *others):
            assert classifier.score(MANY, labels) == is_right.mean()
        turned = [*MANY[1:], MANY[0]]
        is_right = (classifier.predict(turned) == table).all(axis=1)
        weights = 1 + 9 * is_right
        assert 0 < is_right.mean() < 0.8
        weighted = classifier.score(turned, y, sample_weight=weights)
        assert weighted == pytest.approx(np.average(is_right, weights=weights))
        figures = classifier.evaluate(more, y).figures
        assert figures["accuracy"] == pytest.approx(classifier.score(more, y), abs=1e-4)
