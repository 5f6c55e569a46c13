"""Label inputs of any size in constant memory, into a stream or a folder of parts that a killed run can go on with.

    source = open_files(["news-*.parquet"])
    model = open_model("out")
    labeller = Labeller(model.predict, model.label_names)
    label_to_folder(source, labeller, Path("labels"), "parquet", model=model.identity())

The folder holds part-00000.parquet, part-00001.parquet, ..., each of the same rows of the input whenever it is made,
and run.json, which says what the parts are made of.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm import __version__
from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import BadRow, TextRow, TextSource
from glove_lstm.data.whole_files import whole_file
from glove_lstm.inference.backends import Predict
from glove_lstm.inference.label_writers import ABSTAIN, WRITERS, Labelled, LabelWriter, Layout

logger = logging.getLogger(__name__)

ROWS_PER_PART = 4096  # enough to sort by length; seconds of work that a kill can lose
_CHARACTERS = 1 << 24  # of text in memory at a time, where rows are very long
_RUN = "run.json"


@dataclass(frozen=True)
class Labeller:
    """A classifier of any kind, and how its scores become labels.

    Attributes:
        predict: Gives the scores of texts.
        label_names: In their order.
        abstain_below: The label is `ABSTAIN` where the best score is lower.

    Raises:
        DataError: A label is called as `ABSTAIN` is.
    """

    predict: Predict
    label_names: Sequence[str]
    abstain_below: float | None = None

    def __post_init__(self) -> None:
        if self.abstain_below is not None and ABSTAIN in self.label_names:
            raise DataError(
                f"The model has a label {ABSTAIN}, which abstain_below writes for rows without one; leave it out."
            )

    def __call__(self, rows: Sequence[TextRow]) -> Labelled:
        """Classify rows of which all or none have a second part."""
        paired = bool(rows) and rows[0].pair is not None
        pairs = [row.pair or "" for row in rows] if paired else None
        scores = self.predict([row.text for row in rows], pairs)
        return Labelled(rows, self.choose(scores), scores)

    def choose(self, scores: NDArray[np.floating]) -> list[str]:
        """The label of each row of scores."""
        best = [self.label_names[label] for label in scores.argmax(axis=1)]
        sure = scores.max(axis=1) >= (self.abstain_below or 0)
        return [label if kept else ABSTAIN for label, kept in zip(best, sure, strict=True)]


@dataclass
class Summary:
    """What a run did.

    Attributes:
        rows: Labelled by it.
        empty: Those among them without any text.
        skipped: Rows that could not be read.
        kept: Parts that an earlier run had made.
        seconds: From the first row to the last.
    """

    rows: int = 0
    empty: int = 0
    skipped: int = 0
    kept: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rate = f" ({self.rows / self.seconds:,.0f} rows/s)" if self.seconds else ""
        skipped = f"; {self.skipped:,} skipped" if self.skipped else ""
        kept = f"; {self.kept:,} parts of an earlier run kept" if self.kept else ""
        return f"{self.rows:,} rows in {self.seconds:,.1f} s{rate}{skipped}{kept}"


def label_to(
    source: TextSource,
    labeller: Labeller,
    writer: LabelWriter,
    *,
    rows_per_part: int = ROWS_PER_PART,
    progress: bool = False,
) -> Summary:
    """Give all rows to a writer, in order.

    Raises:
        DataError: A row cannot be read.
    """
    with closing(_Run(source, labeller, progress)) as run:
        for rows in _chunks(source, rows_per_part):
            run.label(rows, writer)
    return run.summary


def label_to_folder(
    source: TextSource,
    labeller: Labeller,
    folder: Path,
    kind: str,
    *,
    model: dict[str, Any],
    rows_per_part: int = ROWS_PER_PART,
    progress: bool = False,
) -> Summary:
    """Write one part for every `rows_per_part` rows; parts that an earlier run with the same arguments made are kept.

    Args:
        source: What to label.
        labeller: What labels it.
        folder: For the parts, alone.
        kind: One of `WRITERS`.
        model: What tells the classifier from others that would give other scores, for JSON.
        rows_per_part: Of the input; fewer where they are very long.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: The folder holds something else, or a row cannot be read.
    """
    layout = Layout(labeller.label_names, source.named)
    _begin(
        folder,
        {
            "package": __version__,
            "inputs": source.identity(),
            "columns": source.columns,
            "model": {**model, "labels": list(labeller.label_names)},
            "format": kind,
            "rows_per_part": rows_per_part,
            "abstain_below": labeller.abstain_below,
        },
    )
    with closing(_Run(source, labeller, progress)) as run:
        for number, rows in enumerate(_chunks(source, rows_per_part)):
            path = folder / f"part-{number:05d}.{kind}"
            if path.exists():
                run.keep(rows)
                continue
            with whole_file(path) as part, closing(WRITERS[kind](part, layout)) as writer:
                run.label(rows, writer)
    return run.summary


def _begin(folder: Path, run: dict[str, Any]) -> None:
    """Note in a folder what its parts are made of, or find that an earlier run noted the same.

    Raises:
        DataError: The parts there are of another run, or the input cannot be read again.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; give the name of a folder.")
    path, parts = folder / _RUN, any(folder.glob("part-*"))
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if parts else run
        different = [name for name, value in run.items() if before.get(name) != value]
    except (OSError, ValueError, AttributeError):
        different = [f"a {_RUN} that cannot be read"]
    other = "remove it, or choose another folder"
    if different:
        raise DataError(
            f"{folder} holds parts of another run ({', '.join(different)} differ): {other}."
        )
    if parts and run["inputs"] is None:
        raise DataError(
            f"{folder} holds parts, and standard input cannot be read again to go on: {other}."
        )
    for left in folder.glob(".*.part"):  # by a process that was killed
        left.unlink()
    with whole_file(path) as part:
        part.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


class _Run:
    """Labels chunks of rows, shows the progress, and counts."""

    def __init__(self, source: TextSource, labeller: Labeller, progress: bool) -> None:
        from tqdm import tqdm

        self.summary = Summary()
        self._labeller = labeller
        self._bar = tqdm(total=source.total, unit=" rows", disable=not progress, file=sys.stderr)
        self._start = time.monotonic()

    def label(self, rows: Sequence[TextRow | BadRow], writer: LabelWriter) -> None:
        """Label a chunk; rows that cannot be read are reported."""
        good = [row for row in rows if isinstance(row, TextRow)]
        if good:
            writer.write(self._labeller(good))
        self.summary.rows += len(good)
        self.summary.empty += sum(row.empty for row in good)
        self._pass(rows)

    def keep(self, rows: Sequence[TextRow | BadRow]) -> None:
        """Pass over a chunk whose part is there."""
        self.summary.kept += 1
        self._pass(rows)

    def close(self) -> None:
        self.summary.seconds = time.monotonic() - self._start
        self._bar.close()

    def _pass(self, rows: Sequence[TextRow | BadRow]) -> None:
        for row in rows:
            if isinstance(row, BadRow):
                logger.warning("skipped: %s", row.reason)
                self.summary.skipped += 1
        self._bar.update(len(rows))


def _chunks(source: TextSource, size: int) -> Iterator[list[TextRow | BadRow]]:
    """All rows, `size` at a time, or fewer where they are very long; the same chunks at every reading."""
    chunk: list[TextRow | BadRow] = []
    characters = 0
    for row in source:
        chunk.append(row)
        if isinstance(row, TextRow):
            characters += len(row.text) + len(row.pair or "")
        if len(chunk) == size or characters >= _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
