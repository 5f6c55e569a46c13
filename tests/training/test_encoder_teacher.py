"""Encoders as teachers: a regression on their embeddings learns the labels, and teaches them."""

import json
import logging
import shutil

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification, BertModel, BertTokenizerFast

from glove_lstm.errors import DataError
from glove_lstm.training import teacher as teacher_module
from glove_lstm.training.answers import ask
from glove_lstm.training.encoder_head import EncoderAnswers
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.teacher import LoadedClassifier, LoadedEncoder, load_teacher

CPU = torch.device("cpu")
NAMES = ["FAKE", "REAL"]


@pytest.fixture(scope="module")
def encoder(transformer, tmp_path_factory):
    """The folder of the small BERT without its head."""
    folder = tmp_path_factory.mktemp("encoders") / "encoder"
    shutil.copytree(transformer, folder)
    BertForSequenceClassification.from_pretrained(transformer).bert.save_pretrained(folder)
    return folder


@pytest.fixture
def exact(monkeypatch):
    """Compute in float32, also where bfloat16 is fast."""
    monkeypatch.setattr(teacher_module, "_has_fast_bfloat16", lambda: False)


def with_files_of_sentence_transformers(encoder, folder, kinds, pooling):
    """A copy of an encoder that says how texts are pooled."""
    shutil.copytree(encoder, folder)
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = []
    for kind in kinds:
        path = paths.get(kind, f"2_{kind}")
        modules.append({"path": path, "type": f"sentence_transformers.models.{kind}"})
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    settings = {"word_embedding_dimension": 16, pooling: True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def hidden_states(folder, text):
    inputs = BertTokenizerFast.from_pretrained(folder)([text], return_tensors="pt")
    with torch.inference_mode():
        return BertModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0].numpy()


def test_a_repository_with_a_head_is_a_classifier_and_one_without_an_encoder(
    transformer, encoder, caplog
):
    with caplog.at_level(logging.INFO):
        assert isinstance(load_teacher(transformer, CPU), LoadedClassifier)
        assert f"{transformer} is a classifier" in caplog.text
        assert isinstance(load_teacher(encoder, CPU), LoadedEncoder)
        assert f"{encoder} is an encoder" in caplog.text


@pytest.mark.usefixtures("exact")
def test_texts_are_embedded_by_the_mean_of_their_tokens_whatever_is_beside_them(encoder, news):
    texts = ["one short text", *news.texts[:3]]
    embeddings = load_teacher(encoder, CPU).embed(texts)
    expected = hidden_states(encoder, texts[0]).mean(axis=0)
    np.testing.assert_allclose(embeddings[0], expected, atol=1e-5)


def test_embeddings_in_bfloat16_are_nearly_the_same(encoder, news, monkeypatch):
    embeddings = []
    for is_fast in (False, True):
        monkeypatch.setattr(teacher_module, "_has_fast_bfloat16", lambda is_fast=is_fast: is_fast)
        rows = load_teacher(encoder, CPU).embed(news.texts[:20])
        embeddings.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    cosines = (embeddings[0] * embeddings[1]).sum(axis=1)
    assert cosines.min() > 0.999


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    ("kinds", "pooling"),
    [
        (["Transformer", "Pooling"], "pooling_mode_mean_tokens"),
        (["Transformer", "Pooling", "Normalize"], "pooling_mode_mean_tokens"),
        (["Transformer", "Pooling", "Normalize"], "pooling_mode_cls_token"),
    ],
)
def test_texts_are_pooled_and_normalised_as_the_files_say(encoder, tmp_path, kinds, pooling):
    folder = with_files_of_sentence_transformers(encoder, tmp_path / "st", kinds, pooling)
    [embedding] = load_teacher(folder, CPU).embed(["council votes on the budget"])
    states = hidden_states(encoder, "council votes on the budget")
    expected = states[0] if "cls" in pooling else states.mean(axis=0)
    if "Normalize" in kinds:
        expected = expected / np.linalg.norm(expected)
    np.testing.assert_allclose(embedding, expected, atol=1e-5)


def test_other_files_of_pooling_are_another_teacher(encoder, tmp_path):
    """Kept embeddings of the one must not be taken for those of the other."""
    kinds = ["Transformer", "Pooling"]
    identities = set()
    for pooling in ("pooling_mode_mean_tokens", "pooling_mode_cls_token"):
        folder = with_files_of_sentence_transformers(encoder, tmp_path / pooling, kinds, pooling)
        identities.add(load_teacher(folder, CPU).identity)
    assert len(identities) == 2


