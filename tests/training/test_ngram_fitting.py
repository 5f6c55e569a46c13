"""Fitting the n-gram classifier: what it learns, from which texts, and what it keeps."""

import logging

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from support import CALM, COMMON, LOUD
from tides import tokenized

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.modeling.ngram_classifier import ngram_factors
from glove_lstm.text.build import build_tokenizer
from glove_lstm.training.ngram_fitting import fit_ngrams


def make_news(count, seed, labels=2):
    """Texts and labels. Half of a text's words tell its label; the words of the third label are in capitals."""
    generator = np.random.default_rng(seed)
    common = COMMON.split()
    words_of_labels = [LOUD.split(), CALM.split(), COMMON.upper().split()]
    texts = []
    for number in range(count):
        telling = generator.choice(words_of_labels[number % labels], 4)
        others = generator.choice(common, 4)
        words = generator.permutation(np.concatenate([telling, others]))
        texts.append(" ".join(words))
    return texts, np.arange(count) % labels


@pytest.fixture(scope="module")
def tokenizer():
    news, _ = make_news(300, 0, 3)
    known = [*CALM.split(), "shockingly", "councils"]
    return build_tokenizer(lambda: news, vocab_size=300, known_words=known, min_frequency=1)


def make_model(tokenizer, labels: int = 2, shapes: int = 2) -> GloveLstmForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": 4, "hidden_size": 3}
    sizes |= {"ngram_buckets": 4096, "type_embedding_size": shapes, "character_buckets": 9}
    return GloveLstmForSequenceClassification(GloveLstmConfig(**sizes, num_labels=labels))


def fit(model, tokenizer, news, copies=None, validation=None):
    """Fit the n-grams of a model to texts and labels, and return C."""
    texts, labels = news
    vocabulary = tokenizer.get_vocab()
    for special in tokenizer.all_special_tokens:
        del vocabulary[special]
    if copies is not None:
        copies = tokenized(copies, tokenizer, labels)
    if validation is not None:
        validation_texts, validation_labels = validation
        validation = tokenized(validation_texts, tokenizer, validation_labels)
    return fit_ngrams(
        model.ngrams,
        tokenized(texts, tokenizer, labels),
        copies,
        words=vocabulary,
        validation=validation,
    )


def logits_of(model, tokenizer, texts: list[str]) -> torch.Tensor:
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**inputs).part_logits[:, 1]


def accuracy(model, tokenizer, news) -> float:
    texts, labels = news
    predicted = logits_of(model, tokenizer, texts).argmax(dim=1).numpy()
    return float((predicted == labels).mean())


def test_words_that_training_lacks_are_told_apart_by_their_characters(tokenizer):
    """Words of the vocabulary and unknown ones alike."""
    model = make_model(tokenizer)
    fit(model, tokenizer, make_news(300, 1))
    assert {"shockingly", "councils"} < set(tokenizer.get_vocab())
    texts = ["shockingly", "councils", "shcoking mircale", "comittee statemnet"]
    assert logits_of(model, tokenizer, texts).argmax(dim=1).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(("labels", "shapes"), [(2, 0), (3, 2)])
def test_new_texts_are_told_apart(tokenizer, labels, shapes):
    model = make_model(tokenizer, labels, shapes)
    fit(model, tokenizer, make_news(300, 1, labels))
    assert accuracy(model, tokenizer, make_news(150, 2, labels)) > 0.97
    assert all(table.any() for table in model.ngrams.parameters())


def features_of(model, inputs):
    """(texts, n-grams) share of each n-gram in each text; the fit drops n-grams of a single text."""
    mask = inputs["attention_mask"].bool()
    [group] = model.ngrams.groups(inputs["input_ids"], None, mask)
    factors = ngram_factors(group, torch.float32)
    features = torch.zeros(len(mask), len(model.ngrams.weights))
    features = features.scatter_add(1, group.rows, factors).double().numpy()
    texts_with = (features > 0).sum(axis=0)
    return features[:, texts_with > 1]


