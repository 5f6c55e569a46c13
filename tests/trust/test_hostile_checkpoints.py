"""A checkpoint that is damaged, hostile or of other files is refused at every door by the name of its file."""

import json
from unittest import mock

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import QUICK, assert_refused, edit_json, run_here, write_articles

from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.weights_file import read_header
from glove_lstm.commands import evaluate, export, predict, push, train
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import export_onnx

WEIGHTS = "model.safetensors"

# Spoilers: each changes files of a folder.


def cut(name):
    def spoil(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return spoil


def content(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def edit(name, **values):
    return lambda folder: edit_json(folder / name, **values)


def config(**values):
    return edit("config.json", **values)


def last_value(tensor, value):
    """Overwrite the last value of a tensor."""

    def spoil(folder):
        path = folder / WEIGHTS
        header, start = read_header(path)
        _, end = header[tensor]["data_offsets"]
        data = bytearray(path.read_bytes())
        data[start + end - value.nbytes : start + end] = value.tobytes()
        path.write_bytes(data)
        # As if light.onnx was made from these weights.
        graph = onnx.load(folder / "light.onnx", load_external_data=False)
        onnx.helper.set_model_props(graph, Checkpoint.open(folder).content_hashes())
        onnx.save(graph, folder / "light.onnx")

    return spoil


def bias(value, dtype):
    """Store the bias of the dense layer in another type."""

    def spoil(folder):
        weights = load_file(folder / WEIGHTS)
        weights["dense.bias"] = torch.full((8,), value, dtype=dtype)
        save_file(weights, folder / WEIGHTS)

    return spoil


def without(beginning):
    """Remove tensors."""

    def spoil(folder):
        weights = load_file(folder / WEIGHTS)
        kept = {name: tensor for name, tensor in weights.items() if not name.startswith(beginning)}
        assert len(kept) < len(weights)
        save_file(kept, folder / WEIGHTS)

    return spoil


def of_tokenizer(**changes):
    """Change the model of tokenizer.json; `vocab` are words that are added."""

    def spoil(folder):
        path = folder / "tokenizer.json"
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        vocab = model["vocab"] | changes.get("vocab", {})
        edit_json(path, model={**model, **changes, "vocab": vocab})

    return spoil


def deep_header(folder):
    """Many lists in each other, for which json needs as many calls."""
    header = b"[" * 200_000
    (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)


# Doors: each opens a folder, and returns or raises what is wrong with it.


def load_model(folder):
    return Checkpoint.open(folder).load_model()


def loader(load):
    def enter(folder, articles):
        with pytest.raises(DataError) as refusal:
            load(folder)
        return str(refusal.value)

    return enter


def command(main, *words):
    def enter(folder, articles):
        places = {"HERE": folder, "ARTICLES": articles, "OUT": folder / "out"}
        done = run_here(main, *(word.format(**places) for word in words))
        assert_refused(done)
        return done.stderr.strip().splitlines()[-1]

    return enter


def refuse_to_train(argv):
    """The command, whose training does not begin."""
    with mock.patch("glove_lstm.training.fit.hold_out", side_effect=AssertionError):
        train.main(argv)


ENTER = {
    "light": loader(LightClassifier.from_pretrained),
    "torch": loader(load_model),
    "estimator": loader(GloveLstmClassifier.from_pretrained),
    "predict": command(predict.main, "qzx", "--model", "{HERE}"),
    "evaluate": command(evaluate.main, "{HERE}", "--test_file", "{ARTICLES}"),
    "export": command(export.main, "{HERE}"),
    "push": command(push.main, "{HERE}", "--repo_id", "user/name", "--dry_run"),
    "train": command(
        *(refuse_to_train, "--train_file", "{ARTICLES}", "--model_name_or_path", "{HERE}"),
        *("--output_dir", "{OUT}", *QUICK),
    ),
}
LOADERS = ["light", "torch"]
TORCH = ["torch"]  # the light loader says that light.onnx was made from other files
DAMAGED = ["config, cut", "tokenizer, nested", "NaN"]

TOKENIZER = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
INFINITY = float("inf")
NO_TYPES = ["input_ids", "attention_mask"]
THREE = {0: "a", 1: "b", 2: "c"}
SEVERAL = {"problem_type": "multi_label_classification"}
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
ROWS = {
    "config, cut": (cut("config.json"), ["config.json"], LOADERS),
    "tokenizer, cut": (cut(TOKENIZER), [TOKENIZER], LOADERS),
    "settings, cut": (cut(SETTINGS), [SETTINGS], LOADERS),
    "weights, cut": (cut(WEIGHTS), [WEIGHTS], LOADERS),
    "light.onnx, cut": (
        cut("light.onnx"),
        ["light.onnx"],
        ["light", "predict", "push"],
    ),
    "weights, empty": (content(WEIGHTS, b""), [WEIGHTS], LOADERS),
    "weights, no size": (content(WEIGHTS, b"\xff" * 100), [WEIGHTS], LOADERS),
    "weights, a list": (content(WEIGHTS, b"\x02" + bytes(7) + b"[]"), [WEIGHTS], LOADERS),
    "weights, no type": (content(WEIGHTS, b"\x09" + bytes(7) + b'{"a": {}}'), [WEIGHTS], LOADERS),
    "NaN": (
        last_value("classifier.weight", np.float32("nan")),
        [WEIGHTS, "classifier.weight", "finite"],
        LOADERS,
    ),
    "-inf in 16 bits": (
        last_value("encoder.embeddings.word_embeddings.weight", np.float16("-inf")),
        [WEIGHTS, "encoder.embeddings.word_embeddings.weight", "finite"],
        LOADERS,
    ),
    "config, nested": (content("config.json", NESTED), ["config.json"], LOADERS),
    "tokenizer, nested": (content(TOKENIZER, NESTED), [TOKENIZER], LOADERS),
    "settings, nested": (content(SETTINGS, NESTED), [SETTINGS], LOADERS),
    "no unknown token": (of_tokenizer(unk_token="<none>"), [TOKENIZER, "<none>"], LOADERS),
    "a word more": (of_tokenizer(vocab={"onemoreword": 47}), [TOKENIZER, "48", "47"], LOADERS),
    "no token types": (edit(SETTINGS, model_input_names=NO_TYPES), ["token_type_ids"], LOADERS),
    "3 labels for 2": (config(id2label=THREE, label2id={}), ["config.json", "3", "2"], LOADERS),
    "labels alike": (
        config(id2label={0: "a", 1: "a"}, label2id={}),
        ["config.json", "'a'", "id2label"],
        LOADERS,
    ),
    "a label is a number": (
        config(id2label={0: "a", 1: 5}, label2id={}),
        ["config.json", "id2label", "5"],
        LOADERS,
    ),
    "thresholds 5": (config(**SEVERAL, thresholds=5), ["config.json", "thresholds", "5"], LOADERS),
    "thresholds NaN": (
        config(**SEVERAL, thresholds=[0.5, float("nan")]),
        ["config.json", "thresholds", "nan"],
        LOADERS,
    ),
    "a threshold for two labels": (
        config(**SEVERAL, thresholds=[0.5]),
        ["config.json", "thresholds", "[0.5]", "2"],
        LOADERS,
    ),
    "more mistakes than texts": (
        config(held_out_scores={"labels_of": "people", "rows": [[0.5, 1, 2]], "sure_from": None}),
        ["config.json", "held_out_scores"],
        LOADERS,
    ),
    "no rows": (config(held_out_scores={"rows": []}), ["config.json", "held_out_scores"], LOADERS),
    "no classifier": (without("classifier."), [WEIGHTS, "config.json", "classifier.bias"], TORCH),
    "no n-grams": (without("ngrams."), [WEIGHTS, "config.json", "ngrams.bias"], TORCH),
    "hidden_size 9": (config(hidden_size=9), [WEIGHTS, "config.json"], TORCH),
    "other weights": (
        config(transformers_weights="other.safetensors"),
        ["config.json", "transformers_weights", WEIGHTS],
        LOADERS,
    ),
    "a deep header": (deep_header, [WEIGHTS], LOADERS),
    "another kind of model": (config(model_type="bert"), ["'bert'", "glove_lstm"], LOADERS),
    "problem_type, a list": (
        config(problem_type=["regression"]),
        ["config.json", "problem_type", "['regression']"],
        LOADERS,
    ),
    "regression": (
        config(problem_type="regression"),
        ["config.json", "'regression'", "classifiers"],
        LOADERS,
    ),
    "one label": (config(id2label={0: "a"}, label2id={}), ["config.json", "1 label"], LOADERS),
    "columns, a text": (
        config(text_column_names="title"),
        ["config.json", "text_column_names", "'title'"],
        LOADERS,
    ),
    "columns, a number": (
        config(text_column_names=[1]),
        ["config.json", "text_column_names", "[1]"],
        LOADERS,
    ),
    "label column, a number": (
        config(label_column_name=1),
        ["config.json", "label_column_name", "1"],
        LOADERS,
    ),
    "label_type int": (
        config(label_type="int"),
        ["label_type", "'FAKE'"],
        TORCH,
    ),
    "record of texts, cut": (
        cut("training_texts.safetensors"),
        ["training_texts.safetensors"],
        ["estimator", "evaluate"],
    ),
}
for length in (0, 2.5, True):
    words = [SETTINGS, "model_max_length", str(length)]
    ROWS[f"length {length}"] = edit(SETTINGS, model_max_length=length), words, LOADERS
for dtype in FLOATS:
    ROWS[f"infinity, {dtype}"] = bias(INFINITY, dtype), [WEIGHTS, "dense.bias", "finite"], LOADERS
for dtype in (torch.int32, torch.bool, torch.float8_e4m3fn):
    ROWS[f"{dtype}"] = bias(1, dtype), [WEIGHTS, "dense.bias", "type"], LOADERS


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def other_articles(tmp_path_factory):
    """Articles that the checkpoint has not seen."""
    return write_articles(tmp_path_factory.mktemp("other") / "other.csv", 160, seed=7)


@pytest.mark.parametrize("row", ROWS)
def test_both_loaders_name_the_file(exported, other_articles, row):
    spoil, words, doors = ROWS[row]
    assert_refused_at(doors, exported, other_articles, spoil, words)


@pytest.mark.parametrize("row", DAMAGED)
def test_every_door(exported, other_articles, row):
    spoil, words, _ = ROWS[row]
    assert_refused_at(ENTER, exported, other_articles, spoil, words)


def assert_refused_at(doors, exported, other_articles, spoil, words):
    before = contents(exported)
    spoil(exported)
    spoiled = contents(exported)
    assert spoiled != before
    for door in doors:
        message = ENTER[door](exported, other_articles)
        assert "\n" not in message, door
        for word in words:
            assert word in message, f"{door}: {message}"
        assert exported.name in message, door
    assert contents(exported) == spoiled


def test_weights_that_are_too_large_for_a_score(exported):
    last_value("classifier.bias", np.float32(3e38))(exported)
    config(temperature=0.1)(exported)
    with pytest.raises(DataError, match="finite"):
        export_onnx(exported)
    with pytest.raises(DataError, match="finite"):
        GloveLstmClassifier.from_pretrained(exported).predict(["a"])


def test_a_tokenizer_with_a_pattern_that_backtracks_for_ever(exported):
    """Refused when it reads a text, not when it is opened."""
    pattern = {"Regex": r"(?<x>(a|aa)+)\k<x>$"}
    splitter = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    edit(TOKENIZER, pre_tokenizer=splitter)(exported)
    done = run_here(predict.main, "a" * 60 + "!", "--model", exported)
    assert_refused(done, TOKENIZER, "pattern")
