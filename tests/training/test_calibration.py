"""The scales that calibrate a sum of parts, and how far scores of short texts are shrunk."""

import numpy as np
import pytest
from scipy.special import softmax
from support import build_model
from tides import make_texts, tokenized

from glove_lstm.inference.scores import MULTI_LABEL, scores_of
from glove_lstm.inference.torch_classifier import predict_logits
from glove_lstm.training.calibration import (
    ScoredTexts,
    as_binary,
    calibrate,
    first_words,
    fit_calibration,
    fit_scales,
    fit_thresholds,
)


def draw(seed, rows, scales, classes=3):
    """Draw logits (rows, parts, classes), and labels (rows,) by the softmax of their scaled sum."""
    generator = np.random.default_rng(seed)
    part_logits = generator.standard_normal((rows, len(scales), classes))
    logits = (part_logits * np.reshape(scales, (-1, 1))).sum(axis=1)
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    is_before_label = cumulated < generator.random((rows, 1))
    return part_logits.astype(np.float32), is_before_label.sum(axis=1)


def test_copies_of_a_text_weigh_against_the_prior_as_one_text():
    logits, labels = draw(0, 50, [1.0, 3.0])
    first, second = fit_scales(logits, labels)
    five_times = np.tile(logits, (5, 1, 1))
    labels_of_copies = np.tile(labels, 5)
    first_of_copies, second_of_copies = fit_scales(five_times, labels_of_copies, rows_per_text=5)
    assert second_of_copies / first_of_copies == pytest.approx(second / first, rel=1e-3)


@pytest.mark.parametrize("scales", [[0.4], [0.5, 3.0]], ids=str)
def test_the_scales_that_made_the_labels_are_found(scales):
    logits, labels = draw(0, 20_000, scales)
    assert fit_scales(logits, labels) == pytest.approx(scales, rel=0.06)


@pytest.mark.parametrize("rows", [4, 200])
def test_texts_without_an_error_are_scored_as_if_they_had_one(rows):
    labels = np.arange(rows) % 2
    one_hot = np.eye(2, dtype=np.float32)[labels]
    logits = 8 * one_hot  # sure and right on all of them
    [scale] = fit_scales(logits[:, None], labels)
    score = 1 / (1 + np.exp(-8 * scale))
    texts_of_label = rows / 2
    platts_target = (texts_of_label + 1) / (texts_of_label + 2)
    assert score == pytest.approx(platts_target, abs=1e-4)


def test_a_part_without_information_is_turned_down():
    logits, labels = draw(0, 20_000, [1.0])
    noise = np.random.default_rng(1).standard_normal((20_000, 1, 3))
    with_noise = np.concatenate([logits, noise], axis=1)
    scale, scale_of_noise = fit_scales(with_noise, labels)
    assert scale == pytest.approx(1.0, rel=0.06)
    assert scale_of_noise < 0.15


def test_a_part_that_is_mostly_wrong_is_not_reversed():
    logits, labels = draw(0, 20_000, [1.0])
    assert fit_scales(-logits, labels) == [pytest.approx(0.05)]


def test_few_texts_do_not_silence_a_part():
    logits, labels = draw(0, 4, [1.0, 1.0])
    one_hot = np.eye(3)[labels]
    logits[:, 1] = 5 * one_hot  # sure and right on all of the few texts
    first, second = fit_scales(logits, labels)
    assert 0.3 < second / first < 3


def test_logits_of_zero_are_not_scaled():
    two_parts = np.zeros((6, 2, 2))
    scales = fit_scales(two_parts, np.array([0, 1, 0, 1, 1, 1]))
    assert scales == pytest.approx([1.0, 1.0])


def test_beginnings_are_shrunk_as_far_as_they_carry_no_signal():
    drawn, labels = draw(2, 4000, [1.0])
    logits = drawn.astype(np.float64).sum(axis=1)
    noise = np.random.default_rng(3).standard_normal(logits.shape)
    words = np.tile([1.0, 2.0, 4.0, 8.0, 16.0], 800)
    signal = (words / (words + 4))[:, None]  # gets better with each word
    mixture = signal * logits + (1 - signal) * noise

    whole = ScoredTexts(logits, np.full(4000, 300.0))
    none, temperature = fit_calibration(whole, ScoredTexts(logits, words), labels)
    some, _ = fit_calibration(whole, ScoredTexts(mixture, words), labels)
    most, after_shrinking = fit_calibration(whole, ScoredTexts(noise, words), labels)
    assert none == 0
    assert 0 < some < most
    assert [1 / temperature] == pytest.approx(fit_scales(logits[:, None], labels))
    assert after_shrinking == pytest.approx(temperature, rel=0.15)  # whole texts are hardly shrunk


def test_a_single_text_can_be_calibrated():
    scored = ScoredTexts(np.array([[2.0, -2.0]]), np.array([1.0]))
    assert np.isfinite(fit_calibration(scored, scored, np.array([0]))).all()


def test_the_logits_of_a_calibrated_multi_label_model_need_no_scaling(tokenizer):
    texts, labels = make_texts(200, seed=2)
    truth = np.stack([labels, 1 - labels], axis=1)
    model = build_model(
        vocab_size=tokenizer.vocab_size,
        ngram_buckets=64,
        type_embedding_size=4,
        problem_type=MULTI_LABEL,
    )
    calibration = calibrate(
        model,
        tokenized(texts, tokenizer, truth.astype(np.float32)),
        tokenized(first_words(texts), tokenizer),
    )
    calibration.apply(model.config)

    logits = predict_logits(model, tokenizer, texts).astype(np.float64)
    questions = as_binary(logits[:, None])
    assert fit_scales(questions, truth.ravel()) == pytest.approx([1], rel=1e-2)
    scores = scores_of(logits, MULTI_LABEL)
    assert calibration.thresholds == pytest.approx(fit_thresholds(scores, truth), abs=1e-4)
