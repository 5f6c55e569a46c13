"""Weights of the labels, and training on few texts."""

import json

import numpy as np
import pytest
import torch
from estimator_news import arguments
from sklearn.utils.class_weight import compute_class_weight
from support import COMMON, QUICK, SMALL, assert_refused, build_model, run_here, write_articles
from tides import make_texts, tokenized
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glove_lstm.commands import train
from glove_lstm.training.arguments import GloveLstmTrainingArguments, make_recipe
from glove_lstm.training.fit import fit
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.weighting import class_weights


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.array([0, 0, 0, 2, 2, 1, 0, 0])
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    found = class_weights("balanced", ["a", "b", "c", "absent"], labels)
    np.testing.assert_allclose(found, [*wanted, 1])
    drawn = np.array([0.2, 1.0, 0.5])[labels]  # the labels are alike already
    np.testing.assert_allclose(class_weights("balanced", ["a", "b", "c"], labels, drawn), 1)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("size", "steps"), [(8, 1), (2, 4)])
def test_a_step_follows_the_weighted_mean_loss(
    tmp_path, tokenizer, size, steps, smoothing, several
):
    (texts, labels), weights = make_texts(8, seed=1), torch.tensor([3.0, 0.5])
    if several:
        labels = np.array([[label, row % 2] for row, label in enumerate(labels)], dtype=np.float32)
    model = build_model(dropout=0.0, problem_type="multi_label_classification" if several else None)
    args = GloveLstmTrainingArguments(
        str(tmp_path), use_cpu=True, report_to="none", remove_unused_columns=False, save_strategy="no", max_steps=1,
        num_train_epochs=1, per_device_train_batch_size=size, gradient_accumulation_steps=steps, optim="sgd",
        learning_rate=0.5, max_grad_norm=0.0, lr_scheduler_type="constant",
        label_smoothing_factor=smoothing, disable_tqdm=True,
    )  # fmt: skip
    texts, by_class = tokenized(texts, tokenizer, labels), None if several else weights.numpy()
    trainer = GloveLstmTrainer(model, args, label_weights=by_class, train_dataset=texts)
    batch = trainer.data_collator(texts.__getitems__(range(8)))
    labels, logits = batch.pop("labels"), model.train()(**batch).logits
    if several:
        loss = binary_cross_entropy_with_logits(logits, labels)
    else:
        each = cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        loss = (each * weights[labels]).mean()
    (gradient,) = torch.autograd.grad(loss, model.classifier.weight)
    start = model.classifier.weight.detach().clone()
    trainer.train()
    moved = (start - model.classifier.weight).detach() / 0.5
    torch.testing.assert_close(moved, gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weight", [1e-9, 0.0])
def test_texts_without_weight_teach_nothing(glove_file, tmp_path, weight):
    """Neither the n-grams nor the LSTM; and those of weight zero do not calibrate."""
    texts, labels = [], []
    for row in range(120):
        texts.append("the council report" if row % 2 else "the secret hoax")
        labels.append("a" if row % 2 else "b")
    wrong = ["b" if label == "a" else "a" for label in labels]
    recipe = make_recipe(
        **arguments(SMALL),
        glove=str(glove_file),
        num_train_epochs=12,
        learning_rate=0.02,
        output_dir=str(tmp_path),
        disable_tqdm=True,
        save_strategy="no",
    )
    weights = np.repeat([1.0, weight], [120, 120])
    result = fit([*texts, *texts], [*labels, *wrong], None, recipe=recipe, sample_weight=weights)
    assert len(result.train) == (240 if weight else 120)
    parts = result.model(
        **result.tokenizer(texts[:2], return_tensors="pt", padding=True)
    ).part_logits.argmax(dim=-1)
    assert parts.tolist() == [[1, 1], [0, 0]]


def test_the_command_refuses_bad_files_of_weights(tmp_path, glove_file):
    rows = write_articles(tmp_path / "rows.csv", 120, labels=("REAL",) * 5 + ("FAKE",))
    weights = tmp_path / "weights.json"
    command = "--train_file", rows, "--glove", glove_file, *SMALL, *QUICK, "--max_steps", "2"
    command += "--output_dir", tmp_path / "out", "--class_weight", weights
    for text, sentence in (
        ('{"FAKE": 2, "REAL": 1, "X": 1}', "class_weight: 'X' is not one of FAKE, REAL"),
        ('{"FAKE": 2}', "class_weight has no weight for the label 'REAL'"),
        ('{"FAKE": 0, "REAL": 1}', "class_weight: the weight of 'FAKE' is 0"),
        ("[2]", "weights.json holds no JSON object"),
    ):
        weights.write_text(text)
        assert_refused(run_here(train.main, *command), sentence)


def test_heavy_labels_are_given_more_often(tmp_path, glove_file):
    """The n-grams alone, so that the weights reach their fit, too."""
    generator = np.random.default_rng(0)
    words = COMMON.split()
    texts = [" ".join(generator.choice(words, 8)) for _ in range(200)]
    labels = ["FAKE" if generator.random() < 0.3 else "REAL" for _ in texts]
    shares = []
    for class_weight in (None, {"FAKE": 30, "REAL": 1}):
        recipe = make_recipe(
            **arguments(SMALL),
            glove=str(glove_file),
            max_steps=1,
            output_dir=str(tmp_path),
            disable_tqdm=True,
            save_strategy="no",
        )
        result = fit(texts, labels, None, recipe=recipe, class_weight=class_weight)
        inputs = result.tokenizer(texts, return_tensors="pt", padding=True)
        ngrams = result.model(**inputs).part_logits[:, 1]
        shares.append(float((ngrams.argmax(dim=1) == 0).float().mean()))
    assert shares[1] > 2 * shares[0]


def test_sampling_balances_the_labels_of_several_files(tmp_path, glove_file):
    rows = write_articles(tmp_path / "rows.csv", 120, labels=("REAL",) * 5 + ("FAKE",))
    more = write_articles(tmp_path / "more.csv", 60)
    command = "--train_file", rows, more, "--glove", glove_file, *SMALL, *QUICK, "--max_steps", "2"
    command += "--output_dir", tmp_path / "out", "--class_weight", "balanced"
    assert run_here(train.main, *command).returncode == 0
    about = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]
    assert about["class_weight"] == pytest.approx({"FAKE": 1, "REAL": 1}, abs=0.3)


def test_few_texts_train_for_enough_steps_without_calibration_and_that_is_said(
    tmp_path, glove_file, caplog
):
    rows, out = write_articles(tmp_path / "few.csv", 16), tmp_path / "out"
    words = "--train_file", rows, "--glove", glove_file, "--output_dir", out, "--use_cpu", "True"
    done = run_here(train.main, *words, "--disable_tqdm", "True", *SMALL)
    assert done.returncode == 0, done.stderr
    about = json.loads((out / "metrics.json").read_text())["about"]
    assert about["rows"] == {"train": 16}
    assert about["epochs"] >= 100
    assert (about["temperature"], about["shrinkage"]) == (1, 0)
    assert (
        "The scores are not calibrated to labels: 10 % of 16 texts are fewer than 10."
        in caplog.text
    )
