"""The config: what it refuses, and that it survives JSON."""

import inspect
import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT
from transformers import AutoConfig

from glove_lstm import GloveLstmConfig, GloveLstmModel
from glove_lstm.checkpoint import read_label_names
from glove_lstm.commands.train import parse
from glove_lstm.errors import DataError
from glove_lstm.modeling import configuration_glove_lstm
from glove_lstm.modeling.configuration_glove_lstm import AUTO_MAP, UNCALIBRATED
from glove_lstm.tokenization import word_shapes
from glove_lstm.training.arguments import ModelArguments, TokenizerArguments, make_recipe

# The least value of each count.
COUNTS = {
    "vocab_size": 2,
    "embedding_size": 1,
    "type_embedding_size": 0,
    "character_buckets": 0,
    "hidden_size": 1,
    "lstm_length": 0,
    "classifier_hidden_size": 1,
    "ngram_buckets": 0,
}
SHARES = ["embedding_dropout", "dropout"]
FLAGS = ["freeze_embeddings"]
IDS = ["pad_token_id", "unk_token_id"]
FACTORS = ["ngram_weight", "shrinkage", "temperature"]
NAN = float("nan")
INF = float("inf")

BAD_VALUES = {
    **{name: (least - 1, 2.5, "8", True, None) for name, least in COUNTS.items()},
    **dict.fromkeys(SHARES, (-0.1, 1, 1.5, NAN, "0.1", True, None)),
    **dict.fromkeys(FLAGS, ("false", 1, None)),
    **dict.fromkeys(FACTORS, (-1, NAN, INF, "1", True, None)),
    "temperature": (0, -1, NAN, INF, "1", True, None),
    "thresholds": ("ab", [-0.1], [0.5, None]),
    **dict.fromkeys(IDS, (-1, 60_000, 1.0, "0", True)),
    "text_column_names": ("title", [], [1], ("title",)),
    "label_type": ("number", "", int, ["str"]),
}
BAD = [(name, value) for name, values in BAD_VALUES.items() for value in values]


@pytest.mark.parametrize(("name", "value"), BAD, ids=repr)
def test_a_bad_value_is_refused_by_the_name_of_its_argument(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        GloveLstmConfig(**{name: value})


def test_a_value_that_is_set_later_is_checked_by_the_model():
    config = GloveLstmConfig(vocab_size=9)
    config.temperature = -1.0
    with pytest.raises(ValueError, match="temperature must be a number"):
        GloveLstmModel(config)


def test_every_argument_has_a_bad_value():
    arguments = set(inspect.signature(GloveLstmConfig.__init__).parameters) - {"self", "kwargs"}
    assert arguments == BAD_VALUES.keys()


@settings(max_examples=40, deadline=None)
@given(
    values=st.fixed_dictionaries(
        {
            **{name: st.integers(low + 5, low + 300) for name, low in COUNTS.items()},
            **{name: st.floats(0, 0.99) | st.just(0) for name in SHARES},
            **{name: st.booleans() for name in FLAGS},
            **{name: st.floats(1e-3, 1e3) | st.integers(1, 9) for name in FACTORS},
            **{name: st.integers(0, 2) for name in IDS},
            "text_column_names": st.none() | st.lists(st.text(), min_size=1, max_size=3),
            "label_type": st.sampled_from([None, "str", "int", "bool", "float"]),
        }
    ),
    labels=st.integers(1, 7),
)
def test_round_trip_through_json(tmp_path_factory, values, labels):
    config = GloveLstmConfig(**values, id2label={i: f"L{i}" for i in range(labels)})
    for name, value in values.items():
        assert getattr(config, name) == value
    folder = tmp_path_factory.mktemp("config")
    config.save_pretrained(folder)
    for loaded in (
        GloveLstmConfig.from_pretrained(folder),
        AutoConfig.from_pretrained(folder),
        GloveLstmConfig(**json.loads(config.to_json_string(use_diff=False))),
    ):
        assert isinstance(loaded, GloveLstmConfig)
        for name, value in values.items():
            assert getattr(loaded, name) == value, name
        assert loaded.label_names == config.label_names == [f"L{i}" for i in range(labels)]
        assert loaded.num_labels == labels


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


def test_labels_are_in_the_order_of_their_numbers():
    assert GloveLstmConfig(num_labels=12).label_names == [f"LABEL_{i}" for i in range(12)]


@pytest.mark.parametrize("name", ["LABEL", "FAKE"])
def test_labels_are_saved(tmp_path, name):
    names = {0: f"{name}_0", 1: f"{name}_1"}
    GloveLstmConfig(id2label=names).save_pretrained(tmp_path)
    assert GloveLstmConfig.from_pretrained(tmp_path).id2label == names
    written = json.loads((tmp_path / "config.json").read_text())
    assert read_label_names(tmp_path, written) == tuple(names.values())


def test_the_shipped_checkpoint_names_its_labels():
    assert GloveLstmConfig.from_pretrained(ROOT / "hub").id2label == {0: "FAKE", 1: "REAL"}


def test_model_and_tokenizer_agree_on_token_type_ids():
    """The two files travel apart, so that neither imports the other."""
    assert len(word_shapes.SHAPES) == configuration_glove_lstm.SHAPE_COUNT
    for name in ("SHAPE_BITS", "CODE_BITS", "SPELLING_LENGTH", "KNOWN"):
        assert getattr(word_shapes, name) == getattr(configuration_glove_lstm, name), name


TOKENIZER_ARGUMENTS = sorted(field.name for field in fields(TokenizerArguments))
TOKENIZER_ARGUMENTS.remove("max_seq_length")  # may be given with a checkpoint


@pytest.mark.parametrize("name", TOKENIZER_ARGUMENTS)
def test_a_checkpoint_brings_its_tokenizer(name):
    """Arguments of another tokenizer are refused, even if they are the defaults."""
    values = {name: getattr(TokenizerArguments(), name)}
    with pytest.raises(DataError, match=f"^With model_name_or_path, leave {name} out"):
        make_recipe("article", model_name_or_path="out", **values)


def test_a_file_of_arguments_of_another_tokenizer_is_refused(tmp_path):
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
