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
    return " ".join(generator.choice(WORDS) for _ in range(length))


def test_near_duplicates_share_a_group():
    base = article(1)
    one_word_changed = base.replace(" ", " altered ", 1)
    other = article(2)
    half = " ".join(base.split()[:100]) + " " + article(3, 100)
    groups = near_duplicate_groups([base, other, one_word_changed, base.replace(" ", "\n  "), half])
    assert groups.tolist() == [0, 1, 0, 0, 2]


def test_groups_are_transitive():
    words = article(4, 300).split()
    chain = [" ".join(words[shift : shift + 250]) for shift in (0, 25, 50)]
    assert near_duplicate_groups(chain).tolist() == [0, 0, 0]
    assert near_duplicate_groups([chain[0], chain[2]]).tolist() == [0, 1]


def test_short_empty_and_wordless_texts():
    texts = ["", "  ", "Two words", "two WORDS!", "two other", "?!", "?!", "...", "\ud800 x"]
    assert near_duplicate_groups(texts).tolist() == [0, 1, 2, 2, 3, 4, 4, 5, 6]
    assert exact_duplicate_groups(iter(texts)).tolist() == [0, 1, 2, 3, 4, 5, 5, 6, 7]
    assert near_duplicate_groups([]).tolist() == []


def test_no_pair_at_the_threshold_is_missed():
    """Against the similarity of every pair, by plain sets."""
    generator = random.Random(5)
    texts = []
    for seed in range(40):
        words = article(seed, 120).split()
        texts.append(" ".join(words))
        for _ in range(generator.randrange(4)):
            words[generator.randrange(120)] = "changed"
        texts.append(" ".join(words))
    groups = near_duplicate_groups(texts)
    for one, row in enumerate(similarities(texts)):
        for two, similarity in enumerate(row):
            assert (groups[one] == groups[two]) == (similarity >= 0.8)


def similarities(texts):
    """The similarity of every pair, by plain sets."""
    sets = []
    for text in texts:
        words = text.split()
        sets.append({tuple(words[at : at + 5]) for at in range(max(len(words) - 4, 1))})
    return [[len(one & two) / len(one | two) for two in sets] for one in sets]


def boilerplate(count, own, footer, seed=6, copied=10):
    """Texts of `own` words and the same footer; every tenth is followed by a copy with one other word."""
    generator = random.Random(seed)
    end = [f"footer{at}" for at in range(footer)]
    texts = []
    for row in range(count):
        length = generator.choice(own)
        words = [f"own{generator.randrange(50_000)}" for _ in range(length)]
        texts.append(" ".join([*words, *end]))
        if row % copied == 0:
            words[generator.randrange(length)] = "changed"
            texts.append(" ".join([*words, *end]))
    return texts


@pytest.mark.parametrize(
    "texts",
    [
        boilerplate(300, own=[25], footer=70),
        boilerplate(300, own=range(3, 30), footer=70),
        boilerplate(300, own=range(8, 14), footer=70),  # similarities on both sides of 0.8
        boilerplate(300, own=range(2, 12), footer=5),
        boilerplate(300, own=range(1, 4), footer=0),
        [" ".join(random.Random(row).choices("abc", k=row % 12 + 1)) for row in range(300)],
    ],
    ids=["equal", "mixed", "near", "short", "shorter", "repetitive"],
)
def test_groups_are_those_of_all_pairs(texts):
    texts = list(dict.fromkeys(texts))
    similar = np.array(similarities(texts)) >= 0.8
    _, expected = connected_components(similar)
    groups = near_duplicate_groups(texts)
    assert len(set(groups)) == len(set(expected)) == len(set(zip(groups, expected, strict=True)))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("own", [[25], range(8, 14)], ids=["different", "near"])
def test_boilerplate_under_many_texts(own):
    """Where each pair were compared, this would take an hour."""
    texts = boilerplate(20_000, own=own, footer=70)
    groups = near_duplicate_groups(texts).tolist()
    copies = [row for row, text in enumerate(texts) if "changed" in text]
    assert len(copies) == 2000
    assert all(groups[row] == groups[row - 1] for row in copies)
    if own == [25]:
        assert len(set(groups)) == 20_000


def test_texts_from_one_pool_of_sentences():
    """No run is rare, and copies are found all the same."""
    generator = random.Random(7)
    pool = [article(seed, generator.randint(10, 20)) for seed in range(100)]
    texts = []
    for _ in range(2000):
        words = " ".join(generator.sample(pool, 10)).split()
        texts.append(" ".join(words))
        words[generator.randrange(len(words))] = "changed"
        texts.append(" ".join(words))
    groups = near_duplicate_groups(texts)
    assert (groups[::2] == groups[1::2]).all()
    assert len(set(groups.tolist())) == 2000


fractions = st.sampled_from([(0.7, 0.1, 0.2), (0.8, 0.2), (0.5, 0.5), (1.0,)])
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=80)


@given(rows, fractions, st.integers(0, 5))
def test_split_properties(rows, fractions, seed):
    labels, groups = [label for label, _ in rows], [group for _, group in rows]
    parts = grouped_stratified_split(labels, groups, fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(rows)))
    owners = [{groups[row] for row in part} for part in parts]
    assert sum(map(len, owners)) == len(set(groups))  # disjoint
    assert all((np.diff(part) > 0).all() for part in parts)
    again = grouped_stratified_split(np.array(labels), np.array(groups), fractions, seed)
    assert all((one == two).all() for one, two in zip(parts, again, strict=True))


@given(st.lists(st.sampled_from("abc"), max_size=100), fractions)
@settings(max_examples=50)
def test_ungrouped_splits_are_exactly_stratified(labels, fractions):
    parts = grouped_stratified_split(labels, range(len(labels)), fractions, 0)
    for label, count in Counter(labels).items():
        for part, share in zip(parts, fractions, strict=True):
            assert abs(sum(labels[row] == label for row in part) - count * share) < 1


def test_groups_leave_the_mix_nearly_exact():
    generator = random.Random(0)
    labels = [generator.choice("ab") for _ in range(2000)]
    groups = [
        generator.randrange(200) if generator.random() < 0.2 else 1000 + row for row in range(2000)
    ]
    shares = 0.7, 0.1, 0.2
    parts = grouped_stratified_split(labels, groups, shares, 1)
    for part, share in zip(parts, shares, strict=True):
        for label in "ab":
            assert abs(sum(labels[row] == label for row in part) - share * labels.count(label)) <= 1
