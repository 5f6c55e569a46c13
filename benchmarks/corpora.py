"""The corpora that we train and measure on, as they lie in a data folder (`--data_dir`)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import datasets
import numpy as np

from glove_lstm.data.errors import DataError
from glove_lstm.data.liar import read_statements
from glove_lstm.data.loading import LoadedData
from glove_lstm.data.reading import open_reader
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups

NAMES = ["FAKE", "REAL"]
HEAD_ROWS = 256  # rows of the titles whose articles head.csv has
# "WASHINGTON (Reuters) - ", "PARIS/LONDON (Reuters) - ": in every REAL article of ISOT and in no FAKE one.
_DATELINE = re.compile(r"^.{0,120}?\(Reuters\)\s*[-\u2013\u2014]+\s*", re.DOTALL)
_TWO_OF_SIX = {"pants-fire": 0, "false": 0, "barely-true": 0, "half-true": 1, "mostly-true": 1, "true": 1}


@dataclass(frozen=True)
class Texts:
    """Labelled news.

    Attributes:
        titles: n titles; empty where there are none.
        bodies: n bodies; empty where there are none.
        labels: n indices into `NAMES`.
    """

    titles: list[str]
    bodies: list[str]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Iterable[int]) -> "Texts":
        """These rows."""
        rows = list(rows)
        return Texts(
            [self.titles[row] for row in rows],
            [self.bodies[row] for row in rows],
            [self.labels[row] for row in rows],
        )

    def joined(self) -> list[str]:
        """Each as one text, for models that take one."""
        return [f"{title} {body}".strip() for title, body in zip(self.titles, self.bodies, strict=True)]

    def distinct(self) -> "Texts":
        """Without rows whose body (whose title, where there are no bodies) is empty or stood before."""
        key = self.bodies if any(self.bodies) else self.titles
        seen: set[str] = {""}
        kept = []
        for row, text in enumerate(key):
            folded = " ".join(text.split())
            if folded not in seen:
                seen.add(folded)
                kept.append(row)
        return self.select(kept)

    def __add__(self, other: "Texts") -> "Texts":
        return Texts(self.titles + other.titles, self.bodies + other.bodies, self.labels + other.labels)


def titles(folder: Path, *, first_row: int = 0) -> Texts:
    """Titles of fake_or_real_news."""
    found = _read(folder / "fake_or_real_news" / "titles.csv")
    return Texts(found.titles[first_row:], found.bodies[first_row:], found.labels[first_row:])


def head(folder: Path) -> Texts:
    """The first articles of fake_or_real_news."""
    return _read(folder / "fake_or_real_news" / "head.csv")


def recovery(folder: Path) -> Texts:
    """ReCOVery."""
    return _read(folder / "recovery" / "recovery.csv.gz")


def isot(folder: Path) -> Texts:
    """A sample of ISOT, without datelines."""
    found = _read(folder / "isot" / "isot.csv.gz")
    return Texts(found.titles, [_DATELINE.sub("", body) for body in found.bodies], found.labels)


def liar_two(folder: Path) -> Texts:
    """Test statements of LIAR with its six labels folded into two."""
    rows = [row for _, row in read_statements(_there(folder / "liar" / "test.tsv"))]
    labels = [_TWO_OF_SIX[row["label"]] for row in rows]
    return Texts([row["text"] for row in rows], [""] * len(rows), labels)


def other_corpora(folder: Path) -> dict[str, Texts]:
    """What the default checkpoint never saw."""
    return {"recovery": recovery(folder).distinct(), "liar (two labels)": liar_two(folder)}


def hub_corpus(folder: Path) -> LoadedData:
    """What the default checkpoint is trained on, and the tenth that is kept for validation."""
    texts = titles(folder, first_row=HEAD_ROWS).distinct() + head(folder).distinct() + isot(folder).distinct()
    groups = near_duplicate_groups(texts.joined())
    parts = grouped_stratified_split(np.array(texts.labels), groups, [0.9, 0.1], seed=42)
    return as_data(
        texts, {"train": parts[0], "validation": parts[1]}, "titles and head of fake_or_real_news, ISOT"
    )


def as_data(texts: Texts, rows: Mapping[str, Iterable[int]], source: str) -> LoadedData:
    """Rows of texts by split, as `run_experiment` takes them."""
    pairs = any(texts.bodies)
    splits = {}
    for name, chosen in rows.items():
        part = texts.select(chosen)
        columns: dict[str, list[str] | list[int]] = {"text": part.titles, "label": part.labels}
        if pairs:
            columns["text_pair"] = part.bodies
        splits[name] = datasets.Dataset.from_dict(columns)
    return LoadedData(splits, list(NAMES), ["title", "text"] if pairs else ["title"], source)


def _read(path: Path) -> Texts:
    rows = [row for _, row in open_reader(_there(path)).records()]
    labels = [NAMES.index(str(row["label"])) for row in rows]
    return Texts([str(row["title"]) for row in rows], [str(row.get("text", "")) for row in rows], labels)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path} is missing; give a --data_dir that holds it.")
    return path
