"""Whole trainings: one model, what it learns from, what is never trained on, and what weights do."""

import os
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from support import accuracy, by_length
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from glove_lstm.checkpoint.text_record import hash_texts
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.evaluation.run_metrics import measure_baseline, run_metrics
from glove_lstm.tables.examples import Examples, class_weights
from glove_lstm.training.fit import fit, training_device
from glove_lstm.training.schedule import with_schedule
from glove_lstm.vectors.glove import GloveVectors


@pytest.fixture(scope="module")
def result(train, news):
    return train(news.texts, news.labels)


def was_trained_on(result, texts):
    return np.isin(hash_texts(texts), result.text_record.trained)


def assert_same_model(result, expected):
    weights = result.model.state_dict()
    for name, value in expected.model.state_dict().items():
        assert torch.equal(weights[name], value), name
    for name in ("temperature", "shrinkage", "ngram_weight"):
        assert getattr(result.model.config, name) == getattr(expected.model.config, name)


# One model


def test_one_model_of_all_but_the_held_out_texts(result, news):
    assert result.record.train_texts == len(result.train) == 144
    assert result.record.validation_texts == 16
    assert len(result.validation) == 16
    assert sorted([*result.train.texts, *result.validation.texts]) == sorted(news.texts)
    assert not was_trained_on(result, result.validation.texts).any()
    assert len(result.text_record.trained) == 144
    assert result.model.config.temperature != 1
    assert any("eval_loss" in log for log in result.record.history)
    assert result.record.calibration.labels_of == "people"
    assert accuracy(result, news.texts, news.labels) > 0.9

    measures = run_metrics(result).validation
    assert (measures.rows, measures.seen) == (16, 0)

    record = result.record
    assert record.options["num_train_epochs"] == record.epochs == 2
    assert record.options["seed"] == 42  # the default
    assert "glove" not in record.options  # its folder is private
    assert record.glove == "tiny.8d.txt"
    assert 0 < record.vocabulary_with_vectors <= 1
    assert sum("loss" in entry for entry in record.history) == 2


def test_without_a_gpu_a_build_of_torch_for_gpus_trains_on_the_cpu(monkeypatch, small_settings):
    def current_accelerator(check_available=False):
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    assert training_device(small_settings(use_cpu=False)) == torch.device("cpu")


def test_vectors_of_another_language_are_warned_of_once(train, caplog):
    texts = [f"речка лодка {number}" for number in range(30)]
    texts += [f"город дорога {number}" for number in range(30)]
    result = train(texts, ["calm"] * 30 + ["loud"] * 30, validation_fraction=None)
    assert result.record.refitted
    [warning] = [message for message in caplog.messages if "letters" in message]
    assert "Only 0% of the letters in the texts are in frequent words of tiny.8d.txt" in warning
    assert "--glove" in warning


def test_where_labels_have_few_texts_all_of_them_teach(train, news, monkeypatch):
    """Held-out texts calibrate and measure a first model; the second one has its calibration."""
    texts, labels = news.texts[:100], news.labels[:100]
    result = train(texts, labels, validation_fraction=None)
    assert result.record.refitted
    assert result.record.train_texts == 100
    assert len(result.train) == 80
    assert len(result.validation) == result.record.calibration.texts == 20
    assert was_trained_on(result, texts).all()
    measures = run_metrics(result).validation
    assert (measures.rows, measures.seen) == (20, 0)
    assert result.model.config.temperature == result.record.calibration.temperature

    # The baseline of test texts learns from all, too; that of validation texts does not.
    learned = []

    class Baseline:
        def fit(self, texts, labels):
            learned.append(sorted(texts))
            return self

        def predict(self, texts):
            return np.zeros(len(texts))

    monkeypatch.setattr("glove_lstm.evaluation.run_metrics.linear_baseline", Baseline)
    measure_baseline(result, result.validation)
    measure_baseline(result)
    assert learned == [sorted(texts), sorted(result.train.texts)]

    first = train(texts, labels, validation_fraction=0.2)
    np.testing.assert_array_equal(first.validation.logits, result.validation.logits)
    assert first.model.config.temperature == result.model.config.temperature
    assert not np.array_equal(
        first.classifier.predict_logits(texts), result.classifier.predict_logits(texts)
    )


