"""benchmarks.folds: nothing of a test is in the training texts of its fold."""

import pandas as pd

from benchmarks import corpora, folds
from benchmarks.corpora import join, joined_texts
from benchmarks.folds import make_folds
from glove_lstm.splits.splitter import near_duplicate_groups

# Of the fold below, by the code that made the stored results.
DIGEST = "3590556e3470e8d0297978372711f3b607d734fb6ef27f5bacc9a448733a8c9f"


def corpora_of(rows):
    return {source.partition("/")[0] for source in rows["source"]}


def publishers_of(rows):
    publishers = {source.partition("/")[2] for source in rows["source"]}
    return publishers - {""}


def assert_unseen(tested, trained):
    assert not publishers_of(tested) & publishers_of(trained)
    assert not set(tested["text"]) & set(trained["text"])
    groups = near_duplicate_groups([*joined_texts(tested), *joined_texts(trained)])
    groups_of_tested = set(groups[: len(tested)])
    groups_of_trained = set(groups[len(tested) :])
    assert not groups_of_tested & groups_of_trained


def test_left_out_trains_on_nothing_of_the_corpus_that_it_tests(data_dir):
    made = make_folds("left_out", data_dir)
    assert [fold.name for fold in made] == corpora.LEFT_OUT
    for fold in made:
        tested = fold.tests[fold.name]
        assert corpora_of(tested) == {fold.name}
        assert corpora_of(fold.every) == set(corpora.TRAINING_CORPORA) - {fold.name}
        assert_unseen(tested, fold.every)
        # The publisher of all corpora is in each test.
        assert "everywhere" in publishers_of(tested)

        train, validation = fold.train, fold.validation
        assert not publishers_of(train) & publishers_of(validation)
        only_validate = set(corpora.CALIBRATION_CORPORA) - {fold.name}
        assert only_validate <= corpora_of(validation) - corpora_of(train)


def test_sources_out_tests_each_publisher_once(data_dir):
    made = make_folds("sources_out", data_dir)
    assert len(made) == folds.FOLDS
    publishers: list[str] = []
    for fold in made:
        tested = join(list(fold.tests.values()))
        assert_unseen(tested, fold.every)
        assert fold.tests.keys() == corpora_of(tested) <= set(corpora.SOURCES_OUT)
        publishers += publishers_of(tested)
    # Five of each corpus, and the publisher of all of them.
    assert len(publishers) == len(set(publishers)) == 5 * len(corpora.SOURCES_OUT) + 1


def test_provenance_has_corpora_as_labels(data_dir):
    [fold] = make_folds("provenance_fake", data_dir, 1)
    assert fold.label_names == sorted(corpora.TRAINING_CORPORA)
    for source, label in fold.tests["1"][["source", "label"]].to_numpy():
        assert source.startswith(fold.label_names[label])


def test_folds_share_no_near_duplicates(data_dir):
    rows = corpora.distinct(corpora.read(data_dir, "recovery"))
    texts = joined_texts(rows)
    group_of = dict(zip(texts, near_duplicate_groups(texts), strict=True))
    tested: list[str] = []
    for fold in make_folds("recovery", data_dir):
        test = joined_texts(fold.tests[fold.name])
        tested += test
        parts = [joined_texts(fold.train), joined_texts(fold.validation), test]
        groups: set[int] = set()
        for texts_of_part in parts:
            groups_of_part = {group_of[text] for text in texts_of_part}
            assert not groups & groups_of_part
            groups |= groups_of_part
        assert sum(map(len, parts)) == len(texts)
    assert sorted(tested) == sorted(texts)


def test_the_digest_tells_texts_and_labels(data_dir):
    first, second = make_folds("titles", data_dir, 2)
    [again] = make_folds("titles", data_dir, 1)
    assert first.digest == again.digest
    assert first.digest != second.digest
    small = pd.DataFrame({"text": ["a"], "label": [0]})
    pairs = small.assign(text_pair=["b"])
    fold = folds.Fold("1", ["x", "y"], small, small, join([small, small]), {"1": pairs})
    assert fold.digest == DIGEST
