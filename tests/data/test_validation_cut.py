"""Validation texts cut from train: rare labels are on both sides, and what cannot be divided is named."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import assert_refused, run_here

from glove_lstm.commands import train as train_command
from glove_lstm.data.files import DataError
from glove_lstm.data.loading import load_splits
from glove_lstm.data.splits import grouped_stratified_split, keep_labels_on_both_sides


def rows_of(**counts):
    """Distinct texts, `counts` of each label."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [{"text": f"{label} text {n}", "label": label} for n, label in enumerate(labels)]


def counted(data, split):
    names = data.label_names
    return Counter(names[label] for label in data.splits[split]["label"][:])


@pytest.mark.parametrize("rare", [2, 3, 5, 14])
def test_a_rare_label_is_on_both_sides(file, rare):
    data = load_splits(train_file=file(rows_of(common=2500, rare=rare)))
    validation = counted(data, "validation")
    assert validation == {"common": 250, "rare": 1}
    assert counted(data, "train") == {"common": 2250, "rare": rare - 1}
    again = load_splits(train_file=file(rows_of(common=2500, rare=rare)))
    assert again.splits["validation"][:] == data.splits["validation"][:]


def test_few_rows_of_each_label_are_divided(file):
    data = load_splits(train_file=file(rows_of(a=4, b=2, c=5)))
    assert counted(data, "validation") == {"a": 1, "b": 1, "c": 1}


def test_a_label_that_cannot_be_divided_stays_in_train(file, caplog):
    rows = rows_of(a=100, b=100, single=1)
    rows += [{"text": "one and the same text", "label": "copied"}] * 8
    data = load_splits(train_file=file(rows))
    assert counted(data, "validation").keys() == {"a", "b"}
    assert counted(data, "train")["copied"] == 8
    assert counted(data, "train")["single"] == 1
    assert "train.csv: labels with too few distinct texts to divide stay in train" in caplog.text
    assert "'single' (1 row), 'copied' (8 rows)." in caplog.text


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            rows_of(a=2500, b=1),
            "train.csv has 1 row of the label 'b', too few distinct texts to divide",
        ),
        (
            [*rows_of(a=50), *[{"text": "the same", "label": "b"}] * 60],
            "train.csv has 60 rows of the label 'b'",
        ),
    ],
)
def test_one_label_alone_cannot_be_validated(file, tmp_path, rows, said):
    path = file(rows)
    with pytest.raises(DataError, match=f"{said}.*set --validation_fraction 0"):
        load_splits(train_file=path)
    done = run_here(
        train_command.main,
        "--train_file",
        path,
        "--output_dir",
        tmp_path / "out",
        "--glove",
        "none",
    )
    assert_refused(done, said, "give validation texts, or set --validation_fraction 0")


def test_a_rare_label_among_several_of_a_text_is_on_both_sides(file, caplog):
    rows = [{"text": f"text {n}", "label": ["a"] if n % 3 else []} for n in range(300)]
    for n in (7, 70):
        rows[n]["label"] = ["a", "rare"]
    rows[100]["label"] = ["a", "single"]
    data = load_splits(train_file=file(rows, "train.jsonl"))
    train, validation = (
        np.array(data.splits[name]["label"][:]) for name in ("train", "validation")
    )
    assert data.label_names == ["a", "rare", "single"]
    assert validation.sum(axis=0).tolist()[1:] == [1, 0]
    assert train.sum(axis=0).tolist()[1:] == [1, 1]
    assert "'single' (1 row)." in caplog.text


def test_no_labels_at_all_are_few_texts(file):
    path = file([{"text": f"text {n}", "label": []} for n in range(3)], "train.jsonl")
    with pytest.raises(DataError, match=r"train.jsonl has too few texts to divide"):
        load_splits(train_file=path, label_names=["a", "b"], several_labels=True)


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=1, max_size=60)


@given(rows, st.sampled_from([0.1, 0.5]), st.integers(0, 3))
def test_properties(rows, fraction, seed):
    labels, groups = np.array([label for label, _ in rows]), np.array([group for _, group in rows])
    before = grouped_stratified_split(labels, groups, (1 - fraction, fraction), seed)
    both = {*labels[before[0]].tolist()} == {*labels[before[1]].tolist()} == {*labels.tolist()}
    row_labels = np.arange(len(labels)), labels
    train, validation = keep_labels_on_both_sides(before, row_labels, groups, seed)
    assert sorted([*train, *validation]) == list(range(len(rows)))
    assert not {*groups[train].tolist()} & {*groups[validation].tolist()}
    assert {*labels[train].tolist()} == {*labels.tolist()}
    if both:
        assert all(
            (part == old).all() for part, old in zip((train, validation), before, strict=True)
        )
    for label in set(labels.tolist()):
        own = set(groups[labels == label].tolist())
        alone = all(set(labels[groups == group].tolist()) == {label} for group in own)
        if alone and len(own) > 1:
            assert label in labels[validation]
