"""What a training records: each kind has its record, and metrics.json gives it back."""

import json

import pytest
from teachers import by_length

from glove_lstm.training.record import TrainingRecord

SEVERAL = [["a"], ["b"], ["a", "b"], []] * 40


@pytest.fixture(scope="module")
def records(train, news, encoder, checkpoint):
    """Kind of training -> its record."""
    texts, labels = news.texts, news.labels
    unlabelled = {"unlabelled": texts[40:], "num_train_epochs": 0.01}
    return {
        "labels": train(texts, labels).record,
        "label sets": train(texts, SEVERAL, num_train_epochs=0.01).record,
        "few": train(texts[:10], labels[:10], num_train_epochs=0.01).record,
        "fine-tuned": train(
            texts, labels, model_name_or_path=str(checkpoint), num_train_epochs=0.01, seed=1
        ).record,
        "function": train(
            texts, labels, teacher=by_length, label_names=["FAKE", "REAL"], **unlabelled
        ).record,
        "encoder": train(texts[:40], labels[:40], teacher=encoder, **unlabelled).record,
    }


KINDS = ["labels", "label sets", "few", "fine-tuned", "function", "encoder"]


@pytest.mark.parametrize("kind", KINDS)
def test_json_gives_the_record_back(records, kind):
    record = records[kind]
    written = json.dumps(record.to_json())
    assert TrainingRecord.from_json(json.loads(written)) == record


def test_a_record_of_labels(records):
    record = records["labels"]
    assert record.preset == "default"
    assert record.options["num_train_epochs"] == record.epochs == 2
    assert record.options["vocab_size"] == 200
    assert record.options["seed"] == 42
    assert record.calibration.labels_of == "people"
    assert record.glove == "tiny.8d.txt"
    assert 0 < record.vocabulary_with_vectors <= 1
    assert record.ngram_c == 1
    for name in ("label_weights", "teacher", "fine_tuned_from"):
        assert getattr(record, name) is None, name
    losses = [entry["loss"] for entry in record.history if "loss" in entry]
    assert len(losses) == 2
    assert record.parameters > 1000
    assert record.hardware == "CPU, one thread"
    assert record.versions.keys() == {"glove_lstm", "torch", "transformers"}
    assert record.seconds > 0


def test_the_options_are_those_that_were_used(records):
    """By the number of texts, or by what is learned."""
    assert records["labels"].options["label_smoothing_factor"] == 0.1
    assert records["labels"].options["dropout"] == 0.3
    assert records["function"].options["dropout"] == 0.1
    assert "glove" not in records["labels"].options  # its folder is private
    assert "vocab_size" not in records["fine-tuned"].options


def test_a_fine_tuned_model_tells_what_the_checkpoint_knew(records, checkpoint):
    record = records["fine-tuned"]
    assert record.fine_tuned_from == checkpoint.name
    assert record.glove is None
    assert record.vocabulary_with_vectors is None


def test_what_was_learned_from_a_function(records):
    of_function = records["function"].teacher
    assert of_function.kind == "function"
    assert "by_length" in of_function.name
    assert of_function.settings == {}
    assert of_function.copies == 14 * records["function"].train_texts == 14 * 144
    assert of_function.texts == 144 * 15 + of_function.unlabelled
    assert 0 <= of_function.agreement <= 1
