"""Whole trainings: one model, what it learns from, what is never trained on, what weights do, and what is refused."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.utils.class_weight import compute_class_weight
from support import COMMON, edit_json

from glove_lstm.data.labels import sorted_label_names
from glove_lstm.data.text_record import hash_texts
from glove_lstm.errors import DataError
from glove_lstm.evaluation.run_metrics import add_baselines, run_metrics
from glove_lstm.training.fit import fit
from glove_lstm.training.labelled_texts import LabelledTexts, class_weights


@pytest.fixture(scope="module")
def result(train, news):
    return train(news.texts, news.labels)


def was_trained_on(result, texts):
    return np.isin(hash_texts(texts), result.training_texts.trained)


def assert_same_model(result, expected):
    weights = result.model.state_dict()
    for name, value in expected.model.state_dict().items():
        assert torch.equal(weights[name], value), name
    for name in ("temperature", "shrinkage", "ngram_weight"):
        assert getattr(result.model.config, name) == getattr(expected.model.config, name)


def best_labels(result, texts, part=None):
    inputs = result.tokenizer(list(texts), padding=True, return_tensors="pt")
    with torch.inference_mode():
        outputs = result.model.eval()(**inputs)
    logits = outputs.logits if part is None else outputs.part_logits[:, part]
    return [result.model.config.label_names[row] for row in logits.argmax(dim=1)]


def accuracy(result, rows, part=None):
    return np.mean(np.array(best_labels(result, rows.texts, part)) == rows.labels)


# One model


def test_one_model_of_all_but_the_held_out_texts(result, news):
    assert result.about["rows"] == {"train": 144, "validation": 16}
    assert len(result.train) == 144
    assert len(result.validation) == 16
    assert sorted([*result.train.texts, *result.validation.texts]) == sorted(news.texts)
    assert not was_trained_on(result, result.validation.texts).any()
    assert len(result.training_texts.trained) == 144
    assert result.model.config.temperature != 1
    assert any("eval_loss" in log for log in result.history)
    assert accuracy(result, news) > 0.9

    metrics = run_metrics(result)
    assert metrics["validation"]["rows"] == 16
    assert metrics["validation"]["seen"] == 0


def test_a_seed_gives_the_same_model(result, train, news):
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert_same_model(train(news.texts, news.labels), result)
    other = train(news.texts, news.labels, seed=1, max_steps=1)
    assert other.validation.texts != result.validation.texts


def test_validation_texts_that_are_given_are_never_trained_on(train, news):
    given = news.texts[:60], news.labels[:60]
    result = train(news.texts[60:], news.labels[60:], given, max_steps=1)
    assert result.about["rows"] == {"train": 100, "validation": 60}
    assert result.validation.texts == given[0]
    assert not was_trained_on(result, given[0]).any()
    assert result.validation_seen == 0
    # Texts that are in both are told.
    result = train(news.texts, news.labels, given, max_steps=1)
    assert result.validation_seen == 60


def test_groups_are_on_one_side(train, news):
    authors = [f"author {row // 8}" for row in range(160)]
    result = train(news.texts, news.labels, groups=authors, validation_fraction=0.2, max_steps=1)
    author_of = dict(zip(news.texts, authors, strict=True))
    trained = {author_of[text] for text in result.train.texts}
    assert not trained & {author_of[text] for text in result.validation.texts}


def test_baselines_learn_nothing_from_the_validation_texts(train):
    """Each text is a word of its own, so that its label can only be known from the text itself."""
    words = [f"word{number}" for number in range(120)]
    labels = np.random.default_rng(0).choice(["FAKE", "REAL"], 120).tolist()
    result = train(words[:60], labels[:60], (words[60:], labels[60:]), max_steps=1)
    metrics = {}
    add_baselines(metrics, result)
    baseline = metrics["baselines"]["tfidf_svc"]
    assert list(baseline) == ["validation"]
    assert baseline["validation"]["accuracy"] < 0.7


def test_few_texts_train_for_enough_steps(small_recipe):
    recipe = small_recipe(num_train_epochs=None, per_device_train_batch_size=None)
    for texts in (2, 16, 300, 100_000):
        sizes = {"on_logits": False, "is_multi_label": False, "has_held_out": False}
        training = recipe.for_lesson(texts, **sizes).training
        steps = training.num_train_epochs * texts / training.per_device_train_batch_size
        assert steps >= 100


def test_few_texts_are_not_calibrated_or_measured(train, caplog):
    texts = []
    for number in range(8):
        texts += [f"secret hoax {number}", f"council vote {number}"]
    result = train(texts, ["FAKE", "REAL"] * 8, max_steps=1)
    assert result.about["rows"] == {"train": 16}
    config = result.model.config
    assert config.temperature == config.ngram_weight == 1
    assert config.shrinkage == 0
    assert result.validation is None
    assert "not calibrated: only 1 of 16 texts" in caplog.text
    metrics = {}
    add_baselines(metrics, result)
    assert not metrics


def test_early_stopping_ends_the_training_and_keeps_the_best_model(train, news, tmp_path):
    stopping = {"early_stopping_patience": 1, "num_train_epochs": 30, "learning_rate": 0.5}
    result = train(
        news.texts, news.labels, **stopping, save_strategy="epoch", output_dir=str(tmp_path)
    )
    evaluations = [entry for entry in result.history if "eval_loss" in entry]
    last_epoch = evaluations[-1]["epoch"]
    assert last_epoch < 30
    assert result.about["epochs"] == last_epoch
    best = min(evaluations, key=lambda entry: entry["eval_loss"])
    assert best["epoch"] < last_epoch
    assert result.about["best_step"] == best["step"]
    saved = load_file(tmp_path / f"checkpoint-{best['step']}" / "model.safetensors")
    assert torch.equal(result.model.classifier.weight, saved["classifier.weight"])


def test_nothing_that_the_caller_gave_is_changed(news, small_recipe):
    texts = list(news.texts)
    labels = list(news.labels)
    recipe = small_recipe(max_steps=1)
    recipe_before = repr(recipe)
    threads_before = torch.get_num_threads()
    fit(texts, labels, recipe=recipe, sample_weight=np.ones(160))
    assert repr(recipe) == recipe_before
    assert texts == news.texts
    assert labels == news.labels
    assert torch.get_num_threads() == threads_before


# Fine-tuning


@pytest.fixture
def tuning(train, checkpoint):
    """A function that fine-tunes the stored checkpoint for a step, by default."""

    def tuning(texts, labels, validation=None, **values):
        options = {"model_name_or_path": str(checkpoint), "max_steps": 1, "learning_rate": 1e-3}
        return train(texts, labels, validation, **{**options, **values})

    return tuning


def test_fine_tuning_keeps_the_labels_of_the_checkpoint(tuning, news, checkpoint, caplog):
    options = {"label_names": ["REAL", "FAKE"], "max_seq_length": 30, "character_buckets": 9}
    result = tuning(news.texts, news.labels, **options)
    assert "start anew" not in caplog.text
    assert result.model.config.label_names == ["FAKE", "REAL"]
    names = np.array(result.train.label_names)[result.train.labels]
    label_of = dict(zip(news.texts, news.labels, strict=True))
    assert names.tolist() == [label_of[text] for text in result.train.texts]
    assert result.tokenizer.model_max_length == 30
    assert result.about["fine_tuned_from"] == checkpoint.name
    assert accuracy(result, news) > 0.9


@pytest.mark.parametrize("count", [2, 8, 20])
def test_few_texts_leave_what_the_checkpoint_knows(tuning, news, count):
    """Neither part forgets; the n-grams use the earlier logits."""
    few = ["entirely different matters"] * (count // 2) + ["and others"] * (count // 2)
    texts = [f"{text} {number}" for number, text in enumerate(few)]
    labels = ["FAKE"] * (count // 2) + ["REAL"] * (count // 2)
    result = tuning(texts, labels)
    assert accuracy(result, news) > 0.9
    if count > 2:
        # What the new texts say is not against the earlier weights here, and does not outweigh them.
        result = tuning(news.texts[:count], news.labels[:count])
        assert accuracy(result, news, part=1) > 0.9


def test_other_labels_start_anew(tuning, news, caplog):
    names = {"FAKE": "loud", "REAL": "calm"}
    labels = [names[label] for label in news.labels]
    result = tuning(news.texts, labels, max_steps=40, learning_rate=0.02)
    assert "start anew" in caplog.text
    assert result.model.config.label_names == ["calm", "loud"]
    assert np.mean(np.array(best_labels(result, news.texts)) == labels) > 0.9


# Weights


def test_balanced_weights_are_what_scikit_learn_computes():
    labels = np.array([0, 0, 0, 2, 2, 1, 0, 0])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    weights = class_weights("balanced", ["a", "b", "c", "absent"], labels)
    np.testing.assert_allclose(weights, [*expected, 1])


def test_the_weight_of_a_label_is_that_of_its_texts(train, news):
    given = news.texts[:40], news.labels[:40]
    texts, labels = news.texts[40:], news.labels[40:]  # as many of each label: the mean weight is 1
    by_label = {"FAKE": 1.75, "REAL": 0.25}
    weighted = train(texts, labels, given, class_weight=by_label)
    assert weighted.about["class_weight"] == by_label
    of_texts = np.array([by_label[label] for label in labels])
    assert_same_model(train(texts, labels, given, sample_weight=40 * of_texts), weighted)


@pytest.mark.parametrize("held_out", [None, 20])
def test_a_weight_of_0_leaves_a_text_out(train, news, held_out):
    given = None if held_out is None else (news.texts[:held_out], news.labels[:held_out])
    texts, labels = news.texts[20:], news.labels[20:]
    wrong = ["REAL" if label == "FAKE" else "FAKE" for label in labels]
    weights = np.repeat([2.0, 0.0], 140)
    result = train(texts + texts, labels + wrong, given, sample_weight=weights)
    expected = train(texts, labels, given)
    assert len(result.train) == len(expected.train)
    assert_same_model(result, expected)


def test_texts_of_hardly_any_weight_teach_neither_part(train, news):
    wrong = ["REAL" if label == "FAKE" else "FAKE" for label in news.labels]
    weights = np.repeat([1.0, 1e-9], 160)
    result = train(
        news.texts * 2,
        news.labels + wrong,
        (news.texts, news.labels),
        sample_weight=weights,
        num_train_epochs=5,
    )
    for part in (0, 1):
        assert accuracy(result, news, part) > 0.9


def test_ngrams_predict_heavy_labels_more_often(train):
    generator = np.random.default_rng(0)
    words = COMMON.split()
    texts = [" ".join(generator.choice(words, 8)) for _ in range(200)]
    labels = np.where(generator.random(200) < 0.3, "FAKE", "REAL").tolist()

    def share_of_fake(class_weight):
        result = train(texts, labels, max_steps=1, class_weight=class_weight)
        return best_labels(result, texts, part=1).count("FAKE") / 200

    assert share_of_fake({"FAKE": 30, "REAL": 1}) > 2 * share_of_fake(None)


# Labels


def test_labels_are_sorted_as_numbers_if_all_are_whole():
    assert sorted_label_names(["10", "9", "-1"]) == ["-1", "9", "10"]
    assert sorted_label_names(["10", "9", "x"]) == ["10", "9", "x"]
    assert sorted_label_names([["b"], [], ["a", "b"]]) == ["a", "b"]


def test_labels_are_numbered_once():
    texts = LabelledTexts.of(["x", "y"], [["b"], []], ["a", "b"])
    assert texts.labels.tolist() == [[0, 1], [0, 0]]
    texts = LabelledTexts.of(["x", "y"], ["b", "a"], ["a", "b"], np.array([1, 3]))
    assert texts.labels.tolist() == [1, 0]
    assert texts.select([1]).weights.tolist() == [3]


# What is refused

T = [f"text {number}" for number in range(40)]
L = ["a", "b"] * 20
MISTAKES = {
    "no texts": ({"texts": [], "labels": []}, "no training texts"),
    "one label": ({"labels": ["a"] * 40}, "the label 'a'"),
    "a label is missing": ({"labels": L[1:]}, "40 texts, but 39 values of labels"),
    "an unknown label": ({"label_names": ["a", "c"]}, "row 2 has the label 'b', not one of a, c"),
    "lists and labels": ({"labels": [["a"], *L[1:]]}, "row 2 has the label 'b'; give lists"),
    "lists to validate": ({"validation": (T, [["a"]] * 40)}, "one label each"),
    "nothing to validate": ({"validation": ([], [])}, "no validation texts"),
    "another label to validate": ({"validation": (["x"], ["c"])}, "validation labels, row 1"),
    "a negative weight": ({"sample_weight": [-1, *[1] * 39]}, "row 1 is -1.0; give numbers from 0"),
    "no number as weight": ({"sample_weight": [*[1] * 39, np.nan]}, "sample_weight, row 40 is nan"),
    "weights of 0": ({"sample_weight": [0] * 40}, "0 for all texts"),
    "a weight is missing": ({"sample_weight": [1] * 39}, "39 values of sample_weight"),
    "a group is missing": ({"groups": [1] * 39}, "39 values of groups"),
    "a label without weight": ({"class_weight": {"a": 2}}, "no weight for the label 'b'"),
    "a weight without label": (
        {"class_weight": {"a": 2, "b": 1, "c": 1}},
        "'c' is not one of a, b",
    ),
    "a negative class weight": ({"class_weight": {"a": -2, "b": 1}}, "the weight of 'a' is -2"),
    "class weights of lists": (
        {"labels": [["a"], ["b"]] * 20, "class_weight": "balanced"},
        "class_weight is for one label",
    ),
    "unlabelled without teacher": ({"unlabelled": ["x"]}, "need a teacher"),
    "copies without teacher": ({"augmented_copies": 2}, "for a training with a teacher"),
    "a high rate": ({"learning_rate": 1000.0}, "diverged", "lower learning_rate"),
    "a much too high rate": ({"learning_rate": 1e30}, "diverged", "lower learning_rate"),
    "compiled": ({"torch_compile": True}, "torch_compile must be left out"),
    "half-precision evaluation": ({"bf16_full_eval": True}, "bf16_full_eval must be left out"),
    "a huge network": ({"hidden_size": 100_000_000}, "hidden_size"),
    "the best epoch of nothing": (
        {"early_stopping_patience": 1, "save_strategy": "epoch", "validation_fraction": 0},
        "need validation texts",
    ),
    "a name with a slip": ({"num_train_epoch": 1}, "did you mean num_train_epochs?"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(train, mistake):
    values, *parts = MISTAKES[mistake]
    given = {"texts": T, "labels": L, "num_train_epochs": 1, **values}
    with pytest.raises(DataError) as caught:
        train(given.pop("texts"), given.pop("labels"), given.pop("validation", None), **given)
    for part in parts:
        assert part in str(caught.value)


def test_the_damaged_checkpoint_is_named(tuning, copy):
    edit_json(copy / "config.json", hidden_size=9)
    with pytest.raises(DataError, match=r"model.safetensors does not fit config.json"):
        tuning(T, L, model_name_or_path=str(copy))
