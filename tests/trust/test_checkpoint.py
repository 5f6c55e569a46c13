"""A checkpoint is copied whole, and opened with all of its files or not at all."""

import json
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch
from support import edit_json

from glove_lstm import LightClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LOADED_NAMES, PLACEHOLDER_ID
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import light_classifier

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
    original = contents(exported)
    # Code of others, which nobody has read, stays where it is.
    (exported / "extra.py").write_text("raise SystemExit")
    (exported / "characters.py").write_text("raise SystemExit")
    Checkpoint.open(exported).copy_to(target)
    copied = contents(target)
    assert copied.keys() >= {*MODEL_FILES, "README.md", "modeling_glove_lstm.py"}
    assert original.keys() - copied.keys() == {"checkpoint-1/optimizer.pt", ".git/config"}
    assert copied.items() <= original.items()


def test_the_card_of_a_copy_names_no_repository(copy, tmp_path):
    """It is that of another model as soon as it is pushed. A dataset of the same name keeps it."""
    card = 'model="{0}" https://huggingface.co/{0}/blob - user/first by user/firstborn'
    (copy / "README.md").write_text(card.format("user/first"))
    checkpoint = replace(Checkpoint.open(copy), repo_id="user/first")
    with mock.patch.object(Checkpoint, "fetch"):
        checkpoint.copy_to(tmp_path / "target")
    copied = (tmp_path / "target" / "README.md").read_text()
    assert copied == card.format(PLACEHOLDER_ID)


def test_neither_type_nor_kernel_of_a_config_is_used(exported):
    """The scores are those of ONNX, and transformers would run the code of a kernel."""
    before = LightClassifier.from_pretrained(exported).predict_proba(["A text"])
    edit_json(exported / "config.json", dtype="bfloat16", attn_implementation="user/kernel")
    edit_json(exported / "config.json", return_dict=False)
    model, tokenizer = Checkpoint.open(exported).load_model()
    assert model.dtype == torch.float32
    after = light_classifier(model, tokenizer).predict_proba(["A text"])
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_a_model_that_transformers_saves_in_place_stays_whole(exported):
    """Its config.json has fewer fields, none of which changes the logits."""
    before = LightClassifier.from_pretrained(exported).predict_proba(["A text"])
    assert "use_cache" in json.loads((exported / "config.json").read_text())
    model, _ = Checkpoint.open(exported).load_model()
    model.save_pretrained(exported)
    assert "use_cache" not in json.loads((exported / "config.json").read_text())
    after = LightClassifier.from_pretrained(exported).predict_proba(["A text"])
    assert (before == after).all()


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
