"""Splits that keep duplicates and near duplicates on one side, and the mix of the labels."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from glove_lstm.splits.splitter import (
    exact_duplicate_groups,
    hold_out_share,
    near_duplicate_groups,
)

WORDS = [f"word{number}" for number in range(500)]


def article(seed, length=200):
    generator = random.Random(seed)
    words = generator.choices(WORDS, k=length)
    return " ".join(words)


# Near duplicates


CHINESE = "市议会昨天经过长时间的辩论之后批准了桥梁维修的预算"
CHAIN = [" ".join(article(4, 300).split()[shift : shift + 250]) for shift in (0, 25, 50)]


@pytest.mark.parametrize(
    ("texts", "near", "exact"),
    [
        ([], [], []),
        (CHAIN, [0, 0, 0], [0, 1, 2]),  # groups are transitive
        ([CHAIN[0], CHAIN[2]], [0, 1], [0, 1]),
        (["Two words", "two WORDS!", "two words"], [0, 0, 0], [0, 1, 2]),
        (["two other", "two\n  other"], [0, 0], [0, 0]),  # white space is folded
        (["", "  ", "?!", "?!", "..."], [0, 1, 2, 2, 3], [0, 1, 2, 2, 3]),  # empty texts are alone
        (["\ud800 x", "\ud800 x"], [0, 0], [0, 0]),
        ([f"{CHINESE}。", f"{CHINESE}！好", CHINESE[:10]], [0, 0, 1], [0, 1, 2]),
        (["वह घर आया", "वह घर आयी", "so \U0001f600", "so \U0001f622"], [0, 1, 2, 3], [0, 1, 2, 3]),
        (["d\u00e9j\u00e0 vu", "de\u0301ja\u0300 vu"], [0, 0], [0, 0]),
    ],
    ids=range(10),
)
def test_groups_of_few_texts(texts, near, exact):
    assert near_duplicate_groups(texts).tolist() == near
    assert exact_duplicate_groups(iter(texts)).tolist() == exact


def with_a_word_changed(generator, words):
    changed = list(words)
    changed[generator.randrange(len(words))] = "changed"
    return changed


def boilerplate(count, own_lengths, footer_length):
    """Texts with the same footer; every tenth is followed by a copy with another word.

    Args:
        count: Texts, without the copies.
        own_lengths: The number of words before the footer is one of these.
        footer_length: Words of the footer.
    """
    generator = random.Random(6)
    end = [f"footer{number}" for number in range(footer_length)]
    texts = []
    for row in range(count):
        length = generator.choice(own_lengths)
        words = [f"own{generator.randrange(50_000)}" for _ in range(length)]
        texts.append(" ".join(words + end))
        if row % 10 == 0:
            copy = with_a_word_changed(generator, words)
            texts.append(" ".join(copy + end))
    return texts


def copies_with_few_changes():
    """Texts, each followed by a copy with up to three other words."""
    generator = random.Random(5)
    texts = []
    for seed in range(40):
        words = article(seed, 120).split()
        texts.append(" ".join(words))
        for _ in range(generator.randrange(4)):
            words = with_a_word_changed(generator, words)
        texts.append(" ".join(words))
    return texts


def repetitive():
    return [" ".join(random.Random(seed).choices("abc", k=seed % 12 + 1)) for seed in range(300)]


def similarities(texts):
    """The similarity of every pair, by plain sets."""
    runs_of_texts = []
    for text in texts:
        words = text.split()
        run_count = max(len(words) - 4, 1)
        runs = {tuple(words[place : place + 5]) for place in range(run_count)}
        runs_of_texts.append(runs)
    table = np.ones((len(texts), len(texts)))
    for row, one in enumerate(runs_of_texts):
        for column, other in enumerate(runs_of_texts[:row]):
            similarity = len(one & other) / len(one | other)
            table[row, column] = table[column, row] = similarity
    return table


@pytest.mark.parametrize(
    "texts",
    [
        copies_with_few_changes(),
        boilerplate(200, own_lengths=range(3, 30), footer_length=70),
        boilerplate(300, own_lengths=range(2, 12), footer_length=5),
        boilerplate(300, own_lengths=range(1, 4), footer_length=0),
        repetitive(),
    ],
    ids=range(5),
)
def test_groups_are_those_of_all_pairs(texts):
    texts = list(dict.fromkeys(texts))
    similar = similarities(texts) >= 0.8
    _, expected = connected_components(similar)
    groups = near_duplicate_groups(texts)
    pairs = set(zip(groups, expected, strict=True))
    assert len(set(groups)) == len(set(expected)) == len(pairs)


@pytest.mark.timeout(60)
def test_boilerplate():
    """To compare each pair of the texts with a footer would take minutes."""
    texts = boilerplate(5_000, own_lengths=range(8, 14), footer_length=70)
    groups = near_duplicate_groups(texts).tolist()
    copies = [row for row, text in enumerate(texts) if "changed" in text]
    assert len(copies) == 500
    for row in copies:
        assert groups[row] == groups[row - 1]


# Splits

rows = st.lists(st.tuples(st.sets(st.integers(0, 2)), st.integers(0, 30)), max_size=80)


@settings(deadline=None)
@given(rows, st.sampled_from([0, 0.1, 0.3, 0.5]), st.integers(0, 5))
def test_each_group_is_whole_and_each_label_stays_in_train(rows, share, seed):
    labels = np.array([[label in own for label in range(3)] for own, _ in rows]).reshape(-1, 3)
    groups = np.array([group for _, group in rows], dtype=int)
    train, held_out = hold_out_share(labels, groups, share, seed)
    assert sorted([*train, *held_out]) == list(range(len(rows)))
    assert not set(groups[train]) & set(groups[held_out])
    assert labels[train].any(axis=0).tolist() == labels.any(axis=0).tolist()
    again = hold_out_share(labels, groups, share, seed)
    assert again[1].tolist() == held_out.tolist()


@given(st.lists(st.sampled_from("abc"), max_size=100), st.sampled_from([0.1, 0.2, 0.3]))
@settings(max_examples=50, deadline=None)
def test_each_label_has_its_share(labels, share):
    _, held_out = hold_out_share(labels, range(len(labels)), share, 0)
    counts = Counter(labels)
    counts_held_out = Counter(labels[row] for row in held_out)
    for label, count in counts.items():
        assert abs(counts_held_out[label] - count * share) <= 1.5


def test_a_row_with_several_labels_counts_for_each():
    generator = np.random.default_rng(0)
    labels = generator.random((1000, 10)) < 0.1
    _, held_out = hold_out_share(labels, range(1000), 0.1, 1)
    assert len(held_out) == 100
    assert np.abs(labels[held_out].sum(axis=0) - labels.sum(axis=0) / 10).max() <= 3


def test_groups_leave_the_mix_nearly_exact():
    generator = random.Random(0)
    labels = generator.choices("ab", k=2000)
    groups = []
    for row in range(2000):
        group = 1000 + row
        if generator.random() < 0.2:
            group = generator.randrange(200)
        groups.append(group)
    _, held_out = hold_out_share(labels, groups, 0.2, 1)
    for label, count in Counter(labels).items():
        assert abs(sum(labels[row] == label for row in held_out) - count / 5) <= 2
