"""A file appears whole or not at all."""

import stat

import pytest

from glove_lstm.data.whole_files import whole_file


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:  # noqa: PT012
        part.write_text("half of the n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_was_written(tmp_path):
    """As they may read a file that was written in place. A file of `tempfile` has stricter permissions."""
    in_place = tmp_path / "in_place"
    in_place.write_text("x")
    path = tmp_path / "a"
    with whole_file(path) as part:
        part.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(in_place.stat().st_mode)
