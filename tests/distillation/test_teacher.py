"""Teachers: what they may be, what they are asked, and what they learn."""

import json
import logging
import random
import re
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.special import softmax
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import StaticEmbedding
from sklearn.linear_model import LogisticRegression
from support import CALM, COMMON, LOUD, by_length, changed_copy, edit_json, with_dense, with_pooling
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

from glove_lstm import TeacherModel
from glove_lstm.distillation import tuning
from glove_lstm.distillation.comparison import compare_with_labels_alone, log_comparison
from glove_lstm.distillation.teacher import open_teacher
from glove_lstm.errors import DataError
from glove_lstm.tables.examples import Examples

CPU = torch.device("cpu")
LABELS = ["FAKE", "REAL"]
NO_EXAMPLES = Examples([], np.zeros(0, dtype=np.int64), LABELS)
PROBES = 2  # texts that a teacher reads when it is opened


def opened(teacher, label_names=None, **options):
    return open_teacher(teacher, CPU, label_names, **options)


def knowing_labels(teacher, label_names=None):
    """A teacher that gives logits in the order FAKE, REAL."""
    teacher = opened(teacher, label_names)
    teacher.fit(NO_EXAMPLES)
    return teacher


# Classifiers


def test_logits_are_what_transformers_computes_in_the_order_of_texts_and_labels(transformer, news):
    teacher = knowing_labels(transformer)
    assert teacher.label_names == ["REAL", "FAKE"]
    logits = teacher.logits(news.texts)
    tokenizer = BertTokenizerFast.from_pretrained(transformer)
    model = BertForSequenceClassification.from_pretrained(transformer).eval()
    inputs = tokenizer(news.texts, padding=True, truncation=True, return_tensors="pt")
    real_first = model(**inputs).logits.detach().numpy()
    expected = real_first[:, ::-1] - real_first.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_classifier_reads_each_text_once(transformer, news, read, monkeypatch, caplog):
    """The log says how many. The order of the labels does not matter; other weights are another teacher."""
    texts = news.texts[:40]
    monkeypatch.setattr("glove_lstm.progress._SECONDS_TO_LINE", 0)
    monkeypatch.setattr("glove_lstm.distillation.cache._BATCH_SIZE", 16)
    with caplog.at_level(logging.INFO, "glove_lstm"):
        logits = knowing_labels(transformer).logits(texts * 2)
    assert f"The teacher '{transformer}' is asked about 40 texts." in caplog.text
    assert f"Asking teacher '{transformer}': 16 of 40 texts, about 1 min left" in caplog.text
    assert len(read) == PROBES + 40
    assert logits.shape == (80, 2)

    again = opened(transformer)
    again.fit(Examples([], np.zeros(0, dtype=np.int64), LABELS[::-1]))
    np.testing.assert_array_equal(again.logits(texts), logits[:40, ::-1])
    assert len(read) == 2 * PROBES + 40
    assert again.logits([]).shape == (0, 2)


def test_a_changed_classifier_is_asked_anew(transformer, news, read, tmp_path):
    first = knowing_labels(transformer).logits(news.texts[:4])
    labels = {"id2label": {1: "REAL", 0: "FAKE"}, "label2id": {"FAKE": 0, "REAL": 1}}
    changed = changed_copy(transformer, tmp_path / "changed", **labels)
    del read[:]
    second = knowing_labels(changed).logits(news.texts[:4])
    assert len(read) == PROBES + 4
    np.testing.assert_allclose(second, first[:, ::-1], atol=1e-6)

    (changed / "README.md").write_text("What the card says does not matter.", encoding="utf-8")
    del read[:]
    knowing_labels(changed).logits(news.texts[:4])
    assert len(read) == PROBES


