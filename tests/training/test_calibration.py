"""The scales that calibrate a sum of parts, and how far scores of short texts are shrunk."""

import numpy as np
import pytest
from scipy.special import log_softmax
from support import build_model
from tides import make_texts, tokenized

from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import scores_of
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
    """Logits of parts whose scaled sum is what the labels were drawn from."""
    generator = np.random.default_rng(seed)
    parts = generator.standard_normal((rows, len(scales), classes))
    truth = log_softmax(np.einsum("npc,p->nc", parts, scales), axis=1)
    labels = (np.exp(truth).cumsum(axis=1) < generator.random((rows, 1))).sum(axis=1)
    return parts.astype(np.float32), labels


def test_copies_of_a_text_weigh_against_the_prior_as_one_text():
    parts, labels = draw(0, 50, [1.0, 3.0])
    once = fit_scales(parts, labels)
    copied = fit_scales(np.tile(parts, (5, 1, 1)), np.tile(labels, 5), 5)
    assert copied[1] / copied[0] == pytest.approx(once[1] / once[0], rel=1e-3)


@pytest.mark.parametrize("scales", [[0.4], [2.5], [1.0, 2.0], [0.5, 3.0]], ids=str)
def test_the_scales_that_made_the_labels_are_found(scales):
    parts, labels = draw(0, 40_000, scales)
    assert fit_scales(parts, labels) == pytest.approx(scales, rel=0.06)


@pytest.mark.parametrize("rows", [4, 16, 200])
def test_few_texts_allow_no_more_certainty_than_one_error_among_them_would(rows):
    labels = np.arange(rows) % 2
    right = np.eye(2, dtype=np.float32)[labels][:, None] * 8  # sure and right on all of them
    (scale,) = fit_scales(right, labels)
    assert 1 / (1 + np.exp(-8 * scale)) == pytest.approx(1 - 1 / (rows / 2 + 2), abs=1e-4)


def test_a_part_that_says_nothing_is_turned_down_and_one_that_errs_is_not_turned_round():
    parts, labels = draw(0, 20_000, [1.0])
    noise = np.random.default_rng(1).standard_normal((20_000, 1, 3))
    useful, useless = fit_scales(np.concatenate([parts, noise], axis=1), labels)
    assert useful == pytest.approx(1.0, rel=0.06)
    assert useless < 0.15
    assert fit_scales(-parts, labels) == [pytest.approx(0.05)]


def test_few_texts_do_not_silence_a_part():
    parts, labels = draw(0, 4, [1.0, 1.0])
    right = np.eye(3)[labels][:, None] * 5  # a part that is sure and right on all of the few
    first, second = fit_scales(np.concatenate([parts[:, :1], right], axis=1), labels)
    assert 0.3 < second / first < 3


@pytest.mark.parametrize("parts", [1, 2])
def test_logits_that_tell_nothing_are_left_as_they_are(parts):
    scales = fit_scales(np.zeros((6, parts, 2)), np.array([0, 1, 0, 1, 1, 1]))
    assert scales == pytest.approx([1.0] * parts)


@pytest.mark.parametrize("parts", [1, 2])
def test_beginnings_are_shrunk_as_far_as_they_carry_no_signal(parts):
    drawn, labels = draw(2, 4000, [1.0] * parts)
    whole = drawn.astype(np.float64).sum(axis=1)
    noise = np.random.default_rng(3).standard_normal(whole.shape)
    long, short = np.full(4000, 300.0), np.tile([1.0, 2.0, 4.0, 8.0, 16.0], 800)
    told, temperature = fit_calibration(ScoredTexts(whole, long), ScoredTexts(whole, short), labels)
    untold, after_shrinking = fit_calibration(
        ScoredTexts(whole, long), ScoredTexts(noise, short), labels
    )
    # Beginnings that get better with each word.
    share = (short / (short + 4))[:, None]
    between, _ = fit_calibration(
        ScoredTexts(whole, long), ScoredTexts(share * whole + (1 - share) * noise, short), labels
    )
    assert told == 0
    assert 0 < between < untold
    assert [1 / temperature] == pytest.approx(fit_scales(whole[:, None], labels))
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


def test_the_calibration_is_that_of_the_models_logits(tokenizer):
    """Set in the config, it gives the logits that were calibrated."""
    texts, labels = make_texts(200, seed=2)
    for several in (False, True):
        problem = "multi_label_classification" if several else None
        model = build_model(
            vocab_size=tokenizer.vocab_size, ngram_buckets=64, type_embedding_size=4, num_labels=2,
            problem_type=problem,
        )  # fmt: skip
        truth = np.stack([labels, 1 - labels], axis=1).astype(np.float32) if several else labels
        rows = tokenized(texts, tokenizer, truth), tokenized(first_words(texts), tokenizer)
        found = calibrate(model, *rows)
        found.apply(model.config)
        logits = predict_logits(model, tokenizer, texts).astype(np.float64)
        if several:
            scores = scores_of(logits, problem)
            assert found.thresholds == pytest.approx(fit_thresholds(scores, truth), abs=1e-4)
            parts, truth = as_binary(logits[:, None]), truth.ravel().astype(int)
        else:
            assert found.thresholds is None
            parts = logits[:, None]
        assert fit_scales(parts, truth) == pytest.approx([1], rel=1e-2)
