"""A checkpoint is opened with all of its files or not at all; what is damaged is named at each door."""

import dataclasses
import json
from unittest import mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import QUICK, assert_command_names, contents, edit_json, run_here, write_articles

from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LOADED_NAMES
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.commands import evaluate, export, predict, push, train
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import classifier_in_memory, export_onnx

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
RECORD = "training_texts.safetensors"

# What is refused. Spoilers change files of a folder.


def cut(name):
    def spoil(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return spoil


def content(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def edit(name, **values):
    return lambda folder: edit_json(folder / name, **values)


def change_weights(change):
    """Store the tensors that `change` makes of the tensors."""

    def spoil(folder):
        weights = load_file(folder / WEIGHTS)
        save_file(change(weights), folder / WEIGHTS)

    return spoil


@change_weights
def without_classifier(weights):
    return {name: each for name, each in weights.items() if not name.startswith("classifier.")}


def of_tokenizer(**changes):
    """Change the model of tokenizer.json; `vocab` are words that are added."""

    def spoil(folder):
        path = folder / TOKENIZER
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        vocab = model["vocab"] | changes.get("vocab", {})
        edit_json(path, model={**model, **changes, "vocab": vocab})

    return spoil


# Doors: each opens a folder, and returns what is wrong with it.


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
        return assert_command_names(done)

    return enter


def refuse_to_train(argv):
    """The command, whose training does not begin."""
    with mock.patch("glove_lstm.training.fit.hold_out", side_effect=AssertionError):
        train.main(argv)


ENTER = {
    "light": loader(LightClassifier.from_pretrained),
    "torch": loader(lambda folder: Checkpoint.open(folder).load_model()),
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

NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
DEEP_HEADER = (200_000).to_bytes(8, "little") + b"[" * 200_000
SEVERAL = {"problem_type": "multi_label_classification", "thresholds": [0.5]}


def labels(*names, **values):
    return edit(CONFIG, id2label=dict(enumerate(names)), label2id={}, **values)


# name -> spoiler, words of the message beside the folder, doors
ROWS = {
    "config, cut": (cut(CONFIG), [CONFIG], ENTER),
    "tokenizer, cut": (cut(TOKENIZER), [TOKENIZER], LOADERS),
    "tokenizer, nested": (content(TOKENIZER, NESTED), [TOKENIZER], ENTER),
    "settings, cut": (cut(SETTINGS), [SETTINGS], LOADERS),
    "light.onnx, cut": (cut("light.onnx"), ["light.onnx"], ["light", "predict", "push"]),
    "record of texts, cut": (cut(RECORD), [RECORD], ["estimator", "evaluate"]),
    "weights, cut": (cut(WEIGHTS), ["get the checkpoint again"], ENTER),
    "weights, a deep header": (content(WEIGHTS, DEEP_HEADER), ["checkpoint again"], LOADERS),
    "no classifier": (without_classifier, [WEIGHTS, CONFIG, "classifier.bias"], TORCH),
    "hidden_size 9": (edit(CONFIG, hidden_size=9), [WEIGHTS, CONFIG], TORCH),
    "no unknown token": (of_tokenizer(unk_token="<none>"), [TOKENIZER, "<none>"], LOADERS),
    "a word more": (of_tokenizer(vocab={"onemoreword": 47}), [TOKENIZER, "48", "47"], LOADERS),
    "no token types": (edit(SETTINGS, model_input_names=[]), ["token_type_ids"], LOADERS),
    "length 0": (edit(SETTINGS, model_max_length=0), ["model_max_length", "0"], LOADERS),
    "3 labels for 2": (labels("a", "b", "c"), [CONFIG], LOADERS),
    "a label is a number": (labels("a", 5), [CONFIG, "id2label", "5"], LOADERS),
    "a threshold for two labels": (edit(CONFIG, **SEVERAL), [CONFIG, "[0.5]", "2"], LOADERS),
    "regression": (edit(CONFIG, problem_type="regression"), [CONFIG, "classifiers"], LOADERS),
    "label_type int": (edit(CONFIG, label_type="int"), ["label_type", "'FAKE'"], TORCH),
}


@pytest.fixture(scope="module")
def other_articles(tmp_path_factory):
    """Articles that the checkpoint has not seen."""
    return write_articles(tmp_path_factory.mktemp("other") / "other.csv", 160, seed=7)


@pytest.mark.parametrize("row", ROWS)
def test_what_is_damaged_is_refused_by_name(exported, other_articles, row):
    spoil, words, doors = ROWS[row]
    before = contents(exported)
    spoil(exported)
    spoiled = contents(exported)
    assert spoiled != before
    for door in doors:
        message = ENTER[door](exported, other_articles)
        assert "\n" not in message, door
        for word in [*words, exported.name]:
            assert word in message, f"{door}: {message}"
    assert contents(exported) == spoiled


@pytest.mark.parametrize("name", LOADED_NAMES)
def test_an_incomplete_checkpoint_is_not_opened(copy, name):
    (copy / name).unlink()
    with pytest.raises(DataError, match=f"not a complete checkpoint: {name} is missing"):
        Checkpoint.open(copy)


@pytest.mark.parametrize("value", [3e38, float("nan")])
def test_weights_that_give_no_finite_score(exported, value):
    bias = torch.full((2,), value)
    change_weights(lambda weights: {**weights, "classifier.bias": bias})(exported)
    edit_json(exported / CONFIG, temperature=0.1)
    with pytest.raises(DataError, match="finite"):
        export_onnx(exported)
    with pytest.raises(DataError, match="finite"):
        GloveLstmClassifier.from_pretrained(exported).predict(["a"])


# What is opened


def test_neither_type_nor_kernel_of_a_config_is_used(exported):
    """The scores are those of ONNX, and transformers would run the code of a kernel."""
    before = LightClassifier.from_pretrained(exported).predict_proba(["A text"])
    values = {"attn_implementation": "user/kernel", "return_dict": False}
    edit_json(exported / "config.json", dtype="bfloat16", **values)
    model, tokenizer = Checkpoint.open(exported).load_model()
    assert model.dtype == torch.float32
    after = classifier_in_memory(model, tokenizer).predict_proba(["A text"])
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
