"""Fitting the n-gram classifier: beside a plain, slow reference; what it learns from, and what it keeps."""

import logging

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from support import CALM, COMMON, LOUD
from tides import tokenized

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.modeling.characters import character_ngrams
from glove_lstm.modeling.ngram_classifier import ngram_factors
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.ngrams import fit_ngrams, fit_table
from glove_lstm.training.recipe import make_recipe


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


def make_model(tokenizer, labels=2, shapes=2, characters=9):
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": 4, "hidden_size": 3}
    sizes |= {"ngram_buckets": 4096, "type_embedding_size": shapes, "character_buckets": characters}
    return GloveLstmForSequenceClassification(GloveLstmConfig(**sizes, num_labels=labels))


def vocabulary_of(tokenizer):
    special = tokenizer.all_special_tokens
    return {word: row for word, row in tokenizer.get_vocab().items() if word not in special}


def fit(model, tokenizer, news, copies=None, held_out=None, weights=None, c=None):
    """Fit the n-grams of a model to texts and labels, and return C."""
    texts, labels = news
    if copies is not None:
        copies = tokenized(copies, tokenizer, labels)
    if held_out is not None:
        held_out = tokenized(held_out[0], tokenizer, held_out[1])
    of_training = tokenized(texts, tokenizer, labels)
    of_training.weights = weights
    if copies is not None:
        copies.weights = weights
    words = vocabulary_of(tokenizer)
    return fit_table(model.ngrams, of_training, copies, words=words, held_out=held_out, c=c)


def logits_of(model, tokenizer, texts):
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**inputs).part_logits[:, 1]


def accuracy(model, tokenizer, news):
    texts, labels = news
    predicted = logits_of(model, tokenizer, texts).argmax(dim=1).numpy()
    return float((predicted == labels).mean())


def explicit_features(model, tokenizer, texts):
    """(texts, rows of the table) factors, where a word of up to 30 texts has columns for its characters, too.

    N-grams of a single text are left out.
    """
    ngrams = model.ngrams
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    mask = inputs["attention_mask"].bool()
    words = ngrams.word_ngrams(inputs["input_ids"], None, mask)
    factors = ngram_factors(words, torch.float32)
    features = torch.zeros(len(texts), len(ngrams.weights))
    features = features.scatter_add(1, words.rows, factors).double().numpy()
    features[:, (features > 0).sum(axis=0) < 2] = 0
    if not model.config.character_buckets:
        return features
    with_characters = features.copy()
    for word, row in vocabulary_of(tokenizer).items():
        if (features[:, ngrams.buckets + row] > 0).sum() > 30:
            continue
        hashes, present = character_ngrams(torch.tensor([spelling(word)]))
        own_hashes = hashes[present > 0].tolist()
        for number in own_hashes:
            share = (3 / len(own_hashes)) ** 0.5  # of three n-grams of words, in squares
            column = number % ngrams.buckets
            with_characters[:, column] += share * features[:, ngrams.buckets + row]
    return with_characters


def slow_margins(features, has_label, weights, c=1.0):
    """Margins of a support vector machine on dense features, scaled by the ratios of naive Bayes."""
    features = features[:, features.any(axis=0)]
    log_shares = []
    for side in (has_label, ~has_label):
        counts = 1 + (weights[side, None] * (features[side] != 0)).sum(axis=0)
        log_shares.append(np.log(counts / counts.sum()))
    ratios = np.abs(log_shares[1] - log_shares[0])
    scaled = features * (ratios + ratios.mean()) / 2
    machine = LinearSVC(C=c, dual=True, random_state=0, tol=1e-8, max_iter=100_000)
    return machine.fit(scaled, has_label, sample_weight=weights).decision_function(scaled)


