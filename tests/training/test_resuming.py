"""Resuming: a killed run ends as an uninterrupted one; whose checkpoints are touched; one training in a folder."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support import QUICK_VALUES, SMALL_VALUES, assert_names

from glove_lstm.errors import DataError
from glove_lstm.training.checkpoints import claimed_folder

# 144 texts are 9 steps an epoch: the checkpoint of step 15 is in the middle of the second of three epochs.
OPTIONS = {"num_train_epochs": 3, "save_strategy": "steps", "save_steps": 5}
OPTIONS |= {"save_total_limit": 9}  # so that a step that is computed again can be seen
CHECKPOINTS = {"checkpoint-5", "checkpoint-10", "checkpoint-15"}

KILLED_AT_STEP_17 = """
import json, os, signal, sys
from transformers import Trainer
from glove_lstm.training.fit import fit
from glove_lstm.training.settings import make_settings

def step(self, *args, **kwargs):
    if self.state.global_step == 17:
        os.kill(os.getpid(), signal.SIGKILL)
    return training_step(self, *args, **kwargs)

training_step = Trainer.training_step
Trainer.training_step = step
given = json.loads(sys.stdin.read())
fit(given["texts"], given["labels"], recipe=make_settings(**given["arguments"]))
"""


@pytest.fixture(scope="module")
def run(train, news):
    """A function that trains on the news into a folder."""

    def run(folder, **values):
        return train(news.texts, news.labels, **{**OPTIONS, "output_dir": str(folder), **values})

    return run


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """The result of an uninterrupted run, and its output folder."""
    folder = tmp_path_factory.mktemp("whole")
    return run(folder), folder


@pytest.fixture(scope="module")
def killed(glove_file, news, tmp_path_factory):
    """The output folder of a run that was killed after step 17."""
    folder = tmp_path_factory.mktemp("killed")
    given = {"texts": news.texts, "labels": news.labels}
    given["arguments"] = {**SMALL_VALUES, **QUICK_VALUES, **OPTIONS}
    given["arguments"] |= {"glove": str(glove_file), "output_dir": str(folder)}
    command = [sys.executable, "-c", KILLED_AT_STEP_17]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert {path.name for path in folder.glob("checkpoint-*")} == CHECKPOINTS
    return folder


def assert_same(resumed, whole):
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    assert resumed.model.config.to_dict() == whole.model.config.to_dict()
    np.testing.assert_array_equal(resumed.validation_logits, whole.validation_logits)
    assert resumed.about["epochs"] == whole.about["epochs"]


@pytest.mark.parametrize("case", ["newest", "named", "newest is incomplete", "no checkpoint"])
def test_a_killed_run_ends_as_an_uninterrupted_one(run, whole, killed, tmp_path, case):
    folder = tmp_path / "run"
    kept = folder / "checkpoint-15" / "trainer_state.json"
    resume = "True"  # as the command gives it
    if case != "no checkpoint":
        shutil.copytree(killed, folder)
        written = kept.stat().st_mtime_ns
    if case == "named":
        resume = str(folder / "checkpoint-10")
    elif case == "newest is incomplete":  # killed again, while it was written
        shutil.copytree(folder / "checkpoint-15", folder / "checkpoint-20")
        (folder / "checkpoint-20" / "trainer_state.json").unlink()
        (folder / "checkpoint-20" / "optimizer.pt").write_bytes(b"")
    torch.manual_seed(99)  # the global generators do not matter
    resumed = run(folder, resume_from_checkpoint=resume)
    assert resumed.about.get("resumed", False) == (case != "no checkpoint")
    if case.startswith("newest"):
        assert kept.stat().st_mtime_ns == written  # steps are not computed again
    assert_same(resumed, whole[0])


def test_early_stopping_keeps_the_best_model_and_goes_on_where_it_was(run, tmp_path):
    """The best epoch so far is part of the checkpoint; here, the best and the last checkpoint are kept."""
    stopping = {"early_stopping_patience": 2, "num_train_epochs": 12, "learning_rate": 0.5}
    stopping |= {"save_strategy": "epoch", "save_total_limit": 1}
    whole = run(tmp_path / "whole", **stopping)
    evaluations = [entry for entry in whole.history if "eval_loss" in entry]
    last_epoch = evaluations[-1]["epoch"]
    assert 3 <= last_epoch < 12
    assert whole.about["epochs"] == last_epoch
    best = min(evaluations, key=lambda entry: entry["eval_loss"])
    assert best["epoch"] < last_epoch
    assert whole.about["best_step"] == best["step"]
    saved = load_file(tmp_path / "whole" / f"checkpoint-{best['step']}" / "model.safetensors")
    assert torch.equal(whole.model.classifier.weight, saved["classifier.weight"])

    folder = tmp_path / "run"
    shutil.copytree(tmp_path / "whole", folder)
    last, *_ = sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True)
    shutil.rmtree(last)
    resumed = run(folder, **stopping, resume_from_checkpoint=True)
    assert resumed.about["best_step"] == whole.about["best_step"]
    assert_same(resumed, whole)


def step_of(checkpoint):
    return int(checkpoint.name.rpartition("-")[2])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("optimizer.pt", b"cut off", ["{NEWEST}/optimizer.pt is damaged: give another"]),
        ("rng_state.pth", b"", ["{NEWEST}/rng_state.pth is damaged: give another"]),
        ("model.safetensors", b"cut off", ["cannot continue", "{NEWEST}"]),
        ("trainer_state.json", b"{", ["no complete checkpoint", "OUTPUT_DIR/checkpoint"]),
    ],
)
def test_a_checkpoint_that_does_not_load_is_refused(run, whole, tmp_path, name, content, words):
    folder = tmp_path / "run"
    shutil.copytree(whole[1], folder)
    newest = max(folder.glob("checkpoint-*"), key=step_of)
    (newest / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        run(folder, resume_from_checkpoint=str(newest))
    for word in words:  # besides, the words of safetensors
        assert word.replace("{NEWEST}", newest.name) in str(caught.value)
    assert (newest / name).read_bytes() == content


def test_a_checkpoint_of_another_folder_is_refused(run, whole, tmp_path):
    checkpoint = str(next(whole[1].glob("checkpoint-*")))
    for resume in ("nowhere", checkpoint):
        with pytest.raises(DataError, match=r"no complete checkpoint in .*; give OUTPUT_DIR/check"):
            run(tmp_path, resume_from_checkpoint=resume)
    refused = pytest.raises(
        DataError, match=r"would be removed by a training .*; give another output"
    )
    with refused, claimed_folder(whole[1], None, [checkpoint]):
        pass
    assert whole[1].joinpath(checkpoint).exists()


@pytest.mark.parametrize(
    ("name", "resume"), [("checkpoint-1", True), ("checkpoint-best", True), ("checkpoint-99", None)]
)
def test_folders_of_others_are_not_touched(run, killed, tmp_path, name, resume):
    folder = tmp_path / "run"
    shutil.copytree(killed, folder)
    other = folder / name  # of another kind of model
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "bert"}')
    (other / "trainer_state.json").write_text('{"global_step": 99}')
    with pytest.raises(DataError) as caught:
        run(folder, resume_from_checkpoint=resume)
    assert_names(caught.value, name, "glove-lstm", besides=tmp_path)
    assert {path.name for path in folder.glob("checkpoint-*")} == CHECKPOINTS | {name}
    assert len(list(other.iterdir())) == 2


def test_a_new_run_removes_the_checkpoints_of_an_earlier_one(run, killed, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(killed, folder)
    run(folder, max_steps=1)
    assert not CHECKPOINTS & {path.name for path in folder.iterdir()}


def test_one_training_writes_into_a_folder(run, tmp_path):
    with (
        claimed_folder(tmp_path, None, []),
        pytest.raises(DataError, match=rf"Another run writes to {tmp_path}"),
    ):
        run(tmp_path)
    assert list(tmp_path.iterdir()) == []  # no lock is left
