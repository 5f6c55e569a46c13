"""The corpora of the default checkpoint; those of many sources have a column `source`, `CORPUS` or `CORPUS/PUBLISHER`."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.corpora import (
    NAMES,
    distinct,
    isot,
    join,
    joined_texts,
    labelled_texts,
    liar,
    read,
    read_table,
    select,
)
from benchmarks.hub.sources import balanced_weights, corpora_and_publishers, split_by_source
from glove_lstm.splits.splitter import Ints, hold_out_share, near_duplicate_groups
from glove_lstm.tables.examples import Examples

HEAD_ROWS = 256  # head.csv holds the articles of these first rows of titles.csv
_LISTS = json.loads((Path(__file__).parent / "corpora.json").read_text(encoding="utf-8"))
TRAINING_CORPORA: dict[str, int] = _LISTS["training_rows"]  # corpus -> rows at the most
# Their terms exclude commercial use or ask for an agreement: only the costs of a training are measured on them.
NOT_IN_HUB: list[str] = _LISTS["not_in_hub"]
CALIBRATION_CORPORA: list[str] = _LISTS["calibration"]  # of validation texts only
_OWN = ("fake_or_real_news_titles", "fake_or_real_news_head", "isot")  # sources of `news_corpus`
_OWN_WEIGHT = 2.0  # beside 1 of the other texts, which label like ones otherwise
_MOST_WEIGHT = 5.0  # times the mean; larger weights would make too much of a few texts
_MOST_VALIDATION = 1_000  # rows of a corpus, so that none decides the confidence alone
_PUBLISHERS = {"isot-real": "reuters.com", "r/TheOnion": "theonion.com", "r/nottheonion": ""}
_RATINGS = ("rating", "snopes")  # "snopes:false"; other prefixes stand before a publisher
# What may differ between names of one publisher: "theguardian.com/business", "Guardian news".
_NOT_A_NAME = re.compile(r"^(www\.)?(the)?|(\.(com|org|net|co\.uk))?(/.*)?$|\b(news|uk)\b|[^\w]")


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
    train_rows, validation_rows = hold_out(rows)

    train = select(rows, train_rows)
    is_article = train["text_pair"].str.strip() != ""
    train = join([train, train[is_article].assign(text_pair="")])
    weights = training_weights(train["source"].tolist(), train["label"].tolist())
    # One of the names is that of ISOT's titles, and those of calibration do not train.
    other_count = len(names) - 1 - len(CALIBRATION_CORPORA)
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
    train, kept = hold_out_share(rows["label"].to_numpy(), groups, 0.1, seed=42)
    return select(rows, train), select(rows, kept)


def hold_out(rows: pd.DataFrame) -> tuple[Ints, Ints]:
    """Choose the rows that train a model, and those that validate it: calibration corpora and some sources.

    The model sees neither near duplicates nor publishers of the validation texts.
    """
    groups = near_duplicate_groups(joined_texts(rows))
    labels = rows["label"].to_numpy()
    corpus_of, publisher_of = corpora_and_publishers(rows["source"].tolist())

    is_calibration = np.isin(corpus_of, CALIBRATION_CORPORA)
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
    return read_table(folder / "corpora" / f"{name}.csv.gz")


def publisher(source: str) -> str:
    """Normalise the name of a publisher, which corpora write in different ways; empty for a rating or a forum."""
    kind, _, name = _PUBLISHERS.get(source, source).rpartition(":")
    return "" if kind in _RATINGS else _NOT_A_NAME.sub("", name.lower())


def unseen(rows: pd.DataFrame, others: pd.DataFrame) -> Ints:
    """Return the rows of which the others hold neither a near duplicate nor the title."""
    seen = np.zeros(len(rows), dtype=bool)
    for texts in ([*joined_texts(rows), *joined_texts(others)], [*rows["text"], *others["text"]]):
        groups = near_duplicate_groups(texts)
        seen |= np.isin(groups[: len(rows)], groups[len(rows) :])
    return np.flatnonzero(~seen)
