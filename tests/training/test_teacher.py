"""Teachers: what they may be, what they are asked, which answers are kept, and the copies of texts for them."""

import itertools
import logging
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from teachers import changed_copy, with_pooling
from transformers import BertForSequenceClassification, BertModel, BertTokenizerFast

from glove_lstm import Teacher
from glove_lstm.data.glove import load_glove
from glove_lstm.errors import DataError
from glove_lstm.training.answers import ClassifierAnswers, ask
from glove_lstm.training.copies import altered_copies, similar_words
from glove_lstm.training.encoder_head import EncoderAnswers
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.teacher import LoadedClassifier, LoadedEncoder, load_teacher

CPU = torch.device("cpu")
NAMES = ["a", "b", "c"]


class Counting(LoadedClassifier):
    """Knows what it was asked, and may be interrupted."""

    def __init__(self, identity="counting", stops_after=None):
        self.identity = identity
        self.about = {"name": identity}
        self.asked = []
        self.stops_after = stops_after

    def logits(self, texts):
        if self.stops_after is not None and len(self.asked) >= self.stops_after:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[len(text), 1.0, 0.0] for text in texts], dtype=np.float32)


def test_logits_are_what_transformers_computes_in_the_order_of_texts_and_labels(transformer, news):
    teacher = load_teacher(transformer, CPU)
    logits = ask(teacher, news.texts, ["FAKE", "REAL"])
    tokenizer = BertTokenizerFast.from_pretrained(transformer)
    model = BertForSequenceClassification.from_pretrained(transformer).eval()
    inputs = tokenizer(news.texts, padding=True, truncation=True, return_tensors="pt")
    real_first = model(**inputs).logits.detach().numpy()
    expected = real_first[:, ::-1] - real_first.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected, atol=1e-5)


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


def test_an_interrupted_run_asks_for_the_rest_only(tmp_path):
    texts = [f"text {number}" for number in range(2000)]
    first = Counting(stops_after=1500)
    with pytest.raises(KeyboardInterrupt):
        ClassifierAnswers(first, NAMES, tmp_path).logits(texts)
    after = Counting()
    ClassifierAnswers(after, NAMES, tmp_path).logits(texts)
    assert sorted(first.asked + after.asked) == sorted(texts)


def test_answers_are_written_while_the_teacher_is_asked(tmp_path, monkeypatch):
    """Every two minutes; here, each look at the clock is an hour later."""
    hours = itertools.count(step=3600.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(hours))
    written = []

    class Watching(Counting):
        def logits(self, texts):
            sizes = [len(np.load(path)["keys"]) for path in tmp_path.iterdir()]
            written.append(sum(sizes))
            return super().logits(texts)

    texts = [f"text {number}" for number in range(100)]
    ClassifierAnswers(Watching(), NAMES, tmp_path).logits(texts)
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


def test_a_teacher_of_the_hub_is_named_with_its_commit(transformer, hub):
    files = {path.name: path.read_bytes() for path in transformer.iterdir()}
    repo = hub.add_repo("user/bert", files)
    teacher = load_teacher(Teacher("user/bert", revision="main"), CPU)
    commit = repo.branches["main"].sha
    assert teacher.about == {"name": "user/bert", "revision": commit, "license": "mit"}
    with pytest.raises(DataError, match="The teacher user/bert could not be loaded"):
        load_teacher(Teacher("user/bert", revision="no-such-branch"), CPU)


