"""A training writes into the cache and a temporary folder only, prints a line an epoch only, and leaves nothing."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from support import QUICK_VALUES, SMALL_VALUES

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
        train(news.texts, news.labels, teacher=transformer, num_train_epochs=0.01)
    finally:
        watch.is_awake = False
    assert any(path.suffix == ".npy" for path in watch.paths)
    allowed = places["temporary"], places["cache"]
    assert not [path for path in watch.paths if not any(map(path.is_relative_to, allowed))]
    assert is_empty(places["temporary"])
    assert is_empty(places["work"])


def test_a_library_is_silent_and_a_command_shows_the_log_of_the_trainer(
    train, news, places, capsys, caplog
):
    caplog.set_level("WARNING", "glove_lstm")  # whatever an earlier command has set
    train(news.texts, news.labels, num_train_epochs=1)
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
    caplog.set_level("INFO", "glove_lstm")  # as a command sets it
    train(news.texts, news.labels, num_train_epochs=1, compute_metrics=compute_metrics)
    printed = capsys.readouterr()
    assert "'eval_accuracy'" in printed.out
    assert printed.err == ""  # no terminal: no bars


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
    trained = train(
        news.texts, news.labels, num_train_epochs=0.01
    )  # and the next training is as any other
    assert trained.record.calibration.texts == 16
