"""Two models: one whose validation texts fit the confidence, and one of all texts."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import QUICK, SMALL, write_articles

from glove_lstm.data.files import DataError
from glove_lstm.data.loading import load_splits
from glove_lstm.evaluation.run_metrics import add_baselines, run_metrics
from glove_lstm.publishing.checkpoint_folder import save_experiment
from glove_lstm.training.arguments import parse_training_run
from glove_lstm.training.calibration import fit_scales
from glove_lstm.training.experiment import run_experiment
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.training_texts import hash_texts, joined_texts


@pytest.fixture(scope="module")
def trained(tmp_path_factory, glove_file):
    """Trains on the same files with other arguments."""
    folder = tmp_path_factory.mktemp("refit")
    for name, seed in {"train": 1, "test": 2, "given": 3}.items():
        write_articles(folder / f"{name}.csv", 200, seed)

    def trained(*words, fraction=0.1, out=folder / "out", **files):
        files = {"train_file": "train"} | files
        files = {split: str(folder / f"{name}.csv") for split, name in files.items()}
        data = load_splits(**files, validation_fraction=fraction)
        places = "--glove", str(glove_file), "--output_dir", str(out)
        return run_experiment(parse_training_run([*SMALL, *QUICK, *words, *places]), data)

    return trained


def test_the_second_model_has_all_texts_and_the_confidence_of_the_first(trained, tmp_path):
    first = trained("--refit", "False", test_file="test")
    assert "all" not in first.splits
    logits, labels = first.logits["validation"], first.labels["validation"]
    assert fit_scales(logits[:, None], labels) == pytest.approx([1], rel=1e-3)  # are calibrated
    second = trained(test_file="test")
    rows = {name: len(texts) for name, texts in second.splits.items()}
    assert rows == {"train": 180, "validation": 20, "test": 200, "all": 200}
    assert second.record["rows"] == rows
    held_out = hash_texts(joined_texts(second.splits["validation"]))
    assert np.isin(held_out, second.training_texts.trained).all()
    assert not np.isin(held_out, first.training_texts.trained).any()
    for name in ("temperature", "shrinkage", "ngram_weight", "ngram_c"):
        assert second.record[name] == first.record[name], name
    np.testing.assert_array_equal(second.logits["validation"], first.logits["validation"])
    assert (second.logits["test"] != first.logits["test"]).any()
    assert any("eval_loss" in entry for entry in second.history)
    metrics = run_metrics(second)
    (tmp_path / "plots").mkdir()
    for name in ("light.onnx", "plots/confusion.png", "plots/own.png"):
        (tmp_path / name).touch()
    save_experiment(second, metrics, tmp_path)
    assert not (tmp_path / "light.onnx").exists()  # of an earlier model
    plots = {path.name: path.stat().st_size > 0 for path in (tmp_path / "plots").iterdir()}
    assert plots == {
        "curves.png": True,
        "confusion.png": True,
        "reliability.png": True,
        "own.png": False,
    }
    assert "trained on 200 texts" in (tmp_path / "README.md").read_text()
    add_baselines(metrics, second)
    assert (metrics["validation"]["rows"], metrics["test"]["seen"]) == (20, 0)
    seen = {**second.splits, "test": second.splits["all"]}
    assert run_metrics(dataclasses.replace(second, splits=seen))["test"]["seen"] == 200
    assert list(metrics["baselines"]["majority"]) == ["test"]


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["--load_best_model_at_end", "True"], {}),
        ([], {"validation_file": "given"}),
    ],
)
def test_one_model_where_validation_texts_must_not_train(trained, words, files):
    found = trained(*words, **files)
    assert run_metrics(found)["validation"]["seen"] == 0
    copied = {**found.splits, "validation": found.splits["train"]}
    assert run_metrics(dataclasses.replace(found, splits=copied))["validation"]["seen"] > 0
    assert "all" not in found.splits
    held_out = hash_texts(joined_texts(found.splits["validation"]))
    assert not np.isin(held_out, found.training_texts.trained).any()


@pytest.mark.parametrize(("saves", "last"), [(2, "first_model/checkpoint-1"), (6, "checkpoint-1")])
def test_either_model_resumes(trained, tmp_path, monkeypatch, saves, last):
    """After a stop at a save of a checkpoint; each model saves four."""
    steps = []

    def save(trainer, *args):
        steps.append(trainer.state.global_step)
        if len(steps) == saves:
            raise KeyboardInterrupt
        saved(trainer, *args)

    saved = GloveLstmTrainer._save_checkpoint
    whole = trained(out=tmp_path / "whole")
    monkeypatch.setattr(GloveLstmTrainer, "_save_checkpoint", save)
    with pytest.raises(KeyboardInterrupt):
        trained(out=tmp_path / "out")
    [checkpoint] = (tmp_path / "out").glob(f"{last}*")
    resumed = trained("--resume_from_checkpoint", str(checkpoint), out=tmp_path / "out")
    assert len(steps) == 9  # none but the interrupted one twice
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    assert resumed.record["temperature"] == whole.record["temperature"]
    losses = [entry["eval_loss"] for entry in whole.history if "eval_loss" in entry]
    assert [entry["eval_loss"] for entry in resumed.history if "eval_loss" in entry] == losses


def test_a_run_that_ended_is_loaded_as_it_is(trained, tmp_path):
    words = "--refit", "False", "--max_steps", "3", "--lr_scheduler_type", "constant"
    whole = trained(*words, out=tmp_path)
    checkpoint = tmp_path / "checkpoint-3"
    again = trained(*words, "--resume_from_checkpoint", str(checkpoint), out=tmp_path)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name
    np.testing.assert_array_equal(again.logits["validation"], whole.logits["validation"])
    assert again.record["epochs"] == whole.record["epochs"]
    weights = load_file(checkpoint / "model.safetensors")
    weights["classifier.bias"][:] = float("nan")
    save_file(weights, checkpoint / "model.safetensors")
    with pytest.raises(DataError, match="diverged"):
        trained(*words, "--resume_from_checkpoint", str(checkpoint), out=tmp_path)


def test_a_checkpoint_of_another_run_is_refused(trained, tmp_path):
    alone = "--refit", "False", "--num_train_epochs", "1"
    trained(*alone, out=tmp_path)
    [checkpoint] = tmp_path.glob("checkpoint-*")
    resume = *alone, "--resume_from_checkpoint", str(checkpoint)
    changes = [([], "test"), (["--hidden_size", "9"], "train"), (["--learning_rate", "1"], "train")]
    for words, file in changes:
        with pytest.raises(DataError, match=r"other texts, labels, words or settings: give those"):
            trained(*resume, *words, out=tmp_path, train_file=file)


def test_a_training_that_diverges_is_told(trained, tmp_path):
    with pytest.raises(DataError, match=r"diverged: .*; lower --learning_rate"):
        trained("--learning_rate", "1e30", "--refit", "False", out=tmp_path)


def test_texts_that_measure_nothing(trained):
    found = trained(fraction=0)
    metrics = run_metrics(found)
    add_baselines(metrics, found)
    assert "baselines" not in metrics
    assert found.record["temperature"] == 1