def test_a_seed_gives_the_same_model(result, train, news, small_settings, request):
    """Whatever the global generators; and nothing that the caller gave or set is changed."""
    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(2)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    texts = list(news.texts)
    labels = list(news.labels)
    weights = np.ones(160)
    settings = small_settings(validation_fraction=0.1)
    settings_before = repr(settings)
    assert_same_model(fit(texts, labels, settings=settings, sample_weight=weights), result)
    assert repr(settings) == settings_before
    assert (texts, labels) == (news.texts, news.labels)
    assert (weights == 1).all()
    assert torch.get_num_threads() == 2

    other = train(news.texts, news.labels, seed=1, num_train_epochs=0.01)
    assert other.validation.texts != result.validation.texts


def test_validation_texts_that_are_given_are_never_trained_on(train, news):
    given = news.texts[:60], news.labels[:60]
    result = train(news.texts[60:], news.labels[60:], given, num_train_epochs=0.01)
    assert result.record.train_texts == 100
    assert result.record.validation_texts == 60
    assert result.validation.texts == given[0]
    assert not was_trained_on(result, given[0]).any()
    assert run_metrics(result).validation.seen == 0
    # Texts that are in both are counted.
    shouted = [text.upper() for text in given[0]]
    result = train(news.texts, news.labels, (shouted, given[1]), num_train_epochs=0.01)
    assert run_metrics(result).validation.seen == 60


FEW = [f"{words} {number}" for number in range(8) for words in ("secret hoax", "council vote")]


def test_few_texts_are_not_calibrated_or_measured(train):
    result = train(FEW, ["FAKE", "REAL"] * 8, num_train_epochs=0.01)
    assert result.record.train_texts == 16
    assert result.record.validation_texts == 0
    assert result.record.calibration is None
    config = result.model.config
    assert config.temperature == config.ngram_weight == 1
    assert config.shrinkage == 0
    assert result.validation is None
    assert measure_baseline(result) is None


@pytest.mark.parametrize("teacher", [None, by_length])
def test_few_validation_texts_are_measured_but_do_not_calibrate(train, news, caplog, teacher):
    given = ["not like", "any other"], ["FAKE", "REAL"]
    options = {} if teacher is None else {"teacher": teacher, "label_names": ["FAKE", "REAL"]}
    result = train(news.texts, news.labels, given, num_train_epochs=0.01, **options)
    assert "not calibrated by 2 validation texts" in caplog.text
    assert result.record.calibration is None
    assert result.record.validation_texts == 2
    assert result.model.config.temperature == 1
    assert result.validation.logits.shape == (2, 2)
    if teacher is not None:
        assert result.record.teacher.temperature == 1


# Fine-tuning


@pytest.fixture
def tuning(train, checkpoint):
    """A function that fine-tunes the stored checkpoint for a step, by default."""

    def tuning(texts, labels, validation=None, **values):
        options = {
            "model_name_or_path": str(checkpoint),
            "num_train_epochs": 0.01,
            "learning_rate": 1e-3,
        }
        return train(texts, labels, validation, **{**options, **values})

    return tuning


def test_fine_tuning_keeps_the_labels_of_the_checkpoint(tuning, news, checkpoint, caplog):
    result = tuning(news.texts, news.labels, label_names=["REAL", "FAKE"])
    assert "start anew" not in caplog.text
    some = tuning(news.texts[:40], ["REAL"] * 40)
    assert some.model.config.label_names == ["FAKE", "REAL"]
    assert result.model.config.label_names == ["FAKE", "REAL"]
    names = np.array(result.train.label_names)[result.train.labels]
    label_of = dict(zip(news.texts, news.labels, strict=True))
    assert names.tolist() == [label_of[text] for text in result.train.texts]
    assert result.record.fine_tuned_from == checkpoint.name
    assert "vocab_size" not in result.record.options
    assert result.record.glove is result.record.vocabulary_with_vectors is None
    assert accuracy(result, news.texts, news.labels) > 0.9


