"""Weights of the labels, and training on few texts."""

import json

import numpy as np
import pytest
import torch
from estimator_news import arguments
from sklearn.utils.class_weight import compute_class_weight
from support import (
    COMMON,
    QUICK,
    SMALL,
    assert_refused,
    build_model,
    run_here,
    succeed,
    write_articles,
)
from tides import make_texts, tokenized
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glove_lstm.commands import train
from glove_lstm.training.arguments import GloveLstmTrainingArguments, make_recipe
from glove_lstm.training.batches import collate
from glove_lstm.training.fit import fit
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.weighting import class_weights


def test_balanced_weights_are_what_scikit_learn_computes():
    labels = np.array([0, 0, 0, 2, 2, 1, 0, 0])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    weights = class_weights("balanced", ["a", "b", "c", "absent"], labels)
    np.testing.assert_allclose(weights, [*expected, 1])


RATE = 0.5


def one_step_of_gradient_descent(folder, **options):
    """Arguments of a training that moves the weights once, by the rate times the gradient."""
    return GloveLstmTrainingArguments(
        str(folder),
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        save_strategy="no",
        max_steps=1,
        num_train_epochs=1,
        optim="sgd",
        learning_rate=RATE,
        max_grad_norm=0.0,
        lr_scheduler_type="constant",
        **options,
    )


def moved_weights(trainer):
    """How far a training moves the weights of the last layer."""
    weight = trainer.model.classifier.weight
    start = weight.detach().clone()
    trainer.train()
    return start - weight.detach()


# All eight texts in one batch, or in four.
STEPS = pytest.mark.parametrize(("size", "batches"), [(8, 1), (2, 4)])


@STEPS
def test_a_step_follows_the_weighted_mean_loss(tmp_path, tokenizer, size, batches):
    args = one_step_of_gradient_descent(
        tmp_path,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=batches,
        label_smoothing_factor=0.1,
    )
    texts, labels = make_texts(8, seed=1)
    weights = torch.tensor([3.0, 0.5])
    model = build_model(dropout=0.0)
    dataset = tokenized(texts, tokenizer, labels)
    trainer = GloveLstmTrainer(model, args, label_weights=weights.numpy(), train_dataset=dataset)

    batch = collate(dataset.__getitems__(range(8)))
    targets = batch.pop("labels")
    logits = model.train()(**batch).logits
    losses = cross_entropy(logits, targets, reduction="none", label_smoothing=0.1)
    loss = (losses * weights[targets]).mean()
    [gradient] = torch.autograd.grad(loss, model.classifier.weight)
    torch.testing.assert_close(moved_weights(trainer), RATE * gradient, atol=1e-5, rtol=1e-4)


@STEPS
def test_a_step_on_multi_label_texts_follows_the_mean_loss(tmp_path, tokenizer, size, batches):
    args = one_step_of_gradient_descent(
        tmp_path, per_device_train_batch_size=size, gradient_accumulation_steps=batches
    )
    texts, labels = make_texts(8, seed=1)
    label_sets = np.stack([labels, np.arange(8) % 2], axis=1).astype(np.float32)
    model = build_model(dropout=0.0, problem_type="multi_label_classification")
    dataset = tokenized(texts, tokenizer, label_sets)
    trainer = GloveLstmTrainer(model, args, train_dataset=dataset)

    batch = collate(dataset.__getitems__(range(8)))
    targets = batch.pop("labels")
    logits = model.train()(**batch).logits
    loss = binary_cross_entropy_with_logits(logits, targets)
    [gradient] = torch.autograd.grad(loss, model.classifier.weight)
    torch.testing.assert_close(moved_weights(trainer), RATE * gradient, atol=1e-5, rtol=1e-4)


@pytest.fixture
def recipe(glove_file, tmp_path):
    """A function of arguments: the recipe of a small network."""

    def recipe(**values):
        options = {**arguments(SMALL), "output_dir": str(tmp_path), "save_strategy": "no"}
        options |= {"use_cpu": True, "disable_tqdm": True}
        return make_recipe(glove=str(glove_file), **options, **values)

    return recipe


