"""A checkpoint is copied whole, and opened with all of its files or not at all."""

import pytest

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LOADED_NAMES
from glove_lstm.errors import DataError

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


@pytest.mark.parametrize("name", LOADED_NAMES)
def test_an_incomplete_checkpoint_is_not_opened(copy, name):
    (copy / name).unlink()
    with pytest.raises(DataError, match=f"not a complete checkpoint: {name} is missing"):
        Checkpoint.open(copy)


def test_the_record_of_other_weights_is_not_used(copy):
    assert Checkpoint.open(copy).training_texts() is not None
    with (copy / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    assert Checkpoint.open(copy).training_texts() is None
    (copy / "training_texts.safetensors").unlink()
    assert Checkpoint.open(copy).training_texts() is None
