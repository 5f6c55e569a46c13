"""Weights of the labels, and training on few texts."""

import json

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from support import SMALL, assert_refused, run_here, write_articles
from test_trainer import LIKE_THE_DEFAULT_PRESET, WITHOUT_DROPOUT, arguments
from tides import make_texts

from glove_lstm.commands import train
from glove_lstm.training import experiment
from glove_lstm.training.arguments import parse_training_run
from glove_lstm.training.batches import tokenize
from glove_lstm.training.class_weights import class_weights
from glove_lstm.training.trainer import GloveLstmTrainer

NO_BAR = "--use_cpu", "True", "--disable_tqdm", "True"


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.array([0, 0, 0, 2, 2, 1, 0, 0])
    names = ["a", "b", "c", "absent"]
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights("balanced", names[:3], labels), wanted)
    np.testing.assert_allclose(class_weights("balanced", names, labels), [*wanted, 1])
    drawn = np.where(labels == 0, 0.1, np.where(labels == 1, 0.5, 0.25))  # alike already
    np.testing.assert_allclose(class_weights("balanced", names[:3], labels, drawn), np.ones(3))


@pytest.mark.parametrize(("size", "steps"), [(8, 1), (2, 4)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("several", [False, True])
def test_the_gradient_is_that_of_the_weighted_mean_loss(
    make, tmp_path, tokenizer, size, steps, smoothing, several
):
    dataset, weights = make_texts(8, seed=1), np.array([3.0, 0.5])
    if several:
        lists = [[float(label), float(row % 2)] for row, label in enumerate(dataset["label"])]
        dataset = dataset.remove_columns("label").add_column("label", lists)
    texts = tokenize(dataset, tokenizer)
    kind = {"problem_type": "multi_label_classification"} if several else {}
    model = make(**{**LIKE_THE_DEFAULT_PRESET, **WITHOUT_DROPOUT}, **kind)
    options = {
        "per_device_train_batch_size": size, "gradient_accumulation_steps": steps, "max_steps": 1, "optim": "sgd",
        "learning_rate": 0.5, "max_grad_norm": 0.0, "lr_scheduler_type": "constant", "weight_decay": 0.0,
        "label_smoothing_factor": smoothing,
    }  # fmt: skip
    trainer = GloveLstmTrainer(
        model, arguments(tmp_path, **options), None if several else weights, train_dataset=texts
    )
    batch = trainer.data_collator(texts.__getitems__(range(8)))
    labels = batch.pop("labels")
    logits = model.train()(**batch).logits
    if several:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    else:
        each = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)(
            logits, labels
        )
        loss = (each * torch.tensor(weights, dtype=torch.float32)[labels]).mean()
    (gradient,) = torch.autograd.grad(loss, model.classifier.weight)
    start = model.classifier.weight.detach().clone()
    trainer.train()
    moved = (start - model.classifier.weight).detach() / 0.5
    torch.testing.assert_close(moved, gradient, atol=1e-5, rtol=1e-4)
    assert gradient.abs().max() > 1e-3


def test_the_command_weighs_the_ngrams_too_and_refuses_bad_files(tmp_path, glove_file, monkeypatch):
    rows = write_articles(tmp_path / "rows.csv", 120, labels=("REAL",) * 5 + ("FAKE",))
    weights = tmp_path / "weights.json"
    command = "--train_file", rows, "--glove", glove_file, *SMALL, *NO_BAR, "--max_steps", "2"
    command += "--output_dir", tmp_path / "out", "--class_weight"
    bad = {
        '{"FAKE": 2, "REAL": 1, "X": 1}': "'X' is not one of FAKE, REAL",
        '{"FAKE": 2}': "weight of 'REAL' is missing",
        '{"FAKE": 0, "REAL": 1}': "weight of 'FAKE' is 0",
        "[2]": "holds no JSON object",
    }
    for text, sentence in bad.items():
        weights.write_text(text)
        assert_refused(run_here(train.main, *command, weights), "weights.json", sentence)
    seen = []
    monkeypatch.setattr(experiment, "fit_ngrams", lambda *args: seen.append(args[-1]))
    weights.write_text('{"FAKE": 30, "REAL": 1}')
    done = run_here(train.main, *command, weights)
    assert done.returncode == 0, done.stderr
    assert np.unique(seen[0], return_counts=True)[1].tolist() == [90, 18]
    about = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]
    assert about["class_weight"] == {"FAKE": 30, "REAL": 1}


def test_few_texts_all_train_and_for_enough_steps(tmp_path, glove_file):
    rows = write_articles(tmp_path / "few.csv", 16)
    command = "--train_file", rows, "--glove", glove_file, *SMALL, *NO_BAR, "--output_dir"
    done = run_here(train.main, *command, tmp_path / "out", "--save_strategy", "no")
    assert done.returncode == 0, done.stderr
    about = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]
    assert about["rows"] == {"train": 16}
    assert about["epochs"] == 100
    assert about["temperature"] != 1  # of a first model, that is trained on half of the texts
    assert parse_training_run(["--num_train_epochs", "3"]).training.min_steps == 0
