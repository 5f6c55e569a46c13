"""Corpora of a data folder (`--data_dir`), as tables.

Their columns are `text`, `text_pair` (the bodies of articles; "" where a text has none), `label` (a number), and for
corpora of many sources `source` (`CORPUS`, or `CORPUS/PUBLISHER` where the publisher is known).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.sources import balanced_weights, corpora_and_publishers, split_by_source
from benchmarks.splits import grouped_stratified_split
from glove_lstm.splits.splitter import Ints, near_duplicate_groups
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.load import Rows, load_splits

NAMES = ["FAKE", "REAL"]
HEAD_ROWS = 256  # head.csv holds the articles of these first rows of titles.csv
# "WASHINGTON (Reuters) - ", "PARIS/LONDON (Reuters) - ": in every REAL article of ISOT and in no FAKE one.
_DATELINE = re.compile(r"^.{0,120}?\(Reuters\)\s*[-\u2013\u2014]+\s*", re.DOTALL)
_LISTS = json.loads((Path(__file__).parent / "corpora.json").read_text(encoding="utf-8"))
TRAINING_CORPORA: dict[str, int] = _LISTS["training_rows"]  # corpus -> rows at the most
# Their terms exclude commercial use or ask for an agreement: benchmarks use them, the default checkpoint does not.
NOT_IN_HUB: list[str] = _LISTS["not_in_hub"]
# Corpora of validation texts only: of the benchmarks, and of the default checkpoint, which needs more training texts.
CALIBRATION_CORPORA: list[str] = _LISTS["calibration"]
HUB_CALIBRATION_CORPORA: list[str] = _LISTS["hub_calibration"]
LEFT_OUT: list[str] = _LISTS["left_out"]  # in turn: of outlets first, then of fact-checkers
SOURCES_OUT: list[str] = _LISTS["sources_out"]  # their publishers are left out
_OWN = ("fake_or_real_news_titles", "fake_or_real_news_head", "isot")  # sources of `news_corpus`
_OWN_WEIGHT = 2.0  # beside 1 of the other texts, which label like ones otherwise
_MOST_WEIGHT = 5.0  # times the mean; larger weights would make too much of a few texts
_HELD_OUT = 0.1  # share of the training texts that is a missing validation or test split
_MOST_VALIDATION = 1_000  # rows of a corpus, so that none decides the confidence alone
STANDARD: dict[str, dict[str, str]] = _LISTS["standard_files"]  # task -> split -> file
_PUBLISHERS = {"isot-real": "reuters.com", "r/TheOnion": "theonion.com", "r/nottheonion": ""}
_RATINGS = ("rating", "snopes")  # "snopes:false"; other prefixes stand before a publisher
# What may differ between names of one publisher: "theguardian.com/business", "Guardian news".
_NOT_A_NAME = re.compile(r"^(www\.)?(the)?|(\.(com|org|net|co\.uk))?(/.*)?$|\b(news|uk)\b|[^\w]")


@dataclass(frozen=True, eq=False)
class Splits:
    """The training, validation and test texts of a corpus."""

    label_names: list[str]
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


# Tables


def joined_texts(rows: pd.DataFrame) -> list[str]:
    """Return each row as one text, as the tokenizer reads a title and its body."""
    texts = rows["text"].tolist()
    if "text_pair" not in rows:
        return texts
    bodies = rows["text_pair"].tolist()
    return [f"{text} {body}" for text, body in zip(texts, bodies, strict=True)]


def select(rows: pd.DataFrame, numbers: Sequence[int] | Ints) -> pd.DataFrame:
    """Return some rows, numbered anew."""
    return rows.iloc[numbers].reset_index(drop=True)


def join(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all tables, which have the same columns."""
    return pd.concat(tables, ignore_index=True)


def labelled_texts(rows: pd.DataFrame, label_names: list[str]) -> Examples:
    """Return rows with their texts joined."""
    return Examples(joined_texts(rows), rows["label"].to_numpy(), label_names)