def test_a_teacher_of_the_hub_is_pinned_by_its_revision(hub, transformer, encoder):
    """Pickled weights and other files that are not read are not downloaded."""

    def files_of(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    repo = hub.add_repo("user/teacher", {**files_of(transformer), "pytorch_model.bin": b"no"})
    earlier = repo.branches["main"].sha
    repo.commit("main", {".gitattributes": b"", **files_of(encoder)})
    pinned = opened(TeacherModel("user/teacher", revision=earlier))
    newest = opened("user/teacher")
    assert (pinned.kind, pinned.revision) == ("classifier", earlier)
    assert (newest.kind, newest.revision) == ("encoder", repo.branches["main"].sha)
    assert pinned.name == newest.name == "user/teacher"
    assert not any("pytorch_model.bin" in request for request in hub.requests)


# What may run


@pytest.mark.parametrize("kind", ["classifier", "encoder", "a further module"])
def test_pickled_weights_are_refused(transformer, encoder, tmp_path, kind):
    """They could run any code. Beside safetensors, as many repositories have them, they are not read."""
    pickled = tmp_path / "pickled"
    weights = pickled / "model.safetensors"
    if kind == "a further module":
        with_dense(encoder, pickled)
        weights = pickled / "2_Dense" / "model.safetensors"
    else:
        shutil.copytree(transformer if kind == "classifier" else encoder, pickled)
    weights.with_name("pytorch_model.bin").write_bytes(b"no weights")
    opened(pickled)
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(DataError, match="safetensors"):
        opened(pickled)


def check_own_code(folder, code):
    """It runs only if it is trusted."""
    ran = folder.with_name("ran")
    marker = f"from pathlib import Path\nPath({str(ran)!r}).touch()\n"
    (folder / "own.py").write_text(marker + code, encoding="utf-8")
    with pytest.raises(DataError, match="contains custom code"):
        opened(folder)
    assert not ran.exists()
    teacher = opened(TeacherModel(str(folder), trust_remote_code=True))
    assert ran.exists()
    return teacher


def test_remote_code_of_a_classifier_runs_only_if_it_is_trusted(transformer, tmp_path):
    auto_map = {
        "AutoConfig": "own.OwnConfig",
        "AutoModelForSequenceClassification": "own.OwnClassifier",
    }
    own = changed_copy(transformer, tmp_path / "own", model_type="own-bert", auto_map=auto_map)
    teacher = check_own_code(
        own,
        "from transformers import BertConfig, BertModel, BertForSequenceClassification\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own-bert'\n"
        "class OwnClassifier(BertForSequenceClassification):\n    config_class = OwnConfig\n",
    )
    assert teacher.logits(["a text"]).shape == (1, 2)


def test_remote_code_of_an_encoder_runs_only_if_it_is_trusted(encoder, tmp_path):
    own = with_dense(encoder, tmp_path / "own")
    path = own / "modules.json"
    modules = json.loads(path.read_text(encoding="utf-8"))
    modules[-1]["type"] = "own.OwnDense"
    path.write_text(json.dumps(modules), encoding="utf-8")
    code = "from sentence_transformers.models import Dense\nclass OwnDense(Dense):\n    pass\n"
    assert check_own_code(own, code).kind == "encoder"


# Functions


def test_a_function_is_asked_once_for_each_text_and_its_answers_are_in_memory(cache):
    """The logits are the centred logarithms of its probabilities, in the order of the labels of the training."""
    asked = Counter()

    def counting(texts):
        asked.update(texts)
        return by_length(texts)

    texts = ["odd text", "even one"] * 40
    teacher = knowing_labels(counting, ["REAL", "FAKE"])
    logits = teacher.logits(texts)
    log_scores = np.log(by_length(texts))
    expected = log_scores - log_scores.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected[:, ::-1], atol=1e-6)
    teacher.logits(texts[:1])
    assert set(asked.values()) == {1}
    assert teacher.logits([]).shape == (0, 2)
    certain = knowing_labels(lambda texts: [[1, 0]] * len(texts), LABELS)
    np.testing.assert_allclose(certain.logits(["a"]), [[4.6052, -4.6052]], atol=1e-3)
    assert teacher.kind == "function"
    assert teacher.name.endswith("counting")
    assert not cache.exists()


