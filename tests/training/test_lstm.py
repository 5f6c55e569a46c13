"""The training of the LSTM: where it starts, its batches and schedule, the loss of a step, and what a step moves."""

from math import ceil, sqrt

import numpy as np
import pytest
import torch
from support import SMALL_VALUES, build_model, make_texts
from torch.nn import functional
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glove_lstm import GloveLstmConfig
from glove_lstm.distillation.targets import Targets
from glove_lstm.tables.examples import Examples
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.batches import Collator, TokenDataset, tokenize
from glove_lstm.training.initial_model import embedding_rows, new_model
from glove_lstm.training.lstm import LstmTrainer, train_lstm, trainer_arguments
from glove_lstm.training.schedule import with_schedule
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove

LIKE_THE_DEFAULT_PRESET = {
    "type_embedding_size": 3,
    "embedding_dropout": 0.3,
    "dropout": 0.3,
    "freeze_embeddings": False,
    "ngram_buckets": 64,
}


def settings_of(**options):
    values = {
        "per_device_train_batch_size": 8,
        "num_train_epochs": 3,
        "learning_rate": 5e-3,
        "embedding_learning_rate": 5e-3,
        "lr_scheduler_type": "constant",
        "corrupted_share": 0.0,
        "seed": 3,
        "use_cpu": True,
    }
    return make_settings(**{**values, **options})


def losses_of_labels(logits, labels):
    return cross_entropy(logits, labels, reduction="none", label_smoothing=0.1)


def losses_of_several_labels(logits, labels):
    return binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(dim=1)


def losses_of_a_teacher(logits, targets):
    centred = logits - logits.mean(dim=1, keepdim=True)
    return ((centred - targets) ** 2).mean(dim=1)


OF_8_TEXTS, LABELS_OF_8_TEXTS = make_texts(8, seed=1)
HAS_LABEL = np.stack([LABELS_OF_8_TEXTS, np.arange(8) % 2], axis=1).astype(np.float32)
OF_TEACHER = np.random.default_rng(0).normal(size=(8, 1)) * [1.0, -1.0]


@pytest.mark.parametrize(
    ("kind", "values", "problem", "losses_of"),
    [
        ("labels", LABELS_OF_8_TEXTS, None, losses_of_labels),
        ("label sets", HAS_LABEL, "multi_label_classification", losses_of_several_labels),
        ("logits", OF_TEACHER, None, losses_of_a_teacher),
    ],
    ids=["labels", "label sets", "logits"],
)
def test_the_loss_of_a_batch_is_the_weighted_mean(
    tmp_path, tokenizer, kind, values, problem, losses_of
):
    """A weight is that many copies of a text."""
    counts = np.array([3, 1, 1, 2, 1, 1, 1, 6])
    tokens = tokenize(OF_8_TEXTS, LightTokenizer.of(tokenizer))
    weighted = TokenDataset(tokens, values, counts / counts.mean())
    plain = TokenDataset(tokens, values)
    collator = Collator(LightTokenizer.of(tokenizer))
    model = build_model(dropout=0.0, problem_type=problem).train()

    copies = collator([plain[row] for row in np.repeat(np.arange(8), counts)])
    targets = copies.pop("labels")
    expected = losses_of(model(**copies).logits, targets).mean()

    arguments = trainer_arguments(settings_of(), str(tmp_path), text_count=8, has_validation=False)
    trainer = LstmTrainer(kind, 0.1, model=model, args=arguments)
    loss = trainer.compute_loss(model, collator([weighted[row] for row in range(8)]))
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)


def trained(model, tokenizer, **options):
    """The names and values of the parameters before a training of 97 texts; the model is trained."""
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    texts, labels = make_texts(97)
    targets = Targets("labels", texts, labels, None, ngram_examples=None)
    light = LightTokenizer.of(tokenizer)
    train_lstm(model, light, targets, None, settings_of(**options), None)
    return before


