"""The ONNX file: what PyTorch computes, whatever the network and the batch, with the weights of their checkpoint."""

import json
import shutil

import numpy as np
import pytest
import torch
from support import build_model, fill_at_random

from glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.checkpoint import Checkpoint, open_session
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import export_onnx

NETWORKS = {
    "lstm": {"num_labels": 4, "temperature": 0.7},
    "default": {"type_embedding_size": 3, "ngram_buckets": 64, "ngram_weight": 0.4},
}
NETWORKS["default"] |= {"character_buckets": 20, "lstm_length": 9, "shrinkage": 5.0}


def random_batch(lengths, width):
    generator, shape = np.random.default_rng(0), (len(lengths), width)
    spellings = np.where(generator.random(shape) < 0.3, generator.integers(1, 32**12, shape), 32)
    return {
        "input_ids": generator.integers(0, 30, shape),  # the unknown word among them
        "attention_mask": (np.arange(width) < np.array(lengths)[:, None]).astype(np.int64),
        "token_type_ids": generator.integers(0, 7, shape) + 8 * spellings,
    }


def torch_logits(model, batch):
    with torch.inference_mode():
        return model(**{name: torch.from_numpy(rows) for name, rows in batch.items()}).logits


def save(model: GloveLstmForSequenceClassification, checkpoint, folder):
    """Put a small network beside the checkpoint's tokenizer, which has more words than any test uses."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoint / name, folder)
    model.save_pretrained(folder)


@pytest.mark.parametrize("network", NETWORKS)
def test_equals_pytorch_at_every_shape(checkpoint, tmp_path, network) -> None:
    model = build_model(vocab_size=200, **NETWORKS[network])
    save(model, checkpoint, tmp_path)
    session = open_session(export_onnx(tmp_path))
    generator = np.random.default_rng(1)
    names = [one.name for one in session.get_inputs()]
    for lengths, width in (([0], 1), ([1], 1), ([5, 0, 13, 4, 9], 14), ([30], 30), ([2] * 40, 2)):
        batch = {name: random_batch(lengths, width)[name] for name in names}
        right = batch["attention_mask"]
        left, holes = right[:, ::-1].copy(), generator.integers(0, 2, right.shape)
        for mask in (right, left, holes):
            batch["attention_mask"] = mask
            (found,) = session.run(None, batch)
            np.testing.assert_allclose(found, torch_logits(model, batch), atol=1e-5)


def test_it_reads_large_weights_of_the_checkpoint(checkpoint, tmp_path) -> None:
    model = build_model(
        vocab_size=5000, embedding_size=40, type_embedding_size=3, ngram_buckets=20_000
    )
    model.round_tables()  # so that the big tables are saved in 16 bits
    save(model, checkpoint, tmp_path)
    light = export_onnx(tmp_path)
    assert light.stat().st_size < 0.2 * (tmp_path / "model.safetensors").stat().st_size
    batch = random_batch([0, 9, 4], 12)
    (found,) = open_session(light).run(None, batch)
    np.testing.assert_allclose(found, torch_logits(model, batch), atol=1e-5)
    for place in (b"/home/", b"glove_lstm/", bytes(tmp_path)):  # no path of this machine
        assert place not in light.read_bytes()


def test_it_belongs_to_the_config_and_the_weights_beside_it(exported) -> None:
    config = json.loads((exported / "config.json").read_text())

    def check(**changes: object) -> None:
        (exported / "config.json").write_text(json.dumps(config | changes))
        Checkpoint.open(exported).light_session()

    check()
    # Nothing that a logit depends on.
    check(id2label={"0": "no", "1": "yes"}, transformers_version="6.0")
    for change in ({"ngram_weight": 0.77}, {"a_new_field": 1}):
        said = r"light\.onnx was not made from the config .*glove-lstm export"
        with pytest.raises(DataError, match=said):
            check(**change)
    weights = exported / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1  # a bit of the last weight
    weights.write_bytes(content)
    with pytest.raises(DataError, match=r"light\.onnx was not made from the weights"):
        check()


def test_failure_leaves_what_was_there(exported) -> None:
    light = exported / "light.onnx"
    before = light.read_bytes()
    with pytest.raises(RuntimeError, match="differs from PyTorch"):
        export_onnx(exported, tolerance=-1)
    assert light.read_bytes() == before
    assert not list(exported.rglob("*.part"))


def test_bfloat16_weights_that_are_a_link_are_in_the_file_in_float32(copy, tmp_path) -> None:
    model, _ = Checkpoint.open(copy).load_model()
    fill_at_random(model).to(torch.bfloat16).save_pretrained(copy)
    weights = shutil.move(copy / "model.safetensors", tmp_path / "elsewhere")
    (copy / "model.safetensors").symlink_to(weights)
    model, _ = Checkpoint.open(copy).load_model()
    batch = random_batch([7, 3], 7)
    (found,) = open_session(export_onnx(copy)).run(None, batch)
    np.testing.assert_allclose(found, torch_logits(model.float(), batch), atol=1e-4)
    with pytest.raises(DataError, match="is not a folder"):
        export_onnx(copy / "nowhere")
