"""Phrases that give a label away: what is planted is found, and nothing where there is nothing."""

import random
from math import comb

import pytest

from glove_lstm.evaluation.leaks import find_leaks

_WORDS = """council minister court school union bank hospital farmer player museum
approves rejects delays questions praises sues visits audits closes funds
budget bridge reform strike merger vaccine harvest stadium library treaty
the a on after said that week over and but with new old local report plan"""
SUBJECTS, VERBS, OBJECTS, FILL = (line.split() for line in _WORDS.splitlines())
CITIES = ["WASHINGTON", "PARIS/LONDON", "NEW DELHI", "LIMA", "OSLO", "CAIRO", "ROME", "KYIV"]


def article(generator: random.Random) -> str:
    words = generator.choices(SUBJECTS + VERBS + OBJECTS + FILL * 2, k=generator.randint(20, 120))
    subject = generator.choice(SUBJECTS).title()
    return f"{subject} {generator.choice(VERBS)} the {generator.choice(OBJECTS)} {' '.join(words)}."


def articles(rows: int) -> list[str]:
    generator = random.Random(0)
    return [article(generator) for _ in range(rows)]


@pytest.mark.parametrize("names", [("FAKE", "REAL"), ("a", "a", "a", "b", "c")], ids=str)
@pytest.mark.parametrize("rows", [1, 300])
def test_silence_on_clean_texts_and_random_labels(rows, names):
    labels = random.Random(0).choices(names, k=rows)
    assert find_leaks(articles(rows), labels) == []


def test_the_dateline_of_an_agency_is_found():
    generator = random.Random(1)
    labels = ["FAKE", "REAL"] * 150
    texts = articles(300)
    for row in range(1, 300, 2):
        texts[row] = f"{generator.choice(CITIES)} (Reuters) - {texts[row]}"
    [leak] = find_leaks(texts, labels)
    assert leak == {"phrase": "( Reuters )", "label": "REAL", "covered": 1, "elsewhere": 0}


def test_the_dateline_of_an_agency_is_found_in_a_script_without_spaces():
    texts = [f"新闻{number}" for number in range(100)]
    texts[1::2] = [f"新华社电{text}" for text in texts[1::2]]
    [leak] = find_leaks(texts, ["FAKE", "REAL"] * 50)
    assert (leak["label"], leak["covered"], leak["elsewhere"]) == ("REAL", 1, 0)
    assert leak["phrase"] in ("新 华 社", "华 社 电")


def test_a_habit_is_no_leak():
    """A habit is three times as frequent with one label, or it is exclusive but rare."""
    generator = random.Random(3)
    share_of_experts = {"FAKE": 0.9, "REAL": 0.3}
    share_of_zounds = {"FAKE": 0.1, "REAL": 0.0}
    texts = []
    labels = ["FAKE", "REAL"] * 300
    for label in labels:
        text = article(generator)
        if generator.random() < share_of_zounds[label]:
            text += " Zounds."
        if generator.random() < share_of_experts[label]:
            text += " Experts say so."
        texts.append(text)
    assert find_leaks(texts, labels) == []


@pytest.mark.parametrize("fake", range(17, 28))
def test_a_phrase_is_found_if_chance_would_hardly_ever_do_so(fake):
    """Ten of forty texts have it, all of them FAKE. Each of the two labels is tested, each as likely as the other."""
    texts = [f"w{number} x{number}" for number in range(40)]
    for row in range(10):
        texts[row] += " zounds"
    by_chance = comb(fake, 10) / comb(40, 10)
    leaks = find_leaks(texts, ["FAKE"] * fake + ["REAL"] * (40 - fake))
    assert [leak["phrase"] for leak in leaks] == ["zounds"] * (2 * by_chance <= 0.001)


def test_many_texts_are_sampled_always_alike():
    labels = ["FAKE", "REAL"] * 2500
    texts = [f"{text} {number}" for number, text in enumerate(articles(5000))]
    for row in range(0, 5000, 4):  # half of the FAKE texts
        texts[row] = f"ZOUNDS {texts[row]}"
    [leak] = leaks = find_leaks(texts, labels)
    assert (leak["phrase"], leak["label"], leak["elsewhere"]) == ("ZOUNDS", "FAKE", 0)
    assert leak["covered"] != 0.5  # of all texts
    assert leak["covered"] == pytest.approx(0.5, abs=0.04)
    assert find_leaks(texts, labels) == leaks


def test_copies_of_a_text_are_one_text():
    copies = ["one report that many outlets print"] * 30
    others = [f"w{number} x{number} y{number}" for number in range(60)]
    assert find_leaks(copies + others, ["FAKE"] * 30 + ["FAKE", "REAL"] * 30) == []
