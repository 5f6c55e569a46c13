"""Teachers: what they may be, what they are asked, and which answers are kept."""

import itertools
import time
import zlib

import numpy as np
import pytest
import torch
from teachers import changed_copy, with_pooling
from transformers import BertForSequenceClassification, BertModel, BertTokenizerFast

from glove_lstm import Teacher
from glove_lstm.errors import DataError
from glove_lstm.training.answers import ClassifierAnswers, ask
from glove_lstm.training.encoder_head import EncoderAnswers
from glove_lstm.tables.examples import Examples
from glove_lstm.training.teacher import LoadedClassifier, LoadedEncoder, load_teacher

CPU = torch.device("cpu")
NAMES = ["a", "b", "c"]


class Counting(LoadedClassifier):
    """Knows what it was asked, and may be interrupted."""

    label_names = NAMES

    def __init__(self, identity="counting", stops_after=10_000):
        self.identity = identity
        self.about = {"name": identity}
        self.asked = []
        self.stops_after = stops_after

    def logits(self, texts):
        if len(self.asked) >= self.stops_after:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[len(text), 1.0, 0.0] for text in texts], dtype=np.float32)


@pytest.mark.parametrize(("capabilities", "tolerance"), [({}, 1e-5), ({"amx_bf16": True}, 0.02)])
def test_logits_are_what_transformers_computes_in_the_order_of_texts_and_labels(
    transformer, news, monkeypatch, capabilities, tolerance
):
    """In float32, or in bfloat16 where it is fast."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    teacher = load_teacher(transformer, CPU)
    logits = ask(teacher, news.texts, ["FAKE", "REAL"])
    tokenizer = BertTokenizerFast.from_pretrained(transformer)
    model = BertForSequenceClassification.from_pretrained(transformer).eval()
    inputs = tokenizer(news.texts, padding=True, truncation=True, return_tensors="pt")
    real_first = model(**inputs).logits.detach().numpy()
    expected = real_first[:, ::-1] - real_first.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected, atol=tolerance)
    assert (np.abs(logits - expected).max() > 1e-5) == bool(capabilities)


def test_answers_are_kept_and_each_text_is_asked_once(tmp_path):
    texts = [f"text {number}" for number in range(40)] * 2
    first = Counting()
    logits = ClassifierAnswers(first, NAMES, tmp_path).logits(texts)
    assert sorted(first.asked) == sorted(set(texts))
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)

    again = Counting()
    kept = ClassifierAnswers(again, NAMES, tmp_path).logits([*texts, "new"])
    assert again.asked == ["new"]
    np.testing.assert_array_equal(kept[:-1], logits)

    other = Counting("another")
    ClassifierAnswers(other, NAMES, tmp_path).logits(texts[:1])
    assert other.asked == texts[:1]
    assert ClassifierAnswers(other, NAMES, tmp_path).logits([]).shape == (0, 3)


def test_a_stopped_run_asks_for_the_rest_only(tmp_path):
    texts = [f"text {number}" for number in range(2000)]
    first = Counting(stops_after=1500)
    with pytest.raises(KeyboardInterrupt):
        ClassifierAnswers(first, NAMES, tmp_path).logits(texts)
    after = Counting()
    ClassifierAnswers(after, NAMES, tmp_path).logits(texts)
    assert sorted(first.asked + after.asked) == sorted(texts)


def test_answers_outlive_a_kill(tmp_path, monkeypatch):
    """They are written every two minutes; here, each look at the clock is an hour later."""
    hours = itertools.count(step=3600.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(hours))
    written = []

    class Watching(Counting):
        def logits(self, texts):
            sizes = [len(np.load(path)["keys"]) for path in tmp_path.iterdir()]
            written.append(sum(sizes))
            return super().logits(texts)

    ClassifierAnswers(Watching(), NAMES, tmp_path).logits(list(map(str, range(100))))
    assert written[0] == 0
    assert written[-1] > written[1] > 0


def test_pickled_weights_are_refused(transformer, tmp_path):
    """They could run any code."""
    pickled = changed_copy(transformer, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(DataError, match="safetensors"):
        load_teacher(pickled, CPU)


def test_remote_code_of_a_teacher_runs_only_if_it_is_trusted(transformer, tmp_path):
    auto_map = {
        "AutoConfig": "own.OwnConfig",
        "AutoModelForSequenceClassification": "own.OwnClassifier",
    }
    own = changed_copy(transformer, tmp_path / "own", model_type="own-bert", auto_map=auto_map)
    ran = tmp_path / "ran"
    (own / "own.py").write_text(
        "from pathlib import Path\n"
        "from transformers import BertConfig, BertForSequenceClassification\n"
        f"Path({str(ran)!r}).touch()\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own-bert'\n"
        "class OwnClassifier(BertForSequenceClassification):\n    config_class = OwnConfig\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="contains custom code"):
        load_teacher(own, CPU)
    assert not ran.exists()
    teacher = load_teacher(Teacher(str(own), trust_remote_code=True), CPU)
    assert ran.exists()
    assert teacher.logits(["a text"]).shape == (1, 2)


# Encoders

MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
CLS = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}


@pytest.mark.parametrize(
    ("kinds", "settings", "pooling"),
    [
        ([], {}, "mean"),
        (["Transformer", "Pooling", "Normalize"], MEAN, "mean"),
        (["Transformer", "Pooling"], CLS, "cls"),
        (["Transformer", "Pooling"], {"pooling_mode": "mean", "include_prompt": True}, "mean"),
        (["Transformer", "Pooling"], {"pooling_mode": ["cls"], "include_prompt": True}, "cls"),
    ],
    ids=["no files", "mean", "first token", "mean, version 6", "first token, version 6"],
)
def test_texts_are_pooled_as_the_files_say(
    encoder, news, tmp_path, monkeypatch, kinds, settings, pooling
):
    """The last and the middle layer, whatever texts are beside them; here without bfloat16."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    folder = encoder
    if kinds:
        folder = with_pooling(encoder, tmp_path / "st", kinds, **settings)
    texts = ["council votes on the budget", *news.texts[:3]]
    embeddings = load_teacher(folder, CPU).embed(texts)
    inputs = BertTokenizerFast.from_pretrained(encoder)(texts[:1], return_tensors="pt")
    with torch.inference_mode():
        model = BertModel.from_pretrained(encoder).eval()
        layers = model(**inputs, output_hidden_states=True).hidden_states
    parts = []
    for layer in (layers[-1], layers[(len(layers) - 1) // 2]):
        states = layer[0].numpy()
        part = states[0] if pooling == "cls" else states.mean(axis=0)
        parts.append(part / np.linalg.norm(part))
    assert not np.allclose(*parts)
    np.testing.assert_allclose(embeddings[0], np.concatenate(parts), atol=1e-5)


def test_kept_embeddings_are_of_one_pooling(encoder, tmp_path):
    """Those of one are not taken for those of another."""
    texts = Examples(["council votes", "secret hoax"], np.array([0, 1]), ["a", "b"])
    for number, pooling in enumerate((MEAN, CLS)):
        folder = with_pooling(
            encoder, tmp_path / str(number), ["Transformer", "Pooling"], **pooling
        )
        EncoderAnswers(load_teacher(folder, CPU), texts, tmp_path)
    assert len(list(tmp_path.glob("teacher_answers*.npz"))) == 2


def test_labels_of_a_single_text_are_learned(encoder, news):
    first = [news.labels.index(label) for label in ("FAKE", "REAL")]
    texts = [*(news.texts[row] for row in first), "the only sports text"]
    one_each = Examples(texts, np.arange(3), ["FAKE", "REAL", "SPORT"])
    logits = EncoderAnswers(load_teacher(encoder, CPU), one_each).logits(texts)
    assert logits.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)


class Guessing(LoadedEncoder):
    """Its embeddings tell texts apart, and nothing else."""

    def __init__(self):
        self.about = {"name": "guessing"}

    def embed(self, texts):
        seeds = [zlib.crc32(text.encode()) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=50) for seed in seeds])


def test_the_copy_of_a_text_does_not_make_the_regression_sure():
    """If it were in another fold, the regression would know the label by heart."""
    texts = [f"text {number}" for number in range(300)]
    labels = np.random.default_rng(0).integers(0, 2, 300)
    twice = Examples([*texts, *texts], np.tile(labels, 2), ["a", "b"])
    assert EncoderAnswers(Guessing(), twice).temperature > 5