def test_other_labels_are_new_to_the_schedule(tuning, monkeypatch):
    scheduled = Mock(wraps=with_schedule)
    monkeypatch.setattr("glove_lstm.training.fit.with_schedule", scheduled)
    for names in (["FAKE", "REAL"], ["GOOD", "BAD"]):
        tuning(FEW, names * 8)
    assert [call.kwargs["has_new_labels"] for call in scheduled.mock_calls] == [False, True]


def test_few_texts_leave_what_the_checkpoint_knows(tuning, news):
    """Neither part forgets; the n-grams use the earlier logits."""
    texts = [f"{words} {n}" for n in range(10) for words in ("entirely different", "and others")]
    result = tuning(texts, ["FAKE", "REAL"] * 10)
    assert accuracy(result, news.texts, news.labels) > 0.9
    # What the new texts say is not against the earlier weights here, and does not outweigh them.
    result = tuning(news.texts[:20], news.labels[:20])
    assert accuracy(result, news.texts, news.labels, part=1) > 0.9


def test_long_texts_are_counted_once(train, news, caplog):
    """In one sentence, that names the remedy; corrupted copies and calibration do not count."""
    train(news.texts, news.labels, max_seq_length=5, num_train_epochs=0.01, corrupted_share=0.5)
    [line] = [line for line in caplog.messages if "longer than" in line]
    assert "144 of 144 texts are longer than 5 tokens" in line
    assert "--max_seq_length" in line
    caplog.clear()
    train(news.texts, news.labels, max_seq_length=1000, num_train_epochs=0.01)
    assert "longer than" not in caplog.text


# Weights


@pytest.mark.parametrize("counts", [None, [1, 1, 4, 2, 1, 7, 1, 1]])
def test_balanced_weights_are_what_scikit_learn_computes(counts):
    """The weight of a text counts as that many texts."""
    labels = np.array([0, 0, 0, 2, 2, 1, 0, 0])
    repeated = labels if counts is None else np.repeat(labels, counts)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=repeated)
    weights = None if counts is None else np.array(counts, dtype=float)
    texts = Examples(["a text"] * 8, labels, ["a", "b", "c", "absent"], weights)
    balanced = class_weights("balanced", texts)
    assert list(balanced) == ["a", "b", "c", "absent"]
    np.testing.assert_allclose(list(balanced.values()), [*expected, 1])


def test_the_weight_of_a_label_is_that_of_its_texts(train, news):
    """Only the ratio of two weights counts."""
    given = news.texts[:40], news.labels[:40]
    texts, labels = news.texts[40:], news.labels[40:]  # as many of each label: the mean weight is 1
    by_label = {"FAKE": 1.75, "REAL": 0.25}
    weighted = train(texts, labels, given, class_weight={"FAKE": 7, "REAL": 1})
    assert weighted.record.label_weights == by_label
    of_texts = np.array([by_label[label] for label in labels])
    assert_same_model(train(texts, labels, given, sample_weight=40 * of_texts), weighted)


def test_a_weight_of_0_leaves_a_text_out(train, result, news):
    wrong = ["REAL" if label == "FAKE" else "FAKE" for label in news.labels]
    weights = np.repeat([2.0, 0.0], 160)
    weighted = train(news.texts * 2, news.labels + wrong, sample_weight=weights)
    assert len(weighted.train) == 144
    assert_same_model(weighted, result)


# What a training writes, prints and leaves


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@contextmanager
def written_paths():
    """Paths that this process creates or opens for writing. An audit hook cannot be taken off again."""
    paths = []
    is_awake = True

    def note(event, args):
        if not is_awake:
            return
        is_written = event == "open" and isinstance(args[0], str | bytes) and args[2] & WRITING
        if is_written or event in ("os.mkdir", "os.symlink"):
            paths.append(Path(os.fsdecode(args[0])).absolute())
        elif event == "os.rename":
            paths.append(Path(os.fsdecode(args[1])).absolute())

    sys.addaudithook(note)
    try:
        yield paths
    finally:
        is_awake = False


