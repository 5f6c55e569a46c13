"""What a save holds and a load gives back."""

import inspect
import json

import pytest
import torch
from safetensors.torch import load_file
from support import build_model
from transformers import AutoConfig, AutoModelForSequenceClassification

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification, GloveLstmModel
from glove_lstm.modeling import configuration_glove_lstm
from glove_lstm.tokenization import word_shapes

VECTORS = "encoder.embeddings.word_embeddings.weight"
INPUTS = {
    "input_ids": torch.tensor([[3, 4, 5, 0], [6, 7, 8, 9]]),
    "token_type_ids": torch.tensor([[1, 2, 6, 0], [1, 3, 1, 5]]),
}
RICH = {"type_embedding_size": 3, "lstm_length": 3}
NGRAMS = {"ngram_buckets": 40, "ngram_weight": 0.4, "shrinkage": 2.0}


def logits(model):
    return model(**INPUTS).logits


def pooled(model):
    return model.base_model(**INPUTS).pooler_output


def embeddings(model):
    return model.get_input_embeddings().weight


@pytest.mark.parametrize(
    "config", [{}, {**RICH, **NGRAMS}, {"num_labels": 1}, {**NGRAMS, "num_labels": 6}], ids=repr
)
def test_round_trip(tmp_path, config):
    model = build_model(**config)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(loaded) is GloveLstmForSequenceClassification
    assert not loaded.training
    tensors = loaded.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(tensors[name], value), name
        assert tensors[name].dtype == value.dtype, name
    assert torch.equal(logits(loaded), logits(model))
    assert loaded.config.label_names == model.config.label_names
    half = AutoModelForSequenceClassification.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    torch.testing.assert_close(logits(half).float(), logits(model), atol=0.2, rtol=0.05)


