"""Labels of the estimator keep their type, in memory and through files."""

import numpy as np
import pytest
from estimator_news import TEXTS, TINY
from support import edit_json

from glove_lstm import GloveLstmClassifier
from glove_lstm.errors import DataError

pytestmark = pytest.mark.usefixtures("beside_the_vectors")


@pytest.mark.parametrize(
    "values",
    [
        (10, 9),
        (-(2**63), 2**63 - 1),
        (False, True),
        (-1.0, 1e17),
        ("01", "1"),
        ("-5", "40"),
        ("False", "True"),
    ],
    ids=repr,
)
def test_labels_keep_their_type(values, tmp_path):
    labels = list(values) * 60
    classes = sorted(values)
    class_weight = dict.fromkeys(classes, 60)
    fitted = GloveLstmClassifier(**TINY, class_weight=class_weight).fit(TEXTS, np.array(labels))
    fitted.save_pretrained(tmp_path / "mine")
    GloveLstmClassifier.from_pretrained(tmp_path / "mine").save_pretrained(tmp_path / "copy")
    loaded = GloveLstmClassifier.from_pretrained(tmp_path / "copy")
    for classifier in (fitted, loaded):
        assert repr(classifier.classes_.tolist()) == repr(classes)
        assert classifier.score(TEXTS, labels) > 0.9

    label = values[1]
    name = str(label)
    if isinstance(label, float):  # the config names whole numbers without a point
        name = str(int(label))
    assert loaded.explain(TEXTS[0], label=label).label == name


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
    loaded.set_params(max_steps=1, use_cpu=True).fit(TEXTS, names == "True")
    assert loaded.classes_.tolist() == ["False", "Maybe", "True"]


def test_labels_of_a_checkpoint_of_the_command_are_strings(copy):
    id2label = {"0": "0", "1": "1"}
    label2id = {"0": 0, "1": 1}
    edit_json(copy / "config.json", id2label=id2label, label2id=label2id, label_type=None)
    loaded = GloveLstmClassifier.from_pretrained(copy)
    assert loaded.classes_.tolist() == ["0", "1"]
    loaded.set_params(max_steps=1, use_cpu=True, verbose=0).fit(TEXTS, [0, 1] * 60)
    assert loaded.classes_.tolist() == [0, 1]


def test_labels_that_are_not_of_the_type_in_the_config_are_refused(copy):
    edit_json(copy / "config.json", label_type="int")
    with pytest.raises(DataError, match=r"FAKE.*REAL.*type int"):
        GloveLstmClassifier.from_pretrained(copy)
