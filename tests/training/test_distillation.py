"""A model that learns from a teacher: one training on its logits, with labels, copies and texts without labels."""

import json

import numpy as np
import pytest
import torch
from support import QUICK, SMALL, read_csv, succeed, write_articles, write_table

from glove_lstm.commands import evaluate
from glove_lstm.commands import train as train_command
from glove_lstm.errors import DataError


def by_case(texts):
    """Probabilities of LOUD and calm: a text whose first word is in capitals is LOUD."""
    is_loud = np.array([text.split()[0].isupper() for text in texts])
    loud = np.where(is_loud, 0.98, 0.02)
    return np.stack([loud, 1 - loud], axis=1)


def loud_and_calm(labels):
    """The labels by the names of `by_case`: titles of FAKE articles are in capitals."""
    names = {"FAKE": "LOUD", "REAL": "calm"}
    return [names[label] for label in labels]


def best_labels(result, texts):
    inputs = result.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        best = result.model.eval()(**inputs).logits.argmax(dim=1)
    return [result.model.config.label_names[row] for row in best]


def test_a_teacher_and_texts_without_labels_are_enough(train, news):
    names = ["LOUD", "calm"]  # in the order of the function's columns
    options = {"label_names": names, "unlabelled": news.texts, "num_train_epochs": 8}
    result = train([], [], teacher=by_case, **options)
    about = result.about["distillation"]
    assert 10 <= about["held_out"] <= 16
    assert about["calibrated_on"] == "unlabelled"
    assert about["agreement"] > 0.9
    assert result.about["rows"] == {"train": 0}
    assert len(result.training_texts.trained) == 160 - about["held_out"]
    assert result.model.config.temperature != 1
    # The teacher's labels measure nothing.
    assert result.validation is None
    assert not any("eval_loss" in log for log in result.history)
    is_right = np.array(best_labels(result, news.texts)) == loud_and_calm(news.labels)
    assert is_right.mean() > 0.9


def test_a_student_of_a_folder_learns_copies_and_unlabelled_texts_too(train, news, transformer):
    """The labels of the teacher are in another order than those of the model."""
    options = {"unlabelled": news.texts[100:], "augmented_copies": 4, "num_train_epochs": 4}
    result = train(news.texts[:100], news.labels[:100], teacher=transformer, **options)
    assert result.model.config.label_names == ["FAKE", "REAL"]
    about = result.about["distillation"]
    assert about["agreement"] > 0.8
    assert about["teacher"] == {"name": transformer.name, "license": "mit"}
    assert about["held_out"] == len(result.validation) == 10
    assert about["calibrated_on"] == "validation"
    assert len(result.train) == 90
    assert about["copies"] == 4 * 90
    assert about["unlabelled"] == 60
    assert about["texts"] == 5 * 90 + 60
    assert result.about["rows"] == {"train": 90, "validation": 10}
    is_right = np.array(best_labels(result, news.texts)) == news.labels
    assert is_right.mean() > 0.9
    # The card and the config say how the student was trained.
    assert result.about["arguments"]["dropout"] == result.model.config.dropout == 0.1


