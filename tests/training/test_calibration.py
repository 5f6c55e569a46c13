"""Calibration through its surface: what it finds in known drawings, and what few texts cannot do to it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from support import build_model, make_texts

from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.distillation.targets import make_targets
from glove_lstm.inference.onnx_export import classifier_in_memory
from glove_lstm.inference.promise import held_out_scores
from glove_lstm.tables.examples import Examples, Split
from glove_lstm.temperature import fit_temperature
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.calibration import Scored, calibrate, fit_calibration, fit_threshold
from glove_lstm.training.settings import make_settings


def draw(scales):
    """Draw logits (texts, parts, labels) of texts that are too long to be shrunk, and labels by their scaled sum."""
    generator = np.random.default_rng(0)
    texts = 20_000
    logits = generator.standard_normal((texts, len(scales), 3))
    scores = softmax(np.tensordot(logits, scales, (1, 0)), axis=1)
    is_before_label = scores.cumsum(axis=1) < generator.random((texts, 1))
    return logits, is_before_label.sum(axis=1)


def long_texts(logits):
    return Scored(logits, np.full(len(logits), 1e6))


def calibrated(scored, values):
    """(n, classes) logits as the model gives them with these values of its config."""
    weights = np.array([1.0, values["ngram_weight"]])[: scored.logits.shape[1]]
    return scored.summed(weights, values["shrinkage"]) / values["temperature"]


@pytest.mark.parametrize("scale", [0.2, 0.7, 4.0])
def test_the_temperature_undoes_a_known_scale(scale):
    """That of a teacher, too."""
    logits, labels = draw([1.0])
    values = fit_calibration([long_texts(logits / scale)], labels)
    assert values["temperature"] == pytest.approx(1 / scale, rel=0.06)
    assert values["ngram_weight"] == 1
    of_teacher = fit_temperature(logits[:, 0] / scale, labels)
    assert of_teacher == pytest.approx(1 / scale, rel=0.06)


@pytest.mark.parametrize("usual", [2.0, 8.0])
def test_the_weight_between_two_parts_is_found(usual):
    """Few texts leave it near the usual one."""
    logits, labels = draw([0.5, 3.0])
    scored = long_texts(logits)
    values = fit_calibration([scored], labels, usual_weight=usual)
    assert values["ngram_weight"] == pytest.approx(6, rel=0.15)
    expected = np.tensordot(logits, [0.5, 3.0], (1, 0))
    found = calibrated(scored, values)
    centred = found - found.mean(axis=1, keepdims=True)
    difference = centred - (expected - expected.mean(axis=1, keepdims=True))
    assert np.sqrt((difference**2).mean()) < 0.15
    few = fit_calibration([long_texts(logits[:3])], labels[:3], usual_weight=usual)
    assert few["ngram_weight"] == pytest.approx(usual, rel=0.5)


@settings(deadline=None, max_examples=30)
@given(
    size=st.sampled_from([0.0, 0.1, 1.0, 8.0, 40.0]),
    size_of_ngrams=st.sampled_from([None, 0.1, 8.0]),
    count=st.sampled_from([1, 10]),
    classes=st.integers(2, 5),
    known=st.sampled_from([1.0, 20.0, 2000.0]),
)
def test_ten_texts_that_are_all_right_give_no_score_above_95_percent(
    size, size_of_ngrams, count, classes, known
):
    labels = np.arange(count) % classes
    right = np.eye(classes)[labels]
    parts = [size * right]
    if size_of_ngrams is not None:
        parts.append(size_of_ngrams * right)
    scored = Scored(np.stack(parts, axis=1), np.full(count, known))
    values = fit_calibration([scored, scored], labels)
    scores = softmax(calibrated(scored, values), axis=1)
    assert np.isfinite(list(values.values())).all()
    assert values["temperature"] > 0
    assert values["ngram_weight"] >= 0
    assert scores.max() <= 0.95
    if size:  # logits of 0 tell nothing
        assert (scores.argmax(axis=1) == labels).all()


def scale_of_the_smallest_loss(logits, labels):
    """By which factor the logits fit best, by plain sigmoids and softmax, on a grid of steps of 0.1 %.

    As Platt (1999) proposes, a label has the target 1 - doubt, and the others share the doubt, 1 / (n / 2 + 2).
    """
    doubt = 1 / (labels.size / 2 + 2)
    losses = {}
    for scale in np.exp(np.arange(-0.2, 0.2, 0.001)):
        powers = np.exp(scale * logits)
        if labels.ndim == 2:  # each label is a yes-or-no question
            of_yes = powers / (1 + powers)
            of_answer = np.where(labels == 1, of_yes, 1 - of_yes)
            of_other = 1 - of_answer
        else:
            scores = powers / powers.sum(axis=1, keepdims=True)
            of_answer = scores[np.arange(len(labels)), labels]
            of_other = 1 - of_answer  # of two labels
        loss = (1 - doubt) * np.log(of_answer) + doubt * np.log(of_other)
        losses[scale] = -loss.mean()
    return min(losses, key=losses.get)


def targets_to_calibrate(texts, labels):
    held_out = Examples(texts, labels, ["with", "without"])
    return make_targets(Split(held_out.select([]), held_out), None, glove=None)


@pytest.mark.parametrize("several", [False, True], ids=["one label", "several labels"])
def test_the_scores_of_a_calibrated_model_need_no_scaling(tokenizer, several):
    """The threshold is for calibrated scores."""
    texts, numbers = make_texts(200, seed=2)
    table = np.stack([numbers, 1 - numbers], axis=1)
    labels = table if several else numbers
    sizes = {"vocab_size": tokenizer.vocab_size, "ngram_buckets": 64, "type_embedding_size": 4}
    kind = {**sizes, "problem_type": MULTI_LABEL if several else None}
    # With characters, though no word is unknown, as the graph of a network without them would be traced, in seconds.
    model = build_model(**kind, character_buckets=9)
    model.load_state_dict(build_model(**kind).state_dict(), strict=False)
    targets = targets_to_calibrate(texts, labels)
    settings_ = make_settings(use_cpu=True, seed=0, corrupted_share=0.5)
    record = calibrate(model, LightTokenizer.of(tokenizer), targets, settings_, has_vectors=True)
    assert record.texts == 200
    assert record.labels_of == "people"
    for name in ("temperature", "shrinkage", "ngram_weight"):
        assert getattr(record, name) == getattr(model.config, name), name
    assert model.config.temperature != 1
    logits = classifier_in_memory(model, tokenizer).predict_logits(texts).astype(np.float64)
    assert scale_of_the_smallest_loss(logits, labels) == pytest.approx(1, rel=1e-2)
    if several:
        threshold = fit_threshold(1 / (1 + np.exp(-logits)), table)
        assert model.config.thresholds == pytest.approx([threshold] * 2, abs=1e-4)
        assert model.config.held_out_scores is None
    else:
        rows = held_out_scores(softmax(logits, axis=1), labels, "people")["rows"]
        np.testing.assert_allclose(model.config.held_out_scores["rows"], rows, atol=1e-4)


def test_without_vectors_the_ngrams_weigh_more(tokenizer):
    """As long as few texts calibrate: the LSTM then knows little."""
    targets = targets_to_calibrate(*make_texts(12, seed=2))
    settings_ = make_settings(use_cpu=True, seed=0)
    weights = []
    for has_vectors in (True, False):
        torch.manual_seed(0)
        model = build_model(vocab_size=tokenizer.vocab_size, ngram_buckets=64)
        light = LightTokenizer.of(tokenizer)
        record = calibrate(model, light, targets, settings_, has_vectors=has_vectors)
        weights.append(record.ngram_weight)
    assert weights[1] > 2 * weights[0]


# The threshold that several labels share

# Of labels that few texts have, and of one that most have.
MEAN_LOGITS = np.array([-5.0, -4, -3, -3, -2, -1, 0.5])


def draw_sets(texts, seed):
    """Draw calibrated scores (texts, labels), and labels by them."""
    generator = np.random.default_rng(seed)
    scores = expit(generator.normal(MEAN_LOGITS, 2.0, (texts, len(MEAN_LOGITS))))
    return scores, (generator.random(scores.shape) < scores).astype(np.float32)


def micro_f1(labels, scores, threshold):
    is_given = scores >= threshold
    return 2 * (labels * is_given).sum() / (labels.sum() + is_given.sum())


@pytest.mark.parametrize("digits", [2, 9])  # with two digits, many scores are equal
def test_many_texts_give_the_highest_micro_f1(digits):
    scores, labels = draw_sets(20_000, seed=0)
    scores = scores.round(digits)
    threshold = fit_threshold(scores, labels)
    grid = np.linspace(0.01, 0.99, 99)
    highest = max(micro_f1(labels, scores, value) for value in grid)
    assert micro_f1(labels, scores, threshold) > highest - 0.005


def test_few_texts_do_no_harm():
    """Beside a threshold of 0.5, micro F1 is lower by a point at most, and higher on average."""
    for texts in (30, 50, 100):
        gains = []
        for seed in range(8):
            test_scores, truth = draw_sets(4_000, seed=1000 + seed)
            threshold = fit_threshold(*draw_sets(texts, seed))
            gain = micro_f1(truth, test_scores, threshold) - micro_f1(truth, test_scores, 0.5)
            gains.append(gain)
        assert min(gains) > -0.01
        assert np.mean(gains) > 0


def test_scores_that_tell_nothing_are_harmless():
    scores, labels = draw_sets(50, seed=3)
    assert fit_threshold(scores, np.zeros_like(labels)) == 0.5
    for has_label in (0, 1):
        assert 0 < fit_threshold(np.full((50, 2), has_label), np.full((50, 2), has_label)) < 1
