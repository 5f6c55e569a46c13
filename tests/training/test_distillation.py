"""A model that learns from teachers: what it takes from them, from labels and from texts without labels."""

import json
import logging

import numpy as np
import pytest
import torch
from estimator_news import TINY as ESTIMATOR
from estimator_news import arguments
from support import (
    QUICK,
    SMALL,
    assert_refused,
    remove_last_checkpoint,
    run_here,
    succeed,
    write_table,
)

from glove_lstm import GloveLstmClassifier, Teacher
from glove_lstm.commands import evaluate
from glove_lstm.commands import train as train_command
from glove_lstm.errors import DataError
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.publishing.save_result import save_result
from glove_lstm.training.arguments import make_recipe
from glove_lstm.training.fit import fit
from glove_lstm.training.teacher_logits import CACHE_NAME

TINY = {
    **arguments(SMALL),
    **arguments(QUICK),
    "num_train_epochs": 1,
    "augmented_copies": 0,
    "refit": False,
    "save_strategy": "no",
}


@pytest.fixture(scope="module")
def distil(glove_file, tmp_path_factory):
    """A function that trains a small model with a teacher; it takes arguments of `fit` and of the recipe."""

    def distil(
        texts, labels, teacher, validation=0.1, *, label_names=None, unlabelled=(), **values
    ):
        values = {"output_dir": str(tmp_path_factory.mktemp("out")), **TINY, **values}
        return fit(
            texts,
            labels,
            validation,
            recipe=make_recipe(glove=str(glove_file), **values),
            label_names=label_names,
            teacher=teacher,
            unlabelled=unlabelled,
        )

    return distil


def by_case(texts):
    """Probabilities of LOUD and calm: a text whose first word is in capitals is LOUD."""
    is_loud = np.array([text.split()[0].isupper() for text in texts])
    loud = np.where(is_loud, 0.98, 0.02)
    return np.stack([loud, 1 - loud], axis=1)


def loud_and_calm(labels):
    """The labels by the names of `by_case`: titles of FAKE articles are in capitals."""
    names = {"FAKE": "LOUD", "REAL": "calm"}
    return [names[label] for label in labels]


def guesses(texts):
    """Probabilities that say nothing, but are sure of it."""
    fake = np.array([len(text) % 2 for text in texts])
    return np.stack([fake, 1 - fake], axis=1).astype(float)


def best_labels(result, texts):
    inputs = result.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        best = result.model(**inputs).logits.argmax(dim=1)
    return [result.model.config.label_names[row] for row in best]


def test_a_teacher_and_texts_without_labels_are_enough(distil, news):
    names = ["LOUD", "calm"]  # in the order of the function's columns
    result = distil([], [], by_case, label_names=names, unlabelled=news.texts, num_train_epochs=8)
    about = result.about["distillation"]
    assert 10 <= about["held_out"] <= 16
    assert about["agreement"] > 0.9
    assert about["weight_of_labelled_model"] is None
    assert result.about["rows"] == {"train": 0}
    assert len(result.training_texts.trained) == 160 - about["held_out"]
    assert result.calibration.temperature != 1
    # Labels that were drawn from the teacher's scores measure nothing.
    assert result.validation is None
    for log in result.history:
        assert "eval_loss" not in log
    is_right = np.array(best_labels(result, news.texts)) == loud_and_calm(news.labels)
    assert is_right.mean() > 0.9


