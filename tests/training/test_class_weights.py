"""Weights of the labels, and training on few texts."""

import json

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from support import QUICK, SMALL, assert_refused, build_model, run_here, write_articles
from tides import make_texts
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glove_lstm.commands import train
from glove_lstm.training import experiment
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import tokenize
from glove_lstm.training.labels import class_weights
from glove_lstm.training.trainer import GloveLstmTrainer


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
    dataset, weights = make_texts(8, seed=1), torch.tensor([3.0, 0.5])
    if several:
        lists = [[float(label), float(row % 2)] for row, label in enumerate(dataset["label"])]
        dataset = dataset.remove_columns("label").add_column("label", lists)
    model = build_model(dropout=0.0, problem_type="multi_label_classification" if several else None)
    args = GloveLstmTrainingArguments(
        str(tmp_path), use_cpu=True, report_to="none", remove_unused_columns=False, save_strategy="no", max_steps=1,
        per_device_train_batch_size=size, gradient_accumulation_steps=steps, optim="sgd", learning_rate=0.5,
        max_grad_norm=0.0, lr_scheduler_type="constant", label_smoothing_factor=smoothing, disable_tqdm=True,
    )  # fmt: skip
    texts, by_class = tokenize(dataset, tokenizer), None if several else weights.double().numpy()
    trainer = GloveLstmTrainer(model, args, by_class, train_dataset=texts)
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


def test_the_command_weighs_the_ngrams_and_refuses_bad_files(tmp_path, glove_file, monkeypatch):
    rows = write_articles(tmp_path / "rows.csv", 120, labels=("REAL",) * 5 + ("FAKE",))
    weights, seen = tmp_path / "weights.json", []
    command = "--train_file", rows, "--glove", glove_file, *SMALL, *QUICK, "--max_steps", "2"
    command += "--output_dir", tmp_path / "out", "--class_weight", weights
    for text, sentence in (
        ('{"FAKE": 2, "REAL": 1, "X": 1}', "'X' is not one of FAKE, REAL"),
        ('{"FAKE": 2}', "weight of 'REAL' is missing"),
        ('{"FAKE": 0, "REAL": 1}', "weight of 'FAKE' is 0"),
        ("[2]", "holds no JSON object"),
    ):
        weights.write_text(text)
        assert_refused(run_here(train.main, *command), "weights.json", sentence)
    monkeypatch.setattr(
        experiment, "fit_ngrams", lambda *args: seen.append((args[1].labels, args[3]))
    )
    weights.write_text('{"FAKE": 30, "REAL": 1}')
    assert run_here(train.main, *command).returncode == 0
    assert np.unique(seen[0][1], return_counts=True)[1].tolist() == [90, 18]
    # Several files: the LSTM's texts are drawn so that both labels are alike, the n-grams' are not.
    more = write_articles(tmp_path / "more.csv", 60)
    command = "--train_file", rows, more, *command[2:-1], "balanced"
    assert run_here(train.main, *command).returncode == 0
    np.testing.assert_allclose(*np.bincount(*seen[-1]))
    about = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]
    assert about["class_weight"] == pytest.approx({"FAKE": 1, "REAL": 1}, abs=0.3)


def test_few_texts_all_train_for_enough_steps_and_are_calibrated(tmp_path, glove_file):
    rows, out = write_articles(tmp_path / "few.csv", 16), tmp_path / "out"
    words = "--train_file", rows, "--glove", glove_file, "--output_dir", out, "--use_cpu", "True"
    words += "--save_strategy", "no", "--eval_strategy", "no", "--disable_tqdm", "True"
    assert run_here(train.main, *words, *SMALL).returncode == 0
    about = json.loads((out / "metrics.json").read_text())["about"]
    assert about["rows"] == {"train": 8, "validation": 8, "all": 16}
    assert about["epochs"] == 100
    assert about["temperature"] != 1