def test_the_lstm_learns_the_teacher_and_the_ngrams_the_labels(train, news):
    """The teacher is always wrong, and says so surely."""
    rows = zip(news.texts, news.labels, strict=True)
    fake_texts = {text for text, label in rows if label == "FAKE"}

    def wrong(texts):
        real = np.array([text in fake_texts for text in texts])
        return np.stack([~real, real], axis=1) * 0.96 + 0.02

    result = train(news.texts, news.labels, teacher=wrong, augmented_copies=0, num_train_epochs=12)
    inputs = result.tokenizer(news.texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        parts = result.model.eval()(**inputs).part_logits.argmax(dim=2)
    labels = torch.tensor([["FAKE", "REAL"].index(label) for label in news.labels])
    assert (parts[:, 0] == labels).float().mean() < 0.1
    assert (parts[:, 1] == labels).float().mean() > 0.9


def test_logits_are_scaled_by_a_temperature_of_the_held_out_labels(train, news):
    """A teacher who is sure of guesses says hardly anything."""

    def guesses(texts):
        fake = np.array([len(text) % 2 for text in texts]) * 0.9998 + 0.0001
        return np.stack([fake, 1 - fake], axis=1)

    result = train(news.texts, news.labels, teacher=guesses, augmented_copies=0)
    assert result.about["distillation"]["temperature"] > 5


@pytest.mark.parametrize("kind", ["transformer", "encoder"])
def test_a_teacher_is_not_asked_again(train, news, tmp_path, kind, request):
    """A second run writes no answers, since none is missing."""
    options = {"teacher": request.getfixturevalue(kind), "unlabelled": news.texts[40:]}
    options |= {"augmented_copies": 1, "output_dir": str(tmp_path), "max_steps": 5}
    first = train(news.texts[:40], news.labels[:40], **options)
    [kept] = tmp_path.glob("teacher_answers*.npz")
    written = kept.stat().st_mtime_ns
    again = train(news.texts[:40], news.labels[:40], **options)
    assert kept.stat().st_mtime_ns == written
    for name, value in first.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name
    train(news.texts[:40], news.labels[:40], **{**options, "unlabelled": [*news.texts[40:], "new"]})
    assert kept.stat().st_mtime_ns > written


def test_near_duplicates_of_validation_texts_are_left_out(train, news, caplog):
    held_out = news.texts[:20], news.labels[:20]
    copies = [f"{text} Again" for text in news.texts[:20] if len(text.split()) > 50]
    assert copies
    texts, labels = news.texts[20:], news.labels[20:]
    options = {"teacher": by_case, "augmented_copies": 0, "max_steps": 1}
    unlabelled = [*copies, "a text of its own"]
    result = train(texts, labels, held_out, unlabelled=unlabelled, **options)
    assert result.about["distillation"]["unlabelled"] == 1
    assert f"{len(copies)} of {len(copies) + 1} unlabelled texts are left out" in caplog.text
    # Without labelled texts, nothing would be left.
    with pytest.raises(DataError, match="All unlabelled texts are near duplicates"):
        train([], [], held_out, unlabelled=copies, **options, label_names=["FAKE", "REAL"])


def test_the_command_learns_from_a_teacher_and_compares_with_it(
    glove_file, transformer, news, tmp_path, caplog
):
    """Near duplicates of test texts, and blank texts, teach nothing."""
    test_file = write_articles(tmp_path / "test.csv", 60, seed=9)
    tested = [f"{row['title']} {row['text']}" for row in read_csv(test_file)]
    copies = [f"{text} Again" for text in tested if len(text.split()) > 50]
    assert copies
    unlabelled = [*news.texts, *copies, " ", ""]
    more = write_table(tmp_path / "more.jsonl", [{"text": text} for text in unlabelled])
    out = tmp_path / "out"
    files = ["--unlabelled_file", more, "--test_file", test_file]
    command = ["--teacher", transformer, *files, "--glove", glove_file, *SMALL, *QUICK]
    succeed(train_command.main, *command, "--output_dir", out)
    about = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["about"]
    lesson = about["distillation"]
    assert lesson["unlabelled"] + lesson["held_out"] == 160
    assert f"{len(copies)} of {160 + len(copies)} unlabelled texts are left out" in caplog.text
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert sorted(config["label2id"]) == ["FAKE", "REAL"]

    assert about["data"] == "test test.csv, more.jsonl (without labels)"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert transformer.name in card
    assert "mit" in card

    measured = succeed(evaluate.main, out, "--test_file", test_file, "--teacher", transformer)
    assert transformer.name in measured.stdout
    assert "the same label" in measured.stdout


def test_unlabelled_files_are_named(glove_file, transformer, news, tmp_path):
    more = write_table(tmp_path / "more.csv", [{"text": text} for text in news.texts[:30]])
    command = ["--teacher", transformer, "--unlabelled_file", more, "--glove", glove_file, *SMALL]
    out = tmp_path / "out"
    succeed(train_command.main, *command, *QUICK, "--max_steps", 1, "--output_dir", out)
    about = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["about"]
    assert about["data"] == "more.csv (without labels)"


def test_a_function_has_the_labels_of_the_texts_also_in_fine_tuning(train, news, tmp_path):
    """A checkpoint may have its labels in another order than the columns of the function."""
    first = train(news.texts, news.labels, label_names=["REAL", "FAKE"])
    first.model.save_pretrained(tmp_path)
    first.tokenizer.save_pretrained(tmp_path)
    label_of = dict(zip(news.texts, news.labels, strict=True))

    def teacher(texts):
        is_fake = np.array([label_of.get(text, "FAKE") == "FAKE" for text in texts], dtype=float)
        return np.stack([is_fake, 1 - is_fake], axis=1)

    taught = train(
        news.texts,
        news.labels,
        model_name_or_path=str(tmp_path),
        teacher=teacher,
        augmented_copies=0,
    )
    assert list(taught.model.config.label_names) == ["REAL", "FAKE"]
    assert taught.about["distillation"]["temperature"] < 5
    assert taught.about["distillation"]["agreement"] > 0.9


# Encoders


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


def test_held_out_texts_are_not_in_the_regression(train, news, encoder):
    """Their labels are wrong: with them, the encoder would teach wrong labels."""
    names = {"FAKE": "REAL", "REAL": "FAKE"}
    held_out = news.texts[40:], [names[label] for label in news.labels[40:]]
    options = {"teacher": encoder, "augmented_copies": 2, "num_train_epochs": 8}
    result = train(news.texts[:40], news.labels[:40], held_out, **options)
    assert result.about["distillation"]["calibrated_on"] == "validation"
    assert result.about["distillation"]["held_out"] == 120
    inputs = result.tokenizer(news.texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        parts = result.model.eval()(**inputs).part_logits.argmax(dim=2)
    labels = torch.tensor([["FAKE", "REAL"].index(label) for label in news.labels])
    assert (parts[:, 0] == labels).float().mean() > 0.8