def is_of_python(path):
    return path.suffix == ".pyc" or "__pycache__" in path.parts or path.parts[1] == "dev"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders: of temporary files, of the cache, and where the process works."""
    places = {name: tmp_path / name for name in ("temporary", "cache", "work")}
    for folder in places.values():
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places["temporary"]))
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(places["cache"]))
    monkeypatch.chdir(places["work"])
    return places


def is_empty(folder):
    return not list(folder.iterdir())


def test_files_are_written_in_the_cache_and_a_temporary_folder_only(
    train, news, transformer, places
):
    with written_paths() as paths:
        train(news.texts, news.labels, teacher=transformer, num_train_epochs=0.01)
    assert any(path.suffix == ".npy" for path in paths)
    allowed = places["temporary"], places["cache"]
    elsewhere = [path for path in paths if not any(map(path.is_relative_to, allowed))]
    assert all(map(is_of_python, elsewhere))
    assert is_empty(places["temporary"])
    assert is_empty(places["work"])


def test_a_library_is_silent_and_a_command_shows_the_log_of_the_trainer(
    train, news, places, capsys, caplog
):
    caplog.set_level("WARNING", "glove_lstm")  # whatever an earlier command has set
    train(news.texts, news.labels, num_train_epochs=1)
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
    caplog.set_level("INFO", "glove_lstm")  # as a command sets it
    train(news.texts, news.labels, num_train_epochs=1, compute_metrics=compute_metrics)
    printed = capsys.readouterr()
    assert "'eval_accuracy'" in printed.out
    assert printed.err == ""  # no terminal: no bars


def test_nothing_is_left_after_an_interruption(train, news, places):
    """By Ctrl-C, here while the metrics of an epoch are computed."""

    def compute_metrics(_):
        assert not is_empty(places["temporary"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(news.texts, news.labels, compute_metrics=compute_metrics)
    assert is_empty(places["temporary"])
    assert is_empty(places["work"])


# Other languages, and no vectors


GOOD, BAD, COMMON = "好美佳妙喜", "坏丑差劣恶", "我们说这本书很"


def reviews(count, seed):
    """Chinese texts of two labels, without a space."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(count):
        own = BAD if row % 2 else GOOD
        texts.append("".join(generator.choice([*COMMON, *own, *own], 12)) + "。")
        labels.append("neg" if row % 2 else "pos")
    return texts, labels


@pytest.fixture
def multilingual_encoder(tmp_path):
    """A tiny XLM-RoBERTa with a sentencepiece tokenizer, as encoders of many languages have them."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", *GOOD, *BAD, *COMMON, "。"]
    backend = Tokenizer(Unigram([(piece, -1.0) for piece in pieces], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokens = {"pad_token": "<pad>", "unk_token": "<unk>", "model_max_length": 64}
    PreTrainedTokenizerFast(tokenizer_object=backend, **tokens).save_pretrained(tmp_path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "max_position_embeddings": 80}
    config = XLMRobertaConfig(vocab_size=len(pieces), pad_token_id=1, **sizes)
    XLMRobertaModel(config).save_pretrained(tmp_path)
    return tmp_path


def test_a_multilingual_encoder_teaches(train, multilingual_encoder):
    texts, labels = reviews(60, seed=0)
    options = {"unlabelled": reviews(80, seed=1)[0], "num_train_epochs": 3}
    trained = train(texts, labels, teacher=multilingual_encoder, **options)
    assert accuracy(trained, *reviews(40, seed=2)) > 0.9


def test_a_training_without_vectors(train, news):
    """All vectors are drawn, no file is read, and no language is lacking."""
    trained = train(news.texts, news.labels, glove="none", num_train_epochs=4)
    assert trained.record.glove == "none: drawn at random"
    assert trained.record.vocabulary_with_vectors == 0
    assert accuracy(trained, news.texts, news.labels) > 0.9


def test_words_of_cased_vectors_are_those_that_texts_are_read_as(news, small_settings):
    words = ["Council", "council", "Ferry"]
    cased = GloveVectors(words, np.eye(3, 8, dtype=np.float32), "cased.vec")
    trained = fit(news.texts, news.labels, settings=small_settings(), glove=cased)
    assert not {"Council", "Ferry"} & trained.tokenizer.get_vocab().keys()
    assert "council" in trained.tokenizer.get_vocab()