def test_the_student_continues_from_the_labels_and_agrees_with_its_teacher(
    distil, news, transformer, tmp_path
):
    result = distil(
        news.texts[:100],
        news.labels[:100],
        transformer,
        unlabelled=news.texts[100:],
        augmented_copies=4,
        num_train_epochs=4,
        refit=True,
    )
    about = result.about["distillation"]
    assert about["agreement"] > 0.8
    assert about["held_out"] == len(result.validation) == 10
    [teacher] = about["teachers"]
    assert teacher["name"] == transformer.name
    assert teacher["license"] == "mit"
    assert about["texts"] == 560
    assert about["copies"] == 400
    assert about["unlabelled"] == 60
    assert len(result.train) == 100
    assert len(result.first_train) == 90
    assert result.about["rows"] == {"train": 90, "validation": 10, "all": 100}
    # The card and the config say how the student was trained.
    assert result.about["arguments"]["dropout"] == result.model.config.dropout == 0.1

    result.about["data"] = "articles.csv"
    result.about["validation_by"] = "text"
    save_result(result, run_metrics(result), tmp_path / "saved")
    card = (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
    assert f"`{transformer.name}` (mit" in card
    assert f"{about['agreement']:.1%}" in card


def test_several_teachers_are_weighed(distil, news, transformer):
    result = distil(news.texts, news.labels, [transformer, guesses])
    teachers = result.about["distillation"]["teachers"]
    assert [teacher["name"] for teacher in teachers] == [transformer.name, "the function guesses"]
    assert teachers[0]["weight"] > 1.5 * teachers[1]["weight"]


@pytest.fixture(scope="module")
def first_model(distil, news):
    return distil(news.texts, news.labels, guesses, augmented_copies=1)


def test_the_model_of_the_labels_is_part_of_the_target_if_it_is_better(distil, news, first_model):
    assert first_model.about["distillation"]["weight_of_labelled_model"] > 0

    rows = zip(news.texts, news.labels, strict=True)
    fake_texts = {text for text, label in rows if label == "FAKE"}

    def knows(texts):
        fake = np.array([text in fake_texts for text in texts])
        return np.stack([fake, ~fake], axis=1).astype(float)

    result = distil(news.texts, news.labels, knows)
    assert result.about["distillation"]["weight_of_labelled_model"] is None


def test_the_final_model_has_the_target_and_the_calibration_of_the_first(distil, news, first_model):
    final = distil(news.texts, news.labels, guesses, augmented_copies=1, refit=True)
    assert final.calibration == first_model.calibration
    np.testing.assert_array_equal(final.validation_logits, first_model.validation_logits)
    about = final.about["distillation"]
    about_first = first_model.about["distillation"]
    for name in ("teachers", "weight_of_labelled_model", "agreement"):
        assert about[name] == about_first[name]
    # It learns from all texts.
    assert about["texts"] == 2 * 160
    assert about_first["texts"] == 2 * len(first_model.train)
    weights = final.model.classifier.weight
    assert not torch.equal(weights, first_model.model.classifier.weight)


def test_only_one_model_is_trained_if_most_texts_have_no_label(distil, news):
    more = [f"{text} again {number}" for number, text in enumerate(news.texts)]
    result = distil(news.texts[:100], news.labels[:100], guesses, unlabelled=more, refit=True)
    assert len(result.train) == 90


def test_first_and_final_model_agree_whether_most_texts_have_a_label(distil, news, caplog):
    """Both count 100 labelled texts, although the first student learns from 90 of them only."""
    more = []
    for text in news.texts[100:]:
        more += [f"{text} again", f"{text} and again"]
    more = more[:95]  # the majority beside 90 labelled texts, but not beside 100
    with caplog.at_level(logging.INFO, "glove_lstm"):
        distil(news.texts[:100], news.labels[:100], guesses, unlabelled=more, refit=True)
    fits_of_ngrams = [line for line in caplog.messages if line.startswith("N-grams of")]
    # Two fits, on the labels alone: neither student fits its n-grams again.
    assert [line.split()[2] for line in fits_of_ngrams] == ["90", "100"]


def test_unlabelled_texts_must_be_new(distil, news):
    held_out = news.texts[:40], news.labels[:40]
    with pytest.raises(DataError, match="near duplicates of validation texts"):
        distil([], [], by_case, held_out, label_names=["FAKE", "REAL"], unlabelled=news.texts[:40])


def test_near_duplicates_of_validation_texts_are_left_out(distil, news, caplog):
    held_out = news.texts[:20], news.labels[:20]
    copies = [f"{text} Again" for text in news.texts[:20] if len(text.split()) > 50]
    assert copies
    unlabelled = [*copies, "a text of its own"]
    result = distil(news.texts[20:], news.labels[20:], by_case, held_out, unlabelled=unlabelled)
    assert result.about["distillation"]["unlabelled"] == 1
    assert f"{len(copies)} of {len(copies) + 1} unlabelled texts are left out" in caplog.text


def test_labels_must_be_the_same(transformer, distil, news):
    labels = loud_and_calm(news.labels)
    with pytest.raises(DataError, match=r"are REAL, FAKE; the labels of the texts are LOUD, calm"):
        distil(news.texts, labels, transformer)


def test_the_command_learns_from_a_teacher_and_compares_with_it(
    articles, glove_file, transformer, news, tmp_path
):
    more = write_table(tmp_path / "more.csv", [{"text": text} for text in news.texts])
    out = tmp_path / "out"
    command = ["--teacher", transformer, "--unlabelled_file", more, "--glove", glove_file]
    command += SMALL + QUICK
    succeed(train_command.main, *command, "--output_dir", out)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["about"]["data"] == "more.csv (without labels)"
    assert (out / CACHE_NAME).is_file()
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert sorted(config["label2id"]) == ["FAKE", "REAL"]

    measured = succeed(evaluate.main, out, "--test_file", articles, "--teacher", transformer)
    assert transformer.name in measured.stdout
    assert "of the texts the same label" in measured.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--unlabelled_file {DATA}", "unlabelled_file needs a teacher"),
        ("--augmented_copies 3", "augmented_copies is for a training with a teacher"),
        ("--teacher a b --teacher_revision main", "1 for 2 teachers"),
        ("--teacher nowhere", "The teacher nowhere could not be loaded"),
    ],
)
def test_mistakes_of_the_command(words, sentence, articles, glove_file, tmp_path):
    command = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out"]
    command += words.replace("{DATA}", str(articles)).split()
    assert_refused(run_here(train_command.main, *command), sentence)


