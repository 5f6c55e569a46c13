"""Splits that keep duplicates and near duplicates on one side, and the mix of the labels."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from glove_lstm.data.splits import (
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


def test_groups_are_transitive():
    words = article(4, 300).split()
    chain = [" ".join(words[shift : shift + 250]) for shift in (0, 25, 50)]
    assert near_duplicate_groups(chain).tolist() == [0, 0, 0]
    assert near_duplicate_groups([chain[0], chain[2]]).tolist() == [0, 1]


def test_short_empty_and_wordless_texts():
    nearly_equal = ["Two words", "two WORDS!"]
    equal_after_folding_white_space = ["two other", "two\n  other"]
    without_words = ["", "  ", "?!", "?!", "..."]  # empty texts are never grouped
    texts = [*nearly_equal, *equal_after_folding_white_space, *without_words, "\ud800 x"]
    assert near_duplicate_groups(texts).tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 6]
    assert exact_duplicate_groups(iter(texts)).tolist() == [0, 1, 2, 2, 3, 4, 5, 5, 6, 7]
    assert near_duplicate_groups([]).tolist() == []


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
def test_boilerplate_under_many_texts():
    """To compare each pair would take an hour."""
    texts = boilerplate(20_000, own_lengths=range(8, 14), footer_length=70)
    groups = near_duplicate_groups(texts).tolist()
    copies = [row for row, text in enumerate(texts) if "changed" in text]
    assert len(copies) == 2000
    for row in copies:
        assert groups[row] == groups[row - 1]


def test_short_texts_under_a_long_footer_are_mentioned(caplog):
    footer = article(0, 100)
    texts = [f"{article(seed, 4)} {footer}" for seed in range(1, 21)]
    assert len(set(near_duplicate_groups(texts))) == 1
    [message] = caplog.messages
    assert "20 of 20 texts" in message
    assert "footer" in message
    caplog.clear()
    near_duplicate_groups([article(seed) for seed in range(20)] + texts)
    assert not caplog.messages


def test_texts_from_one_pool_of_sentences():
    """No run is rare, and copies are found all the same."""
    generator = random.Random(7)
    pool = [article(seed, generator.randint(10, 20)) for seed in range(100)]
    texts = []
    for _ in range(2000):
        words = " ".join(generator.sample(pool, 10)).split()
        texts.append(" ".join(words))
        texts.append(" ".join(with_a_word_changed(generator, words)))
    groups = near_duplicate_groups(texts)
    assert (groups[::2] == groups[1::2]).all()
    assert len(set(groups.tolist())) == 2000


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