@given(st.lists(st.text(alphabet="ab .,", min_size=1), min_size=1, max_size=5), st.integers(0, 4))
def test_copies_have_words_of_their_texts_and_are_always_the_same(texts, count):
    copies = altered_copies(texts, count, None)
    assert len(copies) == count * len(texts)
    for number, copy in enumerate(copies):
        words = texts[number // count].split()
        assert set(copy.split()) <= set(words)
        assert bool(copy.split()) == bool(words)
    copies_of_last = altered_copies(texts[-1:], count, None)
    assert copies_of_last == copies[len(copies) - count :]


def test_copies_lack_words_and_differ():
    text = " ".join(f"word{number}" for number in range(100))
    copies = altered_copies([text], 20, None)
    assert len(set(copies)) == 20
    for copy in copies:
        assert len(copy.split()) < 100


def test_words_are_exchanged_for_similar_ones_in_the_same_case(glove_file):
    glove = load_glove(str(glove_file))
    similar = similar_words(["council", "new"], glove)
    assert similar["council"]
    assert "council" not in similar["council"]

    text = " ".join(["Council,"] * 40 + ["NEW"] * 40 + ["qqq"] * 40)
    words = set(" ".join(altered_copies([text], 8, glove)).split())
    for_council = {f"{word.capitalize()}," for word in similar["council"]}
    for_new = {word.upper() for word in similar["new"]}
    assert words <= {"Council,", "NEW", "qqq"} | for_council | for_new
    assert words & for_council
    assert words & for_new


# Encoders

POOLINGS = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}


def test_a_repository_with_a_head_is_a_classifier_and_one_without_an_encoder(
    transformer, encoder, caplog
):
    with caplog.at_level(logging.INFO):
        assert isinstance(load_teacher(transformer, CPU), LoadedClassifier)
        assert f"{transformer} is a classifier" in caplog.text
        assert isinstance(load_teacher(encoder, CPU), LoadedEncoder)
        assert f"{encoder} is an encoder" in caplog.text


@pytest.mark.parametrize(
    ("kinds", "pooling"),
    [
        ([], "mean"),
        (["Transformer", "Pooling"], "mean"),
        (["Transformer", "Pooling", "Normalize"], "mean"),
        (["Transformer", "Pooling", "Normalize"], "cls"),
    ],
    ids=["no files", "mean", "normalised mean", "normalised first token"],
)
def test_texts_are_pooled_as_the_files_say(encoder, news, tmp_path, monkeypatch, kinds, pooling):
    """Whatever texts are beside them; in float32, also where bfloat16 is fast."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    folder = encoder
    if kinds:
        folder = with_pooling(encoder, tmp_path / "st", kinds, POOLINGS[pooling])
    texts = ["council votes on the budget", *news.texts[:3]]
    embeddings = load_teacher(folder, CPU).embed(texts)
    inputs = BertTokenizerFast.from_pretrained(encoder)(texts[:1], return_tensors="pt")
    with torch.inference_mode():
        model = BertModel.from_pretrained(encoder).eval()
        states = model(**inputs).last_hidden_state[0].numpy()
    expected = states[0] if pooling == "cls" else states.mean(axis=0)
    if "Normalize" in kinds:
        expected = expected / np.linalg.norm(expected)
    np.testing.assert_allclose(embeddings[0], expected, atol=1e-5)


def test_kept_embeddings_are_of_one_pooling(encoder, tmp_path):
    """Those of one are not taken for those of another."""
    texts = LabelledTexts(["council votes", "secret hoax"], np.array([0, 1]), ["a", "b"])
    for pooling in ("pooling_mode_mean_tokens", "pooling_mode_cls_token"):
        folder = with_pooling(encoder, tmp_path / pooling, ["Transformer", "Pooling"], pooling)
        EncoderAnswers(load_teacher(folder, CPU), texts, tmp_path)
    assert len(list(tmp_path.glob("teacher_answers*.npz"))) == 2


def test_labels_of_a_single_text_are_learned(encoder, news):
    names = ["FAKE", "REAL"]
    texts = [*news.texts[:20], "the only sports text"]
    labels = np.array([*(names.index(label) for label in news.labels[:20]), 2])
    few = LabelledTexts(texts, labels, [*names, "SPORT"])
    answers = EncoderAnswers(load_teacher(encoder, CPU), few)
    assert answers.logits(texts).shape == (21, 3)
    one_each = few.select([0, labels.tolist().index(1 - labels[0]), 20])
    logits = EncoderAnswers(load_teacher(encoder, CPU), one_each).logits(one_each.texts)
    np.testing.assert_array_equal(logits.argmax(axis=1), one_each.labels)
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)
