"""A training writes into the cache and a temporary folder only, prints a line an epoch only, and leaves nothing."""

import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from support import QUICK_VALUES, SMALL_VALUES
from teachers import by_length
from transformers.utils import logging as transformers_logging

from glove_lstm import GloveLstmClassifier
from glove_lstm.evaluation.metrics import compute_metrics

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """Knows which paths this process creates or opens for writing. An audit hook cannot be taken off again."""

    def __init__(self):
        self.paths = []
        self.is_awake = False
        sys.addaudithook(self._note)

    def _note(self, event, args):
        if not self.is_awake:
            return
        if event == "open" and isinstance(args[0], str | bytes) and args[2] & WRITING:
            self._add(args[0])
        elif event in ("os.mkdir", "os.rename", "os.symlink"):
            self._add(args[1] if event == "os.rename" else args[0])

    def _add(self, path):
        path = Path(os.fsdecode(path)).absolute()
        if path.suffix != ".pyc" and "__pycache__" not in path.parts and path.parts[1] != "dev":
            self.paths.append(path)


@pytest.fixture(scope="module")
def watch():
    return Watch()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders: of temporary files, of the cache, and where the process works."""
    places = {name: tmp_path / name for name in ("temporary", "cache", "work")}
    for folder in places.values():
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places["temporary"]))
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(places["cache"]))
    monkeypatch.chdir(places["work"])
    return places


def is_empty(folder):
    return not list(folder.iterdir())


def test_files_are_written_in_the_cache_and_a_temporary_folder_only(
    train, news, transformer, glove_file, places, watch
):
    """By the estimator, too."""
    estimator = GloveLstmClassifier(glove_file, **SMALL_VALUES, **QUICK_VALUES)
    watch.is_awake = True
    try:
        estimator.fit(news.texts, news.labels)
        train(news.texts, news.labels, teacher=transformer, augmented_copies=0, max_steps=1)
    finally:
        watch.is_awake = False
    assert any(path.suffix == ".npz" for path in watch.paths)
    allowed = places["temporary"], places["cache"]
    assert not [path for path in watch.paths if not any(map(path.is_relative_to, allowed))]
    assert is_empty(places["temporary"])
    assert is_empty(places["work"])


def test_nothing_is_printed_but_a_line_an_epoch(train, news, places, capsys):
    """In words, with and without disable_tqdm, because standard error is no terminal here."""
    number = r"\d+\.\d{3}"
    losses = rf"loss {number}, validation loss {number}, accuracy {number}"
    for disable_tqdm in (True, False):
        options = {"disable_tqdm": disable_tqdm, "compute_metrics": compute_metrics}
        train(news.texts, news.labels, **options)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert re.fullmatch(rf"epoch 1 of 2: {losses}\nepoch 2 of 2: {losses}\n", printed.err)
    train(news.texts, news.labels, num_train_epochs=1, validation_fraction=0)
    assert re.fullmatch(rf"epoch 1 of 1: loss {number}\n", capsys.readouterr().err)
    level = transformers_logging.get_verbosity()
    try:
        train(news.texts, news.labels, teacher=by_length, augmented_copies=0, log_level="error")
    finally:
        transformers_logging.set_verbosity(level)  # which the Trainer has set for the process
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "epoch" not in printed.err


def test_a_terminal_has_the_bars_of_the_trainer(train, news, places, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    train(news.texts, news.labels, num_train_epochs=1, disable_tqdm=False)
    printed = capsys.readouterr().err
    assert "%|" in printed
    assert "epoch 1 of" not in printed


@pytest.mark.parametrize("error", [RuntimeError("a metric fails"), KeyboardInterrupt()])
def test_nothing_is_left_after_an_error(train, news, places, error):
    """Or after Ctrl-C, here while the metrics of an epoch are computed."""

    def compute_metrics(_):
        assert not is_empty(places["temporary"])
        raise error

    with pytest.raises(type(error)):
        train(news.texts, news.labels, compute_metrics=compute_metrics)
    assert is_empty(places["temporary"])
    assert is_empty(places["work"])
    trained = train(news.texts, news.labels, max_steps=1)  # and the next training is as any other
    assert trained.record.calibration.texts == 16
