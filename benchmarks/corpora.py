"""Corpora of a data folder (`--data_dir`), with the columns `text`, `text_pair` (articles only) and `label`."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset, concatenate_datasets

from glove_lstm.data.loading import LoadedData, joined_texts, load_splits
from glove_lstm.data.sources import balanced_weights, split_by_source
from glove_lstm.data.splits import Ints, grouped_stratified_split, near_duplicate_groups
from glove_lstm.training.held_out import HeldOut
from glove_lstm.training.labelled_texts import LabelledTexts

NAMES = ["FAKE", "REAL"]
HEAD_ROWS = 256  # head.csv holds the articles of these first rows of titles.csv
# "WASHINGTON (Reuters) - ", "PARIS/LONDON (Reuters) - ": in every REAL article of ISOT and in no FAKE one.
_DATELINE = re.compile(r"^.{0,120}?\(Reuters\)\s*[-\u2013\u2014]+\s*", re.DOTALL)
_LISTS = json.loads((Path(__file__).parent / "corpora.json").read_text(encoding="utf-8"))
TRAINING_CORPORA: dict[str, int] = _LISTS["training_rows"]  # corpus -> rows at the most
# Their terms exclude commercial use or ask for an agreement: benchmarks use them, the default checkpoint does not.
NOT_IN_HUB: list[str] = _LISTS["not_in_hub"]
CALIBRATION_CORPORA: list[str] = _LISTS["calibration"]  # validation texts of the first run only
LEFT_OUT: list[str] = _LISTS["left_out"]  # in turn: of outlets first, then of fact-checkers
SOURCES_OUT: list[str] = _LISTS["sources_out"]  # their publishers are left out
_OWN = ("fake_or_real_news_titles", "fake_or_real_news_head", "isot")  # sources of `news_corpus`
_OWN_WEIGHT = 2.0  # beside 1 of the other texts, which label like ones otherwise
_HELD_OUT = 0.1  # share of the training texts that is a missing validation or test split
_MOST_VALIDATION = 1_000  # rows of a corpus, so that none decides the confidence alone
STANDARD: dict[str, dict[str, str]] = _LISTS["standard_files"]  # task -> split -> file
_PUBLISHERS = {"isot-real": "reuters.com", "r/TheOnion": "theonion.com", "r/nottheonion": ""}
_RATINGS = ("rating", "snopes")  # "snopes:false"; other prefixes stand before a publisher
# What may differ between names of one publisher: "theguardian.com/business", "Guardian news".
_NOT_A_NAME = re.compile(r"^(www\.)?(the)?|(\.(com|org|net|co\.uk))?(/.*)?$|\b(news|uk)\b|[^\w]")


def read(folder: Path, name: str) -> Dataset:
    """Read a file of one source: titles or first articles ("head") of fake_or_real_news, ReCOVery, or ISOT."""
    names = {"text": "text_pair", "title": "text"}
    table = _table(folder / _LISTS["files"][name]).rename(columns=names)
    table["label"] = table["label"].map(NAMES.index)
    kept = [column for column in ("text", "text_pair", "label") if column in table]
    return Dataset.from_dict(table[kept].to_dict("list"))


def isot(folder: Path) -> Dataset:
    """A sample of ISOT, without datelines."""
    rows = read(folder, "isot")
    bodies = [_DATELINE.sub("", body) for body in rows["text_pair"]]
    return rows.remove_columns("text_pair").add_column("text_pair", bodies)


def standard(folder: Path, name: str) -> LoadedData:
    """SST-2, TREC or SUBJ, one text a line after its label; SUBJ has no split, so a tenth is its test set."""
    encoding = "utf-8" if name == "sst2" else "latin-1"
    splits = {}
    for split, file in STANDARD[name].items():
        text = (folder / "standard" / file).read_text(encoding=encoding)
        lines = text.strip("\n").split("\n")
        labels, texts = [], []
        for line in lines:
            label, text = line.split(" ", 1)
            labels.append(int(label))
            texts.append(text)
        splits[split] = Dataset.from_dict({"text": texts, "label": labels})

    missing = [split for split in ("validation", "test") if split not in splits]
    shares = [1 - _HELD_OUT * len(missing)] + [_HELD_OUT] * len(missing)
    rows = splits.pop("train")
    groups = near_duplicate_groups(rows["text"][:])
    parts = grouped_stratified_split(rows["label"][:], groups, shares, seed=0)
    for split, part in zip(["train", *missing], parts, strict=True):
        splits[split] = rows.select(part)
    label_names = [str(label) for label in sorted(set(rows["label"]))]
    return LoadedData(splits, label_names, ["text"], name)


def other_corpora(folder: Path) -> dict[str, LabelledTexts]:
    """Corpora that the default checkpoint never saw; of LIAR the test statements, with two labels."""
    liar = load_splits("liar", "two", data_dir=folder / "liar")
    return {
        "recovery": labelled_texts(distinct(read(folder, "recovery")), NAMES),
        "liar (two labels)": labelled_texts(liar.splits["test"], liar.label_names),
        "veritas": labelled_texts(corpus(folder, "veritas_origin2019"), NAMES),
    }


def corpus(folder: Path, name: str, most: int | None = None) -> Dataset:
    """A corpus of many sources, with the column `source`; at the most `most` rows, balanced by label and source."""
    table = read_corpus(folder, name)
    titled = table["title"] != ""  # a text without a title is the first of a pair
    rows = Dataset.from_dict(
        {
            "text": table["title"].where(titled, table["text"]).tolist(),
            "text_pair": table["text"].where(titled, "").tolist(),
            "label": table["label"].map(NAMES.index).tolist(),
            "source": [f"{name}/{publisher(one)}".rstrip("/") for one in table["source"]],
        }
    )
    if most is None or most >= len(rows):
        return rows
    weights = balanced_weights(rows["source"][:], rows["label"][:])
    generator = np.random.default_rng(0)
    drawn = generator.choice(len(rows), most, replace=False, p=weights / weights.sum())
    return rows.select(sorted(drawn))


def read_corpus(folder: Path, name: str) -> pd.DataFrame:
    """Read a corpus as its file has it: columns `title`, `text`, `label` and `source`, empty where a text has none."""
    return _table(folder / "corpora" / f"{name}.csv.gz")


def publisher(source: str) -> str:
    """Normalise the name of a publisher, which corpora write in different ways; empty for a rating or a forum."""
    kind, _, name = _PUBLISHERS.get(source, source).rpartition(":")
    return "" if kind in _RATINGS else _NOT_A_NAME.sub("", name.lower())


def news_corpus(folder: Path) -> tuple[Dataset, Dataset]:
    """Titles and first articles of fake_or_real_news and a sample of ISOT: training texts, and a tenth that is kept."""
    titles = read(folder, "titles")
    titles = titles.select(range(HEAD_ROWS, len(titles)))
    parts = [distinct(rows) for rows in (titles, read(folder, "head"), isot(folder))]
    parts[0] = parts[0].add_column("text_pair", [""] * len(parts[0]))
    order = ["text", "text_pair", "label"]
    rows = concatenate_datasets([part.select_columns(order) for part in parts])
    sources = []
    for name, part in zip(_OWN, parts, strict=True):
        sources += [name] * len(part)
    rows = rows.add_column("source", sources)
    groups = near_duplicate_groups(list(joined_texts(rows)))
    train, kept = grouped_stratified_split(rows["label"][:], groups, [0.9, 0.1], seed=42)
    return rows.select(train), rows.select(kept)


@dataclass(frozen=True)
class HubCorpus:
    """Texts of the default checkpoint."""

    texts: LabelledTexts  # all training texts, with sources and weights
    held_out: HeldOut  # rows of them that train the first model, and rows that validate it
    test: LabelledTexts
    description: str


def hub_corpus(folder: Path) -> HubCorpus:
    """Texts of the default checkpoint, as hub_data.md describes them; articles train once whole and once as titles."""
    own, kept = news_corpus(folder)
    names = [name for name in TRAINING_CORPORA if name not in NOT_IN_HUB]
    others = [corpus(folder, name, TRAINING_CORPORA[name]) for name in names]
    rows = concatenate_datasets([own, *others])
    rows = rows.select(unseen(rows, kept))
    held_out = hold_out(rows)

    articles = np.flatnonzero([bool(body.strip()) for body in rows["text_pair"]])
    headlines = rows.select(articles).remove_columns("text_pair")
    headlines = headlines.add_column("text_pair", [""] * len(articles))
    headlines_in_training = np.flatnonzero(np.isin(articles, held_out.train))
    train = np.concatenate([held_out.train, len(rows) + headlines_in_training])
    rows = concatenate_datasets([rows, headlines.select_columns(rows.column_names)])

    weights = np.where(np.isin(rows["source"], _OWN), _OWN_WEIGHT, 1.0)
    other_count = len(names) - 1  # one of the names is that of ISOT's titles
    return HubCorpus(
        replace(labelled_texts(rows, NAMES), weights=weights),
        HeldOut(train, held_out.validation),
        labelled_texts(kept, NAMES),
        f"fake_or_real_news and ISOT, with {other_count} other corpora in training",
    )


def hold_out(rows: Dataset) -> HeldOut:
    """Choose the rows that train a first model, and those that validate it: calibration corpora and some sources."""
    groups = near_duplicate_groups(list(joined_texts(rows)))
    sources, labels = rows["source"][:], np.array(rows["label"])
    parts = np.array([source.partition("/") for source in sources])
    corpus_of, publisher_of = parts[:, 0], parts[:, 2]

    is_calibration = np.isin(corpus_of, CALIBRATION_CORPORA)
    others = np.flatnonzero(~is_calibration)
    train, validation = split_by_source(
        [sources[row] for row in others],
        labels[others].tolist(),
        groups[others],
        0.1,
        42,
        "Corpora",
    )
    training = others[train]
    validating = np.concatenate([others[validation], np.flatnonzero(is_calibration)])

    # The first model sees neither near duplicates nor publishers of the validation texts.
    is_near = np.isin(groups, groups[validating])
    is_of_publisher = (publisher_of != "") & np.isin(publisher_of, publisher_of[validating])
    training = training[~(is_near | is_of_publisher)[training]]

    drawn = pd.Series(validating).sample(frac=1, random_state=0)
    drawn = drawn.groupby(corpus_of[drawn], sort=False).head(_MOST_VALIDATION)
    return HeldOut(training, drawn.sort_values().to_numpy())


def unseen(rows: Dataset, others: Dataset) -> Ints:
    """Return the rows of which the others hold neither a near duplicate nor the title."""
    seen = np.zeros(len(rows), dtype=bool)
    for texts in ([*joined_texts(rows), *joined_texts(others)], [*rows["text"], *others["text"]]):
        groups = near_duplicate_groups(texts)
        seen |= np.isin(groups[: len(rows)], groups[len(rows) :])
    return np.flatnonzero(~seen)


def distinct(rows: Dataset) -> Dataset:
    """Drop rows whose body (title, for titles) is empty or repeats an earlier one, white space aside."""
    texts = rows["text_pair" if "text_pair" in rows.column_names else "text"]
    folded = pd.Series([" ".join(text.split()) for text in texts])
    return rows.select(np.flatnonzero(~folded.duplicated() & (folded != "")))


def labelled_texts(rows: Dataset, label_names: list[str]) -> LabelledTexts:
    """Return rows as `fit` takes them: texts of one column, labels, and sources if there are any."""
    sources = rows["source"][:] if "source" in rows.column_names else None
    return LabelledTexts(list(joined_texts(rows)), np.array(rows["label"]), label_names, sources)


def named_labels(texts: LabelledTexts) -> list[str]:
    """Return the name of each text's label."""
    return [texts.label_names[label] for label in texts.labels]


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)
