"""Fitting the n-gram classifier: beside a plain, slow reference; what it learns from, and what it keeps."""

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from support import CALM, COMMON, LOUD, examples

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.modeling.characters import character_ngrams
from glove_lstm.modeling.ngram_classifier import ngram_factors
from glove_lstm.tables.examples import Examples
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.ngrams import fit_ngrams, fit_table
from glove_lstm.training.settings import make_settings


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
    return build_tokenizer(news, vocab_size=300, known_words=known, min_frequency=1)


def make_model(tokenizer, labels=2, shapes=2, characters=9):
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": 4, "hidden_size": 3}
    sizes |= {"ngram_buckets": 4096, "type_embedding_size": shapes, "character_buckets": characters}
    return GloveLstmForSequenceClassification(GloveLstmConfig(**sizes, num_labels=labels))


def vocabulary_of(tokenizer):
    special = tokenizer.all_special_tokens
    return {word: row for word, row in tokenizer.get_vocab().items() if word not in special}


def fit(model, tokenizer, news, copies=None, weights=None, c=None, are_few=True):
    """Fit the n-grams of a model to texts and labels, and return C."""
    texts, labels = news
    light = LightTokenizer.of(tokenizer)
    if copies is not None:
        copies = examples(copies, labels, weights)
    learned = examples(texts, labels, weights)
    words = vocabulary_of(tokenizer)
    return fit_table(model.ngrams, light, learned, copies, words=words, c=c, texts_are_few=are_few)


def logits_of(model, tokenizer, texts):
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**inputs).part_logits[:, 1]


def explicit_features(model, tokenizer, texts, are_few):
    """(texts, rows of the table) factors, where words have columns for their characters, too.

    Unless the texts are few, n-grams of a single text and the characters of words of over 30 texts are left out.
    """
    ngrams = model.ngrams
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    mask = inputs["attention_mask"].bool()
    [group] = ngrams.groups(inputs["input_ids"], None, mask)
    factors = ngram_factors(group, torch.float32)
    features = torch.zeros(len(texts), len(ngrams.weights))
    features = features.scatter_add(1, group.rows, factors).double().numpy()
    if not are_few:
        features[:, (features > 0).sum(axis=0) < 2] = 0
    if not model.config.character_buckets:
        return features
    with_characters = features.copy()
    for word, row in vocabulary_of(tokenizer).items():
        if not are_few and (features[:, ngrams.buckets + row] > 0).sum() > 30:
            continue
        hashes, present = character_ngrams(torch.tensor([spelling(word)]))
        own_hashes = hashes[present > 0].tolist()
        for number in own_hashes:
            # Of three n-grams of words, in squares; of few texts, all the same.
            share = 0.5**0.5 if are_few else (3 / len(own_hashes)) ** 0.5
            column = number % ngrams.buckets
            with_characters[:, column] += share * features[:, ngrams.buckets + row]
    return with_characters


def slow_margins(features, has_label, weights):
    """Margins of a support vector machine of C = 0.5 on dense features, scaled by the ratios of naive Bayes."""
    features = features[:, features.any(axis=0)]
    log_shares = []
    for side in (has_label, ~has_label):
        counts = 1 + (weights[side, None] * (features[side] != 0)).sum(axis=0)
        log_shares.append(np.log(counts / counts.sum()))
    ratios = np.abs(log_shares[1] - log_shares[0])
    scaled = features * (ratios + ratios.mean()) / 2
    machine = LinearSVC(C=0.5, dual=True, random_state=0, tol=1e-8, max_iter=100_000)
    return machine.fit(scaled, has_label, sample_weight=weights).decision_function(scaled)


@pytest.mark.parametrize("are_few", [True, False])
@pytest.mark.parametrize("characters", [0, 9])
@pytest.mark.parametrize("kind", ["two labels", "three labels", "several labels a text"])
def test_it_is_a_support_vector_machine_on_features_scaled_by_naive_bayes(
    tokenizer, characters, kind, are_few
):
    """With characters, the words' own rows in the table equal explicit columns for the characters of known words."""
    count = 3 if kind == "three labels" else 2
    model = make_model(tokenizer, count, shapes=0, characters=characters)
    texts, labels = make_news(60, 14, count)
    if characters:  # the bucket of an n-gram of a single text could be one of characters, too
        texts, labels = texts * 2, np.tile(labels, 2)
    weights = np.random.default_rng(0).choice([0.5, 1.0, 3.0], len(texts))
    has_label = labels[:, None] == np.arange(count)
    if kind == "several labels a text":
        has_label[:, 0] = np.arange(len(texts)) % 3 == 0
        labels = has_label.astype(np.float32)
    fit(model, tokenizer, (texts, labels), weights=weights, c=0.5, are_few=are_few)

    features = explicit_features(model, tokenizer, texts, are_few)
    logits = logits_of(model, tokenizer, texts).numpy()
    if kind == "two labels":
        logits = logits[:, 1:] - logits[:, :1]
        has_label = has_label[:, 1:]
    for column, own in zip(logits.T, has_label.T, strict=True):
        assert column == pytest.approx(slow_margins(features, own, weights), abs=0.02)


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


def test_a_label_that_no_text_has_is_unlikely(tokenizer):
    texts, labels = make_news(120, 12)
    model = make_model(tokenizer, 3)
    fit(model, tokenizer, (texts, labels))
    logits = logits_of(model, tokenizer, texts).numpy()
    assert (logits[:, 2] < logits.max(axis=1)).all()
    assert (logits.argmax(axis=1) == labels).mean() > 0.95


@pytest.mark.parametrize(("has_label", "sign"), [(0, -1), (1, 1)])
def test_one_of_several_labels_that_no_text_has_or_all_have(tokenizer, has_label, sign):
    texts, labels = make_news(120, 12)
    table = np.stack([labels, np.full(120, has_label)], axis=1).astype(np.float32)
    model = make_model(tokenizer)
    fit(model, tokenizer, (texts, table))
    logits = logits_of(model, tokenizer, texts).numpy()
    assert (np.sign(logits[:, 1]) == sign).all()
    assert ((logits[:, 0] > 0) == labels).mean() > 0.95


def test_texts_of_one_label_teach_nothing(tokenizer, caplog):
    texts, _ = make_news(120, 12)
    model = make_model(tokenizer)
    assert fit(model, tokenizer, (texts, np.ones(120, dtype=int))) is None
    assert "the same labels" in caplog.text
    assert not any(table.any() for table in model.ngrams.parameters())


WRONG = np.arange(300) % 3 == 0


# How many texts are held out, whether a third of their labels is wrong, too, and C that is given -> the range of C.
@pytest.mark.parametrize(
    ("count", "wrong", "given", "low", "high"),
    [
        (74, False, {}, 1, 1),
        (75, False, {}, 0, 0.9),
        (300, True, {}, 1, 100),
        (300, True, {"ngram_c": 0.2}, 0.2, 0.2),
    ],
)
def test_75_held_out_texts_choose_c(tokenizer, count, wrong, given, low, high):
    """If training labels are wrong at random, C must be small; if the held-out texts repeat them, large."""
    texts, labels = make_news(300, 15)
    learned = Examples(texts, labels ^ WRONG, ["a", "b"])
    held_out = (texts, learned.labels) if wrong else make_news(count, 16)
    light = LightTokenizer.of(tokenizer)
    words = vocabulary_of(tokenizer)
    own_settings = make_settings(use_cpu=True, **given)
    model = make_model(tokenizer)
    c = fit_ngrams(
        model, light, words, learned, examples(*held_out), own_settings, texts_are_few=True
    )
    assert low <= c <= high
