"""The config: what it refuses, that it survives JSON, and its defaults."""

import inspect

import pytest
from transformers import AutoConfig

from glove_lstm import GloveLstmConfig, GloveLstmModel
from glove_lstm.modeling import configuration_glove_lstm
from glove_lstm.tokenization import word_shapes

NAN = float("nan")
WHOLE_NUMBERS = [
    "vocab_size",
    "embedding_size",
    "type_embedding_size",
    "character_buckets",
    "hidden_size",
    "lstm_length",
    "classifier_hidden_size",
    "ngram_buckets",
]
BAD_VALUES = {
    **dict.fromkeys(WHOLE_NUMBERS, (-1, 2.5, True)),
    "pad_token_id": [-1, 2.5, True, 60_000],  # rows of the vocabulary
    "unk_token_id": [-1, 2.5, True, 60_000],
    "embedding_dropout": [-0.1, 1, NAN, "0.1"],
    "dropout": [-0.1, 1, NAN, "0.1"],
    "freeze_embeddings": ["false"],
    "ngram_weight": [-1, NAN, True],
    "shrinkage": [-1, NAN, True],
    "temperature": [0, -1, NAN, True],
    "thresholds": ["ab", 0.5, [-0.1]],
    "text_column_names": ["title", [], [1]],
    "label_type": ["number"],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD_VALUES.items() for value in values],
    ids=repr,
)
def test_a_bad_value_is_refused(name, value):
    """By the config, and by the model if it is set later."""
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        GloveLstmConfig(**{name: value})
    config = GloveLstmConfig(vocab_size=9)
    setattr(config, name, value)
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        GloveLstmModel(config)


EVERY_ARGUMENT = {
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
    "pad_token_id": 2,
    "unk_token_id": 0,
    "text_column_names": ["title", "body"],
    "label_type": "int",
}


def test_every_argument_survives_json(tmp_path):
    arguments = set(inspect.signature(GloveLstmConfig).parameters) - {"kwargs"}
    assert EVERY_ARGUMENT.keys() == BAD_VALUES.keys() == arguments
    names = [f"L{number}" for number in range(12)]  # L10 follows L9
    config = GloveLstmConfig(**EVERY_ARGUMENT, id2label=dict(enumerate(names)))
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(loaded, GloveLstmConfig)
    for name, value in EVERY_ARGUMENT.items():
        assert getattr(loaded, name) == value, name
    assert loaded.label_names == config.label_names == names


def test_model_and_tokenizer_agree_on_token_type_ids():
    """The two files travel apart, so that neither imports the other."""
    assert len(word_shapes.SHAPES) == configuration_glove_lstm.SHAPE_COUNT
    for name in ("SHAPE_BITS", "CODE_BITS", "SPELLING_LENGTH", "KNOWN"):
        assert getattr(word_shapes, name) == getattr(configuration_glove_lstm, name), name
