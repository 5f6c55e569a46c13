"""A checkpoint is opened with all of its files or not at all."""

import json

import numpy as np
import pytest
import torch
from support import edit_json

from glove_lstm import LightClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LOADED_NAMES
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import light_classifier


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
