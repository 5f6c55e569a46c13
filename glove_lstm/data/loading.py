"""Any labelled text, by name or from files, in the same columns: text, label, and perhaps text_pair.

data = load_splits("fake_or_real_news")
data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("imdb")                                   # a dataset on the Hub
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import datasets
import numpy as np
import pyarrow as pa

from glove_lstm.data.builder import DataFiles, FilePath, NewsBuilder
from glove_lstm.data.columns import choose_columns, read_text
from glove_lstm.data.errors import DataError
from glove_lstm.data.fake_news_corpus import FakeNewsCorpus
from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.data.liar import Liar
from glove_lstm.data.reading import Record, check_revision, first_line
from glove_lstm.data.row_readers import read_records
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups

logger = logging.getLogger(__name__)

BUILDERS: dict[str, type[NewsBuilder]] = {
    "fake_or_real_news": FakeOrRealNews,
    "liar": Liar,
    "fake_news_corpus": FakeNewsCorpus,
}
OnEmpty = Literal["error", "drop", "keep"]
Row = int | str  # a number or, where a split has several files, "3 of b.csv"

_SPLITS = ("train", "validation", "test")
_SPLIT_NAMES = {"valid": "validation", "val": "validation", "dev": "validation", "eval": "validation"}
_MAX_LABELS = 1000
_BATCH = 10_000  # rows held as Python objects


@dataclass(frozen=True, eq=False)
class LoadedData:
    """Splits that are ready for a tokenizer.

    Attributes:
        splits: "train", "validation" and "test", as far as available. Columns: `text`; `text_pair`, when
            there are two or more text columns; `label`, an index into `label_names`.
        label_names: The labels in the order of their numbers.
        text_column_names: The columns that the text was taken from.
        source: Where the data come from, in words.
    """

    splits: dict[str, datasets.Dataset]
    label_names: list[str]
    text_column_names: list[str]
    source: str


@dataclass(frozen=True)
class _Source:
    """One split as it was found: `where` names it in errors, `records` gives its rows, numbered from 1."""

    where: str
    columns: list[str]
    records: Callable[[Sequence[str]], Iterable[tuple[Row, Record]]]
    class_names: Mapping[str, list[str]] = field(default_factory=dict)  # ClassLabel columns

    def choose_columns(self, asked: str | Sequence[str] | None, label_column: str) -> list[str]:
        """The text columns; see `columns.choose_columns`."""
        first = next(iter(self.records(self.columns)), (0, {}))[1]
        return choose_columns(self.where, self.columns, first, asked, label_column)


def load_splits(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    data_files: DataFiles | None = None,
    data_dir: FilePath | None = None,
    train_file: FilePath | None = None,
    validation_file: FilePath | None = None,
    test_file: FilePath | None = None,
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str = "label",
    label_names: Sequence[str] | None = None,
    validation_fraction: float = 0.1,
    on_empty: OnEmpty = "error",
    seed: int = 42,
    cache_dir: FilePath | None = None,
    revision: str | None = None,
) -> LoadedData:
    """Load labelled text from one of our builders, files, or the Hub.

    The id column, like every column not asked for, never goes through. Where data have no validation split,
    one is cut from train: stratified, seeded, near duplicates on one side.

    Args:
        dataset_name: "fake_or_real_news", "liar", "fake_news_corpus"; or a dataset's id on the Hub, or a
            folder.
        dataset_config_name: One of its configs.
        data_files: Passed to the dataset; without `dataset_name`, files by split, as `train_file` and so on.
        data_dir: Passed to the dataset.
        train_file: A CSV, TSV, JSON, JSONL or Parquet file; text formats may be gzipped.
        validation_file: As `train_file`.
        test_file: As `train_file`; it may stand alone.
        text_column_names: One or more columns, in a list or separated by commas: the first becomes `text`,
            the others, joined by a space, `text_pair`. None takes title and text, else text, else title, else
            the only other column of strings.
        label_column_name: The column of labels: strings, whole numbers or booleans, told apart to the letter.
        label_names: The labels in order, when a model fixes them. None takes the order of the dataset's
            ClassLabel; FAKE, REAL; the order of the numbers, named "0", "1", ...; or alphabetical order.
        validation_fraction: The share of train cut for a missing validation split; 0 cuts none.
        on_empty: What to do about a row without any text: "error", "drop" it, or "keep" it. An empty column
            beside one with text is always fine.
        seed: Of the cut.
        cache_dir: For prepared datasets and downloads.
        revision: Of a dataset on the Hub.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    if not 0 <= validation_fraction < 1:
        raise DataError(f"validation_fraction is {validation_fraction}, but must be at least 0 and below 1.")
    if on_empty not in ("error", "drop", "keep"):
        raise DataError(f"on_empty is {on_empty!r}, but must be error, drop or keep.")
    sources, source = open_sources(
        dataset_name,
        dataset_config_name,
        {"train": train_file, "validation": validation_file, "test": test_file},
        {"data_files": data_files, "data_dir": data_dir, "cache_dir": cache_dir},
        revision,
    )
    columns = next(iter(sources.values())).choose_columns(text_column_names, label_column_name)
    splits = {
        split: _Split.read(found, columns, label_column_name, on_empty) for split, found in sources.items()
    }
    splits = {split: rows for split, rows in splits.items() if rows.label_rows or not rows.unlabelled}
    if not splits:
        raise DataError(f"No split of {source} has labels in {label_column_name!r}; choose another column.")
    names = _name_labels(splits, next(iter(sources.values())).class_names.get(label_column_name), label_names)
    loaded = {split: rows.encode(names) for split, rows in splits.items()}
    if "train" in loaded and "validation" not in loaded and validation_fraction:
        loaded = _cut_validation(loaded, validation_fraction, seed, splits["train"].where)
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in loaded.items())
    logger.info(
        "Loaded %s: %s rows; text from %s; labels %s.", source, counts, " + ".join(columns), ", ".join(names)
    )
    return LoadedData(loaded, names, columns, source)