def test_it_is_a_support_vector_machine_on_features_scaled_by_naive_bayes(tokenizer):
    model = make_model(tokenizer, shapes=0)
    texts, labels = make_news(60, 14)
    model.config.character_buckets = 0
    fit(model, tokenizer, (texts, labels))

    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    features = features_of(model, inputs)
    log_shares = []
    for label in (0, 1):
        texts_with = 1 + (features[labels == label] != 0).sum(axis=0)
        log_shares.append(np.log(texts_with / texts_with.sum()))
    ratios = np.abs(log_shares[1] - log_shares[0])
    scaled = features * (ratios + ratios.mean()) / 2
    machine = LinearSVC(dual=True, random_state=0, tol=1e-8, max_iter=100_000)
    margins = machine.fit(scaled, labels).decision_function(scaled)

    with torch.no_grad():
        mask = inputs["attention_mask"].bool()
        logits = model.ngrams(inputs["input_ids"], None, None, mask)
    assert (logits[:, 1] - logits[:, 0]).numpy() == pytest.approx(margins, abs=0.02)


def test_validation_texts_choose_c(tokenizer):
    """If training labels are wrong at random, C must be small; if the validation texts repeat them, large."""
    texts, labels = make_news(300, 15)
    is_wrong = np.arange(300) % 3 == 0
    noisy = texts, labels ^ is_wrong
    soft = make_model(tokenizer)
    hard = make_model(tokenizer)
    c_of_soft = fit(soft, tokenizer, noisy, validation=make_news(100, 16))
    c_of_hard = fit(hard, tokenizer, noisy, validation=noisy)
    assert c_of_soft < c_of_hard
    assert accuracy(soft, tokenizer, noisy) < accuracy(hard, tokenizer, noisy)


def test_a_copy_counts_half_of_its_text(tokenizer):
    """If copies contradict their texts, the texts win; if texts and copies are exchanged, too."""
    texts, labels = make_news(200, 6)
    turned = [*texts[1:], texts[0]]
    model = make_model(tokenizer)
    fit(model, tokenizer, (texts, labels), copies=turned)
    assert accuracy(model, tokenizer, make_news(100, 7)) > 0.95
    other = make_model(tokenizer)
    fit(other, tokenizer, (turned, labels), copies=texts)
    assert accuracy(other, tokenizer, make_news(100, 7)) < 0.05


def test_fine_tuning_keeps_what_was_learned(tokenizer):
    few = make_news(8, 10)
    test = make_news(200, 11)
    new = make_model(tokenizer)
    fit(new, tokenizer, few)
    tuned = make_model(tokenizer)
    fit(tuned, tokenizer, make_news(300, 9))
    fit(tuned, tokenizer, few)
    assert accuracy(tuned, tokenizer, test) > 0.95
    assert accuracy(tuned, tokenizer, test) > accuracy(new, tokenizer, test)

    # The earlier logits are features, whose meaning the texts may reverse.
    texts, labels = few
    fit(tuned, tokenizer, (texts, 1 - labels))
    assert accuracy(tuned, tokenizer, test) < 0.1


@pytest.mark.parametrize("labels", [3, 4])
def test_a_label_that_no_text_has_is_possible_but_unlikely(tokenizer, labels):
    model = make_model(tokenizer, labels)
    news = make_news(120, 12, labels - 1)
    fit(model, tokenizer, news)
    logits = logits_of(model, tokenizer, news[0])
    assert logits.isfinite().all()
    assert (logits[:, -1] < logits.max(dim=1).values).all()
    assert accuracy(model, tokenizer, news) > 0.95


def test_a_label_that_all_texts_have_is_given(tokenizer):
    model = make_model(tokenizer)
    texts, labels = make_news(60, 12)
    has_label = np.stack([labels == 0, np.ones(60)], axis=1).astype(np.float32)
    fit(model, tokenizer, (texts, has_label))
    logits = logits_of(model, tokenizer, texts)
    assert (logits[:, 1] > 0).all()
    assert ((logits[:, 0] > 0).numpy() == (labels == 0)).mean() > 0.95


def test_texts_of_one_label_teach_nothing(tokenizer, caplog):
    model = make_model(tokenizer)
    texts, labels = make_news(10, 13)
    with caplog.at_level(logging.WARNING):
        assert fit(model, tokenizer, (texts, np.ones_like(labels))) is None
    assert "the same labels" in caplog.text
    assert not any(table.any() for table in model.ngrams.parameters())