def test_frozen_vectors_and_ngrams_stay_bit_for_bit_through_training(tokenizer):
    model = build_model(**{**LIKE_THE_DEFAULT_PRESET, "freeze_embeddings": True})
    torch.nn.init.normal_(model.ngrams.weights)
    model.round_tables()
    before = trained(model, tokenizer, embedding_learning_rate=1.0, corrupted_share=0.5)
    for name, value in model.named_parameters():
        is_left = name.startswith("ngrams.") or name.endswith("word_embeddings.weight")
        assert torch.equal(value, before[name]) == is_left, name


def test_word_vectors_have_a_rate_of_their_own(tokenizer):
    """Adam's first step moves each weight by its rate."""
    model = build_model(**{**LIKE_THE_DEFAULT_PRESET, "ngram_buckets": 0})
    options = {"num_train_epochs": 0.01, "weight_decay": 0.0}
    before = trained(model, tokenizer, embedding_learning_rate=1e-2, **options)
    for name, value in model.named_parameters():
        rate = 5e-3
        if name == "encoder.embeddings.word_embeddings.weight":
            rate = 1e-2
        moved = (value - before[name]).abs().max().item()
        assert moved == pytest.approx(rate, rel=0.05), name  # vectors are rounded to 16 bits


def test_a_training_of_one_step_is_not_warmed_up():
    """The first step of a warm-up has the rate 0."""
    for epochs, warmup in ((0.1, 0), (3, 0.1)):
        settings = settings_of(num_train_epochs=epochs, lr_scheduler_type="linear")
        arguments = trainer_arguments(settings, "unused", text_count=8, has_validation=True)
        assert arguments.warmup_steps == warmup


# Batches


def dataset_of(texts, labels, tokenizer, weights=None, *, with_texts=True):
    light = LightTokenizer.of(tokenizer)
    kept = texts if with_texts else None
    return TokenDataset(tokenize(texts, light), labels, weights, kept)


def test_a_batch_is_the_tokenizers_own_pad(tokenizer):
    texts, labels = make_texts(40)
    dataset = dataset_of(texts, labels, tokenizer)
    rows = [3, 1, 17, 17]
    encoded = tokenizer([texts[row] for row in rows])
    batch = Collator(LightTokenizer.of(tokenizer))([dataset[row] for row in rows])
    assert batch.pop("labels").tolist() == labels[rows].tolist()
    padded = tokenizer.pad(encoded, return_tensors="pt")
    assert batch.keys() == padded.keys()
    for name in padded:
        assert torch.equal(batch[name], padded[name].long()), name


def rows_of(batch):
    """Label, weight, ids and types of each text of a batch."""
    rows = []
    for number, mask in enumerate(batch["attention_mask"].bool()):
        ids = batch["input_ids"][number][mask].tolist()
        types = batch["token_type_ids"][number][mask].tolist()
        rows.append((batch["labels"][number].item(), batch["weights"][number].item(), ids, types))
    return sorted(rows)


def test_a_share_of_the_texts_is_replaced_by_copies_with_their_labels(tokenizer):
    """The label of a text is its number, which shows to which text a copy belongs."""
    texts, _ = make_texts(60)
    numbers = np.arange(60)
    dataset = dataset_of(texts, numbers, tokenizer, numbers / 10)
    features = [dataset[row] for row in range(60)]
    light = LightTokenizer.of(tokenizer)

    def batches(seed):
        collator = Collator(light, share=0.5, seed=seed)
        return [rows_of(collator(features)) for _ in range(2)]

    clean = rows_of(Collator(light)(features))
    first, second = batches(3)
    for rows in (first, second):
        assert [row[0] for row in rows] == numbers.tolist()
        assert [row[1] for row in rows] == [row[1] for row in clean]
        assert all(len(ids) == len(types) <= 20 for _, _, ids, types in rows)
        changed = sum(row != other for row, other in zip(rows, clean, strict=True))
        assert 15 < changed < 40
    assert first != second  # an epoch has copies of its own
    assert batches(3) == [first, second]
    assert batches(4)[0] != first
    # Texts that are measured are never replaced.
    measured = dataset_of(texts, numbers, tokenizer, numbers / 10, with_texts=False)
    every_text = Collator(light, share=1.0, seed=3)
    assert rows_of(every_text([measured[row] for row in range(60)])) == clean


