"""A model is saved complete or not at all; it replaces an earlier model only if asked, and nothing else ever."""

import os
import resource
import shutil
import signal
import stat
import sys
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
from support import QUICK, SMALL, assert_command_names, contents, run_here

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.new_folder import check_new_folder, check_target
from glove_lstm.commands import train
from glove_lstm.errors import DataError
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.files import digest
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.publishing import save as saving
from glove_lstm.publishing.save import save
from glove_lstm.training.fit import fit

NO_SPACE = OSError(28, "No space left on device")


@pytest.fixture(scope="module")
def save_new(news, small_settings):
    """A function that saves a trained model into a folder."""
    new = fit(news.texts, news.labels, settings=small_settings(num_train_epochs=1))
    return partial(save, new, metrics=run_metrics(new))


@pytest.fixture(scope="module")
def new_weights(save_new, tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "out"
    save_new(folder)
    return weights_of(folder)


@pytest.fixture
def place(tmp_path):
    """An empty folder, in which the folder of a model is made."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def old(place, checkpoint):
    """The folder of an earlier model."""
    return Path(shutil.copytree(checkpoint, place / "out"))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def weights_of(folder):
    """The hash of the weights of a checkpoint, all of whose files fit together."""
    checkpoint = Checkpoint.open(folder)
    checkpoint.load_model()
    assert checkpoint.training_texts() is not None
    return digest(folder / "model.safetensors")


# Where a model may be saved


def test_a_new_or_an_empty_folder(save_new, place, new_weights, monkeypatch):
    monkeypatch.chdir(place)
    (place / "empty").mkdir()
    (place / "linked").mkdir()
    (place / "link").symlink_to("linked")
    for folder in ("new", "a/b/new", "empty", "link"):
        save_new(Path(folder))
        assert weights_of(place / folder) == new_weights
    assert (place / "link").is_symlink()
    assert names_in(place) == ["a", "empty", "link", "linked", "new"]


def test_equal_models_have_equal_files_that_others_may_read(save_new, place, monkeypatch):
    """safetensors writes several metadata in any order, so ten saves would hardly be equal by chance."""
    monkeypatch.setattr(saving, "plot_run", lambda *_: None)  # takes a second
    for number in range(10):
        save_new(place / str(number))
        assert contents(place / str(number)) == contents(place / "0")
    (place / "plain").write_text("x")
    for path in (place / "0").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((place / "plain").stat().st_mode)


def test_an_earlier_model_is_replaced_if_asked_but_nothing_of_others(
    save_new, old, place, new_weights
):
    (old / "light.onnx").write_text("of the earlier model")
    (old / "notes.txt").write_text("mine")
    before = contents(old)
    with pytest.raises(DataError, match=r"has notes\.txt.*The finished folder is"):
        save_new(old, overwrite=True)
    assert contents(old) == before
    [finished] = place.glob(".out.*.part")
    assert weights_of(finished) == new_weights
    shutil.rmtree(finished)
    (old / "notes.txt").unlink()
    with pytest.raises(DataError, match=r"has a checkpoint.*overwrite=True.*finished folder is"):
        save_new(old)
    [finished] = place.glob(".out.*.part")
    shutil.rmtree(finished)

    save_new(old, overwrite=True)
    assert weights_of(old) == new_weights
    LightClassifier.from_pretrained(old)  # of the new model
    assert names_in(place) == ["out"]


def test_the_command_refuses_before_it_reads_data(old, articles, glove_file):
    words = ["--train_file", articles, "--glove", glove_file, *SMALL, *QUICK, "--output_dir", old]
    with mock.patch.object(train, "load_splits", side_effect=AssertionError):
        done = run_here(train.main, *words)
    assert_command_names(done, "has a checkpoint", "--overwrite_output_dir True")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", "My project"),
        ("config.json", '{"model_type": "bert"}'),
        ("plots/confusion.png", "theirs"),
        ("checkpoint-500/optimizer.pt", "state"),
    ],
)
def test_what_is_of_others_stays(place, name, content):
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text(content)
    first = name.partition("/")[0]
    for overwrite in (False, True):
        with pytest.raises(DataError, match=f"has {first}, which is not of a checkpoint"):
            check_target(place, overwrite=overwrite)
    with pytest.raises(DataError, match="not empty; give a new folder"):
        check_new_folder(place)


@pytest.mark.parametrize("name", ["notes.txt", "plots/mine.png", "tokenizer.json/mine"])
def test_what_lies_beside_a_model_stays(old, name):
    (old / "tokenizer.json").unlink()
    (old / name).parent.mkdir(exist_ok=True)
    (old / name).write_text("mine")
    with pytest.raises(DataError, match="which is not of a checkpoint"):
        check_target(old, overwrite=True)


def test_a_file_and_a_read_only_place_are_refused_before_a_training(place, monkeypatch):
    (place / "file").write_text("mine")
    for name in ("file", "file/new"):
        with pytest.raises(DataError, match="is a file"):
            check_target(place / name)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match="cannot be written"):
        check_target(place / "new")
    assert names_in(place) == ["file"]


# What fails


def test_without_any_space_the_earlier_model_stays(save_new, place, old):
    before = contents(place)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DataError, match=r"out cannot be written.*File too large"):
            save_new(old, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(place) == before


@pytest.mark.parametrize(
    ("function", "file"),
    [
        ("export_onnx", "light.onnx"),
        ("MetricsFile.write", "metrics.json"),
        ("plot_run", "plots"),
        ("write_card", "README.md"),
    ],
)
def test_what_a_model_can_do_without_costs_a_warning(
    save_new, place, new_weights, monkeypatch, caplog, function, file
):
    def write_half(*args, **options):
        [folder] = place.glob(".*")
        half = folder / file
        if file == "plots":
            half.mkdir()
            half /= "curves.png"
        half.write_text("{")
        raise NO_SPACE

    monkeypatch.setattr(f"glove_lstm.publishing.save.{function}", write_half)
    save_new(place / "out")
    assert f"{file} could not be written" in caplog.text
    assert "No space left on device" in caplog.text
    assert weights_of(place / "out") == new_weights
    others = {"light.onnx", "metrics.json", "README.md", "plots"} - {file}
    if file == "metrics.json":
        others.remove("README.md")  # the card tells what the metrics have
    assert others <= set(names_in(place / "out"))
    assert file not in names_in(place / "out")


CHANGES = {"os.mkdir", "os.rename", "shutil.rmtree"}


def changes_a_file(event, args):
    if event == "open":
        return bool(args[2] & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGES


def save_and_die(save_new, folder, at):
    """Save in another process, which is killed at a change of a file; False if it ends before."""
    process = os.fork()
    if process == 0:
        count = 0

        def kill(event, args):
            nonlocal count
            if changes_a_file(event, args) and str(folder.parent) in str(args[0]):
                count += 1
                if count > at:
                    os.kill(os.getpid(), signal.SIGKILL)

        signal.alarm(60)
        sys.addaudithook(kill)
        try:
            save_new(folder, overwrite=True)
        finally:
            os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
    return os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_killed_save_leaves_the_old_or_the_new_model(
    save_new, place, checkpoint, new_weights, monkeypatch
):
    monkeypatch.setattr(saving, "plot_run", lambda *_: None)  # takes a second
    at = 0
    seen = set()
    killed = True
    while killed:
        folder = Path(shutil.copytree(checkpoint, place / str(at) / "out"))
        killed = save_and_die(save_new, folder, at)
        if folder.exists():
            model = weights_of(folder)
        else:  # between two renames: the earlier one is beside it, and so is the new one
            [earlier] = folder.parent.glob(".out.*.old")
            [finished] = folder.parent.glob(".out.*.part")
            assert weights_of(finished) == new_weights
            model = weights_of(earlier)
        assert model in (weights_of(checkpoint), new_weights)
        seen.add(model)
        at += 1
    assert len(seen) == 2
    assert at > 10