def test_a_classifier_without_a_limit_reads_512_tokens_or_is_refused(transformer, tmp_path):
    """A limit of the positions is found before anything is asked."""
    tokens = {512: tmp_path / "long", 20: tmp_path / "short"}
    for positions, folder in tokens.items():
        changed_copy(transformer, folder)
        config = BertConfig.from_pretrained(transformer, max_position_embeddings=positions)
        BertForSequenceClassification(config).save_pretrained(folder)
        edit_json(folder / "tokenizer_config.json", model_max_length=10**30)
    assert np.isfinite(opened(tokens[512]).logits(["council " * 600])).all()
    with pytest.raises(DataError, match="model_max_length in its"):
        opened(tokens[20])


def test_the_columns_of_a_function_are_named():
    """Those of a fitted classifier are its own. Labels of the texts, sorted, might be in another order."""

    class Classifier:
        classes_ = np.array([10.0, 2.0])
        predict_proba = staticmethod(by_length)

    for teacher, names in (
        (by_length, ["10", "2"]),
        (Classifier(), None),
        (Classifier(), ["2", "10"]),
    ):
        assert opened(teacher, names).label_names == ["10", "2"]
    with pytest.raises(DataError, match="by_length does not tell its labels"):
        opened(by_length)


# Encoders


def test_an_encoder_of_static_vectors_learns(encoder, news, tmp_path):
    """It has no layers, and no longest text."""
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    static = StaticEmbedding(tokenizer, embedding_weights=vectors)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "static"))
    teacher = opened(tmp_path / "static")
    examples = Examples.from_names(news.texts, news.labels, LABELS)
    teacher.fit(examples)
    assert (teacher.logits(news.texts).argmax(axis=1) == examples.labels).mean() > 0.8


