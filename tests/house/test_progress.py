"""A progress bar is shown where a person sees it and commands speak; else the work is done in silence."""

import io
import logging
import sys

import pytest

from glove_lstm import progress as module
from glove_lstm.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "level", "shown", "expected"),
    [
        (Terminal, logging.INFO, True, True),
        (Terminal, logging.INFO, False, False),
        (Terminal, logging.WARNING, True, False),  # a library is silent
        (io.StringIO, logging.INFO, True, False),
    ],
)
def test_a_bar_is_shown_where_a_person_sees_it(monkeypatch, stream, level, shown, expected):
    monkeypatch.setattr(module, "_SECONDS", 0)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # it stands for a notebook
    monkeypatch.setattr(sys, "stderr", stream())
    logger = logging.getLogger("glove_lstm")
    monkeypatch.setattr(logger, "level", level)
    logger.manager._clear_cache()
    try:
        assert list(progress("Reading", range(3), shown=shown)) == [0, 1, 2]
        with progress("Counting", total=3, shown=shown) as bar:
            bar.update(3)
        written = sys.stderr.getvalue()
    finally:
        logger.manager._clear_cache()
    assert ("Reading" in written) == ("Counting" in written) == expected