def named_labels(texts: Examples) -> list[str]:
    """Return the name of each text's label."""
    return [texts.label_names[label] for label in texts.labels]


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop rows whose body (title, for titles) is empty or repeats an earlier one, white space aside."""
    texts = rows["text_pair" if "text_pair" in rows else "text"]
    folded = pd.Series([" ".join(text.split()) for text in texts])
    return select(rows, np.flatnonzero(~folded.duplicated() & (folded != "")))


def unseen(rows: pd.DataFrame, others: pd.DataFrame) -> Ints:
    """Return the rows of which the others hold neither a near duplicate nor the title."""
    seen = np.zeros(len(rows), dtype=bool)
    for texts in ([*joined_texts(rows), *joined_texts(others)], [*rows["text"], *others["text"]]):
        groups = near_duplicate_groups(texts)
        seen |= np.isin(groups[: len(rows)], groups[len(rows) :])
    return np.flatnonzero(~seen)


# Single corpora


def read(folder: Path, name: str) -> pd.DataFrame:
    """Read a file of one source: titles or first articles ("head") of fake_or_real_news, ReCOVery, or ISOT."""
    names = {"text": "text_pair", "title": "text"}
    table = _table(folder / _LISTS["files"][name]).rename(columns=names)
    table["label"] = table["label"].map(NAMES.index)
    return table[[column for column in ("text", "text_pair", "label") if column in table]]


def isot(folder: Path) -> pd.DataFrame:
    """A sample of ISOT, without datelines."""
    rows = read(folder, "isot")
    bodies = [_DATELINE.sub("", body) for body in rows["text_pair"]]
    return rows.assign(text_pair=bodies)


def liar(folder: Path, config: str | None = None) -> Splits:
    """LIAR, with six labels, or with `config` "two" with two."""
    data = load_splits("liar", config, data_dir=folder / "liar")

    def table(rows: Rows) -> pd.DataFrame:
        labels = [data.label_names.index(label) for label in rows.labels]
        return pd.DataFrame({"text": rows.texts, "label": labels})

    parts = (table(data.splits[split]) for split in ("train", "validation", "test"))
    return Splits(data.label_names, *parts)


def standard(folder: Path, name: str) -> Splits:
    """SST-2, TREC or SUBJ, one text a line after its label; SUBJ has no split, so a tenth is its test set."""
    encoding = "utf-8" if name == "sst2" else "latin-1"
    tables = {}
    for split, file in STANDARD[name].items():
        text = (folder / "standard" / file).read_text(encoding=encoding)
        lines = [line.split(" ", 1) for line in text.strip("\n").split("\n")]
        tables[split] = pd.DataFrame(
            {"text": [text for _, text in lines], "label": [int(label) for label, _ in lines]}
        )

    missing = [split for split in ("validation", "test") if split not in tables]
    shares = [1 - _HELD_OUT * len(missing)] + [_HELD_OUT] * len(missing)
    rows = tables.pop("train")
    groups = near_duplicate_groups(rows["text"].tolist())
    parts = grouped_stratified_split(rows["label"].tolist(), groups, shares, seed=0)
    for split, part in zip(["train", *missing], parts, strict=True):
        tables[split] = select(rows, part)
    return Splits([str(label) for label in sorted(set(rows["label"]))], **tables)


def corpus(folder: Path, name: str, most: int | None = None) -> pd.DataFrame:
    """A corpus of many sources; at the most `most` rows, balanced by label and source."""
    table = read_corpus(folder, name)
    has_title = table["title"] != ""  # a text without a title is the first of a pair
    rows = pd.DataFrame(
        {
            "text": table["title"].where(has_title, table["text"]),
            "text_pair": table["text"].where(has_title, ""),
            "label": table["label"].map(NAMES.index),
            "source": [f"{name}/{publisher(one)}".rstrip("/") for one in table["source"]],
        }
    )
    if most is None or most >= len(rows):
        return rows
    weights = balanced_weights(rows["source"].tolist(), rows["label"].tolist())
    generator = np.random.default_rng(0)
    drawn = generator.choice(len(rows), most, replace=False, p=weights / weights.sum())
    return select(rows, sorted(drawn))


def read_corpus(folder: Path, name: str) -> pd.DataFrame:
    """Read a corpus as its file has it: columns `title`, `text`, `label` and `source`, empty where a text has none."""
    return _table(folder / "corpora" / f"{name}.csv.gz")


def publisher(source: str) -> str:
    """Normalise the name of a publisher, which corpora write in different ways; empty for a rating or a forum."""
    kind, _, name = _PUBLISHERS.get(source, source).rpartition(":")
    return "" if kind in _RATINGS else _NOT_A_NAME.sub("", name.lower())


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


# The default checkpoint


@dataclass(frozen=True, eq=False)
class HubCorpus:
    """Texts of the default checkpoint."""

    train: Examples  # with weights
    validation: Examples
    test: Examples
    description: str


def hub_corpus(folder: Path) -> HubCorpus:
    """Texts of the default checkpoint, as hub_card.md describes them; articles train once whole and once as titles."""
    own, kept = news_corpus(folder)
    names = [name for name in TRAINING_CORPORA if name not in NOT_IN_HUB]
    others = [corpus(folder, name, TRAINING_CORPORA[name]) for name in names]
    rows = join([own, *others])
    rows = select(rows, unseen(rows, kept))
    train_rows, validation_rows = hold_out(rows, HUB_CALIBRATION_CORPORA)

    train = select(rows, train_rows)
    is_article = train["text_pair"].str.strip() != ""
    train = join([train, train[is_article].assign(text_pair="")])
    weights = training_weights(train["source"].tolist(), train["label"].tolist())
    # One of the names is that of ISOT's titles, and those of calibration do not train.
    other_count = len(names) - 1 - len(HUB_CALIBRATION_CORPORA)
    return HubCorpus(
        Examples(joined_texts(train), train["label"].to_numpy(), NAMES, weights),
        labelled_texts(select(rows, validation_rows), NAMES),
        labelled_texts(kept, NAMES),
        f"fake_or_real_news and ISOT, with {other_count} other corpora in training",
    )


def training_weights(sources: Sequence[str], labels: Sequence[int]) -> NDArray[np.float64]:
    """Weigh training texts, balanced by corpus, publisher and label; texts of `news_corpus` count twice."""
    weights = np.minimum(balanced_weights(sources, labels), _MOST_WEIGHT)
    return np.where(np.isin(sources, _OWN), _OWN_WEIGHT * weights, weights)


def news_corpus(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Titles and first articles of fake_or_real_news and a sample of ISOT: training texts, and a tenth that is kept."""
    titles = read(folder, "titles")[HEAD_ROWS:].reset_index(drop=True)
    tables = [
        distinct(titles).assign(text_pair=""),
        distinct(read(folder, "head")),
        distinct(isot(folder)),
    ]
    columns = ["text", "text_pair", "label"]
    tables = [
        table[columns].assign(source=source) for source, table in zip(_OWN, tables, strict=True)
    ]
    rows = join(tables)
    groups = near_duplicate_groups(joined_texts(rows))
    train, kept = grouped_stratified_split(rows["label"].tolist(), groups, [0.9, 0.1], seed=42)
    return select(rows, train), select(rows, kept)


