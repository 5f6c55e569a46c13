"""The n-gram classifier's weights: what a support vector machine of scikit-learn makes of the same features."""

import logging

import numpy as np
import pytest
import torch
from datasets import Dataset
from support import CALM, COMMON, LOUD
from torch.nn.functional import cross_entropy

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training.batches import tokenize
from glove_lstm.training.ngram_fitting import NgramFit, fit_ngrams
from glove_lstm.training.word_vectors import character_ngram_rows

SHAPE = {"ngram_buckets": 512, "ngram_opening": 4, "character_ngrams": 6, "character_buckets": 256}
SHAPE["shape_buckets"] = 128


def make_news(count: int, seed: int, labels: int = 2) -> Dataset:
    """Half of each text's words tell its label; those of the third label stand in capitals."""
    generator = np.random.default_rng(seed)
    kinds = [LOUD.split(), CALM.split(), [word.upper() for word in COMMON.split()]]
    rows = []
    for number in range(count):
        label = number % labels
        words = [*generator.choice(kinds[label], 4), *generator.choice(COMMON.split(), 4)]
        rows.append({"text": " ".join(generator.permutation(words)), "label": label})
    return Dataset.from_list(rows)


@pytest.fixture(scope="module")
def tokenizer():
    news = make_news(300, 0, 3)["text"][:]
    return build_tokenizer(
        lambda: news, vocab_size=300, known_words=CALM.split(), min_frequency=1, num_pieces=60
    )


def make_model(tokenizer, labels: int = 2) -> GloveLstmForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": 4, "hidden_size": 3}
    config = GloveLstmConfig(**sizes, **SHAPE, num_labels=labels)
    model = GloveLstmForSequenceClassification(config)
    specials = tokenizer.all_special_tokens
    rows = character_ngram_rows(tokenizer.get_vocab(), 6, 256, specials=specials)
    model.load_character_ngrams(rows)
    return model


def ngram_logits(model, tokenizer, texts: Dataset) -> torch.Tensor:
    inputs = tokenizer(texts["text"][:], padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**inputs).part_logits[:, 1]


def accuracy(logits: torch.Tensor, texts: Dataset) -> float:
    return float((logits.argmax(dim=1) == torch.tensor(texts["label"][:])).float().mean())


def fit(model, tokenizer, texts: Dataset, **options: object) -> NgramFit:
    return fit_ngrams(model.ngrams, tokenize(texts, tokenizer), **options)


@pytest.mark.parametrize("labels", [2, 3])
def test_new_texts_are_told_apart_with_calibrated_scores(tokenizer, labels):
    model, test = make_model(tokenizer, labels), make_news(150, 2, labels)
    # A tenth of the labels is wrong: who is sure of every text is wrong.
    train = make_news(300, 1, labels).map(
        lambda row, index: {"label": (row["label"] + (index % 10 == 0)) % labels}, with_indices=True
    )
    fit(model, tokenizer, train, strength=0.05)
    logits = ngram_logits(model, tokenizer, test)
    assert accuracy(logits, test) > 0.97
    noisy = ngram_logits(model, tokenizer, train)
    target = torch.tensor(train["label"][:])
    losses = [float(cross_entropy(noisy * scale, target)) for scale in (0.25, 1, 4)]
    assert losses[1] < min(losses[0], losses[2])


def test_it_is_the_same_every_time_whatever_the_length_of_a_batch_and_leaves_the_lstm_alone(
    tokenizer,
):
    news = make_news(120, 3)
    models = [make_model(tokenizer) for _ in range(2)]
    before = models[0].dense.weight.detach().clone()
    for model in models:
        fit(model, tokenizer, news)
    first, second = (dict(model.named_parameters()) for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(models[0].dense.weight, before)
    assert all(table.any() for table in models[0].ngrams.parameters())


def test_the_noisier_the_labels_the_less_closely_they_are_followed(tokenizer):
    clean = make_news(300, 15)
    noisy = clean.map(
        lambda row, index: {"label": (row["label"] + (index % 3 == 0)) % 2}, with_indices=True
    )
    found = [fit(make_model(tokenizer), tokenizer, news, strength=2.0) for news in (clean, noisy)]
    assert found[0].strength > found[1].strength
    assert found[0].strength <= 2.0


def test_duplicates_are_no_evidence_of_what_new_texts_are_like(tokenizer):
    """Labels at random, yet each text has copies with the same label that could give it away."""
    generator = np.random.default_rng(18)
    words = [f"{first} {second}" for first in COMMON.split() for second in COMMON.split()]
    once = [
        {"text": text, "label": int(generator.integers(2))}
        for text in generator.permutation(words)[:150]
    ]
    groups = np.tile(np.arange(150), 3)
    thrice = Dataset.from_list(once * 3)
    found = [
        fit(make_model(tokenizer), tokenizer, thrice, groups=numbers) for numbers in (None, groups)
    ]
    assert found[0].strength > 10 * found[1].strength
    assert found[0].scale > 10 * found[1].scale  # at random, to be sure of nothing is best
    # Where all texts of a label are one group, or all texts are, nothing can be cross-fitted.
    one_group = np.zeros(450, dtype=int)
    for numbers in (one_group, np.where(thrice["label"], 0, np.arange(450))):
        how = fit(make_model(tokenizer), tokenizer, thrice, groups=numbers)
        assert how == NgramFit(5.0)


def test_how_it_was_fitted_can_be_said_again(tokenizer):
    news = make_news(120, 16)
    first, second = (make_model(tokenizer) for _ in range(2))
    how = fit(first, tokenizer, news)
    assert fit(second, tokenizer, news, how=how) == how
    assert torch.equal(first.ngrams.word_weights, second.ngrams.word_weights)


def test_fine_tuning_begins_with_what_was_known(tokenizer):
    known, new = make_model(tokenizer), make_model(tokenizer)
    fit(known, tokenizer, make_news(300, 9))
    few, test = make_news(8, 10), make_news(200, 11)
    fit(new, tokenizer, few)
    fit(known, tokenizer, few)
    alone, together = (
        accuracy(ngram_logits(model, tokenizer, test), test) for model in (new, known)
    )
    assert together > max(alone, 0.95)


def test_a_label_that_no_text_has_is_possible_but_unlikely(tokenizer):
    model, news = make_model(tokenizer, 3), make_news(100, 12)
    fit(model, tokenizer, news)
    logits = ngram_logits(model, tokenizer, news)
    assert logits.isfinite().all()
    assert accuracy(logits, news) > 0.95


def test_one_label_alone_teaches_nothing_and_that_is_said(tokenizer, caplog):
    model = make_model(tokenizer)
    news = make_news(10, 13).map(lambda row: {"label": 1})
    with caplog.at_level(logging.WARNING):
        fit(model, tokenizer, news)
    assert "one label" in caplog.text
    assert not any(table.any() for table in model.ngrams.parameters())