def test_an_encoder_embeds_as_sentence_transformers_does(encoder, tmp_path, monkeypatch):
    """With length 1, before it learns labels. In float32, as on a processor that has no other arithmetic."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    folder = with_dense(encoder, tmp_path / "encoder")
    texts = ["council votes on the budget", "SHOCKING secret: the Elites EXPOSED!", "vote", ""]
    expected = SentenceTransformer(str(folder), device="cpu").encode(texts)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(opened(folder)._embed(texts), expected, atol=1e-5)


def test_an_encoder_reads_as_many_tokens_as_its_files_say(encoder, tmp_path, read):
    modules = ["Transformer", "Pooling"]
    folder = with_pooling(encoder, tmp_path / "encoder", modules, pooling_mode_mean_tokens=True)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 7}', encoding="utf-8")
    teacher = opened(folder)
    teacher.fit(Examples(["council", "hoax"], np.array([0, 1]), ["a", "b"]))
    teacher.logits(["The SECRET vote of the council"])
    tokenizer = BertTokenizerFast.from_pretrained(encoder)
    assert tokenizer.decode(read[-1]) == "[CLS] the secret vote of the [SEP]"


def test_an_encoder_learns_labels_in_their_order(encoder, news, tmp_path):
    folder = with_dense(encoder, tmp_path / "encoder")
    for names in (LABELS, LABELS[::-1]):
        teacher = opened(folder)
        teacher.fit(Examples.from_names(news.texts[:60], news.labels[:60], names))
        logits = teacher.logits(news.texts[60:])
        assert logits.shape == (100, 2)
        np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)
        told = np.array(names)[logits.argmax(axis=1)]
        assert (told == np.array(news.labels[60:])).mean() > 0.9
        assert teacher.logits([]).shape == (0, 2)


def test_labels_of_a_single_text_are_learned(encoder, news):
    first = [news.labels.index(label) for label in LABELS]
    texts = [*(news.texts[row] for row in first), "the only sports text"]
    teacher = opened(encoder)
    teacher.fit(Examples(texts, np.arange(3), [*LABELS, "SPORT"]))
    logits = teacher.logits(texts)
    assert logits.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)


def test_weights_count_in_what_an_encoder_learns(encoder, news):
    """Each text has both labels; the heavier one, which is wrong, is learned."""
    right = Examples.from_names(news.texts[:20], news.labels[:20], LABELS).labels
    both = np.concatenate([right, 1 - right])
    teacher = opened(encoder)
    teacher.fit(Examples(news.texts[:20] * 2, both, LABELS, np.repeat([1.0, 9.0], 20)))
    assert (teacher.logits(news.texts[:20]).argmax(axis=1) == right).mean() < 0.2


def test_an_encoder_that_learned_the_same_is_not_asked_again(encoder, news, read, caplog):
    """What is said of it is said again."""
    train = Examples.from_names(news.texts[:60], news.labels[:60], LABELS)
    caplog.set_level(logging.INFO, "glove_lstm.distillation.comparison")
    results = []
    for _ in range(2):
        caplog.clear()
        del read[:]
        teacher = opened(encoder)
        teacher.fit(train)
        logits = teacher.logits(news.texts).tolist()
        said = [entry.getMessage() for entry in caplog.records if "comparison" in entry.name]
        assert len(said) >= 2
        assert teacher.settings["cross_validated"]["texts"] == 60
        results.append((logits, said, teacher.settings))
    assert results[0] == results[1]
    assert len(read) == PROBES


def test_answers_are_of_what_an_encoder_learned(encoder, news, tmp_path, read):
    """Whatever differs, it is asked anew."""
    examples = Examples.from_names(news.texts[:20], news.labels[:20], LABELS)
    changes = [
        (encoder, examples, 0),
        (encoder, examples, 1),
        (with_dense(encoder, tmp_path / "dense"), examples, 0),
        (encoder, replace(examples, labels=np.arange(20) // 10), 0),
        (encoder, replace(examples, label_names=["NO", "YES"]), 0),
        (encoder, replace(examples, weights=np.arange(1.0, 21.0)), 0),
    ]
    for folder, learned, seed in changes:
        del read[:]
        teacher = opened(folder, seed=seed)
        teacher.fit(learned)
        teacher.logits(news.texts[:4])
        assert len(read) >= PROBES + 4


def test_an_encoder_is_neither_mute_nor_certain_with_few_labels(encoder, news):
    teacher = opened(encoder)
    teacher.fit(Examples.from_names(news.texts[:8], news.labels[:8], LABELS))
    scores = softmax(teacher.logits(news.texts[8:]), axis=1).max(axis=1)
    assert 0.51 < scores.mean() < 0.99


# Tuning

OTHER_WORDS = f"{COMMON} {CALM} {LOUD}".replace("hoax", "").replace("vote", "").split()


def texts_with_a_telling_word(count):
    """Texts of 13 words, one of which tells the label."""
    generator = random.Random(0)
    texts = []
    for row in range(count):
        words = generator.choices(OTHER_WORDS, k=12)
        words.insert(generator.randrange(13), ("hoax", "vote")[row % 2])
        texts.append(" ".join(words))
    return texts


def closeness(embeddings, numbers):
    """By how much the mean cosine within the labels is above that across them."""
    cosines = embeddings @ embeddings.T
    is_same = numbers[:, None] == numbers
    is_other = ~np.eye(len(numbers), dtype=bool)
    return cosines[is_same & is_other].mean() - cosines[~is_same].mean()


def test_tuning_brings_texts_of_a_label_together(encoder, tmp_path, read, monkeypatch):
    """By the upper six of eight layers; they read 100 times the root of the number of texts."""
    folder = shutil.copytree(encoder, tmp_path / "ignorant")
    config = BertConfig.from_pretrained(encoder, num_hidden_layers=8)
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    monkeypatch.setattr(tuning, "_RATE", 0.01)  # so small an encoder learns little in 22 steps
    numbers = np.arange(249) % 2
    texts = texts_with_a_telling_word(249)
    teacher = opened(folder)
    teacher.fit(Examples(texts[:49], numbers[:49], LABELS))
    weights = teacher._encoder.state_dict()
    drawn = {name: value.clone() for name, value in weights.items()}
    assert closeness(teacher._embed(texts[49:]), numbers[49:]) < 0.02

    del read[:]
    is_right = teacher.logits(texts[49:]).argmax(axis=1) == numbers[49:]
    texts_tuned_on = len(read) - len(texts)
    assert texts_tuned_on == pytest.approx(100 * 49**0.5, abs=16)
    assert is_right.mean() > 0.75
    assert closeness(teacher._embed(texts[49:]), numbers[49:]) > 0.05
    tuned = [name for name, value in weights.items() if not torch.equal(value, drawn[name])]
    assert {re.search(r"\.layer\.(\d)\.", name)[1] for name in tuned} == set("234567")


# What is said of the labels alone and of an encoder, before it is tuned


GRADES = ["bad", "good"]
RANDOM = np.random.default_rng(0)


def random_reviews(count):
    """Texts of which one word tells the label, and the others are random."""
    labels = np.arange(count) % 2
    texts = [
        f"{GRADES[label]} {' '.join(map(str, RANDOM.integers(10**9, size=6)))}" for label in labels
    ]
    return Examples(texts, labels, GRADES)


def knows(texts):
    return np.array([[1.0, text.startswith("good")] for text in texts])


def knows_nothing(texts):
    return RANDOM.normal(size=(len(texts), 4))


@pytest.fixture
def messages(caplog):
    """What `compare_with_labels_alone` logs, by level."""

    def messages(embed, train):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            comparison = compare_with_labels_alone(embed, lambda _: LogisticRegression(), train)
            if comparison is not None:
                log_comparison("large", json.loads(json.dumps(comparison)))
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    return messages


def accuracy_in(message):
    """The accuracy of a message, and its interval."""
    return [float(number) for number in re.findall(r"\d\.\d\d", message)]


def test_a_teacher_that_is_worse_than_the_labels_is_warned_of(messages):
    (_, alone), (_, encoder), (level, advice) = messages(knows_nothing, random_reviews(80))
    assert "80 labelled texts" in alone
    assert accuracy_in(alone)[0] > 0.9
    value, low, high = accuracy_in(encoder)
    assert low < value < high < 0.8
    assert "large" in encoder
    assert level == "WARNING"
    assert "without" in advice


@pytest.mark.parametrize("count", [80, 1_200])
def test_a_teacher_that_is_as_good_is_not_warned_of(messages, count):
    logged = messages(knows, random_reviews(count))
    assert [level for level, _ in logged] == ["INFO", "INFO"]
    assert accuracy_in(logged[1][1])[0] == 1
    assert f"{min(count, 1_000)} labelled texts" in logged[0][1]


def test_near_duplicates_do_not_make_the_labels_look_better(messages):
    """Each text is there twice, and only its copy tells its label."""
    texts = [" ".join(map(str, RANDOM.integers(10**9, size=12))) for _ in range(60)]
    labels = RANDOM.integers(2, size=60)
    doubled = Examples([*texts, *texts], np.concatenate([labels, labels]), GRADES)
    [(_, alone), *_] = messages(knows_nothing, doubled)
    assert accuracy_in(alone)[0] < 0.75


def test_texts_that_cannot_be_divided_are_not_compared(messages):
    """Few texts, a rare label, few texts of each label, and few texts that are distinct."""
    assert not messages(knows, random_reviews(49))
    texts = random_reviews(80).texts
    names = [f"label {number}" for number in range(20)]
    assert not messages(knows, Examples(texts, (np.arange(80) == 0).astype(int), GRADES))
    assert not messages(knows, Examples(texts[:60], np.arange(60) % 20, names))
    assert not messages(knows, Examples(texts[:2] * 30, np.arange(60) % 2, GRADES))
