"""A file appears whole or not at all."""

import stat
from contextlib import nullcontext

import pytest

from glove_lstm.files import whole_file


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, OSError])
def test_a_file_appears_whole_or_not_at_all(tmp_path, error):
    path = tmp_path / "a"
    path.write_text("old")
    expected = pytest.raises(error) if error else nullcontext()
    with expected, whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        if error:
            raise error
    assert path.read_text() == ("old" if error else "new")
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_was_written(tmp_path):
    """As they may read a file that was written in place. A file of `tempfile` has stricter permissions."""
    in_place = tmp_path / "in_place"
    in_place.write_text("x")
    path = tmp_path / "a"
    with whole_file(path) as part:
        part.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(in_place.stat().st_mode)
