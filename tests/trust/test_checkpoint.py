"""A checkpoint is opened with all of its files or not at all."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from support import edit_json

from glove_lstm import LightClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LOADED_NAMES
from glove_lstm.checkpoint.text_record import TextRecord
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


# It knows its training texts, whatever their case, punctuation and white space

TITLE = "A title:  the\nbody"


@pytest.mark.parametrize(
    ("text", "other", "is_copy"),
    [
        (TITLE, "\u201ca TITLE the body\u201d .", True),
        ("\ud800", "\ud800", True),
        ("?! ?", " ?!  ?\n", True),
        ("\u00dcber 1,204", "(\u00fcber 1 204)", True),
        (TITLE, "a title the bodies", False),
        (TITLE, "atitle the body", False),
        ("", "!!", False),
        ("?! ?", "?! ?!", False),
        ("1,204", "1204", False),
        ("यह अच्छा है", "यह अच्छी है", False),  # another vowel sign
        ("he came \U0001f44d", "he came \U0001f44e", False),
        ("市议会批准。", "市议会批准！", True),
        ("d\u00e9j\u00e0 vu", "de\u0301ja\u0300 vu", True),  # composed, decomposed
    ],
)
def test_hashes(text, other, is_copy):
    trained, validated = TextRecord.of([text], ["validation"]).find([other, "Validation!", "new"])
    assert trained.tolist() == [is_copy, False, False]
    assert validated.tolist() == [False, True, False]


def test_a_text_that_was_trained_and_validated_on_counts_as_trained():
    trained, validated = TextRecord.of(["a", "b"], ["b", "c"]).find(["a", "b", "c"])
    assert trained.tolist() == [True, True, False]
    assert validated.tolist() == [False, False, True]


@pytest.mark.parametrize("complete", [True, False])
def test_a_fine_tuned_model_remembers_earlier_texts(tmp_path, complete):
    earlier = dataclasses.replace(TextRecord.of(["a"], ["b"]), complete=complete)
    TextRecord.of(["c"], ["d"]).added_to(earlier).save(tmp_path / "record", "digest")
    record, digest = TextRecord.load(tmp_path / "record")
    assert digest == "digest"
    trained, validated = record.find(list("abcd"))
    assert trained.tolist() == [True, False, True, False]
    assert validated.tolist() == [False, True, False, True]
    assert record.complete is complete
    assert record.added_to(None).complete is False  # what was before is unknown
    assert TextRecord.of([], []).added_to(record).complete is complete