# Epochs, batches and rates by the numbers of training texts and labels, as docs/options.md says

RATE, WORDS_RATE = 0.007, 0.001  # for batches of 32
FEW_RATE = 0.003  # of the word vectors, for up to 5,000 texts
LOGITS_RATE = 0.002  # both, on logits
LOGITS, NEW_LABELS = {"learns_logits": True}, {"has_new_labels": True}


def steps(count, texts, texts_of_step):
    return ceil(count * texts_of_step / texts)


# Texts, labels, what differs of the targets, given arguments -> epochs, batch, rate, rate of the word vectors.
SCHEDULES = [
    (40, 2, {}, {}, steps(300, 40, 32), 32, RATE, FEW_RATE),
    (1_000, 2, {}, {}, 12, 32, RATE, FEW_RATE),
    (5_000, 2, {}, {}, 10, 32, RATE, FEW_RATE),
    (5_001, 2, {}, {}, 10, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (100_000, 2, {}, {}, 2, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (1_000, 3, {}, {}, 19, 32, RATE, FEW_RATE),
    (1_000, 77, {}, {}, 61, 32, RATE, FEW_RATE),
    (1_000, 2, NEW_LABELS, {}, 16, 32, RATE, FEW_RATE),
    (25_000, 2, NEW_LABELS, {}, 4, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (1_000, 77, LOGITS, {}, steps(100, 1_000, 128), 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    (1_000_000, 2, LOGITS, {}, 3, 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    # Given arguments.
    (1_000, 2, {}, {"per_device_train_batch_size": 8}, 12, 8, RATE / 2, FEW_RATE / 2),
    (1_000, 2, {}, {"learning_rate": 0.014}, 12, 32, 0.014, 0.006),
    (1_000, 2, {}, {"learning_rate": 0.014, "embedding_learning_rate": 0.5}, 12, 32, 0.014, 0.5),
    (300, 2, {}, {"num_train_epochs": 1.5}, 1.5, 32, RATE, FEW_RATE),
]


@pytest.mark.parametrize(
    ("texts", "labels", "targets", "given", "epochs", "batch", "rate", "words"), SCHEDULES
)
def test_schedule(texts, labels, targets, given, epochs, batch, rate, words):
    of_targets = {"learns_logits": False, "has_new_labels": False, **targets}
    settings = with_schedule(make_settings(**given), texts, labels, **of_targets)
    assert settings.num_train_epochs == epochs
    assert settings.per_device_train_batch_size == batch
    assert settings.learning_rate == pytest.approx(rate)
    assert settings.embedding_learning_rate == pytest.approx(words)


def test_the_rates_of_a_preset_keep_their_ratio():
    settings = make_settings("article", learning_rate=5e-3)
    scheduled = with_schedule(settings, 1_000, 2, learns_logits=False, has_new_labels=False)
    assert scheduled.learning_rate == scheduled.embedding_learning_rate == 5e-3


# Where a training starts


VECTORS = np.random.default_rng(0).normal(3, 2, (500, 4)).astype(np.float32)
GLOVE = GloveVectors([f"w{number}" for number in range(500)], VECTORS, "made up")
VOCABULARY = {"<pad>": 0, "<unk>": 1, "w7": 2, "other": 3, "w499": 4}
VOCABULARY |= {f"x{number}": 5 + number for number in range(400)}


@pytest.mark.parametrize("uniform", [False, True])
def test_words_with_vectors_have_them_and_others_are_drawn_like_them(uniform):
    """Uniformly from 0 to 1 for the article preset, as it was published."""
    rows, share = embedding_rows(VOCABULARY, GLOVE, uniform=uniform, seed=5)
    assert rows.shape == (405, 4)
    assert rows.dtype == np.float32
    assert np.array_equal(rows[[2, 4]], VECTORS[[7, 499]])
    assert share == 2 / 405
    drawn = rows[5:]
    if uniform:
        assert 0 <= drawn.min() < drawn.max() < 1
        assert 0.4 < drawn.mean() < 0.6
    else:
        assert np.allclose(drawn.mean(axis=0), 3, atol=0.5)
        assert np.allclose(drawn.std(axis=0), 2, atol=0.4)
    same_rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=uniform, seed=5)
    assert np.array_equal(same_rows, rows)
    other_rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=uniform, seed=6)
    assert not np.array_equal(other_rows, rows)


def test_the_article_preset_is_the_published_recipe(monkeypatch):
    """Its network is that of the default config, which tests/modeling/test_forward.py compares with Keras."""
    monkeypatch.setattr("glove_lstm.training.initial_model.english_stop_words", lambda: ("the",))
    settings = make_settings("article", vocab_size=60_000)
    texts = Examples.from_names(["a text"] * 4, ["a", "b"] * 2, ["a", "b"])
    model, tokenizer, _ = new_model(settings, texts, [], load_glove("none"), learns_logits=False)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": model.config.embedding_size}
    expected = GloveLstmConfig(**sizes, id2label={0: "a", 1: "b"}, label2id={"a": 0, "b": 1})
    assert model.config.to_dict() == expected.to_dict()
    assert model.config.freeze_embeddings
    assert tokenizer.model_max_length == 1000
    assert tokenizer.truncation_side == "left"

    settings = make_settings("article")
    scheduled = with_schedule(settings, 5000, 2, learns_logits=False, has_new_labels=False)
    published = {
        "vocab_size": 100_000,
        "num_train_epochs": 10,
        "per_device_train_batch_size": 128,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 1e-3,
        "adam_epsilon": 1e-7,
        "lr_scheduler_type": "constant",
        "weight_decay": 0,
        "validation_fraction": 0.2,
        "corrupted_share": 0,
        "label_smoothing_factor": 0,
    }
    for name, value in published.items():
        assert getattr(scheduled, name) == value, name


def test_mistyped_words_begin_near_the_words(news, glove_file, tmp_path, monkeypatch):
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path))
    glove = load_glove(str(glove_file))
    texts = Examples.from_names(news.texts, news.labels, ["FAKE", "REAL"])
    options = {**SMALL_VALUES, "character_buckets": 8192, "glove": str(glove_file)}
    settings = make_settings(**options, use_cpu=True)
    model, _, _ = new_model(settings, texts, [], glove, learns_logits=False)
    model.eval()
    words = [word for word in glove.words if len(word) > 5]
    mistyped = [word[:-2] + word[-1] for word in words]
    types = torch.tensor([[8 * spelling(word) for word in mistyped]])
    unknown_id = model.config.unk_token_id
    ids = torch.full_like(types, unknown_id)
    inputs = model.encoder.prepare_inputs(ids, None, types)
    unknown = model.get_input_embeddings().weight[unknown_id].detach()
    with torch.no_grad():
        read = model.encoder.embed(inputs)[:, 0, : glove.vectors.shape[1]] - unknown
    rows_of_words = [glove.index[word] for word in words]
    correct = torch.from_numpy(glove.vectors[rows_of_words]) - unknown
    cosines = functional.cosine_similarity(read[:, None], correct[None], dim=2)
    is_right = cosines.argmax(dim=1) == torch.arange(len(words))
    assert is_right.float().mean() > 0.9


@pytest.mark.parametrize(
    ("texts", "given", "expected"),
    [
        (["a council"], {}, 16),
        (["Совет проголосовал"], {}, 16),
        (["12 !"], {}, 16),
        (["市议会批准了预算", "NATO"], {}, 0),
        (["صوت المجلس"], {}, 0),
        (["市议会"], {"type_embedding_size": 4}, 4),
    ],
)
def test_shapes_are_read_in_scripts_with_upper_case(texts, given, expected):
    """Elsewhere, the shape of a word tells nothing."""
    values = {**SMALL_VALUES, **given}
    if not given:
        del values["type_embedding_size"]
    settings = make_settings(**values, glove="none", use_cpu=True)
    learned = Examples.from_names(texts * 2, ["a", "b"] * len(texts), ["a", "b"])
    model, _, _ = new_model(settings, learned, [], load_glove("none"), learns_logits=False)
    assert model.config.type_embedding_size == expected