def open_sources(
    dataset_name: str | None,
    config: str | None,
    files: Mapping[str, FilePath | None],
    options: dict[str, Any],
    revision: str | None,
) -> tuple[dict[str, _Source], str]:
    """Return the splits of a dataset or of files, and where they come from, in words."""
    given = {split: file for split, file in files.items() if file is not None}
    if dataset_name is None:
        for option, value in (("dataset_config_name", config), ("revision", revision)):
            if value is not None:
                raise DataError(f"{option} needs dataset_name; name the dataset or leave it out.")
        return _open_files(_merge(given, options["data_files"], options["data_dir"]))
    if given:
        raise DataError(
            f"Both the dataset {dataset_name} and {next(iter(given))}_file are given; choose one."
        )
    return _open_dataset(dataset_name, config, options, revision)


def _merge(
    given: Mapping[str, FilePath], data_files: DataFiles | None, data_dir: FilePath | None
) -> dict[str, list[Path]]:
    """Return the files of each split, from the arguments for files alone."""
    if data_dir is not None:
        raise DataError("data_dir needs dataset_name; name the dataset or give train_file.")
    if given and data_files is not None:
        raise DataError(f"Both data_files and {next(iter(given))}_file are given; choose one.")
    by_split: Mapping[str, FilePath | Sequence[FilePath]] = given
    if data_files is not None:
        by_split = data_files if isinstance(data_files, Mapping) else {"train": data_files}
    files = {}
    for split, paths in by_split.items():
        listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        files[_SPLIT_NAMES.get(split, split)] = [Path(path).expanduser() for path in listed]
    unknown = [split for split in files if split not in _SPLITS]
    if unknown:
        raise DataError(f"data_files names the split {unknown[0]!r}; the splits are {', '.join(_SPLITS)}.")
    if not any(files.values()):
        raise DataError("There is nothing to load; give dataset_name, or train_file or test_file.")
    return files


def _open_files(files: Mapping[str, Sequence[Path]]) -> tuple[dict[str, _Source], str]:
    sources: dict[str, _Source] = {}
    for split in _SPLITS:
        for path in files.get(split, ()):
            first = next(iter(read_records(path)))[1]
            one = _Source(str(path), list(first), lambda _, path=path: read_records(path))  # type: ignore[misc]
            sources[split] = _concatenate(sources[split], one) if split in sources else one
    return sources, ", ".join(f"{split} {found.where}" for split, found in sources.items())


def _concatenate(first: _Source, second: _Source) -> _Source:
    def records(columns: Sequence[str]) -> Iterator[tuple[Row, Record]]:
        for one in (first, second):
            yield from ((f"{row} of {one.where}", record) for row, record in one.records(columns))

    common = [name for name in first.columns if name in second.columns]
    return _Source(f"{first.where} and {second.where}", common, records)