def best_labels_of_parts(result, texts):
    """(n, parts) rows of the best labels: of the LSTM, and of the n-grams."""
    inputs = result.tokenizer(texts, return_tensors="pt", padding=True)
    return result.model(**inputs).part_logits.argmax(dim=-1)


@pytest.mark.parametrize("weight", [1e-9, 0.0])
def test_texts_without_weight_teach_nothing(recipe, weight):
    """Neither the n-grams nor the LSTM; and texts of weight zero do not calibrate."""
    texts = ["the secret hoax", "the council report"] * 60
    labels = ["b", "a"] * 60
    wrong_labels = ["a", "b"] * 60
    result = fit(
        texts + texts,
        labels + wrong_labels,
        None,
        recipe=recipe(num_train_epochs=12, learning_rate=0.02),
        sample_weight=np.repeat([1.0, weight], 120),
    )
    expected_texts = 240
    if weight == 0:
        expected_texts = 120
    assert len(result.train) == expected_texts
    assert best_labels_of_parts(result, texts[:2]).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ('{"FAKE": 2, "REAL": 1, "X": 1}', "class_weight: 'X' is not one of FAKE, REAL"),
        ('{"FAKE": 2}', "class_weight has no weight for the label 'REAL'"),
        ('{"FAKE": 0, "REAL": 1}', "class_weight: the weight of 'FAKE' is 0"),
    ],
)
def test_the_command_refuses_bad_files_of_weights(
    tmp_path, articles, glove_file, weights, sentence
):
    path = tmp_path / "weights.json"
    path.write_text(weights)
    command = ["--train_file", articles, "--glove", glove_file, "--class_weight", path]
    assert_refused(run_here(train.main, *command, "--output_dir", tmp_path / "out"), sentence)


def test_ngrams_predict_heavy_labels_more_often(recipe):
    generator = np.random.default_rng(0)
    words = COMMON.split()
    texts = [" ".join(generator.choice(words, 8)) for _ in range(200)]
    is_fake = generator.random(200) < 0.3
    labels = np.where(is_fake, "FAKE", "REAL").tolist()

    def share_of_fake(class_weight):
        result = fit(texts, labels, None, recipe=recipe(max_steps=1), class_weight=class_weight)
        labels_of_ngrams = best_labels_of_parts(result, texts)[:, 1]
        return (labels_of_ngrams == 0).float().mean()

    assert share_of_fake({"FAKE": 30, "REAL": 1}) > 2 * share_of_fake(None)


def test_sampling_balances_the_labels_of_several_files(tmp_path, glove_file):
    mostly_real = ("REAL",) * 5 + ("FAKE",)
    rows = write_articles(tmp_path / "rows.csv", 120, labels=mostly_real)
    more = write_articles(tmp_path / "more.csv", 60)
    out = tmp_path / "out"
    command = ["--train_file", rows, more, "--glove", glove_file, "--class_weight", "balanced"]
    command += SMALL + QUICK
    succeed(train.main, *command, "--max_steps", 2, "--output_dir", out)
    about = json.loads((out / "metrics.json").read_text())["about"]
    # Balanced weights are computed after sampling, which has balanced the labels already.
    assert about["class_weight"] == pytest.approx({"FAKE": 1, "REAL": 1}, abs=0.3)


def test_few_texts_train_for_enough_steps_without_calibration(recipe, caplog):
    texts = []
    for number in range(8):
        texts += [f"secret hoax {number}", f"council vote {number}"]
    result = fit(texts, ["FAKE", "REAL"] * 8, recipe=recipe())
    assert result.about["rows"] == {"train": 16}
    assert result.about["epochs"] >= 100
    config = result.model.config
    assert config.temperature == 1
    assert config.shrinkage == 0
    sentence = "The scores are not calibrated to labels: 10 % of 16 texts are fewer than 10."
    assert sentence in caplog.text
