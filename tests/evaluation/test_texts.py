"""Phrases that tell a label are found; perturbations do what their names say, and what they cost is paired by text."""

import random
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.errors import DataError
from glove_lstm.evaluation.folds import make_folds
from glove_lstm.evaluation.leaks import find_leaks
from glove_lstm.evaluation.robustness import PERTURBATIONS, measure_robustness, perturb
from glove_lstm.tables.examples import Examples
from glove_lstm.text.corruptions import (
    dropped_words,
    first_words,
    no_punctuation,
    training_copy,
    typos,
)

# Leaks


def articles(rows):
    """Sentences of made-up words, of which none tells a label."""
    generator = random.Random(0)
    words = [f"word{number}" for number in range(60)]
    return [" ".join(generator.choices(words, k=generator.randint(20, 120))) for _ in range(rows)]


def test_texts_without_a_common_phrase_or_with_one_label_have_none():
    texts = [f"w{number} x{number}" for number in range(300)]
    assert find_leaks(texts, ["FAKE", "REAL"] * 150) == []
    assert find_leaks(articles(300), ["FAKE"] * 300) == []


def test_the_dateline_of_an_agency_is_found():
    generator = random.Random(1)
    labels = ["FAKE", "REAL"] * 150
    texts = articles(300)
    for row in range(1, 300, 2):
        city = generator.choice(["PARIS/LONDON", "NEW DELHI", "LIMA", "OSLO", "CAIRO"])
        texts[row] = f"{city} (Reuters) - {texts[row]}"
    leaks = find_leaks(texts, labels)
    assert len(leaks) == 20
    assert {"phrase": "( Reuters )", "label": "REAL", "covered": 1, "elsewhere": 0} in leaks[:9]
    texts[0] = texts[1]
    [leak] = [leak for leak in find_leaks(texts, labels) if leak["phrase"] == "( Reuters )"]
    assert leak["elsewhere"] == pytest.approx(1 / 150)


def test_the_dateline_of_an_agency_is_found_in_a_script_without_spaces():
    texts = [f"新闻{number}" for number in range(100)]
    texts[1::2] = [f"新华社电{text}" for text in texts[1::2]]
    leaks = find_leaks(texts, ["FAKE", "REAL"] * 50)
    of_real = {leak["phrase"]: leak["covered"] for leak in leaks if leak["label"] == "REAL"}
    assert of_real["新 华 社"] == of_real["华 社 电"] == 1


def test_many_texts_are_sampled_always_alike():
    labels = ["FAKE", "REAL"] * 2500
    texts = articles(5000)
    for row in range(0, 5000, 4):  # half of the FAKE texts
        texts[row] = f"ZOUNDS {texts[row]}"
    leak, *_ = leaks = find_leaks(texts, labels)
    assert (leak["phrase"], leak["label"], leak["elsewhere"]) == ("ZOUNDS", "FAKE", 0)
    assert leak["covered"] != 0.5  # of all texts
    assert leak["covered"] == pytest.approx(0.5, abs=0.04)
    assert find_leaks(texts, labels) == leaks


# Folds


def test_each_fold_has_its_share_of_each_label_and_whole_groups():
    texts = [f"number{row} of a few words about topic{row}" for row in range(60)]
    texts += [f"{text.upper()}!" for text in texts[:20]]  # near duplicates
    groups = [f"author {row // 2}" for row in range(60)] + [f"row {row}" for row in range(20)]
    examples = Examples.from_names(
        texts, ["often", "often", "often", "rare"] * 20, ["often", "rare"]
    )
    fold_of = make_folds(examples, groups, 4, seed=0)
    assert (fold_of[:20] == fold_of[60:]).all()
    assert (fold_of[:60:2] == fold_of[1:60:2]).all()
    for fold in range(4):
        in_fold = examples.labels[fold_of == fold]
        assert 16 <= len(in_fold) <= 24
        assert 3 <= in_fold.sum() <= 7
    with pytest.raises(DataError, match="too few groups of texts for 9 folds"):
        make_folds(examples, [str(row % 6) for row in range(80)], 9, seed=0)


# Robustness

ANY = st.text(st.characters(exclude_categories=()), max_size=200)  # lone surrogates, too


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY, max_size=5), st.sampled_from(sorted(PERTURBATIONS)))
def test_deterministic_whatever_stands_beside(texts, name):
    together = perturb(PERTURBATIONS[name], texts)
    alone = []
    for text in texts:
        alone += perturb(PERTURBATIONS[name], [text])
    assert together == alone


def test_a_tenth_of_the_letters_is_mistyped():
    """Of short texts, too: a tenth of four letters, rounded, would be none."""
    typed = [typos("word", random.Random(seed)) for seed in range(1000)]
    mistyped = sum(word != "word" for word in typed)
    assert 0.36 < mistyped / 1000 < 0.44


