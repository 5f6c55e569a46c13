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
    head = f"{generator.choice(SUBJECTS).title()} {generator.choice(VERBS)} the {generator.choice(OBJECTS)}"
    rest = (generator.choice(SUBJECTS + VERBS + OBJECTS + FILL * 2) for _ in range(words))
    return f"{head} {' '.join(rest)}."


def news(rows: int, seed: int = 0, labels: tuple[str, ...] = ("FAKE", "REAL")) -> Dataset:
    """Titles, texts and labels. Clean: the text says nothing of the label."""
    generator = random.Random(seed)
    texts = [article(generator, generator.randint(20, 120)) for _ in range(rows)]
    titles = [" ".join(text.split(" ", 5)[:5]) for text in texts]
    chosen = [generator.choice(labels) for _ in texts]
    return Dataset.from_dict({"text": titles, "text_pair": texts, "label": chosen})


def leaks(**splits: Dataset) -> dict:
    names = sorted({label for rows in splits.values() for label in rows["label"]})
    numbered = {}
    for split, rows in splits.items():
        numbers = [names.index(label) for label in rows["label"]]
        numbered[split] = rows.remove_columns("label").add_column("label", numbers)
    columns = ["title", "text"] if "text_pair" in rows.column_names else ["text"]
    return check_leaks(LoadedData(numbered, names, columns, "tests"))


def phrase_sentences(rows: Dataset) -> list[str]:
    findings = leaks(test=rows)["findings"]
    return [finding["sentence"] for finding in findings if finding["check"] == "phrase"]


def phrases(texts: list[str], labels: list[str]) -> set[tuple[str, str, str]]:
    """Phrase, label and place of each leak."""
    figures = [finding["figures"] for finding in find_phrase_leaks({"text": texts}, labels)]
    return {(leak["phrase"], leak["label"], leak["place"]) for leak in figures}


@pytest.mark.parametrize("seed", range(6))
def test_silence_on_clean_texts_and_random_labels(seed: int) -> None:
    labels = ("FAKE", "REAL") if seed % 2 else ("a", "a", "a", "b", "c")
    report = leaks(test=news(40 if seed < 2 else 300, seed, labels))
    assert report["findings"] == []
    assert report["checked"]["text_columns"] == ["title", "text"]


def test_agency_s_dateline_is_found_and_not_once_it_is_gone() -> None:
    clean = news(300)
    generator = random.Random(1)
    bodies = []
    for text, label in zip(clean["text_pair"], clean["label"], strict=True):
        dateline = f"{generator.choice(CITIES)} (Reuters) - " if label == "REAL" else ""
        bodies.append(dateline + text)
    planted = clean.remove_columns("text_pair").add_column("text_pair", bodies)
    [sentence] = phrase_sentences(planted)
    assert "'(Reuters) -' is in 'text' in 100.0% of the REAL texts and in 0.0%" in sentence
    assert "Remove it" in sentence
    assert phrase_sentences(clean) == []


SHARE = (". Share this!", "FAKE", "at the end of")


def test_ends_are_found() -> None:
    """Two thirds of the FAKE texts end alike."""
    generator = random.Random(2)
    ends = [" Share this!", "", "", "", " Share this!", ""]  # every second text is FAKE
    texts = [article(generator) + end for end in ends * 20]
    labels = ["FAKE", "REAL"] * 60
    assert phrases(texts, labels) == {SHARE}
    [finding] = find_phrase_leaks({"text": texts}, labels)
    assert finding["figures"]["covered"] == pytest.approx(2 / 3)


def test_empty_texts_are_found() -> None:
    """Two thirds of the REAL texts are empty."""
    generator = random.Random(2)
    texts = [article(generator) for _ in range(120)]
    texts[1::6] = texts[3::6] = [""] * 20
    labels = ["FAKE", "REAL"] * 60
    assert phrases(texts, labels) == {("", "REAL", "at the beginning of")}
    assert phrase_sentences(Dataset.from_dict({"text": texts, "label": labels}))


def test_a_habit_is_no_leak() -> None:
    """Three times as frequent under one label, as style is; or exclusive but rare."""
    generator = random.Random(3)
    texts = []
    labels = ["FAKE", "REAL"] * 300
    for label in labels:
        text = article(generator)
        if label == "FAKE" and generator.random() < 0.1:
            text += " Zounds."
        if generator.random() < (0.9 if label == "FAKE" else 0.3):
            text += " Experts say so."
        texts.append(text)
    assert phrases(texts, labels) == set()


def test_overlap() -> None:
    train, test = news(60, 1), news(30, 2)
    rows = test.to_dict()
    rows["text_pair"][0] = train[0]["text_pair"].replace(" ", "  ")
    rows["text_pair"][1] = train[1]["text_pair"] + " Advertisement"
    rows["label"][1] = "FAKE" if train[1]["label"] == "REAL" else "REAL"
    rows["label"][0] = train[0]["label"]
    findings = leaks(train=train, test=Dataset.from_dict(rows))["findings"]
    (overlap,) = (finding for finding in findings if finding["check"] == "overlap")
    counts = {"rows": 30, "exact": 1, "near": 1, "other_label": 1}
    assert overlap["figures"] == {"split": "test", **counts}
    assert "Of 30 test texts 1 are in train word for word and 1 nearly (1 of" in overlap["sentence"]


def test_copies_of_a_text_are_one_text() -> None:
    texts = ["one report that many outlets print"] * 30 + [f"w{n} x{n} y{n}" for n in range(60)]
    labels = ["FAKE"] * 30 + ["FAKE", "REAL"] * 30
    assert phrase_sentences(Dataset.from_dict({"text": texts, "label": labels})) == []


@pytest.mark.parametrize("texts", [["a", "b"], [""]], ids=len)
def test_one_label_or_few_rows_are_no_error(texts: list[str]) -> None:
    rows = Dataset.from_dict({"text": texts, "label": ["X"] * len(texts)})
    assert leaks(test=rows)["findings"] == []
