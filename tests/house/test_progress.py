"""Progress bars: hidden inside the block, ours and those of the libraries, and as they were afterwards."""

import io
from contextlib import redirect_stderr

import datasets
import huggingface_hub.utils
import pytest
from transformers.utils import logging as transformers_logging

from glove_lstm import progress as module
from glove_lstm.progress import hidden_progress, progress

LIBRARIES = {
    "datasets": datasets.utils.tqdm,
    "huggingface_hub": huggingface_hub.utils.tqdm,
    "transformers": transformers_logging.tqdm,
}


@pytest.fixture(autouse=True)
def _bars_are_shown(monkeypatch):
    monkeypatch.setattr(module, "_SECONDS", 0)
    hidden = not datasets.utils.logging.is_progress_bar_enabled()
    datasets.enable_progress_bars()
    transformers_logging.enable_progress_bar()  # and those of huggingface_hub
    yield
    if hidden:
        datasets.disable_progress_bars()


def shown_bars():
    """The names of the bars that are shown now."""
    shown = set()
    for name in ["ours", "ours, in a block", *LIBRARIES]:
        with redirect_stderr(io.StringIO()) as written:
            if name == "ours":
                assert list(progress("Reading", range(3))) == [0, 1, 2]
            elif name == "ours, in a block":
                with progress("Reading", total=3) as bar:
                    bar.update(3)
            else:
                list(LIBRARIES[name](range(3)))
        if written.getvalue():
            shown.add(name)
    return shown


def test_no_bar_is_shown_inside_the_block():
    every = {"ours", "ours, in a block", *LIBRARIES}
    assert shown_bars() == every
    with hidden_progress():
        assert shown_bars() == set()
        with hidden_progress():
            pass
        assert shown_bars() == set()
    assert shown_bars() == every
    with hidden_progress(False):
        assert shown_bars() == every


def test_what_was_hidden_before_stays_hidden():
    huggingface_hub.utils.disable_progress_bars()
    with hidden_progress():
        pass
    assert shown_bars() == {"ours", "ours, in a block", "datasets", "transformers"}


def test_a_bar_is_hidden_on_request():
    with redirect_stderr(io.StringIO()) as written:
        list(progress("Reading", range(3), shown=False))
    assert not written.getvalue()