@pytest.mark.usefixtures("beside_the_vectors")
def test_estimator_learns_from_a_function_and_from_a_transformer(news, transformer):
    function = GloveLstmClassifier(**ESTIMATOR, teacher=by_case, augmented_copies=2)
    labels = loud_and_calm(news.labels[:100])
    function.fit(news.texts[:100], labels, unlabelled=news.texts[100:])
    assert function.classes_.tolist() == ["LOUD", "calm"]

    alone = GloveLstmClassifier(**ESTIMATOR, teacher=Teacher(str(transformer))).fit(news.texts)
    assert alone.classes_.tolist() == ["FAKE", "REAL"]
    assert alone.predict_proba(news.texts[:3]).shape == (3, 2)
    with pytest.raises(DataError, match="y to be passed"):
        GloveLstmClassifier(**ESTIMATOR).fit(news.texts)


def test_a_resumed_distillation_ends_as_an_uninterrupted_one(distil, news, transformer, tmp_path):
    """Its last checkpoint is removed, as if it had been interrupted in the last of its four trainings."""
    options = {
        "output_dir": str(tmp_path),
        "refit": True,
        "num_train_epochs": 2,
        "save_strategy": "epoch",
        "save_total_limit": 2,
    }
    data = news.texts[:60], news.labels[:60], transformer, 0.2
    whole = distil(*data, **options)
    remaining = remove_last_checkpoint(tmp_path)
    records = [*tmp_path.rglob("finished.json"), remaining / "trainer_state.json"]
    assert len(records) == 3
    written = [path.stat().st_mtime_ns for path in records]

    resumed = distil(*data, **options, resume_from_checkpoint="True")
    assert [path.stat().st_mtime_ns for path in records] == written
    for name, weights in resumed.model.state_dict().items():
        torch.testing.assert_close(weights, whole.model.state_dict()[name])
