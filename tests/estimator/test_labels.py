"""Labels of the estimator keep their type and their form, in memory and through files."""

import random

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from support import COMMON, TEXTS, TINY
from teachers import by_length

from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.errors import DataError

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


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


def test_labels_of_a_teacher_keep_their_type():
    """A classifier of scikit-learn, which has learned them, and stays fitted."""
    known = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, [0, 1] * 60)
    classifier = clone(GloveLstmClassifier(**TINY, teacher=known)).fit(TEXTS)
    assert classifier.classes_.tolist() == [0, 1]


def test_named_labels_keep_their_type_without_labels_of_texts():
    """And none may be named twice."""
    options = {
        **TINY,
        "teacher": by_length,
    }
    classifier = GloveLstmClassifier(**options, label_names=[0, 1]).fit(TEXTS)
    assert classifier.classes_.tolist() == [0, 1]
    twice = GloveLstmClassifier(**TINY, label_names=["FAKE", "FAKE", "REAL"])
    with pytest.raises(DataError, match="twice"):
        twice.fit(TEXTS, ["FAKE", "REAL"] * 60)


@pytest.mark.parametrize("form", FORMS)
def test_several_labels(form, tmp_path):
    y, table, classes, others = FORMS[form]
    fitted = GloveLstmClassifier(**TINY).fit(MANY, y)
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
