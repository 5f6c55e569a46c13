"""Texts that are held out: how many, near duplicates and groups on one side, each label on both."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from glove_lstm.tables.examples import Examples
from glove_lstm.tables.labels import sorted_label_names
from glove_lstm.training.hold_out import hold_out, hold_out_labelled, share_to_hold_out
from glove_lstm.training.settings import make_settings


def labelled(texts, labels):
    return Examples.from_names(texts, labels, sorted_label_names(labels))


def texts_of(**counts):
    """Distinct texts, `counts` of each label."""
    labels = []
    for label, count in counts.items():
        labels += [label] * count
    return labelled([f"{label} text {n}" for n, label in enumerate(labels)], labels)


def counted(part):
    """How many texts have each label."""
    if part.labels.ndim == 2:
        return Counter(part.label_names[column] for column in np.nonzero(part.labels)[1])
    return Counter(part.label_names[label] for label in part.labels)


def test_a_twentieth_is_held_out_at_least_50_at_most_2000_and_a_tenth():
    expected = {1: 0.1, 100: 10, 500: 50, 1000: 50, 1100: 55, 40_020: 2000, 10**6: 2000}
    held_out = {texts: texts * share_to_hold_out(texts) for texts in expected}
    assert held_out == pytest.approx(expected)


def test_near_duplicates_and_groups_stay_together():
    """Of three texts, the first is the second with one more word; each third text is of another author."""

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
    authors = [row // 3 if row % 3 < 2 else 1000 + row // 30 for row in range(501)]
    for groups, own in ((None, originals), (authors, authors)):
        group_of = dict(zip(texts, own, strict=True))
        train, held_out = hold_out_labelled(labelled(texts, labels), 0.1, 42, groups)
        assert {group_of[text] for text in train.texts}.isdisjoint(
            group_of[text] for text in held_out.texts
        )
        assert len(held_out) == pytest.approx(50, abs=5)


ALONE = labelled(
    [f"text {number}" for number in range(201)] + ["one and the same text"] * 8,
    ["a"] * 100 + ["b"] * 100 + ["single"] + ["copied"] * 8,
)
IN_ONE_GROUP = texts_of(a=200, b=200, rare=6)
SEVERAL_LABELS = labelled(
    [f"text {number}" for number in range(303)],
    [["a"], [], ["a"]] * 100 + [["a", "rare"], ["a", "rare"], ["a", "single"]],
)


# Texts, their groups -> labels that only the training has, and labels on both sides.
@pytest.mark.parametrize(
    ("texts", "groups", "in_train", "on_both_sides"),
    [
        (ALONE, None, {"single": 1, "copied": 8}, {"a", "b"}),
        (IN_ONE_GROUP, [*range(400), *[400] * 6], {"rare": 6}, {"a", "b"}),
        (SEVERAL_LABELS, None, {"single": 1, "rare": 2}, {"a"}),
    ],
    ids=["single, copied", "one group", "several labels"],
)  # fmt: skip
def test_labels_that_stay_in_train(texts, groups, in_train, on_both_sides):
    train, held_out = hold_out_labelled(texts, 0.1, 42, groups)
    assert counted(held_out).keys() == on_both_sides
    of_train = counted(train)
    assert of_train.keys() == on_both_sides | in_train.keys()
    for label, count in in_train.items():
        assert of_train[label] == count


def test_texts_of_one_label_do_not_calibrate(caplog):
    """A model that always gives this label would look right."""
    for others in (["b"], ["b"] * 60):
        texts = [f"text {number}" for number in range(250)] + ["the same"] * len(others)
        train, held_out = hold_out_labelled(labelled(texts, ["a"] * 250 + others), 0.1, 42)
        assert held_out is None
        assert len(train) == len(texts)
    assert caplog.text.count("not calibrated") == 2


def test_few_texts_are_not_held_out(caplog):
    texts = texts_of(a=40, b=40)
    for fraction in (0, 0.1, None):
        train, held_out = hold_out_labelled(texts, fraction, 42)
        assert train.texts == texts.texts
        assert held_out is None
    assert caplog.text.count("not calibrated") == 2  # of 0, nothing is said
    assert "only 8 of 80 labelled texts would be held out" in caplog.text
    assert len(hold_out_labelled(texts, 0.2, 42)[1]) == 16


def split_of(texts, unlabelled, teacher, groups=None, **options):
    settings = make_settings(**options)
    of_texts = {"groups": groups, "class_weight": None}
    return hold_out(texts, None, unlabelled, **of_texts, teacher=teacher, settings=settings)


# Labelled and unlabelled texts, whether a teacher learns labels, arguments -> how many of each are held out.
@pytest.mark.parametrize(
    ("labelled", "unlabelled", "learns_labels", "options", "expected"),
    [
        (199, 300, True, {}, (0, 30)),  # few labels: all teach
        (1_999, 10_500, True, {}, (0, 1000)),
        (2_000, 2_001, True, {}, (100, 0)),  # many labels
        (300, 300, True, {}, (30, 0)),  # as many labelled ones
        (199, 300, True, {"validation_fraction": 0.2}, (0, 60)),
        (199, 300, False, {}, (20, 0)),
        (90, 300, False, {}, (0, 30)),  # a tenth of the labelled ones is too few
        (199, 300, None, {}, (40, 0)),  # a fifth, and all are trained on in the end
        (199, 300, None, {"validation_fraction": 0.1}, (20, 0)),
        (0, 9_000, True, {"validation_fraction": 0.2}, (0, 1_000)),
    ],
)
def test_unlabelled_texts_are_held_out_where_labels_are_few(
    labelled, unlabelled, learns_labels, options, expected
):
    texts = texts_of(a=labelled // 2, b=labelled - labelled // 2)
    others = [f"other {number}" for number in range(unlabelled)]
    teacher = None if learns_labels is None else SimpleNamespace(learns_labels=learns_labels)
    split = split_of(texts, others, teacher, **options)
    held_out = [] if split.validation is None else split.validation.texts
    assert (len(held_out), len(split.held_out_unlabelled)) == expected
    assert sorted([*split.train.texts, *held_out]) == sorted(texts.texts)
    assert sorted([*split.unlabelled, *split.held_out_unlabelled]) == sorted(others)
    is_refitted = teacher is None and not options and labelled < 200
    assert (split.refit_texts is not None) == is_refitted
    if is_refitted:
        assert split.refit_texts.texts == texts.texts


def test_a_text_without_a_group_is_alone():
    """Blank values, of Python or of a data frame, are no author of all other texts."""
    texts = texts_of(a=200, b=200)
    blank = [None, float("nan"), pd.NA, " "]
    groups = [f"author {row // 10}" if row % 5 == 4 else blank[row % 5] for row in range(400)]
    _, held_out = hold_out_labelled(texts, 0.1, 42, groups)
    row_of = {text: row for row, text in enumerate(texts.texts)}
    without_group = sum(row_of[text] % 5 < 4 for text in held_out.texts)
    assert 20 < without_group < 40


def test_groups_are_held_out_even_with_an_encoder():
    """The scores are calibrated for groups that the model has not seen."""
    texts = texts_of(a=100, b=100)
    groups = [number // 10 for number in range(200)]
    others = [f"other {number}" for number in range(300)]
    split = split_of(texts, others, SimpleNamespace(learns_labels=True), groups)
    group_of = dict(zip(texts.texts, groups, strict=True))
    held_out = {group_of[text] for text in split.validation.texts}
    assert held_out
    assert not held_out & {group_of[text] for text in split.train.texts}


def test_a_rare_label_of_large_groups_is_not_held_out():
    """Two large publishers have it: to hold it out, half of the texts would have to be held out."""
    labels = []
    groups = []
    for publisher in ("Times", "Post"):
        labels += ["rare"] * 5 + ["a", "b"] * 220
        groups += [publisher] * 445
    for blog in range(11):
        labels += ["a", "b"] * 5
        groups += [f"blog {blog}"] * 10
    texts = labelled([f"text {number}" for number in range(1000)], labels)
    _, held_out = hold_out_labelled(texts, None, 42, groups)
    assert counted(held_out).keys() == {"a", "b"}
    assert len(held_out) <= 100


@pytest.mark.parametrize("texts_of_each", [3, 6, 12])
def test_many_small_labels_do_not_hold_out_far_more_texts(texts_of_each):
    """As of 77 intents: a text of each would be up to a third of all."""
    texts = texts_of(**{f"intent {label}": texts_of_each for label in range(77)})
    train, held_out = hold_out_labelled(texts, 0.1, 42)
    assert 0.08 < len(held_out) / len(texts) < 0.13
    assert len(counted(train)) == 77
