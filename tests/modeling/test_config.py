"""The config: what it refuses, and that it survives JSON."""

import inspect

import pytest
from transformers import AutoConfig

from glove_lstm import GloveLstmConfig
from glove_lstm.modeling import configuration_glove_lstm
from glove_lstm.tokenization import word_shapes

NAN = float("nan")
NO_COUNT = [-1, 2.5, True]
NO_ROW = [-1, 2.5, True, 60_000]  # of the vocabulary
NO_SHARE = [-0.1, 1, NAN, "0.1"]
# Argument -> a good value that is not its default, and bad ones.
VALUES = {
    "vocab_size": (123, NO_COUNT),
    "embedding_size": (7, NO_COUNT),
    "type_embedding_size": (3, NO_COUNT),
    "character_buckets": (20, NO_COUNT),
    "hidden_size": (9, NO_COUNT),
    "lstm_length": (50, NO_COUNT),
    "classifier_hidden_size": (8, NO_COUNT),
    "ngram_buckets": (40, NO_COUNT),
    "embedding_dropout": (0.25, NO_SHARE),
    "dropout": (0, NO_SHARE),
    "freeze_embeddings": (False, ["false"]),
    "ngram_weight": (0.5, [-1, NAN, True]),
    "shrinkage": (2, [-1, NAN, True]),
    "temperature": (1.7, [0, -1, NAN, True]),
    "thresholds": ([0.2] * 12, ["ab", 0.5, [-0.1]]),
    "pad_token_id": (2, NO_ROW),
    "unk_token_id": (0, NO_ROW),
    "text_column_names": (["title", "body"], ["title", [], [1]]),
    "label_column_name": ("verdict", [1, ["verdict"]]),
    "label_type": ("int", ["number"]),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, (_, values) in VALUES.items() for value in values],
    ids=repr,
)
def test_a_bad_value_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        GloveLstmConfig(**{name: value})


def test_every_argument_survives_json(tmp_path):
    arguments = set(inspect.signature(GloveLstmConfig).parameters) - {"kwargs"}
    assert VALUES.keys() == arguments
    names = [f"L{number}" for number in range(12)]  # L10 follows L9
    values = {name: good for name, (good, _) in VALUES.items()}
    config = GloveLstmConfig(**values, id2label=dict(enumerate(names)))
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(loaded, GloveLstmConfig)
    for name, value in values.items():
        assert getattr(loaded, name) == value, name
    assert loaded.label_names == config.label_names == names


def test_model_and_tokenizer_agree_on_token_type_ids():
    """The two files travel apart, so that neither imports the other."""
    assert len(word_shapes.SHAPES) == configuration_glove_lstm.SHAPE_COUNT
    for name in ("SHAPE_BITS", "CODE_BITS", "SPELLING_LENGTH", "KNOWN"):
        assert getattr(word_shapes, name) == getattr(configuration_glove_lstm, name), name