@pytest.mark.parametrize("characters", [0, 9])
@pytest.mark.parametrize(("labels", "weigh"), [(2, False), (3, True)])
def test_it_is_a_support_vector_machine_on_features_scaled_by_naive_bayes(
    tokenizer, characters, labels, weigh
):
    """With characters, the words' own rows in the table equal explicit columns for the characters of known words."""
    model = make_model(tokenizer, labels, shapes=0, characters=characters)
    texts, numbers = make_news(60, 14, labels)
    if characters:  # the bucket of an n-gram of a single text could be one of characters, too
        texts, numbers = texts * 2, np.tile(numbers, 2)
    weights = np.ones(len(texts))
    if weigh:
        weights = np.random.default_rng(0).choice([0.5, 1.0, 3.0], len(texts))
    fit(model, tokenizer, (texts, numbers), weights=weights if weigh else None, c=0.5)

    features = explicit_features(model, tokenizer, texts)
    logits = logits_of(model, tokenizer, texts).numpy()
    if labels == 2:
        expected = slow_margins(features, numbers == 1, weights, 0.5)
        assert logits[:, 1] - logits[:, 0] == pytest.approx(expected, abs=0.02)
        return
    for label in range(labels):
        expected = slow_margins(features, numbers == label, weights, 0.5)
        assert logits[:, label] == pytest.approx(expected, abs=0.02)


def test_several_labels_are_machines_of_their_own(tokenizer):
    model = make_model(tokenizer, 2, shapes=0, characters=0)
    texts, numbers = make_news(60, 14)
    has_label = np.stack([numbers == 1, np.arange(60) % 3 == 0], axis=1)
    fit(model, tokenizer, (texts, has_label.astype(np.float32)))
    features = explicit_features(model, tokenizer, texts)
    logits = logits_of(model, tokenizer, texts).numpy()
    for label in (0, 1):
        expected = slow_margins(features, has_label[:, label], np.ones(60))
        assert logits[:, label] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("corrupted", [False, True])
def test_a_weight_is_that_many_copies_of_a_text(tokenizer, corrupted):
    """And of its corrupted copy, if there is one; here, it contradicts the text."""
    texts, labels = make_news(20, 14)
    weights = np.tile(np.arange(20) % 3 + 1, 2)
    twice = texts * 2, np.tile(labels, 2)  # no n-gram of a single text
    copies = repeated_copies = None
    if corrupted:
        last, *others = make_news(40, 15)[0]
        copies = [*others, last]
        repeated_copies = np.repeat(copies, weights).tolist()
    weighted = make_model(tokenizer)
    fit(weighted, tokenizer, twice, copies, weights=weights.astype(float), c=0.1)
    repeated = make_model(tokenizer)
    many = np.repeat(twice[0], weights).tolist(), np.repeat(twice[1], weights)
    fit(repeated, tokenizer, many, repeated_copies, c=0.1)
    expected = logits_of(repeated, tokenizer, texts)
    torch.testing.assert_close(logits_of(weighted, tokenizer, texts), expected, atol=0.05, rtol=0)


def test_words_that_training_lacks_are_told_apart_by_their_characters(tokenizer):
    """Words of the vocabulary and unknown ones alike."""
    model = make_model(tokenizer)
    fit(model, tokenizer, make_news(60, 1))
    assert {"shockingly", "councils"} < set(tokenizer.get_vocab())
    texts = ["shockingly", "councils", "shcoking mircale", "comittee statemnet"]
    assert logits_of(model, tokenizer, texts).argmax(dim=1).tolist() == [0, 1, 0, 1]


def test_150_labels_are_told_apart():
    generator = np.random.default_rng(0)
    common = COMMON.split()
    labels = np.arange(600) % 150
    texts = [f"topic{label} {' '.join(generator.choice(common, 5))}" for label in labels]
    tokenizer = build_tokenizer(lambda: texts, vocab_size=300, min_frequency=1)
    model = make_model(tokenizer, 150)
    fit(model, tokenizer, (texts[:450], labels[:450]))
    assert accuracy(model, tokenizer, (texts[450:], labels[450:])) > 0.95


