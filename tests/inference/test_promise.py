"""Which labels are unsure, so that the others are right as often as was promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from support import assert_names, edit_json

from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.errors import DataError
from glove_lstm.inference.decisions import decide
from glove_lstm.inference.promise import held_out_scores, promise, promised_score, sure_score

TEXTS = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]


def is_promised(accuracy, texts, mistakes):
    """The bound of Clopper and Pearson, as scipy has it."""
    test = binomtest(texts - mistakes, texts, alternative="greater")
    return test.proportion_ci(0.95, method="exact").low >= accuracy


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(1, 500), st.floats(0, 0.3), st.sampled_from([0.8, 0.9, 0.95])
)
def test_scores_are_tested_from_the_highest_down(seed, count, error, accuracy):
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet([0.3, 0.3, 0.3], count)
    labels = scores.argmax(axis=1)
    is_wrong = generator.random(count) < error
    labels[is_wrong] = (labels[is_wrong] + 1) % 3
    record = held_out_scores(scores, labels, "people")
    rows = record["rows"]
    assert len(rows) <= 30
    assert rows[-1][1:] == [count, is_wrong.sum()]
    expected = None
    for score, texts, mistakes in rows:
        has_score = scores.max(axis=1) >= score
        assert (texts, mistakes) == (has_score.sum(), is_wrong[has_score].sum())
        if texts >= max(30, count / 10) and is_promised(accuracy, texts, 0):
            if not is_promised(accuracy, texts, mistakes):
                break
            expected = score
    assert sure_score(rows, accuracy) == expected
    assert record["sure_from"] == sure_score(rows, 0.9)


def test_the_promise_is_kept():
    """In at least 95 of 100 drawings of the held-out texts, and it is not too careful."""
    generator = np.random.default_rng(0)
    kept = 0
    shares = []
    for _ in range(200):
        score = generator.uniform(0.5, 1, 1000)
        labels = (generator.random(1000) > score).astype(int)  # calibrated
        rows = held_out_scores(np.stack([score, 1 - score], axis=1), labels, "people")["rows"]
        least = sure_score(rows, 0.9)
        kept += least is None or (least + 1) / 2 >= 0.9
        shares.append(0 if least is None else (1 - least) / 0.5)
    assert kept >= 190
    assert np.mean(shares) > 0.2  # of at most 0.4


ROWS = [[0.9, 60, 0], [0.7, 100, 2], [0.5, 200, 40]]
RECORD = {"labels_of": "people", "rows": ROWS, "sure_from": 0.7}


@pytest.mark.parametrize(
    ("record", "accuracy", "words"),
    [
        (RECORD, 0.99, ["0.99", "200 held-out", "at most 0.95 can"]),
        ({**RECORD, "rows": [[0.5, 20, 0]]}, 0.5, ["0.5", "20 held-out", "more texts"]),
        (None, 0.9, ["no scores of held-out texts"]),
        (RECORD, 1, ["accuracy", "below 1", "not 1"]),
        (RECORD, float("nan"), ["accuracy", "nan"]),
    ],
)
def test_what_cannot_be_promised(record, accuracy, words):
    with pytest.raises(DataError) as refusal:
        promised_score(record, accuracy)
    assert_names(refusal.value, *words)


def test_a_promise_says_whose_labels_it_is_of():
    assert "95 % are right, for texts such as the 200 held-out" in promise(RECORD, 0.95)
    assert "90 % are the teacher's" in promise({**RECORD, "labels_of": "teacher"}, 0.9)


def test_unsure_labels_are_none(exported):
    sure, unsure, _ = sorted(
        LightClassifier.from_pretrained(exported)(TEXTS), key=lambda row: -row["score"]
    )
    least = (sure["score"] + unsure["score"]) / 2
    record = {"labels_of": "people", "rows": [[least, 100, 0]], "sure_from": None}
    edit_json(exported / "config.json", held_out_scores=record)
    light = LightClassifier.from_pretrained(exported)
    labels = light.predict(TEXTS)
    expected = [row["label"] if row["score"] >= least else None for row in light(TEXTS)]
    assert labels == [row["label"] for row in light(TEXTS)]
    assert light.predict(TEXTS, accuracy=0.95) == expected
    assert expected.count(None) == 2
    estimator = GloveLstmClassifier.from_pretrained(exported)
    assert estimator.predict(TEXTS, accuracy=0.95).tolist() == expected

    edit_json(exported / "config.json", problem_type="multi_label_classification")
    light = LightClassifier.from_pretrained(exported)
    several = decide(light.predict_proba(TEXTS), light.label_names, light.thresholds)
    assert light.predict(TEXTS) == several
    with pytest.raises(DataError, match="one label a text"):
        light.predict(TEXTS, accuracy=0.9)
