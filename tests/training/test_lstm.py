"""The Trainer: the loss of a step, what a step moves, and the rate of the word vectors."""

import numpy as np
import pytest
import torch
from support import build_model, make_texts
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glove_lstm.distillation.targets import Targets
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import Collator, TokenDataset, tokenize
from glove_lstm.training.lstm import LstmTrainer, train_lstm, trainer_arguments
from glove_lstm.training.settings import make_settings

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
LOGITS = np.random.default_rng(0).normal(size=(8, 1)) * [1.0, -1.0]


@pytest.mark.parametrize(
    ("kind", "values", "problem", "losses_of"),
    [
        ("labels", LABELS_OF_8_TEXTS, None, losses_of_labels),
        ("label sets", HAS_LABEL, "multi_label_classification", losses_of_several_labels),
        ("logits", LOGITS, None, losses_of_a_teacher),
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