def test_held_out_texts_choose_c(tokenizer):
    """If training labels are wrong at random, C must be small; if the held-out texts repeat them, large."""
    texts, labels = make_news(300, 15)
    is_wrong = np.arange(300) % 3 == 0
    noisy = texts, labels ^ is_wrong
    soft = make_model(tokenizer)
    hard = make_model(tokenizer)
    c_of_soft = fit(soft, tokenizer, noisy, held_out=make_news(100, 16))
    c_of_hard = fit(hard, tokenizer, noisy, held_out=noisy)
    assert c_of_soft < c_of_hard
    assert accuracy(soft, tokenizer, noisy) < accuracy(hard, tokenizer, noisy)
    assert fit(make_model(tokenizer), tokenizer, noisy) == 1
    assert fit(make_model(tokenizer), tokenizer, noisy, held_out=noisy, c=0.2) == 0.2


def test_a_copy_counts_less_than_its_text(tokenizer):
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


TWO_THIRDS = np.arange(120) % 3 < 2


# Labels -> the sign of the last label's logits for all texts: unlikely, given, or nothing is learned.
@pytest.mark.parametrize(
    ("labels", "of_model", "sign"),
    [
        (np.arange(120) % 2, 3, -1),
        (np.arange(120) % 3, 4, -1),
        (np.stack([TWO_THIRDS, np.ones(120)], axis=1).astype(np.float32), 2, 1),
        (np.stack([TWO_THIRDS, np.zeros(120)], axis=1).astype(np.float32), 2, -1),
        (np.ones(120, dtype=int), 2, 0),
    ],
    ids=["2 of 3", "3 of 4", "all have it", "none has it", "the same for all"],
)
def test_labels_of_none_or_all(tokenizer, labels, of_model, sign, caplog):
    """A label that no text has is possible, but unlikely; texts of one label teach nothing."""
    texts, telling = make_news(120, 12, 3)
    if labels.ndim == 1 and labels.max() == 1:
        texts, telling = make_news(120, 12, 2)
    model = make_model(tokenizer, of_model)
    with caplog.at_level(logging.WARNING):
        c = fit(model, tokenizer, (texts, labels))
    logits = logits_of(model, tokenizer, texts).numpy()
    assert np.isfinite(logits).all()
    if sign == 0:
        assert c is None
        assert "the same labels" in caplog.text
        assert not any(table.any() for table in model.ngrams.parameters())
    elif labels.ndim == 2:
        assert (np.sign(logits[:, 1]) == sign).all()
        assert ((logits[:, 0] > 0) == (telling < 2)).mean() > 0.95
    else:
        assert (logits[:, -1] < logits.max(axis=1)).all()
        assert (logits.argmax(axis=1) == labels).mean() > 0.95


# As `fit` calls it


def fit_texts(texts, labels, held_out=None, **values):
    """`fit_ngrams` of a small model of its own tokenizer; and C."""
    tokenizer = build_tokenizer(lambda: texts[:300], vocab_size=300, min_frequency=1)
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": 2, "hidden_size": 2}
    config = GloveLstmConfig(**sizes, ngram_buckets=64, num_labels=2)
    model = GloveLstmForSequenceClassification(config)
    arguments = make_recipe(use_cpu=True, **values).training
    encoder = LightTokenizer.of(tokenizer)
    if held_out is not None:
        held_out = tokenized(held_out[0], tokenizer, held_out[1])
    learned = LabelledTexts(texts, np.array(labels), ["a", "b"])
    return model, fit_ngrams(model, tokenizer, encoder, learned, held_out, arguments)


@pytest.mark.parametrize(("count", "is_chosen"), [(74, False), (75, True)])
def test_75_held_out_texts_choose_c(count, is_chosen):
    """Labels are wrong at random in training alone: a small C is better than 1."""
    texts, labels = make_news(300, 15)
    noisy = labels ^ (np.arange(300) % 3 == 0)
    _, c = fit_texts(texts, noisy, held_out=make_news(count, 16))
    assert (c < 1) == is_chosen
    if not is_chosen:
        assert c == 1