def test_each_mistake_occurs_and_case_is_kept():
    one = {typos("G", random.Random(seed), 1.0) for seed in range(200)}
    assert one == {"", "GG", *"FHTYVB"}
    two = {typos("Tj", random.Random(seed), 0.5) for seed in range(300)}
    assert "Jt" in two  # swapped: the capital stays in front
    assert {"TTj", "Tjj", "T", "j"} <= two
    cyrillic = {typos("ж", random.Random(seed), 1.0) for seed in range(50)}
    assert cyrillic == {"", "жж"}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("upper_case", "The straße: it's", "THE STRASSE: IT'S"),
        ("no_punctuation", "“Don't”, the U.S. mayor – again!!", "Dont the US mayor again"),
        ("no_punctuation", "a well-known $3.50 one…", "a well known 3 50 one"),
        ("no_punctuation", "?!", ""),
        ("first_10_words", " ".join(string.ascii_letters), " ".join("abcdefghij")),
        ("first_50_words", " ".join(["w,"] * 60), " ".join(["w,"] * 50)),
    ],
)
def test_what_is_left(name, text, expected):
    assert perturb(PERTURBATIONS[name], [text]) == [expected]
    assert perturb(PERTURBATIONS[name], [expected]) == [expected]


LOUD_AND_CALM = []
for number in range(100):
    LOUD_AND_CALM += [f"loud text {number}", f"LOUD text {number}"]


class ByCase:
    """A classifier that tells LOUD from loud, and nothing else."""

    def predict_logits(self, texts):
        is_loud = np.array(["LOUD" in text for text in texts])
        return np.stack([~is_loud, is_loud], axis=1).astype(np.float32)


def test_what_it_costs():
    labels = np.arange(200) % 2
    measures = measure_robustness(ByCase(), LOUD_AND_CALM, labels)
    assert measures.keys() == {"clean", *PERTURBATIONS}
    interval = [pytest.approx(0.981, abs=1e-3), 1]
    assert measures["clean"] == {"accuracy": 1.0, "accuracy_interval": interval}
    assert measures["no_case"]["accuracy"] == 0.5
    assert measures["no_case"]["lost"] == 0.5
    low, high = measures["no_case"]["lost_interval"]
    assert 0.4 < low < 0.5 < high < 0.6
    assert measures["no_punctuation"]["lost"] == 0


# Copies to train on


SENTENCE = "The Council of Berwick did not approve the plan, a well-known one: 3.5% said so!"
TEXT = f"{SENTENCE} " * 20
WORDS = TEXT.split()


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_of_dropped_words(share):
    left = dropped_words(TEXT, random.Random(0), share).split()
    assert len(WORDS) - len(left) == pytest.approx(share * len(WORDS), abs=1)
    rest = iter(WORDS)
    for word in left:
        assert word in rest  # which goes on after it: the order is kept
    assert dropped_words("word", random.Random(0), 1.0) == "word"


def test_a_training_copy_is_the_same_in_each_process():
    """A run with the same seed sees the same copies."""
    assert training_copy("A long debate on it.", "8") == "A lon debatr o it."


def test_each_kind_of_training_copy_occurs():
    changed = {TEXT.lower(), TEXT.title(), no_punctuation(TEXT)}
    passages = {" ".join([SENTENCE] * count) for count in range(1, 6)}
    found = set()
    cut = []  # shares of the words that are left
    dropped = []
    mistyped = 0
    for key in range(600):
        copy = training_copy(TEXT, str(key))
        words = copy.split()
        share = len(words) / len(WORDS)
        if copy in changed | passages:
            found.add(copy)
        elif copy in TEXT:
            cut.append(share)
        elif set(words) <= set(WORDS):
            dropped.append(share)
        else:
            mistyped += 1
    assert found == changed | passages
    assert 0.29 < min(cut) < 0.6 < max(cut) <= 1
    assert 0.69 < min(dropped) < 0.9 < max(dropped) <= 1
    assert mistyped > 100


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("  A  bridge,  and a council. ", 2, "A bridge,"),
        ("市议会昨天批准了预算", 3, "市议会"),
        ("市议 NATO 会", 3, "市议 NATO"),
        ("", 1, ""),
    ],
)
def test_first_words(text, count, expected):
    assert first_words(text, count) == expected


CHINESE = "市议会昨天批准了预算。桥梁的维修要花三年！你觉得好不好？"


def test_copies_of_texts_without_spaces():
    """Their characters are words, and their sentences passages."""
    copies = {training_copy(CHINESE, str(key)) for key in range(300)}
    assert {"市议会昨天批准了预算。", "你觉得好不好？"} <= copies
    assert no_punctuation(CHINESE) in copies
    left = dropped_words(CHINESE, random.Random(0), 0.3)
    assert len(CHINESE) - len(left) == pytest.approx(0.3 * len(CHINESE), abs=2)
    assert dropped_words("ก็", random.Random(0), 1.0) == "ก็"  # a character and its mark
    cut = [copy for copy in copies if copy in CHINESE and copy[-1] not in "。！？"]
    assert cut
    assert " " not in "".join(cut)
