"""A file appears whole or not at all."""

import stat

import pytest

from glove_lstm.data.whole_files import whole_file


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_exception_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), whole_file(path) as part:  # noqa: PT012
        part.write_text("new")
        raise error
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_others_may_read_what_was_written(tmp_path):
    (tmp_path / "plain").write_text("x")
    with whole_file(tmp_path / "a") as part:
        part.write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a")}
    assert len(modes) == 1
