"""Phrases that tell a label: what is planted is found."""

import random

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


@pytest.mark.parametrize("rows", [1, 9, 300])
def test_texts_without_a_common_phrase_or_with_one_label_have_none(rows):
    texts = [f"w{number} x{number}" for number in range(rows)]
    assert find_leaks(texts, random.Random(0).choices(["FAKE", "REAL"], k=rows)) == []
    assert find_leaks(articles(rows), ["FAKE"] * rows) == []


def test_the_dateline_of_an_agency_is_found():
    generator = random.Random(1)
    labels = ["FAKE", "REAL"] * 150
    texts = articles(300)
    for row in range(1, 300, 2):
        texts[row] = f"{generator.choice(CITIES)} (Reuters) - {texts[row]}"
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


def test_that_texts_are_empty_may_be_a_leak():
    texts = articles(40)
    texts[::2] = [" "] * 20
    leaks = find_leaks(texts, ["FAKE", "REAL"] * 20)
    assert {"phrase": "", "label": "FAKE", "covered": 1, "elsewhere": 0} in leaks


def test_many_texts_are_sampled_always_alike():
    labels = ["FAKE", "REAL"] * 2500
    texts = [f"{text} {number}" for number, text in enumerate(articles(5000))]
    for row in range(0, 5000, 4):  # half of the FAKE texts
        texts[row] = f"ZOUNDS {texts[row]}"
    leak, *_ = leaks = find_leaks(texts, labels)
    assert (leak["phrase"], leak["label"], leak["elsewhere"]) == ("ZOUNDS", "FAKE", 0)
    assert leak["covered"] != 0.5  # of all texts
    assert leak["covered"] == pytest.approx(0.5, abs=0.04)
    assert find_leaks(texts, labels) == leaks