def hold_out(
    rows: pd.DataFrame, calibration_corpora: Sequence[str] = CALIBRATION_CORPORA
) -> tuple[Ints, Ints]:
    """Choose the rows that train a model, and those that validate it: calibration corpora and some sources.

    The model sees neither near duplicates nor publishers of the validation texts.
    """
    groups = near_duplicate_groups(joined_texts(rows))
    labels = rows["label"].to_numpy()
    corpus_of, publisher_of = corpora_and_publishers(rows["source"].tolist())

    is_calibration = np.isin(corpus_of, calibration_corpora)
    others = np.flatnonzero(~is_calibration)
    train, validation = split_by_source(
        rows["source"].iloc[others].tolist(), labels[others].tolist(), groups[others], 0.1, 42
    )
    validating = np.concatenate([others[validation], np.flatnonzero(is_calibration)])
    training = others[train]
    is_near = np.isin(groups, groups[validating])
    is_of_publisher = (publisher_of != "") & np.isin(publisher_of, publisher_of[validating])
    training = training[~(is_near | is_of_publisher)[training]]

    drawn = pd.Series(validating).sample(frac=1, random_state=0)
    drawn = drawn.groupby(corpus_of[drawn], sort=False).head(_MOST_VALIDATION)
    return training, drawn.sort_values().to_numpy()


def other_corpora(folder: Path) -> dict[str, Examples]:
    """Corpora that the default checkpoint never saw; of LIAR the test statements, with two labels."""
    statements = liar(folder, "two")
    return {
        "ReCOVery": labelled_texts(distinct(read(folder, "recovery")), NAMES),
        "LIAR (two labels)": labelled_texts(statements.test, statements.label_names),
        "Veritas": labelled_texts(corpus(folder, "veritas_origin2019"), NAMES),
    }
