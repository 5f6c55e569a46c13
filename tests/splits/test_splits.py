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
    grouped_stratified_split,
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
    ids=[
        "none",
        "chain",
        "its ends",
        "case",
        "white space",
        "wordless",
        "surrogates",
        "characters",
        "vowel signs and emoji",
        "composed and decomposed",
    ],
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
    texts = []
    for seed in range(300):
        letters = random.Random(seed).choices("abc", k=seed % 12 + 1)
        texts.append(" ".join(letters))
    return texts


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
        boilerplate(200, own_lengths=[25], footer_length=70),
        boilerplate(200, own_lengths=range(3, 30), footer_length=70),
        boilerplate(300, own_lengths=range(8, 14), footer_length=70),
        boilerplate(300, own_lengths=range(2, 12), footer_length=5),
        boilerplate(300, own_lengths=range(1, 4), footer_length=0),
        repetitive(),
    ],
    ids=[
        "copies",
        "texts of one length",
        "texts of many lengths",
        "similarities on both sides of 0.8",
        "short footer",
        "no footer",
        "repetitive",
    ],
)
def test_groups_are_those_of_all_pairs(texts):
    texts = list(dict.fromkeys(texts))
    similar = similarities(texts) >= 0.8
    _, expected = connected_components(similar)
    groups = near_duplicate_groups(texts)
    pairs = set(zip(groups, expected, strict=True))
    assert len(set(groups)) == len(set(expected)) == len(pairs)


@pytest.mark.timeout(120)
def test_boilerplate():
    """To compare each pair of the texts with a footer would take a quarter of an hour."""
    texts = boilerplate(10_000, own_lengths=range(8, 14), footer_length=70)
    groups = near_duplicate_groups(texts).tolist()
    copies = [row for row, text in enumerate(texts) if "changed" in text]
    assert len(copies) == 1000
    for row in copies:
        assert groups[row] == groups[row - 1]


# Splits

any_fractions = st.sampled_from([(0.7, 0.1, 0.2), (0.8, 0.2), (0.5, 0.5), (1.0,)])
labels_and_groups = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=80)


@settings(deadline=None)
@given(labels_and_groups, any_fractions, st.integers(0, 5))
def test_parts_hold_each_row_once_and_each_group_whole(rows, fractions, seed):
    labels = [label for label, _ in rows]
    groups = [group for _, group in rows]
    parts = grouped_stratified_split(labels, groups, fractions, seed)
    part_of_group = {}
    for number, part in enumerate(parts):
        assert part.tolist() == sorted(part)
        for row in part:
            assert part_of_group.setdefault(groups[row], number) == number
    assert sorted(np.concatenate(parts)) == list(range(len(rows)))

    again = grouped_stratified_split(np.array(labels), np.array(groups), fractions, seed)
    for part, same in zip(parts, again, strict=True):
        assert part.tolist() == same.tolist()


@given(st.lists(st.sampled_from("abc"), max_size=100), any_fractions)
@settings(max_examples=50, deadline=None)
def test_ungrouped_splits_are_exactly_stratified(labels, fractions):
    counts = Counter(labels)
    parts = grouped_stratified_split(labels, range(len(labels)), fractions, 0)
    for part, fraction in zip(parts, fractions, strict=True):
        counts_of_part = Counter(labels[row] for row in part)
        for label, count in counts.items():
            assert abs(counts_of_part[label] - count * fraction) < 1


def test_groups_leave_the_mix_nearly_exact():
    generator = random.Random(0)
    labels = generator.choices("ab", k=2000)
    groups = []
    for row in range(2000):
        group = 1000 + row
        if generator.random() < 0.2:
            group = generator.randrange(200)
        groups.append(group)
    counts = Counter(labels)
    fractions = (0.7, 0.1, 0.2)
    parts = grouped_stratified_split(labels, groups, fractions, 1)
    for part, fraction in zip(parts, fractions, strict=True):
        counts_of_part = Counter(labels[row] for row in part)
        for label in "ab":
            assert abs(counts_of_part[label] - counts[label] * fraction) <= 1
