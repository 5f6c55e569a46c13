"""Validation texts that are held out: near duplicates and rare labels, sources, and what cannot be divided."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glove_lstm.data.splits import grouped_stratified_split, keep_labels_on_both_sides
from glove_lstm.errors import DataError
from glove_lstm.training.fit import sorted_label_names
from glove_lstm.training.held_out import hold_out
from glove_lstm.training.labelled_texts import LabelledTexts


def texts_of(**counts):
    """Distinct texts, `counts` of each label."""
    labels = []
    for label, count in counts.items():
        labels += [label] * count
    return [f"{label} text {n}" for n, label in enumerate(labels)], labels


def held_out(texts, labels, share=0.1, by="text", seed=42, sources=None):
    labelled = LabelledTexts.of(texts, labels, sorted_label_names(labels), sources)
    return hold_out(labelled, share, by, seed)


def counted(labels, rows):
    return Counter(labels[row] for row in rows)


@pytest.mark.parametrize("rare", [2, 14])
def test_a_rare_label_is_on_both_sides(rare):
    texts, labels = texts_of(common=2500, rare=rare)
    found = held_out(texts, labels)
    assert counted(labels, found.validation) == {"common": 250, "rare": 1}
    assert counted(labels, found.train) == {"common": 2250, "rare": rare - 1}
    again = held_out(texts, labels)
    assert again.validation.tolist() == found.validation.tolist()
    assert held_out(texts, labels, seed=1).validation.tolist() != found.validation.tolist()


def both_sides(names, found):
    """The names of the training rows, and of the validation rows."""
    train = {names[row] for row in found.train}
    validation = {names[row] for row in found.validation}
    return train, validation


def test_near_duplicates_stay_together():
    """Of three texts, the first is the second with one more word."""

    def text_of(number):
        return " ".join(f"w{number}x{at}" for at in range(11))

    texts = []
    originals = []
    for number in range(0, 501, 3):
        text = text_of(number)
        other = text_of(number + 1)
        texts += [f"{text} more", text, other]
        originals += [text, text, other]
    labels = [str(row // 3 % 2) for row in range(501)]
    found = held_out(texts, labels)
    train, validation = both_sides(originals, found)
    assert not train & validation
    assert len(found.validation) == 50


def test_a_label_that_cannot_be_divided_stays_in_train(caplog):
    texts, labels = texts_of(a=100, b=100, single=1)
    texts += ["one and the same text"] * 8
    labels += ["copied"] * 8
    found = held_out(texts, labels)
    assert counted(labels, found.validation).keys() == {"a", "b"}
    assert counted(labels, found.train)["copied"] == 8
    assert counted(labels, found.train)["single"] == 1
    assert "'single' (1 text), 'copied' (8 texts)." in caplog.text


@pytest.mark.parametrize(("distinct", "copied", "count"), [(1, 0, "1 text"), (0, 60, "60 texts")])
def test_one_label_alone_cannot_be_validated(distinct, copied, count):
    texts, labels = texts_of(a=250, b=distinct)
    texts += ["the same"] * copied
    labels += ["b"] * copied
    sentence = f"The label 'b' has {count}; too few of them are distinct"
    with pytest.raises(DataError, match=f"{sentence}.*validation=None, --validation_fraction 0"):
        held_out(texts, labels)


def test_a_rare_label_among_several_of_a_text_is_on_both_sides(caplog):
    texts = [f"text {n}" for n in range(300)]
    labels = [["a"], [], ["a"]] * 100
    labels[7] = labels[70] = ["a", "rare"]
    labels[100] = ["a", "single"]
    labelled = LabelledTexts.of(texts, labels, ["a", "rare", "single"])
    found = hold_out(labelled, 0.1, "text", 42)
    validation_counts = labelled.labels[found.validation].sum(axis=0)
    train_counts = labelled.labels[found.train].sum(axis=0)
    assert validation_counts[1:].tolist() == [1, 0]
    assert train_counts[1:].tolist() == [1, 1]
    assert "'single' (1 text)." in caplog.text


def test_few_texts_are_not_held_out(caplog):
    texts, labels = texts_of(a=40, b=40)
    assert held_out(texts, labels) is None
    assert "10 % of 80 texts are fewer than 10" in caplog.text
    assert held_out(texts, labels, 0) is None
    assert len(held_out(texts, labels, 0.2).validation) == 16
    with pytest.raises(DataError, match="validation is the share 1; give 0 to below 1"):
        held_out(texts, labels, 1)


def test_whole_sources_are_held_out():
    texts, labels = texts_of(FAKE=120, REAL=120)
    sources_of_a = [f"a/a{n % 10}.org" for n in range(120)]
    sources_of_b = [f"b/b{n % 10}.org" for n in range(120)]
    sources = sources_of_a + sources_of_b
    np.random.default_rng(0).shuffle(labels)
    found = held_out(texts, labels, by="source", sources=sources)
    train, validation = both_sides(sources, found)
    assert validation
    assert not train & validation
    assert counted(labels, found.validation).keys() == {"FAKE", "REAL"}
    with pytest.raises(DataError, match="the texts have no sources"):
        held_out(texts, labels, by="source")


def test_a_rare_label_without_held_out_sources_is_named(caplog):
    texts, labels = texts_of(a=200, b=200, rare=6)
    corpora = {"a": "news", "b": "news", "rare": "rare"}  # a corpus of one label is not divided
    sources = []
    for number, label in enumerate(labels):
        sources.append(f"{corpora[label]}/{label}{number % 20}.org")
    found = held_out(texts, labels, by="source", sources=sources)
    assert counted(labels, found.validation).keys() == {"a", "b"}
    assert "These labels have no validation texts" in caplog.text
    assert "'rare' (6 texts)." in caplog.text


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=1, max_size=60)


@given(ROWS, st.sampled_from([0.1, 0.5]), st.integers(0, 3))
def test_labels_are_on_both_sides_wherever_whole_groups_allow_it(rows, fraction, seed):
    labels, groups = np.array(rows).T
    all_labels = set(labels)
    before = grouped_stratified_split(labels, groups, (1 - fraction, fraction), seed)
    row_labels = np.arange(len(labels)), labels
    train, validation = keep_labels_on_both_sides(before, row_labels, groups, seed)
    assert sorted([*train, *validation]) == list(range(len(rows)))
    assert not set(groups[train]) & set(groups[validation])
    assert set(labels[train]) == all_labels

    nothing_has_to_move = all(set(labels[part]) == all_labels for part in before)
    if nothing_has_to_move:
        np.testing.assert_array_equal(train, before[0])
        np.testing.assert_array_equal(validation, before[1])
    for label in all_labels:
        own_groups = set(groups[labels == label])
        shared_groups = set(groups[labels != label])
        if len(own_groups) > 1 and not own_groups & shared_groups:
            assert label in labels[validation]
