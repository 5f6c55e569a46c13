"""Labels for inputs of any size, in constant memory, with output that a killed run can go on with.

    source = open_files(["news-*.parquet"])
    model = open_model("out")
    labeller = Labeller(model.predict, model.label_names)
    label_to_folder(source, labeller, Path("labels"), "parquet", model=model.identity)

A part is a window of the input, and a window is classified the same way whichever process does it and whatever it did
before: an undisturbed run, a resumed one and all shards together give the same bytes.
"""

import logging
import shutil
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
from glove_lstm.inference.label_writers import ABSTAIN, WRITERS, Labelled, LabelWriter, Layout, join_parts
from glove_lstm.inference.parts import PartFolder, Plan, Shard, open_parts

logger = logging.getLogger(__name__)

ROWS_PER_PART = 4096  # enough for a classifier to sort by length; seconds of work that a kill can lose
_CHARACTERS = 1 << 24  # of text in memory at a time, where rows are very long

_ALL = Shard()


@dataclass(frozen=True)
class Labeller:
    """A classifier of any kind, and what is made of its scores.

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
        names, least = self.label_names, self.abstain_below or 0
        sure = scores.max(axis=1) >= least
        return [
            names[best] if kept else ABSTAIN for best, kept in zip(scores.argmax(axis=1), sure, strict=True)
        ]


@dataclass
class Summary:
    """What a run did.

    Attributes:
        rows: Labelled by it.
        empty: Those among them without any text.
        skipped: Rows that it could not read; those of a whole folder, where it is complete.
        seconds: From the first row to the last.
        complete: Whether all that was asked for is there; else other shards are not finished.
    """

    rows: int = 0
    empty: int = 0
    skipped: int = 0
    seconds: float = 0.0
    complete: bool = True

    def __str__(self) -> str:
        rate = f" ({self.rows / self.seconds:,.0f} rows/s)" if self.seconds else ""
        skipped = f"; {self.skipped:,} skipped" if self.skipped else ""
        waiting = "" if self.complete else "; parts of other shards are missing yet"
        return f"{self.rows:,} rows in {self.seconds:,.1f} s{rate}{skipped}{waiting}"


def label_to_folder(
    source: TextSource,
    labeller: Labeller,
    folder: Path,
    kind: str,
    *,
    model: dict[str, Any],
    rows_per_part: int = ROWS_PER_PART,
    shard: Shard = _ALL,
    progress: bool = False,
) -> Summary:
    """Write one part for every `rows_per_part` rows; what an earlier run with the same arguments made is kept.

    Args:
        source: What to label.
        labeller: What labels it.
        folder: For the parts, alone.
        kind: One of `WRITERS`.
        model: What tells the classifier from others that would give other scores, for JSON.
        rows_per_part: Of the input.
        shard: Which of the parts are made here; the other ones are left to other processes.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: The folder was begun with something else, or a row cannot be read.
    """
    layout = Layout(labeller.label_names, source.named)
    plan = _plan(source, labeller, kind, model, rows_per_part, shard)
    options = {"skip_bad": source.skip_bad, "resumable": source.resumable}
    with open_parts(folder, plan, layout, shard, **options) as parts:
        try:
            return _fill(parts, source, labeller, plan, progress)
        except BaseException:
            if shard.count == 1 and not parts.begun:
                parts.abandon()
            raise


def label_to_file(
    source: TextSource,
    labeller: Labeller,
    path: Path,
    kind: str,
    *,
    model: dict[str, Any],
    rows_per_part: int = ROWS_PER_PART,
    progress: bool = False,
) -> Summary:
    """Write one file, which appears when it is whole; see `label_to_folder` for the arguments.

    Until then its parts are in PATH.parts, from which the same call goes on. What cannot be read again (standard
    input) or replaced (a device) is written in one go.

    Raises:
        DataError: A row cannot be read, or another process writes the same file.
    """
    target = path.resolve()  # through a link, to the file that it means
    if target.is_dir():
        raise DataError(f"{target} is a folder; give the name of a file.")
    layout = Layout(labeller.label_names, source.named)
    if not source.resumable or (target.exists() and not target.is_file()):
        with whole_file(path) as part, closing(WRITERS[kind](part, layout)) as writer:
            return label_to(source, labeller, writer, rows_per_part=rows_per_part, progress=progress)
    plan = _plan(source, labeller, kind, model, rows_per_part, _ALL)
    folder = target.with_name(f"{target.name}.parts")
    with open_parts(folder, plan, layout, _ALL, skip_bad=source.skip_bad, restart=True) as parts:
        try:
            summary = _fill(parts, source, labeller, plan, progress)
            joined = folder / ".joined.tmp"
            totals = parts.finished()
            assert totals is not None
            join_parts(parts.paths(totals.parts), joined, kind, layout)
            joined.replace(target)
        except BaseException:
            if parts.begun:
                logger.warning("The same command goes on from what is finished, in %s.", folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder)
    return summary


def label_to(
    source: TextSource,
    labeller: Labeller,
    writer: LabelWriter,
    *,
    rows_per_part: int = ROWS_PER_PART,
    progress: bool = False,
) -> Summary:
    """Give all rows to a writer, in order. Nothing is kept for another run.

    Raises:
        DataError: A row cannot be read.
    """
    run = _Run(labeller, source.total, progress)
    with closing(run):
        for _, rows in source.windows(rows_per_part):
            if rows is not None:
                run.label(rows, writer, [])
    return run.summary


def _plan(
    source: TextSource, labeller: Labeller, kind: str, model: dict[str, Any], rows: int, shard: Shard
) -> Plan:
    return {
        "package": __version__,
        "inputs": source.identity() if source.resumable else [],
        "columns": source.columns,
        "model": {**model, "labels": list(labeller.label_names)},
        "format": kind,
        "rows_per_part": rows,
        "num_shards": shard.count,
        "abstain_below": labeller.abstain_below,
    }


def _fill(parts: PartFolder, source: TextSource, labeller: Labeller, plan: Plan, progress: bool) -> Summary:
    """Make the parts that are missing."""
    if totals := parts.finished():
        logger.info("%s is complete already: %d rows in %d parts.", parts.folder, totals.rows, totals.parts)
        return Summary(skipped=totals.skipped)
    size: int = plan["rows_per_part"]
    run = _Run(labeller, _pending(source.total, size, parts), progress)
    count = 0
    with closing(run):
        for part, rows in source.windows(size, parts.wanted):
            count = part + 1
            if rows is None:
                continue
            bad: list[BadRow] = []
            with parts.writing(part, bad) as writer:
                run.label(rows, writer, bad)
    if source.resumable and source.identity() != plan["inputs"]:
        raise DataError(
            f"The input changed while it was read, so that {parts.folder} may hold rows of both states; "
            "remove it and run the command again."
        )
    totals = parts.finish(count, source.seen)
    run.summary.complete = totals is not None
    if totals:
        run.summary.skipped = totals.skipped
    return run.summary


def _pending(total: int | None, size: int, parts: PartFolder) -> int | None:
    """How many rows there are to label."""
    if total is None:
        return None
    starts = range(0, total, size)
    return sum(min(size, total - start) for part, start in enumerate(starts) if parts.wanted(part))


class _Run:
    """Classifies windows, shows how far it is, and counts."""

    def __init__(self, labeller: Labeller, total: int | None, progress: bool) -> None:
        from tqdm import tqdm

        self.summary = Summary()
        self._labeller = labeller
        self._bar = tqdm(total=total, unit=" rows", disable=not progress, file=sys.stderr)
        self._start = time.monotonic()

    def label(self, rows: Iterator[TextRow | BadRow], writer: LabelWriter, bad: list[BadRow]) -> None:
        """Label a window; the rows that cannot be read are reported, and added to `bad`."""
        for chunk in _chunks(rows):
            good = [row for row in chunk if isinstance(row, TextRow)]
            if good:
                writer.write(self._labeller(good))
            for row in chunk:
                if isinstance(row, BadRow):
                    logger.warning("skipped: %s", row.reason)
                    bad.append(row)
            self.summary.rows += len(good)
            self.summary.empty += sum(row.empty for row in good)
            self.summary.skipped += len(chunk) - len(good)
            self._bar.update(len(chunk))

    def close(self) -> None:
        self.summary.seconds = time.monotonic() - self._start
        self._bar.close()


def _chunks(rows: Iterator[TextRow | BadRow]) -> Iterator[list[TextRow | BadRow]]:
    """A window as it is, unless its texts are so long that it must be read in pieces."""
    chunk: list[TextRow | BadRow] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        if isinstance(row, TextRow):
            characters += len(row.text) + len(row.pair or "")
        if characters >= _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
