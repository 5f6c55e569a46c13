"""A checkpoint is saved whole or not at all, and opened with all of its files or not at all."""

import stat

import pytest

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LOADED_NAMES
from glove_lstm.errors import DataError
from glove_lstm.files import digest

MODEL_FILES = {
    *LOADED_NAMES,
    "light.onnx",
    "training_texts.safetensors",
    "metrics.json",
    "plots/curves.png",
    "plots/confusion.png",
    "plots/reliability.png",
}


def contents(folder):
    """The content of each file, by its name."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            found[name] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def parts(checkpoint):
    """Model, tokenizer and record of the texts, as they are saved."""
    opened = Checkpoint.open(checkpoint)
    model, tokenizer = opened.load_model()
    return model, tokenizer, opened.training_texts()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_exception_leaves_the_folder_as_it_was(exported, parts, error):
    before = contents(exported)
    with pytest.raises(type(error)), Checkpoint.saving(exported, *parts) as part:  # noqa: PT012
        (part / "metrics.json").write_text("{}")
        raise error
    assert contents(exported) == before


def test_a_save_that_stops_halfway_leaves_no_checkpoint(exported, parts):
    (exported / "tokenizer.json").unlink()
    (exported / "tokenizer.json").mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError, match=r"tokenizer\.json"), Checkpoint.saving(exported, *parts):
        pass
    with pytest.raises(DataError, match=r"not a complete checkpoint: config\.json is missing"):
        Checkpoint.open(exported)


def test_nothing_of_an_earlier_model_stays(exported, parts):
    assert contents(exported).keys() >= MODEL_FILES
    (exported / "notes.txt").write_text("mine")
    with Checkpoint.saving(exported, *parts) as part:
        (part / "metrics.json").write_text("{}")
    saved = contents(exported)
    new = {*LOADED_NAMES, "training_texts.safetensors", "metrics.json"}
    assert saved.keys() & MODEL_FILES == new
    assert saved["metrics.json"] == b"{}"
    assert saved["notes.txt"] == b"mine"
    assert Checkpoint.open(exported).training_texts() is not None


def test_a_copy_has_all_files_of_the_checkpoint_and_no_others(exported, tmp_path):
    (exported / "checkpoint-1").mkdir()
    (exported / "checkpoint-1" / "optimizer.pt").write_text("large")
    (exported / ".git").mkdir()
    (exported / ".git" / "config").write_text("private")
    target = tmp_path / "target"
    Checkpoint.open(exported).copy_to(target)
    copied = contents(target)
    original = contents(exported)
    assert copied.keys() >= {*MODEL_FILES, "README.md", "modeling_glove_lstm.py"}
    assert original.keys() - copied.keys() == {"checkpoint-1/optimizer.pt", ".git/config"}
    assert copied.items() <= original.items()


def test_equal_models_have_equal_files(tmp_path, parts):
    """safetensors writes several metadata in any order, so ten copies would hardly be equal by chance."""
    for name in LOADED_NAMES:
        digests = set()
        for number in range(10):
            folder = tmp_path / str(number)
            if not folder.exists():
                with Checkpoint.saving(folder, *parts):
                    pass
            digests.add(digest(folder / name))
        assert len(digests) == 1, name
    plain = tmp_path / "plain"
    plain.write_text("x")
    for path in (tmp_path / "0").glob("*.*"):  # others may read them
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode), path


def test_the_record_of_other_weights_is_not_used(copy):
    assert Checkpoint.open(copy).training_texts() is not None
    with (copy / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    assert Checkpoint.open(copy).training_texts() is None
    (copy / "training_texts.safetensors").unlink()
    assert Checkpoint.open(copy).training_texts() is None
