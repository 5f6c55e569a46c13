"""A file appears whole or not at all."""

import stat

from glove_lstm.data.whole_files import whole_file


def test_others_may_read_what_was_written(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    path = tmp_path / "a"
    with whole_file(path) as part:
        part.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
