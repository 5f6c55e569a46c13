"""The ONNX file: what PyTorch computes, whatever the network and the batch, with the weights of their checkpoint."""

import shutil

import numpy as np
import onnx
import pytest
import torch
from golden.make_tiny_checkpoint import TINY_CHECKPOINT
from support import CORPUS, assert_names, build_model, edit_json

from glove_lstm import GloveLstmTokenizer
from glove_lstm.errors import DataError
from glove_lstm.inference import onnx_graph
from glove_lstm.inference.light_classifier import LightClassifier, open_session
from glove_lstm.inference.onnx_export import classifier_in_memory, export_onnx
from glove_lstm.modeling.configuration_glove_lstm import KNOWN

LSTM = {"vocab_size": 200, "num_labels": 4, "temperature": 0.7}
# With large tables.
DEFAULT = {
    "vocab_size": 5000,
    "embedding_size": 40,
    "type_embedding_size": 3,
    "ngram_buckets": 20_000,
    "ngram_weight": 0.4,
    "character_buckets": 20,
    "lstm_length": 9,
    "shrinkage": 5.0,
}
# One label, an LSTM that reads all tokens, another unknown word.
NGRAMS = {
    "vocab_size": 300,
    "num_labels": 1,
    "problem_type": "multi_label_classification",
    "hidden_size": 101,
    "ngram_buckets": 107,
    "ngram_weight": 103.0,
    "unk_token_id": 7,
    "shrinkage": 0.0,
    "temperature": 113.0,
}


def save(model, folder):
    """Save a model beside a tokenizer, which has more words than any test uses; return the folder."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY_CHECKPOINT / name, folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lstm(tmp_path_factory):
    """A model, and the path of its ONNX file; its weights are in bfloat16 and a link, as in the Hub's cache."""
    model = build_model(**LSTM)
    folder = save(model.to(torch.bfloat16), tmp_path_factory.mktemp("lstm"))
    weights = folder / "model.safetensors"
    weights.symlink_to(shutil.move(weights, tmp_path_factory.mktemp("elsewhere")))
    return model.float(), export_onnx(folder)


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    model = build_model(**DEFAULT)
    model.round_tables()  # so that big tables are saved in 16 bits
    return model, export_onnx(save(model, tmp_path_factory.mktemp("default")))


@pytest.fixture(scope="module")
def ngrams(tmp_path_factory):
    """A network of a kind whose graph is not stored; its tables are in 32 bits."""
    model = build_model(**NGRAMS)
    return model, export_onnx(save(model, tmp_path_factory.mktemp("ngrams")))


def random_batch(lengths, width):
    """Texts padded on the right, the unknown word among their words."""
    generator = np.random.default_rng(0)
    shape = (len(lengths), width)
    ids = generator.integers(0, 30, shape)
    spellings = generator.integers(1, 32**12, shape)
    is_known = generator.random(shape) >= 0.3
    spellings[is_known] = KNOWN
    mask = np.arange(width) < np.array(lengths)[:, None]
    return {
        "input_ids": ids,
        "attention_mask": mask.astype(np.int64),
        "token_type_ids": generator.integers(0, 7, shape) + 8 * spellings,
    }


def torch_logits(model, batch):
    tensors = {name: torch.from_numpy(rows) for name, rows in batch.items()}
    with torch.inference_mode():
        return model(**tensors).logits


@pytest.mark.parametrize("kind", ["lstm", "default", "ngrams"])
def test_equals_pytorch_at_every_shape(request, kind):
    model, path = request.getfixturevalue(kind)
    session = open_session(path)
    for lengths, width in (([0], 1), ([1], 1), ([5, 0, 13, 4, 9], 14), ([30], 30), ([2] * 40, 2)):
        batch = random_batch(lengths, width)
        inputs = {known.name: batch[known.name] for known in session.get_inputs()}
        [logits] = session.run(None, inputs)
        np.testing.assert_allclose(logits, torch_logits(model, inputs), atol=1e-5)


def test_a_classifier_in_memory_keeps_the_numbers_of_the_model():
    """Also those of large tables, which are in 32 bits here."""
    tokenizer = GloveLstmTokenizer.from_pretrained(TINY_CHECKPOINT)
    model = build_model(**DEFAULT)
    with torch.inference_mode():
        expected = model(**tokenizer(CORPUS, padding=True, return_tensors="pt")).logits
    classifier = classifier_in_memory(model, tokenizer)
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
    np.testing.assert_allclose(classifier.predict_logits(CORPUS), expected, atol=1e-5)
    assert classifier.label_names == ("LABEL_0", "LABEL_1")


def test_the_stored_graphs_are_of_this_network(lstm, default):
    """If this fails after a change of the network or of its export, run `make graphs`."""
    graphs = {onnx_graph.stored_path(model.config) for model, _ in (lstm, default)}
    assert graphs == set(onnx_graph.GRAPHS.iterdir())
    for path in graphs:
        digest = onnx.load(path).metadata_props[0].value
        assert digest == onnx_graph.source_digest(), f"{path.name} is stale: run `make graphs`"


def test_large_weights_are_stored_once_and_in_16_bits(default):
    model, light = default
    weights = light.with_name("model.safetensors")
    assert weights.stat().st_size < 0.65 * 4 * model.num_parameters()
    assert light.stat().st_size < 0.2 * weights.stat().st_size


def set_config(**changes):
    return lambda folder: edit_json(folder / "config.json", **changes)


def turn_a_bit(folder):
    """A bit of the last weight."""
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    weights.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "source"),
    [
        (set_config(ngram_weight=0.77), "config"),
        (set_config(a_new_field=1), "config"),
        (turn_a_bit, "weights"),
        # No logit depends on these.
        (set_config(id2label={"0": "no", "1": "yes"}, transformers_version="6.0"), None),
    ],
    ids=["a value", "a new field", "one bit", "labels"],
)
def test_it_belongs_to_the_files_beside_it(exported, change, source):
    change(exported)
    if source is None:
        LightClassifier.from_pretrained(exported)
        return
    with pytest.raises(DataError) as refusal:
        LightClassifier.from_pretrained(exported)
    assert_names(refusal.value, "light.onnx", f"the {source} of", "glove-lstm export")


def test_failure_leaves_what_was_there(tmp_path, monkeypatch):
    monkeypatch.setattr("glove_lstm.inference.onnx_export._TOLERANCE", -1)
    save(build_model(vocab_size=200), tmp_path)
    light = tmp_path / "light.onnx"
    light.write_text("earlier")
    with pytest.raises(RuntimeError, match="differs from PyTorch"):
        export_onnx(tmp_path)
    assert light.read_text() == "earlier"
    assert not list(tmp_path.rglob("*.part"))
