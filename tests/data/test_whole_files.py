"""A file appears whole or not at all."""

import stat

from glove_lstm.data.whole_files import whole_file


def test_others_may_read_what_was_written(tmp_path):
    (tmp_path / "plain").write_text("x")
    with whole_file(tmp_path / "a") as part:
        part.write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a")}
    assert len(modes) == 1
