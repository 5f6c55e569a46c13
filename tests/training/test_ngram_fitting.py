"""Fitting the n-gram classifier: what it learns, from which texts, and what it keeps."""

import logging

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.svm import LinearSVC
from support import CALM, COMMON, LOUD

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.modeling.ngram_classifier import ngram_shares
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training.batches import tokenize
from glove_lstm.training.ngram_fitting import fit_ngrams, words_of


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
    known = [*CALM.split(), "shockingly", "councils"]
    return build_tokenizer(lambda: news, vocab_size=300, known_words=known, min_frequency=1)


def make_model(tokenizer, labels: int = 2, shapes: int = 2) -> GloveLstmForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": 4, "hidden_size": 3}
    sizes |= {"ngram_buckets": 4096, "type_embedding_size": shapes, "character_buckets": 9}
    return GloveLstmForSequenceClassification(GloveLstmConfig(**sizes, num_labels=labels))


def fit(model, tokenizer, texts, copies=(), weights=None, validation=None, strength=None):
    more = [tokenize(rows, tokenizer) for rows in copies]
    valid = None if validation is None else tokenize(validation, tokenizer)
    rows = tokenize(texts, tokenizer)
    words = words_of(tokenizer)
    return fit_ngrams(model.ngrams, rows, more, weights, valid, strength, words)


def logits_of(model, tokenizer, texts: list[str]) -> torch.Tensor:
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**inputs).part_logits[:, 1]


def accuracy(model, tokenizer, texts: Dataset) -> float:
    labels = logits_of(model, tokenizer, texts["text"][:]).argmax(dim=1)
    return float((labels == torch.tensor(texts["label"][:])).float().mean())


def test_words_that_training_lacks_are_told_apart_by_their_characters(tokenizer):
    """Words of the vocabulary and unknown ones alike."""
    model = make_model(tokenizer)
    fit(model, tokenizer, make_news(300, 1))
    assert {"shockingly", "councils"} < set(tokenizer.get_vocab())
    texts = ["shockingly", "councils", "shcoking mircale", "comittee statemnet"]
    assert logits_of(model, tokenizer, texts).argmax(dim=1).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(("labels", "shapes"), [(2, 2), (2, 0), (3, 2)])
def test_new_texts_are_told_apart(tokenizer, labels, shapes):
    model = make_model(tokenizer, labels, shapes)
    fit(model, tokenizer, make_news(300, 1, labels))
    assert accuracy(model, tokenizer, make_news(150, 2, labels)) > 0.97
    assert all(table.any() for table in model.ngrams.parameters())


def test_it_is_a_support_vector_machine_on_features_scaled_by_naive_bayes(tokenizer):
    model, news = make_model(tokenizer, shapes=0), make_news(60, 14)
    fit_ngrams(model.ngrams, tokenize(news, tokenizer))
    inputs = tokenizer(news["text"][:], padding=True, return_tensors="pt")
    batch = inputs["input_ids"], None, None, inputs["attention_mask"].bool()
    [group] = model.ngrams.groups(*batch[:2], batch[3])
    shares = ngram_shares(group, torch.zeros(4096, 2))
    features = (
        torch.zeros(60, len(model.ngrams.weights))
        .scatter_add(1, group.rows, shares)
        .double()
        .numpy()
    )
    labels = np.array(news["label"])
    counts = np.stack([1 + (features[labels == label] != 0).sum(axis=0) for label in (0, 1)])
    false, true = np.log(counts / counts.sum(axis=1, keepdims=True))
    ratios = np.abs(true - false)
    scaled = features * (ratios + ratios[counts.sum(axis=0) > 2].mean()) / 2
    margins = LinearSVC(dual=True, random_state=0).fit(scaled, labels).decision_function(scaled)
    with torch.no_grad():
        logits = model.ngrams(*batch)
    assert (logits[:, 1] - logits[:, 0]).numpy() == pytest.approx(margins, abs=0.01)


def test_sample_weights_count(tokenizer):
    news = make_news(300, 4)
    # Texts of the second half have the other label.
    contrary = news.map(lambda row, at: {"label": row["label"] ^ (at >= 150)}, with_indices=True)
    for trusted in (slice(None, 150), slice(150, None)):
        weights = np.full(300, 0.01)
        weights[trusted] = 1.99
        model = make_model(tokenizer)
        fit(model, tokenizer, contrary, weights=weights)
        right = accuracy(model, tokenizer, make_news(100, 5))
        assert right > 0.95 if trusted.start is None else right < 0.05


def test_validation_texts_choose_c(tokenizer):
    """Where labels of training are wrong at random, margins must be soft; where validation repeats them, hard."""
    news = make_news(300, 15)
    noisy = news.map(lambda row, at: {"label": row["label"] ^ (at % 3 == 0)}, with_indices=True)
    found = []
    for validation in (make_news(100, 16), noisy):
        chosen, given = make_model(tokenizer), make_model(tokenizer)
        strength = fit(chosen, tokenizer, noisy, validation=validation)
        assert fit(given, tokenizer, noisy, validation=validation, strength=strength) == strength
        assert torch.equal(chosen.ngrams.weights, given.ngrams.weights)
        found.append((strength, accuracy(chosen, tokenizer, noisy)))
    assert found[0][0] < found[1][0]
    assert found[0][1] < found[1][1]


@pytest.mark.parametrize("count", [1, 3])
def test_a_copy_counts_half_of_its_text(tokenizer, count):
    """Copies whose words are of the other label prevail where there are more than two."""
    news = make_news(200, 6)
    texts = [*news["text"][1:], news["text"][0]]
    turned = Dataset.from_dict({"text": texts, "label": news["label"][:]})
    model = make_model(tokenizer)
    fit(model, tokenizer, news, copies=[turned] * count)
    right = accuracy(model, tokenizer, make_news(100, 7))
    assert right > 0.95 if count == 1 else right < 0.05


def test_fine_tuning_keeps_what_was_learned(tokenizer):
    known, new = make_model(tokenizer), make_model(tokenizer)
    fit(known, tokenizer, make_news(300, 9))
    few, test = make_news(8, 10), make_news(200, 11)
    for model in (new, known):
        fit(model, tokenizer, few)
    assert accuracy(known, tokenizer, test) > max(accuracy(new, tokenizer, test), 0.95)
    # The earlier weights are a feature, whose meaning the texts may turn round.
    fit(known, tokenizer, few.map(lambda row: {"label": 1 - row["label"]}))
    assert accuracy(known, tokenizer, test) < 0.1


@pytest.mark.parametrize("labels", [3, 4])
def test_a_label_that_no_text_has_is_possible_but_unlikely(tokenizer, labels):
    model, news = make_model(tokenizer, labels), make_news(120, 12, labels - 1)
    fit(model, tokenizer, news)
    logits = logits_of(model, tokenizer, news["text"][:])
    assert logits.isfinite().all()
    assert (logits[:, -1] < logits.max(dim=1).values).all()
    assert accuracy(model, tokenizer, news) > 0.95


def test_one_label_alone_teaches_nothing_and_that_is_said(tokenizer, caplog):
    model = make_model(tokenizer)
    news = make_news(10, 13).map(lambda row: {"label": 1})
    with caplog.at_level(logging.WARNING):
        fit(model, tokenizer, news)
    assert "one label" in caplog.text
    assert not any(table.any() for table in model.ngrams.parameters())