def test_rounded_tables_are_saved_in_16_bits_and_loaded_in_32(tmp_path):
    model = build_model(ngram_buckets=3000, type_embedding_size=3)
    tables = {VECTORS: embeddings(model)}
    for name, table in model.ngrams.named_parameters():
        tables[f"ngrams.{name}"] = table
    with torch.no_grad():
        embeddings(model)[model.config.pad_token_id] = 0
    exact = {name: table.detach().clone() for name, table in tables.items()}

    model.round_tables()
    model.save_pretrained(tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    loaded = GloveLstmForSequenceClassification.from_pretrained(tmp_path)
    for name, table in tables.items():
        assert saved[name].dtype == torch.float16
        assert torch.equal(loaded.get_parameter(name), table)
        torch.testing.assert_close(table.data, exact[name], atol=1e-7, rtol=1e-3)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float32"
    assert torch.equal(logits(loaded), logits(model))
    assert not embeddings(loaded)[model.config.pad_token_id].any()


def test_vectors_too_large_for_16_bits_are_kept(tmp_path):
    model = build_model()
    rows = torch.randn(30, 6) * 1e6
    embeddings(model).data = rows
    model.round_tables()
    model.save_pretrained(tmp_path)
    loaded = GloveLstmModel.from_pretrained(tmp_path)
    for vectors in (embeddings(model), embeddings(loaded)):
        assert torch.equal(vectors[1:], rows[1:])


def test_another_number_of_labels_resets_what_was_fitted_to_the_labels(tmp_path):
    """The calibration and the table of the n-grams."""
    model = build_model(**RICH, **NGRAMS)
    model.save_pretrained(tmp_path)
    labels = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    loaded = GloveLstmForSequenceClassification.from_pretrained(
        tmp_path, **labels, ignore_mismatched_sizes=True
    )
    assert loaded.config.shrinkage == 0
    assert loaded.ngrams.weights.shape == (40 + model.config.vocab_size, 3)
    assert not any(table.any() for table in loaded.ngrams.parameters())
    assert torch.equal(pooled(loaded), pooled(model))
    assert torch.equal(loaded.dense.weight, model.dense.weight)
    assert logits(loaded).shape == (2, 3)


def test_training_ends_the_promise(tmp_path):
    """However the weights are saved; a prediction does not."""
    model = build_model(**RICH, held_out_scores={"rows": [[0.9, 50, 1]]})
    model.eval()
    logits(model)
    assert model.config.held_out_scores is not None
    model.train()
    logits(model)
    model.config.save_pretrained(tmp_path)
    assert GloveLstmConfig.from_pretrained(tmp_path).held_out_scores is None


def test_other_names_of_labels_reset_what_describes_the_texts(tmp_path):
    """The weights stay."""
    model = build_model(**RICH, label_type="int", text_column_names=["title"])
    model.save_pretrained(tmp_path)
    loaded = GloveLstmForSequenceClassification.from_pretrained(tmp_path)
    assert (loaded.config.label_type, loaded.config.text_column_names) == ("int", ["title"])
    named = {"id2label": {0: "low", 1: "high"}, "label2id": {"low": 0, "high": 1}}
    for automatic in (GloveLstmForSequenceClassification, AutoModelForSequenceClassification):
        loaded = automatic.from_pretrained(tmp_path, **named)
        assert loaded.config.label_type is loaded.config.text_column_names is None
        assert torch.equal(logits(loaded), logits(model))


def test_the_number_of_word_vectors_is_fixed():
    """The n-grams of words depend on it, so the model could be saved and not loaded."""
    model = build_model(**NGRAMS)
    with pytest.raises(ValueError, match="vocabulary is fixed"):
        model.resize_token_embeddings(model.config.vocab_size + 2)
    assert model.resize_token_embeddings(model.config.vocab_size) is model.get_input_embeddings()
    assert model.resize_token_embeddings() is model.get_input_embeddings()


# The config: what it refuses, and that it survives JSON

NAN = float("nan")
# Argument -> a value that is not its default.
VALUES = {
    "vocab_size": 123,
    "embedding_size": 7,
    "type_embedding_size": 3,
    "character_buckets": 20,
    "hidden_size": 9,
    "lstm_length": 50,
    "classifier_hidden_size": 8,
    "ngram_buckets": 40,
    "embedding_dropout": 0.25,
    "dropout": 0,
    "freeze_embeddings": False,
    "ngram_weight": 0.5,
    "shrinkage": 2,
    "temperature": 1.7,
    "thresholds": [0.2] * 12,
    "held_out_scores": {"rows": [[0.9, 50, 1]]},
    "pad_token_id": 2,
    "unk_token_id": 0,
    "text_column_names": ["title", "body"],
    "label_column_name": "verdict",
    "label_type": "int",
}


@pytest.mark.parametrize(
    ("name", "values"),
    [("ngram_weight", [-1, NAN]), ("shrinkage", [-1, NAN]), ("temperature", [0, -1, NAN])],
)
def test_a_value_that_would_give_wrong_scores_is_refused(name, values):
    for value in values:
        with pytest.raises(ValueError, match=rf"^{name} must be "):
            GloveLstmConfig(**{name: value})


def test_every_argument_survives_json(tmp_path):
    arguments = set(inspect.signature(GloveLstmConfig).parameters) - {"kwargs"}
    assert VALUES.keys() == arguments
    names = [f"L{number}" for number in range(12)]  # L10 follows L9
    config = GloveLstmConfig(**VALUES, id2label=dict(enumerate(names)))
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(loaded, GloveLstmConfig)
    for name, value in VALUES.items():
        assert getattr(loaded, name) == value, name
    assert loaded.label_names == config.label_names == names


def test_model_and_tokenizer_agree_on_token_type_ids():
    """The two files travel apart, so that neither imports the other."""
    assert len(word_shapes.SHAPES) == configuration_glove_lstm.SHAPE_COUNT
    for name in ("SHAPE_BITS", "CODE_BITS", "SPELLING_LENGTH", "KNOWN"):
        assert getattr(word_shapes, name) == getattr(configuration_glove_lstm, name), name
