"""The network in numpy computes what PyTorch does, for every shape of network that it takes, and for every text."""

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import SHAPES, random_batch, torch_logits

from glove_lstm import GloveLstmConfig
from glove_lstm.inference import bulk_network
from glove_lstm.inference.bulk_network import DEFAULTS, BulkNetwork, can_compute
from glove_lstm.inference.checkpoint_files import RESULT_FIELDS
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.onnx_graph import build_graph
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.runtime import LightClassifier
from glove_lstm.tokenization.light_tokenizer import TokenizedTexts


def network(model) -> BulkNetwork:
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    return BulkNetwork(model.config.to_dict(), weights)


def flat(batch) -> TokenizedTexts:
    real = batch["attention_mask"].astype(bool)
    return TokenizedTexts(batch["input_ids"][real], batch["token_type_ids"][real], real.sum(axis=1))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=SHAPES.map(lambda shape: shape | {"num_hidden_layers": 1}),
    lengths=st.lists(st.integers(0, 15), min_size=1, max_size=9),
    most=st.sampled_from([1, 60, 1 << 18]),
    rows=st.sampled_from([2, 6, 256]),
    seed=st.integers(0, 1000),
)
def test_equals_pytorch_whatever_the_network_and_the_texts(
    make, monkeypatch, shape, lengths, most, rows, seed
) -> None:
    """Also where all is done in many small products, and a few rows at a time."""
    monkeypatch.setattr(bulk_network, "_ONE_THREAD", most)
    monkeypatch.setattr(bulk_network, "_ROWS", rows)
    monkeypatch.setattr(bulk_network, "_KEPT", 100 * rows)
    model = make(seed, **shape)
    batch = random_batch(lengths, max(lengths) + 1, seed)
    np.testing.assert_allclose(network(model).logits(flat(batch)), torch_logits(model, batch), atol=1e-5)


def test_half_precision_and_a_text_by_itself(make) -> None:
    model = make(
        window_size=4,
        bidirectional=True,
        pooling=["max", "mean", "attention"],
        ngram_buckets=16,
        ngram_opening=3,
        character_ngrams=4,
        shape_buckets=23,
        type_embedding_size=2,
    )
    model.round_tables()
    batch = random_batch([0, 9, 4, 0, 16, 1], 16)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    for name in model._tables():
        weights[name] = weights[name].astype(np.float16)
    found = BulkNetwork(model.config.to_dict(), weights)
    together = found.logits(flat(batch))
    np.testing.assert_allclose(together, torch_logits(model, batch), atol=1e-5)
    for row in range(6):
        one = {name: values[row : row + 1] for name, values in batch.items()}
        np.testing.assert_allclose(found.logits(flat(one)), together[row : row + 1], atol=1e-5)


def test_config_that_says_nothing_means_what_the_model_takes_it_for(make) -> None:
    config = GloveLstmConfig()
    assert {name: getattr(config, name) for name in DEFAULTS} == DEFAULTS
    # Every other value that changes the result is told by the shapes of the weights.
    told = {"vocab_size", "embedding_size", "type_embedding_size", "hidden_size", "num_hidden_layers"}
    told |= {"bidirectional", "classifier_hidden_size", "ngram_buckets", "character_ngrams"}
    assert set(RESULT_FIELDS) == set(DEFAULTS) | told | {"character_buckets", "shape_buckets"}
    model = make()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    batch = random_batch([3, 5], 5)
    found = BulkNetwork({}, weights).logits(flat(batch))
    np.testing.assert_allclose(found, torch_logits(model, batch), atol=1e-5)


def test_what_it_does_not_know_is_left_to_onnx_runtime(make, tmp_path) -> None:
    make(num_hidden_layers=2).save_pretrained(tmp_path)
    assert BulkNetwork.from_folder(tmp_path) is None
    whole = make(
        pooling=["attention"], bidirectional=True, ngram_buckets=4, ngram_opening=1, type_embedding_size=2
    )
    assert can_compute(whole.state_dict())
    assert not can_compute([*whole.state_dict(), "ngrams.new_weights"])
    whole.save_pretrained(tmp_path)
    assert BulkNetwork.from_folder(tmp_path) is not None


def test_runtime_uses_it_for_many_texts_only(shared_export, monkeypatch) -> None:
    words = ["council", "budget", "shocking", "hoax", "They", "<url>", "café,", "naïve", "\ud800", "1,204"]
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(words, size)) for size in generator.integers(0, 60, 70)]
    model, tokenizer = load_checkpoint(shared_export)
    torch.set_num_threads(1)
    pairs = texts[::-1]
    calls = []
    logits = BulkNetwork.logits
    monkeypatch.setattr(
        BulkNetwork, "logits", lambda self, read: calls.append(len(read.lengths)) or logits(self, read)
    )
    light = LightClassifier.from_pretrained(shared_export)
    wanted = predict_logits(model, tokenizer, texts, pairs)
    np.testing.assert_allclose(light.predict_logits(texts, pairs), wanted, atol=1e-5)
    assert calls == [70]
    np.testing.assert_allclose(light.predict_logits(texts[:15], pairs[:15]), wanted[:15], atol=1e-5)
    assert calls == [70]
    two = LightClassifier.from_pretrained(shared_export, threads=2)
    np.testing.assert_allclose(two.predict_logits(texts, pairs), wanted, atol=1e-5)
    assert calls == [70, 35, 35]
    with pytest.raises(ValueError, match="equally many"):
        light.predict_logits(texts, pairs[1:])


def test_weights_from_before_the_ngrams_had_a_bias_mean_that_it_is_zero(make) -> None:
    model = make(ngram_buckets=16, character_ngrams=4)
    with torch.no_grad():
        model.ngrams.bias.zero_()
    batch = random_batch([3, 0, 7], 8)
    weights = {name: value.numpy() for name, value in model.state_dict().items() if name != "ngrams.bias"}
    found = BulkNetwork(model.config.to_dict(), weights).logits(flat(batch))
    np.testing.assert_allclose(found, torch_logits(model, batch), atol=1e-5)
    graph = build_graph(model.config, weights, {}, "0" * 64)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    known = {value.name for value in session.get_inputs()}
    (exported,) = session.run(None, {name: rows for name, rows in batch.items() if name in known})
    np.testing.assert_allclose(exported, found, atol=1e-5)
