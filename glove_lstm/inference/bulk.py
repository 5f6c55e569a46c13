"""Label inputs of any size in constant memory, into a stream or into a folder from which a killed run resumes.

The folder holds part-00000.parquet, part-00001.parquet, ..., each with a fixed range of the input's rows, and run.json
with the arguments of the run.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from glove_lstm import __version__
from glove_lstm.data.files import check_folder, read_json_object
from glove_lstm.data.streaming import TextRow, TextSource
from glove_lstm.data.whole_files import whole_file
from glove_lstm.errors import DataError
from glove_lstm.inference.backends import OpenModel
from glove_lstm.inference.output_formats import ABSTAIN, Labelled, Layout, open_writer

_CHARACTERS = 1 << 24  # of text per part, if rows are very long
_RUN = "run.json"
_LOCK = ".predict.lock"  # there while a run writes to the folder, and after one that was killed


@dataclass(frozen=True)
class Labeller:
    """A classifier and the rule that turns its scores into labels."""

    model: OpenModel
    abstain_below: float | None = None  # the label is `ABSTAIN` if the best score is lower

    def __post_init__(self) -> None:
        if self.abstain_below and ABSTAIN in self.model.label_names:
            raise DataError(f"The model has a label {ABSTAIN}; leave abstain_below out.")

    def __call__(self, rows: Sequence[TextRow]) -> Labelled:
        """Classify rows; either all or none have a second part."""
        pairs = None
        if rows and rows[0].pair is not None:
            pairs = [row.pair or "" for row in rows]
        names = self.model.label_names
        thresholds = self.model.thresholds
        scores = self.model.predict([row.text for row in rows], pairs)
        least = self.abstain_below or -np.inf  # regression may be negative
        if thresholds:
            over = scores >= np.maximum(thresholds, least)
            return Labelled(rows, [list(compress(names, row)) for row in over], scores)
        best = np.array(names, dtype=object)[scores.argmax(axis=1)]
        labels = np.where(scores.max(axis=1) >= least, best, ABSTAIN).tolist()
        return Labelled(rows, labels, scores)


@dataclass
class Summary:
    """Counts of a run, from its start on."""

    rows: int = 0  # labelled
    empty: int = 0  # labelled rows without any text
    kept: int = 0  # parts made by an earlier run
    start: float = field(default_factory=time.perf_counter)

    def add(self, rows: Sequence[TextRow]) -> None:
        """Count labelled rows."""
        self.rows += len(rows)
        self.empty += sum(row.empty for row in rows)

    def __str__(self) -> str:
        seconds = time.perf_counter() - self.start
        kept = f"; parts of an earlier run kept: {self.kept:,}" if self.kept else ""
        return f"{self.rows:,} rows in {seconds:,.1f} s ({self.rows / seconds:,.0f} rows/s){kept}"


def label_to_folder(
    source: TextSource,
    labeller: Labeller,
    folder: Path,
    kind: str,
    *,
    rows_per_part: int,
    progress: bool = False,
) -> Summary:
    """Write one part for every `rows_per_part` rows, except parts made by an earlier run with the same arguments.

    Args:
        source: The rows.
        labeller: The classifier.
        folder: For the parts; those of another run are refused.
        kind: "csv", "jsonl" or "parquet".
        rows_per_part: Rows per part; fewer if they are very long.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: Another run writes to the folder, or wrote its parts; or a row cannot be read.
    """
    run = {
        "package": __version__,
        "inputs": source.identity(),
        "columns": source.columns,
        "model": {**labeller.model.identity(), "labels": list(labeller.model.label_names)},
        "format": kind,
        "rows_per_part": rows_per_part,
        "abstain_below": labeller.abstain_below,
    }
    layout, summary = Layout(labeller.model.label_names, source.named), Summary()
    with _locked(folder):
        _begin(folder, run)
        for number, rows in enumerate(chunks(source, rows_per_part, progress)):
            path = folder / f"part-{number:05d}.{kind}"
            if path.exists():
                summary.kept += 1
                continue
            with whole_file(path) as part, open_writer(part, kind, layout) as write:
                write(labeller(rows))
            summary.add(rows)
    return summary


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder. The operating system frees it when this process ends, killed or not.

    Raises:
        DataError: Another run writes to the folder.
    """
    from filelock import FileLock, Timeout  # takes 20 ms, and most predictions need no lock

    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(
            f"Another run writes to {folder}: wait until it ends, or choose another folder."
        ) from None
    try:
        yield
    finally:
        # Before the release: FileLock lets nobody lock a file that is gone. Windows refuses to remove an open file.
        with suppress(OSError):
            path.unlink()
        lock.release()


def _begin(folder: Path, run: dict[str, Any]) -> None:
    """Write the arguments of a run into its folder; raise a DataError if an earlier run had other ones."""
    path = folder / _RUN
    has_parts = any(folder.glob("part-*"))
    other = "remove the folder, or choose another"
    before = read_json_object(path, other) if path.exists() else {}
    different = [name for name, value in run.items() if before.get(name) != value]
    of_other_version = bool(before) and before.keys() != run.keys()
    if different and (has_parts or of_other_version):
        raise DataError(
            f"{folder} holds parts of another run ({', '.join(different)} differ): {other}."
        )
    if has_parts and run["inputs"] is None:
        raise DataError(f"{folder} holds parts, but standard input cannot be read again: {other}.")
    for left in folder.glob(".part-*.part"):  # files of a killed process
        left.unlink()
    with whole_file(path) as part:
        part.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def chunks(source: TextSource, rows_per_part: int, progress: bool) -> Iterator[list[TextRow]]:
    """Yield all rows in chunks, smaller ones if they are very long; every run makes the same chunks."""
    chunk: list[TextRow] = []
    characters = 0
    for row in tqdm(source, unit=" rows", disable=not progress):
        chunk.append(row)
        characters += len(row.text) + len(row.pair or "")
        if len(chunk) == rows_per_part or characters >= _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