def _open_dataset(
    name: str, config: str | None, options: dict[str, Any], revision: str | None
) -> tuple[dict[str, _Source], str]:
    if name in BUILDERS:
        if revision is not None:
            raise DataError(f"revision is that of a dataset on the Hub, and {name} is none; leave it out.")
        builder = BUILDERS[name](config_name=config, **options)
        builder.download_and_prepare()
        found = builder.as_dataset()
        source = f"{name} ({builder.config.name}) from {builder.source}"
    else:
        check_revision(name, revision)
        try:
            found = datasets.load_dataset(name, config, revision=revision, **_plain(options))
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise DataError(
                f"The dataset {name} could not be loaded: {first_line(error)}; check its name."
            ) from error
        source = f"{name} ({config})" if config else name
    if len(found) == 1 and next(iter(found)) not in _SPLITS:
        found = {"train": next(iter(found.values()))}
    renamed = {_SPLIT_NAMES.get(split, split): rows for split, rows in found.items()}
    if "train" not in renamed and "test" not in renamed:
        raise DataError(f"The dataset {name} has the splits {', '.join(renamed)}, but needs train or test.")
    left_out = [split for split in renamed if split not in _SPLITS]
    if left_out:
        logger.warning("%s: left out the splits %s.", name, ", ".join(left_out))
    where = {split: f"split {split} of {name}" for split in _SPLITS}
    return {
        split: _from_dataset(renamed[split], where[split]) for split in _SPLITS if split in renamed
    }, source


def _plain(value: Any) -> Any:
    """Turn paths into strings, at any depth: `load_dataset` takes nothing else."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _from_dataset(rows: datasets.Dataset, where: str) -> _Source:
    def records(columns: Sequence[str]) -> Iterator[tuple[int, Record]]:
        yield from enumerate(rows.select_columns(list(columns)), start=1)

    features = rows.features.items()
    class_names = {
        name: feature.names for name, feature in features if isinstance(feature, datasets.ClassLabel)
    }
    return _Source(where, rows.column_names, records, class_names)


@dataclass
class _Split:
    """A split as read: its texts in Arrow, its labels as strings."""

    where: str
    table: dict[str, list[Any]]  # column -> chunks
    labels: list[str]
    label_rows: dict[str, Row]  # label -> number of the first row that has it
    unlabelled: int  # rows that a ClassLabel marks with -1

    @classmethod
    def read(cls, found: _Source, columns: list[str], label_column: str, on_empty: OnEmpty) -> "_Split":
        missing = [name for name in (*columns, label_column) if name not in found.columns]
        if missing:
            raise DataError(
                f"{found.where} has no column {missing[0]!r}, which the training data have; add it."
            )
        split = cls(found.where, {name: [] for name in ("text", "text_pair")[: len(columns)]}, [], {}, 0)
        texts: list[list[str]] = []
        empty = 0
        for number, record in found.records([*columns, label_column]):
            label = read_label(record.get(label_column), found, number, label_column)
            if label is None:
                split.unlabelled += 1
                continue
            values = [read_text(record.get(name), found.where, number, name) for name in columns]
            if not any(value.strip() for value in values):
                empty += 1
                if on_empty == "error":
                    raise DataError(
                        f"{found.where}, row {number} has no text in {', '.join(columns)}; "
                        "fill it, or pass --on_empty drop or --on_empty keep."
                    )
                if on_empty == "drop":
                    continue
            split.label_rows.setdefault(label, number)
            split.labels.append(label)
            texts.append(values)
            if len(texts) == _BATCH:
                split._store(texts)
        split._store(texts)
        if empty:
            logger.warning("%s: %d rows without text (%s).", found.where, empty, on_empty)
        split._check()
        return split

    def _store(self, texts: list[list[str]]) -> None:
        """Move the texts into Arrow chunks."""
        if texts:
            self.table["text"].append(pa.array([values[0] for values in texts], pa.string()))
            if "text_pair" in self.table:
                self.table["text_pair"].append(
                    pa.array([" ".join(values[1:]) for values in texts], pa.string())
                )
            texts.clear()

    def _check(self) -> None:
        if self.unlabelled and self.labels:
            raise DataError(f"{self.where} has {self.unlabelled} rows without a label; label or remove them.")
        if self.unlabelled:
            logger.warning("%s: left out, because it has no labels.", self.where)
        elif not self.labels:
            raise DataError(f"{self.where} has no rows with text; give a file with data.")

    def encode(self, names: list[str]) -> datasets.Dataset:
        """Return the split as a dataset whose labels are numbers."""
        numbers = {name: number for number, name in enumerate(names)}
        columns = {name: pa.chunked_array(chunks) for name, chunks in self.table.items()}
        columns["label"] = pa.chunked_array([pa.array([numbers[label] for label in self.labels], pa.int64())])
        return datasets.Dataset(datasets.table.InMemoryTable(pa.table(columns)))


def read_label(value: Any, found: _Source, row: Row, column: str) -> str | None:
    """Return the label as a string, or None where a ClassLabel says that the row has none."""
    class_names = found.class_names.get(column)
    if class_names is not None and isinstance(value, int):
        return None if value == -1 else class_names[value]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{found.where}, row {row} has no label in {column!r}; label or remove it.")
    if isinstance(value, float) and value.is_integer():  # whole numbers in a column that once had a gap
        return str(int(value))
    if not isinstance(value, str | int):
        raise DataError(
            f"{found.where}, row {row} has the label {value!r}; labels must be text or whole numbers."
        )
    return str(value)


def _name_labels(
    splits: Mapping[str, _Split], class_names: list[str] | None, asked: Sequence[str] | None
) -> list[str]:
    """Decide the labels' order and check that no split has another."""
    first = next(iter(splits.values()))
    if asked is not None:
        names, owner = list(asked), "the model's labels"
    elif class_names is not None:
        names, owner = list(class_names), "the dataset's labels"
    else:
        names, owner = _order(first.label_rows), f"the labels of {first.where}"
        if len(names) > _MAX_LABELS:
            raise DataError(
                f"{first.where} has {len(names)} different labels; set label_column_name to another column."
            )
        if len(names) < 2 and "train" in splits:
            raise DataError(f"{first.where} has the label {names[0]!r} only; a classifier needs two or more.")
    folded = {name.strip().casefold() for name in names}
    if len(folded) < len(names):
        logger.warning(
            "Some labels differ only in case or space and stay apart: %s.", ", ".join(map(repr, names))
        )
    for split in splits.values():
        for label, row in split.label_rows.items():
            if label not in names:
                known = f"{owner} ({', '.join(names[:20])})"
                raise DataError(
                    f"{split.where}, row {row} has the label {label!r}, not of {known}; correct it."
                )
    return names