@pytest.mark.parametrize(
    ("kinds", "pooling", "words"),
    [
        (["Transformer", "Pooling", "Dense"], "pooling_mode_mean_tokens", "Dense"),
        (["Transformer", "Pooling"], "pooling_mode_max_tokens", "pooling_mode_max_tokens"),
    ],
)
def test_other_modules_and_poolings_are_refused(encoder, tmp_path, kinds, pooling, words):
    folder = with_files_of_sentence_transformers(encoder, tmp_path / "st", kinds, pooling)
    with pytest.raises(DataError, match=f"{words}.* not supported; give"):
        load_teacher(folder, CPU)


def test_an_encoder_teaches_with_few_labels(train, news, encoder, tmp_path):
    """All labelled texts teach; unlabelled ones calibrate."""
    options = {
        "unlabelled": news.texts[40:],
        "augmented_copies": 2,
        "num_train_epochs": 8,
        "output_dir": str(tmp_path),
    }
    result = train(news.texts[:40], news.labels[:40], teacher=encoder, **options)
    about = result.about["distillation"]
    assert about["teacher"]["name"] == encoder.name
    assert about["teacher"]["embeddings"] == 16
    assert about["calibrated_on"] == "unlabelled"
    assert 10 <= about["held_out"] <= 12
    assert about["copies"] == 2 * 40
    assert about["agreement"] > 0.8
    assert len(result.train) == 40
    assert result.validation is None  # drawn labels measure nothing
    assert result.model.config.temperature != 1

    [kept] = tmp_path.glob("teacher_answers*.npz")
    with np.load(kept) as arrays:
        assert arrays["answers"].shape[1] == 16


def test_embeddings_are_kept_and_no_text_is_embedded_twice(
    train, news, encoder, tmp_path, monkeypatch
):
    options = {"unlabelled": news.texts[40:], "augmented_copies": 1, "output_dir": str(tmp_path)}
    first = train(news.texts[:40], news.labels[:40], teacher=encoder, **options)

    def refuse(*_args, **_options):
        raise AssertionError("a text is embedded twice")

    teacher = load_teacher(encoder, CPU)
    monkeypatch.setattr(teacher, "embed", refuse)
    monkeypatch.setattr("glove_lstm.training.fit.load_teacher", lambda *_: teacher)
    again = train(news.texts[:40], news.labels[:40], teacher=encoder, **options)
    for name, value in first.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


def test_held_out_texts_are_not_in_the_regression(train, news, encoder, monkeypatch):
    fitted = []

    class Watched(EncoderAnswers):
        def __init__(self, encoder, train, *args):
            fitted.extend(train.texts)
            super().__init__(encoder, train, *args)

    monkeypatch.setattr("glove_lstm.training.lesson.EncoderAnswers", Watched)
    options = {"teacher": encoder, "augmented_copies": 0, "max_steps": 1}
    result = train(news.texts, news.labels, validation_fraction=0.2, **options)
    assert result.about["distillation"]["calibrated_on"] == "validation"
    assert not set(fitted) & set(result.validation.texts)
    assert len(fitted) + len(result.validation) == len(news.texts)


def test_labels_of_a_single_text_are_learned(encoder, news):
    texts = [*news.texts[:20], "the only sports text"]
    labels = np.array([*(NAMES.index(label) for label in news.labels[:20]), 2])
    few = LabelledTexts(texts, labels, [*NAMES, "SPORT"])
    answers = EncoderAnswers(load_teacher(encoder, CPU), few)
    assert answers.logits(texts).shape == (21, 3)
    one_each = few.select([0, labels.tolist().index(1 - labels[0]), 20])
    logits = EncoderAnswers(load_teacher(encoder, CPU), one_each).logits(one_each.texts)
    np.testing.assert_array_equal(logits.argmax(axis=1), one_each.labels)
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)


def test_an_encoder_needs_texts_of_every_label(train, news, encoder):
    options = {"teacher": encoder, "label_names": [*NAMES, "SATIRE"]}
    with pytest.raises(DataError, match=r"encoder.* label 'SATIRE' has none: add some, or give"):
        train(news.texts, news.labels, **options)
    with pytest.raises(DataError, match="No text has a label"):
        train([], [], teacher=encoder, unlabelled=news.texts)


def test_an_encoder_answers_no_questions_of_labels(encoder):
    with pytest.raises(DataError, match="is an encoder, which has no labels; give a classifier"):
        ask(load_teacher(encoder, CPU), ["a text"], NAMES)
