"""Thresholds of several labels: the best F1 where a label has many texts, and no harm where it has few."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score
from support import build_model
from tides import make_texts

from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.distillation.targets import make_targets
from glove_lstm.tables.examples import Examples, Split
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.calibration import calibrate, fit_thresholds
from glove_lstm.training.settings import make_settings

MEAN_LOGITS = np.array(
    [-5.0, -4, -3, -3, -2, -1, 0.5]
)  # of labels that few texts have, and of one that most have


def draw(texts, seed):
    """Draw calibrated scores (texts, labels), and labels by them."""
    generator = np.random.default_rng(seed)
    scores = expit(generator.normal(MEAN_LOGITS, 2.0, (texts, len(MEAN_LOGITS))))
    return scores, (generator.random(scores.shape) < scores).astype(np.float32)


def f1_at(threshold, scores, has_label):
    predicted = scores >= threshold
    return 2 * has_label[predicted].sum() / (predicted.sum() + has_label.sum())


@pytest.mark.parametrize("digits", [2, 9])  # with two digits, many scores are equal
def test_labels_of_many_texts_have_the_highest_f1(digits):
    scores, labels = draw(20_000, seed=0)
    scores = scores.round(digits)
    thresholds, unfitted = fit_thresholds(scores, labels)
    assert not unfitted
    for threshold, label_scores, has_label in zip(thresholds, scores.T, labels.T, strict=True):
        grid = np.linspace(0.01, 0.99, 99)
        highest = max(f1_at(value, label_scores, has_label) for value in grid)
        assert f1_at(threshold, label_scores, has_label) > highest - 0.01


def test_few_texts_do_no_harm():
    """Beside thresholds of 0.5, micro F1 is lower by a point at most, and macro F1 is higher on average."""
    for texts in (30, 50, 100):
        gains = {"micro": [], "macro": []}
        for seed in range(8):
            test_scores, truth = draw(4_000, seed=1000 + seed)
            thresholds, _ = fit_thresholds(*draw(texts, seed))
            for average, gains_of in gains.items():
                f1 = f1_score(truth, test_scores >= thresholds, average=average)
                gains_of.append(f1 - f1_score(truth, test_scores >= 0.5, average=average))
        assert min(gains["micro"]) > -0.01
        assert np.mean(gains["macro"]) > 0.02


def test_a_label_of_fewer_than_five_texts_has_the_common_threshold():
    """The one text of a label may have a low score by chance, and so may a text without it."""
    scores, labels = draw(50, seed=3)
    labels[:, :2] = 0
    scores[0, 0] = 0.008
    labels[0, 0] = 1
    thresholds, unfitted = fit_thresholds(scores, labels)
    counts = labels.sum(axis=0)
    assert unfitted == np.flatnonzero(counts < 5).tolist()
    assert counts[0] == 1
    assert counts[1] == 0
    assert len(unfitted) < len(counts)
    assert len({thresholds[label] for label in unfitted}) == 1
    assert 0.2 < thresholds[0] < 0.5

    nobody, everybody = fit_thresholds(scores, np.zeros_like(labels))
    assert nobody == [0.5] * labels.shape[1]
    assert everybody == list(range(labels.shape[1]))
    for has_label in (0, 1):  # scores of 0 and 1 are harmless
        sure, _ = fit_thresholds(np.full((50, 2), has_label), np.full((50, 2), has_label))
        assert all(0 < threshold < 1 for threshold in sure)


def test_log_and_record_name_labels_whose_threshold_is_not_fitted(tokenizer, caplog):
    caplog.set_level("INFO", "glove_lstm")
    texts, labels = make_texts(60, seed=2)
    rare = np.zeros_like(labels)
    rare[:2] = 1
    held_out = Examples(texts, np.stack([labels, rare], axis=1), ["frequent", "rare"])
    split = Split(held_out.select([]), held_out)
    targets = make_targets(split, None, copies_per_text=None, glove=None)
    model = build_model(vocab_size=tokenizer.vocab_size, problem_type=MULTI_LABEL)
    arguments = make_settings(use_cpu=True).training
    record = calibrate(model, LightTokenizer.of(tokenizer), targets, arguments, has_vectors=True)
    assert record.unfitted_thresholds == ["rare"]
    [line] = [message for message in caplog.messages if "threshold" in message]
    assert line.endswith("have the common threshold: 'rare'.")