def _order(labels: Iterable[str]) -> list[str]:
    found = sorted(labels)
    if all(label.removeprefix("-").isdecimal() for label in found):
        return sorted(found, key=int)
    return found  # "FAKE" sorts before "REAL"


def _cut_validation(
    loaded: dict[str, datasets.Dataset], fraction: float, seed: int, where: str
) -> dict[str, datasets.Dataset]:
    train = loaded["train"]
    groups = _groups(train)
    parts = grouped_stratified_split(train["label"][:], groups, (1 - fraction, fraction), seed)
    if not all(len(part) for part in parts):
        raise DataError(
            f"{where} has too few rows ({len(train)}) to cut {fraction:.0%} for validation; "
            "give a validation file, or set validation_fraction to 0."
        )
    logger.info("Cut %d of %d rows of %s for validation.", len(parts[1]), len(train), where)
    rest = {split: rows for split, rows in loaded.items() if split != "train"}
    # Taken out of the table, so that no index mapping slows every later access.
    pieces = [datasets.Dataset(datasets.table.InMemoryTable(train.data.table.take(part))) for part in parts]
    return {"train": pieces[0], "validation": pieces[1]} | rest


def _groups(rows: datasets.Dataset) -> Any:
    """Group rows by their longer column, which gives a duplicate away; where it is empty, by the other."""
    columns = [name for name in ("text", "text_pair") if name in rows.column_names]
    lengths = [np.mean([len(value) for value in rows[name]]) for name in columns]
    body = columns[int(np.argmax(lengths))]
    other = columns[1 - columns.index(body)] if len(columns) == 2 else body
    return near_duplicate_groups([row[body] if row[body].strip() else row[other] for row in rows])
