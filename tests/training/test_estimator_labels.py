"""Labels of the estimator keep their type, in memory and through files."""

import json

import numpy as np
import pytest
from estimator_news import TEXTS, TINY

from glove_lstm import GloveLstmClassifier
from glove_lstm.data.in_memory import read_labels
from glove_lstm.errors import DataError

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


@pytest.mark.parametrize(
    "values",
    [
        (0, 1),
        (10, 9),
        (-3, 123456789012345678),
        (2**63 - 2, 2**63 - 1),
        (-(2**63), 1234567890123456789),
        (False, True),
        (0.0, 2.0),
        (-1.0, 1e17),
        ("no", "yes"),
        ("01", "1"),
        ("0", "1"),
        ("-5", "40"),
        ("False", "True"),
        ("0.0", "2.0"),
        ('["a"]', '["b", "c"]'),
    ],
    ids=repr,
)
def test_labels_keep_their_kind(values, tmp_path):
    labels = [values[row % 2] for row in range(120)]
    names, counts = np.unique(np.array(labels), return_counts=True)
    class_weight = dict(zip(names, counts, strict=True))
    fitted = GloveLstmClassifier(**TINY, class_weight=class_weight).fit(TEXTS, np.array(labels))
    assert repr(fitted.classes_.tolist()) == repr(sorted(values))
    assert fitted.score(TEXTS, labels) > 0.9

    fitted.model_.save_pretrained(tmp_path)
    fitted.tokenizer_.save_pretrained(tmp_path)
    loaded = GloveLstmClassifier.from_pretrained(tmp_path)
    assert repr(loaded.classes_.tolist()) == repr(sorted(values))
    assert loaded.classes_.dtype.kind == fitted.classes_.dtype.kind
    assert loaded.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()
    assert loaded.score(TEXTS, labels) > 0.9
    name = values[1]
    if isinstance(name, float):  # the config names whole numbers without a point
        name = int(name)
    assert loaded.explain(TEXTS[0], label=values[1]).label == str(name)


def test_a_loaded_classifier_is_not_saved_with_other_weights(copy, tmp_path):
    loaded = GloveLstmClassifier.from_pretrained(copy)
    (copy / "model.safetensors").write_bytes(b"of another model")
    with pytest.raises(DataError, match=r"model.safetensors is not the file that was loaded"):
        loaded.save_pretrained(tmp_path / "again")


def test_labels_in_memory_are_never_read_as_json():
    labels = ["[1, 2]", "['a', b]"] * 60
    classifier = GloveLstmClassifier(**TINY)
    classifier.fit(TEXTS, labels, validation=(TEXTS[:20], labels[:20]))
    assert classifier.classes_.tolist() == ["['a', b]", "[1, 2]"]
    assert classifier.score(TEXTS, labels) > 0.9
    new = [f"{text} unseen" for text in TEXTS]
    assert classifier.evaluate(new, labels).figures["accuracy"] > 0.9


def test_fine_tuning_on_some_of_the_labels_keeps_the_others(tmp_path):
    names = np.array(["False", "True", "Maybe"])[np.arange(120) % 3]
    GloveLstmClassifier(**TINY).fit(TEXTS, names).save_pretrained(tmp_path)
    loaded = GloveLstmClassifier.from_pretrained(tmp_path)
    loaded.set_params(max_steps=1, use_cpu=True, refit=False).fit(TEXTS, names == "True")
    assert loaded.classes_.tolist() == ["False", "Maybe", "True"]


def test_labels_that_look_like_numbers_stay_strings_in_copies_of_copies(tmp_path):
    labels = ["0", "1"] * 60
    fitted = GloveLstmClassifier(**TINY).fit(TEXTS, labels)
    fitted.save_pretrained(tmp_path / "mine")
    config = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert config["label_type"] == "str"
    assert config.get("text_column_names") is None  # the texts were in memory
    GloveLstmClassifier.from_pretrained(tmp_path / "mine").save_pretrained(tmp_path / "copy")
    loaded = GloveLstmClassifier.from_pretrained(tmp_path / "copy")
    assert loaded.score(TEXTS, labels) > 0.9
    assert set(loaded.predict(TEXTS).tolist()) == {"0", "1"}


def test_labels_of_a_checkpoint_of_the_command_are_strings(copy):
    config = json.loads((copy / "config.json").read_text())
    names = {"id2label": {"0": "0", "1": "1"}, "label2id": {"0": 0, "1": 1}, "label_type": None}
    (copy / "config.json").write_text(json.dumps({**config, **names}))
    loaded = GloveLstmClassifier.from_pretrained(copy)
    assert loaded.classes_.tolist() == ["0", "1"]
    loaded.set_params(max_steps=1, use_cpu=True, verbose=0, refit=False).fit(TEXTS, [0, 1] * 60)
    assert loaded.classes_.tolist() == [0, 1]


def test_labels_that_are_not_of_the_type_in_the_config_are_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "label_type": "int"}))
    with pytest.raises(DataError, match="labels FAKE, REAL are not all of the type int"):
        GloveLstmClassifier.from_pretrained(copy)


def test_labels_of_a_kind_and_their_rows():
    for labels, sentence in (
        ([["a", "b"], ["c", None]], "y, row 2 has no label"),
        ([[True], [2]], "y, row 2 has the label 2, but row 1 has True"),
        ([True, 2], "y, row 2 has the label 2, but row 1 has True"),
    ):
        with pytest.raises(DataError, match=sentence):
            read_labels(labels)
    # Lists of the labels 0 and 1 look like a table, unless other labels were lists.
    assert read_labels([[0, 1], [1, 0]]).names == [["1"], ["0"]]
    assert read_labels([[0, 1], [1, 0]], lists=True).names == [["0", "1"], ["1", "0"]]
