"""The scales that calibrate a sum of parts, and how far scores of short texts are shrunk."""

import numpy as np
import pytest
from scipy.special import softmax
from support import build_model
from tides import make_texts, tokenized

from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import MULTI_LABEL, scores_of
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
    """Draw logits of parts (rows, parts, classes), and labels by the softmax of their scaled sum."""
    generator = np.random.default_rng(seed)
    parts = generator.standard_normal((rows, len(scales), classes))
    logits = np.einsum("npc,p->nc", parts, scales)
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    labels = (cumulated < generator.random((rows, 1))).sum(axis=1)
    return parts.astype(np.float32), labels


def test_copies_of_a_text_weigh_against_the_prior_as_one_text():
    parts, labels = draw(0, 50, [1.0, 3.0])
    once = fit_scales(parts, labels)
    five_times = np.tile(parts, (5, 1, 1))
    copied = fit_scales(five_times, np.tile(labels, 5), rows_per_text=5)
    assert copied[1] / copied[0] == pytest.approx(once[1] / once[0], rel=1e-3)


@pytest.mark.parametrize("scales", [[0.4], [0.5, 3.0]], ids=str)
def test_the_scales_that_made_the_labels_are_found(scales):
    parts, labels = draw(0, 20_000, scales)
    assert fit_scales(parts, labels) == pytest.approx(scales, rel=0.06)


@pytest.mark.parametrize("rows", [4, 200])
def test_few_texts_allow_no_more_certainty_than_one_error_among_them_would(rows):
    labels = np.arange(rows) % 2
    one_hot = np.eye(2, dtype=np.float32)[labels]
    logits = 8 * one_hot  # sure and right on all of them
    [scale] = fit_scales(logits[:, None], labels)
    score = 1 / (1 + np.exp(-8 * scale))
    doubt = 1 / (rows / 2 + 2)
    assert score == pytest.approx(1 - doubt, abs=1e-4)


def test_a_part_that_says_nothing_is_turned_down_and_one_that_errs_is_not_turned_round():
    parts, labels = draw(0, 20_000, [1.0])
    noise = np.random.default_rng(1).standard_normal((20_000, 1, 3))
    with_noise = np.concatenate([parts, noise], axis=1)
    useful, useless = fit_scales(with_noise, labels)
    assert useful == pytest.approx(1.0, rel=0.06)
    assert useless < 0.15

    wrong = -parts
    assert fit_scales(wrong, labels) == [pytest.approx(0.05)]


def test_few_texts_do_not_silence_a_part():
    parts, labels = draw(0, 4, [1.0, 1.0])
    parts[:, 1] = 5 * np.eye(3)[labels]  # sure and right on all of the few
    first, second = fit_scales(parts, labels)
    assert 0.3 < second / first < 3


def test_logits_that_tell_nothing_are_left_as_they_are():
    two_parts = np.zeros((6, 2, 2))
    scales = fit_scales(two_parts, np.array([0, 1, 0, 1, 1, 1]))
    assert scales == pytest.approx([1.0, 1.0])


def test_beginnings_are_shrunk_as_far_as_they_carry_no_signal():
    drawn, labels = draw(2, 4000, [1.0])
    logits = drawn.astype(np.float64).sum(axis=1)
    noise = np.random.default_rng(3).standard_normal(logits.shape)
    words = np.tile([1.0, 2.0, 4.0, 8.0, 16.0], 800)
    signal = (words / (words + 4))[:, None]  # gets better with each word
    whole = ScoredTexts(logits, np.full(4000, 300.0))

    none, temperature = fit_calibration(whole, ScoredTexts(logits, words), labels)
    mixed = ScoredTexts(signal * logits + (1 - signal) * noise, words)
    some, _ = fit_calibration(whole, mixed, labels)
    most, after_shrinking = fit_calibration(whole, ScoredTexts(noise, words), labels)
    assert none == 0
    assert 0 < some < most
    assert [1 / temperature] == pytest.approx(fit_scales(logits[:, None], labels))
    assert after_shrinking == pytest.approx(temperature, rel=0.15)  # whole texts are hardly shrunk


def test_a_single_text_can_be_calibrated():
    scored = ScoredTexts(np.array([[2.0, -2.0]]), np.array([1.0]))
    assert np.isfinite(fit_calibration(scored, scored, np.array([0]))).all()


def test_a_part_weighs_more_where_it_is_better_on_corrupted_copies():
    parts, labels = draw(4, 400, [1.0, 1.0])
    corrupted = parts.copy()
    corrupted[:, 0] = draw(5, 400, [1.0])[0][:, 0]
    first, second = fit_scales(parts, labels)
    both = np.concatenate([parts, corrupted])
    first_with_copies, second_with_copies = fit_scales(both, np.tile(labels, 2), 2)
    assert second_with_copies / first_with_copies > 1.5 * second / first


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
