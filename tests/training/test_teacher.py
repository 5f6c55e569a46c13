"""Teachers: what they may be, what they are asked, which answers are kept, and the copies of texts for them."""

import json
import shutil

import numpy as np
import pytest
import torch
from hub_server import HubServer
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertForSequenceClassification, BertTokenizerFast

from glove_lstm import Teacher
from glove_lstm.data.glove import load_glove
from glove_lstm.errors import DataError
from glove_lstm.training import answers as answers_module
from glove_lstm.training.answers import ClassifierAnswers, ask
from glove_lstm.training.copies import altered_copies, similar_words
from glove_lstm.training.teacher import LoadedClassifier, load_teacher

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


def test_a_checkpoint_of_this_package_is_a_teacher(checkpoint, news):
    teacher = load_teacher(str(checkpoint), CPU)
    logits = ask(teacher, news.texts, ["FAKE", "REAL"])
    labels = np.array(["FAKE", "REAL"])[logits.argmax(axis=1)]
    assert (labels == news.labels).mean() > 0.9


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
    monkeypatch.setattr(answers_module, "_SECONDS_BETWEEN_WRITES", 0.0)
    written = []

    class Watching(Counting):
        def logits(self, texts):
            sizes = [len(np.load(path)["keys"]) for path in tmp_path.iterdir()]
            written.append(sum(sizes))
            return super().logits(texts)

    ClassifierAnswers(Watching(), NAMES, tmp_path).logits(
        [f"text {number}" for number in range(100)]
    )
    assert written[0] == 0
    assert written[-1] > written[1] > 0


def test_damaged_answers_are_named(tmp_path):
    ClassifierAnswers(Counting(), NAMES, tmp_path).logits(["a text"])
    [kept] = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-40])
    with pytest.raises(DataError, match=f"{kept.name} cannot be used .*: remove it"):
        ClassifierAnswers(Counting(), NAMES, tmp_path).logits(["a text"])


@pytest.mark.parametrize(
    ("teacher", "sentence"),
    [
        (lambda texts: np.ones(len(texts)), "returned an array of shape"),
        (lambda texts: np.ones((1, 2)) / 2, r"shape \(1, 2\) for 2 texts"),
        (lambda texts: np.ones((len(texts), 2)), "are no probabilities"),
        (lambda texts: np.full((len(texts), 2), np.nan), "are no probabilities"),
        (lambda texts: np.array([[1.5, -0.5]] * len(texts)), "are no probabilities"),
        (lambda texts: np.full((len(texts), 4), 0.25), "4 scores for a text, but there are 2"),
        (lambda texts: ["a"] * len(texts), "returned a list that is no array of numbers"),
        (lambda texts: [["a", "b"]] * len(texts), "returned a list that is no array of numbers"),
        (lambda texts: [{"a": 1.0, "b": 0.0}] * len(texts), "a list that is no array of numbers"),
        (lambda texts: [[1.0, 0.0], [1.0]], "returned a list that is no array of numbers"),
        (lambda texts: None, "returned a NoneType that is no array|array of shape"),
        (7, "give a name on the Hub"),
        ("nowhere", "The teacher nowhere could not be loaded"),
    ],
)
def test_a_teacher_must_be_a_name_or_return_probabilities(teacher, sentence):
    with pytest.raises(DataError, match=sentence):
        ask(load_teacher(teacher, CPU), ["one", "two"], ["a", "b"])


def changed_copy(teacher, folder, **values):
    """A copy of a teacher with other values in its config."""
    shutil.copytree(teacher, folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **values}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"problem_type": "multi_label_classification"}, "is for multi_label_classification"),
        ({"id2label": {0: "FAKE"}, "label2id": {"FAKE": 0}, "problem_type": None}, "has 1 label"),
    ],
    ids=["several labels", "one label"],
)
def test_a_teacher_for_another_task_is_refused(transformer, tmp_path, values, sentence):
    teacher = changed_copy(transformer, tmp_path / "other", **values)
    with pytest.raises(DataError, match=rf"{sentence}.* give a classifier of one label a text"):
        load_teacher(teacher, CPU)


def test_a_model_that_was_not_trained_to_classify_is_refused(transformer, tmp_path):
    encoder = tmp_path / "encoder"
    shutil.copytree(transformer, encoder)
    BertForSequenceClassification.from_pretrained(transformer).bert.save_pretrained(encoder)
    config = {"num_labels": 2, "architectures": ["BertForSequenceClassification"]}
    with pytest.raises(DataError, match=r"lacks the weights classifier\.bias"):
        load_teacher(changed_copy(encoder, tmp_path / "two_labels", **config), CPU)


def test_pickled_weights_are_refused(transformer, tmp_path):
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


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub on this machine, from which huggingface_hub downloads into an empty cache."""
    with HubServer() as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        url = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield server


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


def test_copies_lack_words_of_their_text_and_differ():
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
