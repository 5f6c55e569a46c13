"""A model that learns from a teacher: one training on its logits, with labels, copies and texts without labels."""

import json

import numpy as np
from support import QUICK, SMALL, accuracy, read_csv, succeed, write_articles, write_table

from glove_lstm.commands import evaluate
from glove_lstm.commands import train as train_command


def by_case(texts):
    """Probabilities of REAL and FAKE: titles of FAKE articles are in capitals."""
    fake = []
    for text in texts:
        has_capitals = any(word.isupper() and len(word) > 1 for word in text.split())
        fake.append(0.98 if has_capitals else 0.02)
    return np.stack([1 - np.array(fake), fake], axis=1)


def test_a_teacher_and_texts_without_labels_are_enough(train, news):
    names = ["REAL", "FAKE"]  # in the order of the function's columns
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
    assert accuracy(result, news.texts, news.labels) > 0.9


def test_the_lstm_learns_the_teacher_and_the_ngrams_the_labels(train, news):
    """The columns of the function are not in the order of the labels, so that it is always wrong."""
    options = {"teacher": by_case, "augmented_copies": 0, "num_train_epochs": 12}
    result = train(news.texts, news.labels, **options)
    assert accuracy(result, news.texts, news.labels, part=0) < 0.1
    assert accuracy(result, news.texts, news.labels, part=1) > 0.9


def test_few_labelled_texts_leave_the_calibration_to_unlabelled_ones(train, news, caplog):
    options = {"teacher": by_case, "augmented_copies": 0, "max_steps": 1}
    texts, labels = news.texts[:40], news.labels[:40]
    result = train(texts, labels, unlabelled=news.texts[40:], **options)
    assert len(result.train) == 40
    assert result.about["distillation"]["calibrated_on"] == "unlabelled"
    assert "not calibrated" not in caplog.text
    train(texts, labels, unlabelled=news.texts[40:90], **options)  # a tenth of them is too few
    assert caplog.text.count("not calibrated") == 1


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
    assert about["data"] == "test test.csv, more.jsonl (without labels)"

    measured = succeed(evaluate.main, out, "--test_file", test_file, "--teacher", transformer)
    assert transformer.name in measured.stdout
    assert "the same label" in measured.stdout


def test_a_function_has_the_labels_of_the_texts_also_in_fine_tuning(train, news, tmp_path):
    """A checkpoint may have its labels in another order than the columns of the function."""
    first = train(news.texts, news.labels, label_names=["REAL", "FAKE"], max_steps=1)
    first.model.save_pretrained(tmp_path)
    first.tokenizer.save_pretrained(tmp_path)

    def teacher(texts):
        return by_case(texts)[:, ::-1]  # FAKE and REAL, as the labels of the texts are sorted

    options = {"model_name_or_path": str(tmp_path), "teacher": teacher, "augmented_copies": 0}
    taught = train(news.texts, news.labels, **options)
    assert list(taught.model.config.label_names) == ["REAL", "FAKE"]
    assert taught.about["distillation"]["temperature"] < 5
    assert taught.about["distillation"]["agreement"] > 0.9


# Encoders


def test_an_encoder_teaches_with_few_labels(train, news, encoder, tmp_path):
    """All labelled texts teach; unlabelled ones calibrate. It is not asked again."""
    options = {
        "unlabelled": news.texts[40:],
        "augmented_copies": 2,
        "num_train_epochs": 8,
        "output_dir": str(tmp_path),
    }
    result = train(news.texts[:40], news.labels[:40], teacher=encoder, **options)
    about = result.about["distillation"]
    assert about["teacher"]["name"] == encoder.name
    assert about["teacher"]["embeddings"] == 32
    assert about["calibrated_on"] == "unlabelled"
    assert 10 <= about["held_out"] <= 12
    assert about["copies"] == 2 * 40
    assert about["agreement"] > 0.8
    assert len(result.train) == 40
    assert result.validation is None  # drawn labels measure nothing
    assert result.model.config.temperature != 1

    [kept] = tmp_path.glob("teacher_answers*.npz")
    with np.load(kept) as arrays:
        assert arrays["answers"].shape[1] == 32
    written = kept.stat().st_mtime_ns
    train(news.texts[:40], news.labels[:40], teacher=encoder, **options, max_steps=1)
    assert kept.stat().st_mtime_ns == written


def test_held_out_texts_are_not_in_the_regression(train, news, encoder):
    """Their labels are wrong: with them, the encoder would teach wrong labels."""
    names = {"FAKE": "REAL", "REAL": "FAKE"}
    held_out = news.texts[40:], [names[label] for label in news.labels[40:]]
    options = {"teacher": encoder, "augmented_copies": 2, "num_train_epochs": 8}
    result = train(news.texts[:40], news.labels[:40], held_out, **options)
    assert result.about["distillation"]["calibrated_on"] == "validation"
    assert result.about["distillation"]["held_out"] == 120
    assert accuracy(result, news.texts, news.labels, part=0) > 0.8
