"""The config: what it refuses, that it survives JSON, and the presets that fill it."""

import inspect
from dataclasses import fields

import pytest
from transformers import AutoConfig

from glove_lstm import GloveLstmConfig, GloveLstmModel
from glove_lstm.commands.train import parse
from glove_lstm.errors import DataError
from glove_lstm.modeling import configuration_glove_lstm
from glove_lstm.modeling.configuration_glove_lstm import AUTO_MAP, UNCALIBRATED
from glove_lstm.tokenization import word_shapes
from glove_lstm.training.arguments import ModelArguments, TokenizerArguments
from glove_lstm.training.recipe import make_recipe

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
    "pad_token_id",
    "unk_token_id",
]
BAD_VALUES = {
    **dict.fromkeys(WHOLE_NUMBERS, (-1, 2.5, True)),
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


def bad_arguments():
    arguments = []
    for name, values in BAD_VALUES.items():
        arguments += [(name, value) for value in values]
    return arguments


@pytest.mark.parametrize(("name", "value"), bad_arguments(), ids=repr)
def test_a_bad_value_is_refused_by_the_name_of_its_argument(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        GloveLstmConfig(**{name: value})


def test_a_token_beyond_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="pad_token_id must be below vocab_size 9, not 9"):
        GloveLstmConfig(vocab_size=9, pad_token_id=9)


def test_a_value_that_is_set_later_is_checked_by_the_model():
    config = GloveLstmConfig(vocab_size=9)
    config.temperature = -1.0
    with pytest.raises(ValueError, match="temperature must be a finite number"):
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


def test_defaults_are_the_published_network():
    config = GloveLstmConfig()
    assert config.label_names == ["LABEL_0", "LABEL_1"]
    assert config.label2id == {"LABEL_0": 0, "LABEL_1": 1}
    assert config.embedding_size == 100
    assert config.hidden_size == 60
    assert config.classifier_hidden_size == 50
    assert config.freeze_embeddings
    assert config.ngram_buckets == 0
    assert config.auto_map == AUTO_MAP
    for name, value in UNCALIBRATED.items():
        assert getattr(config, name) == value


def test_the_article_preset_is_the_published_recipe():
    recipe = make_recipe("article")
    training = recipe.training
    tokenizer = recipe.tokenizer
    assert training.learning_rate == 1e-3
    assert training.lr_scheduler_type == "constant"
    assert training.per_device_train_batch_size == 128
    assert training.num_train_epochs == 10
    assert tokenizer.max_seq_length == 1000
    assert tokenizer.truncation_side == "left"
    assert tokenizer.vocab_size == 100_000
    assert recipe.model.config_values() == {
        "hidden_size": 60,
        "classifier_hidden_size": 50,
        "dropout": 0.1,
        "freeze_embeddings": True,
    }


def test_model_and_tokenizer_agree_on_token_type_ids():
    """The two files travel apart, so that neither imports the other."""
    assert len(word_shapes.SHAPES) == configuration_glove_lstm.SHAPE_COUNT
    for name in ("SHAPE_BITS", "CODE_BITS", "SPELLING_LENGTH", "KNOWN"):
        assert getattr(word_shapes, name) == getattr(configuration_glove_lstm, name), name


def test_vocab_size_in_a_json_file_is_refused_beside_a_checkpoint(tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"vocab_size": 60000}')
    with pytest.raises(DataError, match=r"^With model_name_or_path, leave vocab_size out"):
        parse([str(path), "--model_name_or_path", "out", "--preset", "article"])


def test_a_checkpoint_keeps_its_shape_and_may_cut_texts_earlier():
    cut = make_recipe("article", model_name_or_path="out", max_seq_length=20)
    assert cut.tokenizer == TokenizerArguments(max_seq_length=20)
    assert cut.model.config_values() == {}  # the preset's shape is not forced upon it


def test_each_argument_of_the_network_can_be_given():
    """Except the arguments that follow from the data and the vectors, or are fitted."""
    given = {field.name for field in fields(ModelArguments)} - {"model_name_or_path"}
    follow_from_data = {"vocab_size", "embedding_size", "pad_token_id", "unk_token_id"}
    follow_from_data |= {"text_column_names", "label_type", "kwargs"}
    arguments = set(inspect.signature(GloveLstmConfig).parameters)
    assert given == arguments - follow_from_data - UNCALIBRATED.keys()
    for field in fields(ModelArguments):
        assert field.metadata["help"]
