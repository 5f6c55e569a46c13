"""Files that appear whole or not at all."""

import stat

import pytest

from glove_lstm.data.whole_files import whole_file, whole_files


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_exception_leaves_the_folder_as_it_was(tmp_path, error):
    (tmp_path / "config.json").write_text("old")
    with pytest.raises(type(error)), whole_files(tmp_path) as part:  # noqa: PT012
        (part / "config.json").write_text("new")
        raise error
    assert everything(tmp_path) == ["config.json"]
    assert (tmp_path / "config.json").read_text() == "old"


def test_no_reader_finds_some_of_the_old_and_some_of_the_new(tmp_path, monkeypatch):
    """config.json is missing while the others move: a reader that finds it finds all of one state."""
    for name in ("a.txt", "config.json", "keep.txt"):
        (tmp_path / name).write_text("old")
    seen = []
    replace = type(tmp_path).replace

    def look(self, to):
        replace(self, to)
        seen.append({path.name for path in tmp_path.iterdir() if path.is_file()})

    monkeypatch.setattr(type(tmp_path), "replace", look)
    with whole_files(tmp_path) as part:
        (part / "sub").mkdir()
        for name in ("a.txt", "config.json", "sub/z.txt"):
            (part / name).write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert ["config.json" in names for names in seen] == [False, False, True]
    assert everything(tmp_path) == ["a.txt", "config.json", "keep.txt", "sub", "sub/z.txt"]
    assert (tmp_path / "config.json").read_text() == "new"


def test_others_may_read_what_was_written(tmp_path):
    (tmp_path / "plain").write_text("x")
    with whole_file(tmp_path / "a") as part:
        part.write_text("x")
    with whole_files(tmp_path) as folder:
        (folder / "b").write_text("x")
        (folder / "b").chmod(0o600)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a", "b")}
    assert len(modes) == 1
