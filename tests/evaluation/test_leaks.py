"""Leak checks find what is planted, in articles of our own words, and say nothing where there is nothing."""

import random

import pytest
from datasets import Dataset

from glove_lstm.data.loading import LoadedData
from glove_lstm.evaluation.leaks import check_leaks, find_phrase_leaks

_WORDS = """council minister court school union bank hospital farmer player museum
approves rejects delays questions praises sues visits audits closes funds
budget bridge reform strike merger vaccine harvest stadium library treaty
the a on after said that week over and but with new old local report plan"""
SUBJECTS, VERBS, OBJECTS, FILL = (line.split() for line in _WORDS.splitlines())
CITIES = ["WASHINGTON", "PARIS/LONDON", "NEW DELHI", "LIMA", "OSLO", "CAIRO", "ROME", "KYIV"]


def article(generator: random.Random, words: int = 60) -> str:
    subject = generator.choice(SUBJECTS).title()
    verb = generator.choice(VERBS)
    object_ = generator.choice(OBJECTS)
    others = generator.choices(SUBJECTS + VERBS + OBJECTS + FILL * 2, k=words)
    return f"{subject} {verb} the {object_} {' '.join(others)}."


def news(rows: int, seed: int = 0, labels: tuple[str, ...] = ("FAKE", "REAL")) -> Dataset:
    """Titles, texts and labels. The labels do not depend on the texts."""
    generator = random.Random(seed)
    texts = [article(generator, generator.randint(20, 120)) for _ in range(rows)]
    titles = [" ".join(text.split()[:5]) for text in texts]
    random_labels = generator.choices(labels, k=rows)
    return Dataset.from_dict({"text": titles, "text_pair": texts, "label": random_labels})


def leaks(**splits: Dataset) -> dict:
    found_names = set()
    for rows in splits.values():
        found_names.update(rows["label"])
    names = sorted(found_names)
    numbered = {}
    for split, rows in splits.items():
        numbers = [names.index(label) for label in rows["label"]]
        numbered[split] = rows.remove_columns("label").add_column("label", numbers)
    columns = ["text"]
    if "text_pair" in rows.column_names:
        columns = ["title", "text"]
    return check_leaks(LoadedData(numbered, names, columns, "tests"))


def phrase_sentences(rows: Dataset) -> list[str]:
    findings = leaks(test=rows)["findings"]
    return [finding["sentence"] for finding in findings if finding["check"] == "phrase"]


def phrases(texts: list[str], labels: list[str]) -> set[tuple[str, str, str]]:
    """Phrase, label and place of each leak."""
    figures = [finding["figures"] for finding in find_phrase_leaks({"text": texts}, labels)]
    return {(leak["phrase"], leak["label"], leak["place"]) for leak in figures}


@pytest.mark.parametrize("labels", [("FAKE", "REAL"), ("a", "a", "a", "b", "c")], ids=str)
@pytest.mark.parametrize("rows", [40, 300])
@pytest.mark.parametrize("seed", [0, 1])
def test_silence_on_clean_texts_and_random_labels(seed, rows, labels):
    report = leaks(test=news(rows, seed, labels))
    assert report["findings"] == []
    assert report["checked"]["text_columns"] == ["title", "text"]


def test_the_dateline_of_an_agency_is_found_and_not_once_it_is_gone():
    clean = news(300)
    generator = random.Random(1)
    bodies = []
    for text, label in zip(clean["text_pair"], clean["label"], strict=True):
        body = text
        if label == "REAL":
            body = f"{generator.choice(CITIES)} (Reuters) - {text}"
        bodies.append(body)
    planted = clean.remove_columns("text_pair").add_column("text_pair", bodies)
    [sentence] = phrase_sentences(planted)
    assert "'(Reuters) -' is in 'text' in 100.0% of the REAL texts and in 0.0%" in sentence
    assert "Remove it" in sentence
    assert phrase_sentences(clean) == []


def test_ends_are_found():
    """Two thirds of the FAKE texts end alike."""
    generator = random.Random(2)
    ends = [" Share this!", "", "", "", " Share this!", ""]  # every second text is FAKE
    texts = [article(generator) + end for end in ends * 20]
    labels = ["FAKE", "REAL"] * 60
    assert phrases(texts, labels) == {(". Share this!", "FAKE", "at the end of")}
    [finding] = find_phrase_leaks({"text": texts}, labels)
    assert finding["figures"]["covered"] == pytest.approx(2 / 3)


def test_empty_texts_are_found():
    """Two thirds of the REAL texts are empty."""
    generator = random.Random(2)
    texts = [article(generator) for _ in range(120)]
    texts[1::6] = [""] * 20
    texts[3::6] = [""] * 20
    labels = ["FAKE", "REAL"] * 60
    assert phrases(texts, labels) == {("", "REAL", "at the beginning of")}
    assert phrase_sentences(Dataset.from_dict({"text": texts, "label": labels}))


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
    assert phrases(texts, labels) == set()


def test_overlap():
    """One test text is a copy of a training text; another is nearly one, and has another label."""
    train = news(60, 1)
    rows = news(30, 2).to_dict()
    copied = train[0]
    rows["text_pair"][0] = copied["text_pair"].replace(" ", "  ")
    rows["label"][0] = copied["label"]
    altered = train[1]
    other_label = {"FAKE": "REAL", "REAL": "FAKE"}
    rows["text_pair"][1] = altered["text_pair"] + " Advertisement"
    rows["label"][1] = other_label[altered["label"]]

    findings = leaks(train=train, test=Dataset.from_dict(rows))["findings"]
    [overlap] = [finding for finding in findings if finding["check"] == "overlap"]
    counts = {"rows": 30, "exact": 1, "near": 1, "other_label": 1}
    assert overlap["figures"] == {"split": "test", **counts}
    assert "Of 30 test texts 1 are in train word for word and 1 nearly (1 of" in overlap["sentence"]


def test_copies_of_a_text_are_one_text():
    copies = ["one report that many outlets print"] * 30
    others = [f"w{number} x{number} y{number}" for number in range(60)]
    labels = ["FAKE"] * 30 + ["FAKE", "REAL"] * 30
    rows = Dataset.from_dict({"text": copies + others, "label": labels})
    assert phrase_sentences(rows) == []


@pytest.mark.parametrize("texts", [["a", "b"], [""]], ids=len)
def test_one_label_or_few_rows_are_no_error(texts):
    rows = Dataset.from_dict({"text": texts, "label": ["X"] * len(texts)})
    assert leaks(test=rows)["findings"] == []
