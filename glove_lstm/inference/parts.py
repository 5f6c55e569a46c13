"""A folder of output parts that a killed run leaves whole, so that the same command goes on where it was.

    part-00000.csv, part-00001.csv, ...    each written under another name and renamed when it is on the disk
    _manifest.json                         what the parts are made of and by: written once, at the beginning
    _errors-00001.jsonl                    rows that part 1 lacks, because they could not be read
    _complete.json                         how many parts and rows there are: written when no part is missing

Several processes may fill one folder, each its shard. Readers of such folders (pyarrow, Spark) pass over names that
begin with "_" or ".".
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import BadRow
from glove_lstm.data.whole_files import hidden_file, whole_file
from glove_lstm.inference.label_writers import WRITERS, LabelWriter, Layout

logger = logging.getLogger(__name__)

Plan = dict[str, Any]  # what must be the same for a run to go on, as JSON has it

_MANIFEST, _COMPLETE = "_manifest.json", "_complete.json"
_VERSION = 1  # of the folder's contents
_MEANINGS = {
    "version": "another layout of its files",
    "package": "another version of this package",
    "inputs": "other inputs, or they have changed since",
    "columns": "other text columns",
    "model": "another model, or other options of it",
    "format": "another format",
    "rows_per_part": "another number of rows in a part",
    "num_shards": "another number of shards",
    "abstain_below": "another score to abstain below",
}


@dataclass(frozen=True)
class Shard:
    """Which parts a process makes: number k where k % count == index."""

    count: int = 1
    index: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise DataError(
                f"There is no shard {self.index} of {self.count}; shard_index must be from 0 to num_shards - 1."
            )

    def has(self, part: int) -> bool:
        """Whether a part is in this shard."""
        return part % self.count == self.index


@dataclass(frozen=True)
class Totals:
    """What a finished folder holds.

    Attributes:
        parts: Files.
        rows: Of the input, those that could not be read among them.
        skipped: Rows that could not be read.
    """

    parts: int
    rows: int
    skipped: int


@dataclass
class PartFolder:
    """The parts of one run; made by `open_parts`."""

    folder: Path
    kind: str
    layout: Layout
    shard: Shard
    _done: set[int] = field(default_factory=set)

    def wanted(self, part: int) -> bool:
        """Whether a part is in this shard and not there yet."""
        return self.shard.has(part) and part not in self._done

    @property
    def begun(self) -> bool:
        """Whether any part of this shard is there."""
        return any(map(self.shard.has, self._done))

    @contextmanager
    def writing(self, part: int, bad: Sequence[BadRow]) -> Iterator[LabelWriter]:
        """Give a writer for a part; the part is there when the block ends well.

        Args:
            part: Its number.
            bad: Rows that it lacks; it is looked at when the block ends.
        """
        final = self._path(part)
        hidden = final.with_name(f".{final.name}.tmp")  # nobody else writes it: a killed run's is overwritten
        writer = WRITERS[self.kind](hidden, self.layout)
        try:
            with closing(writer):
                yield writer
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
        _flush(hidden)
        if bad:
            # Before the part: whoever finds the part finds what it lacks.
            lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in bad)
            _write(self.folder / f"_errors-{part:05d}.jsonl", lines)
        hidden.replace(final)
        self._done.add(part)

    def finish(self, parts: int, rows: int) -> Totals | None:
        """Note that all is there, if it is; None where other shards are not finished.

        Args:
            parts: How many there must be.
            rows: Of the whole input.
        """
        there = _found(self.folder, self.kind)
        if any(part not in there for part in range(parts)):
            return None
        totals = Totals(parts, rows, _count_skipped(self.folder))
        _write(self.folder / _COMPLETE, json.dumps(asdict(totals)) + "\n")
        return totals

    def abandon(self) -> None:
        """Take the manifest back, where nothing was made yet, so that a corrected command can begin here."""
        (self.folder / _MANIFEST).unlink(missing_ok=True)

    def finished(self) -> Totals | None:
        """What a run before this one noted; None where it was not finished or a part has gone since."""
        try:
            totals = Totals(**json.loads((self.folder / _COMPLETE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # not there, or damaged: it is counted again
            return None
        return totals if all(part in self._done for part in range(totals.parts)) else None

    def paths(self, parts: int) -> list[Path]:
        """Where the parts are, in order."""
        return [self._path(part) for part in range(parts)]

    def _path(self, part: int) -> Path:
        return self.folder / f"part-{part:05d}.{self.kind}"


@contextmanager
def open_parts(
    folder: Path,
    plan: Plan,
    layout: Layout,
    shard: Shard,
    *,
    skip_bad: bool = False,
    resumable: bool = True,
    restart: bool = False,
) -> Iterator[PartFolder]:
    """Begin a folder of parts, or go on with it; no other process can work on the same shard meanwhile.

    Args:
        folder: Made where it is missing.
        plan: What the parts are made of and by; its "format" is their kind.
        layout: Of the parts.
        shard: Which parts are made.
        skip_bad: Whether parts may lack rows that cannot be read.
        resumable: Whether the input can be read again.
        restart: Remove what another plan left there, instead of refusing.

    Raises:
        DataError: Another plan was begun there, or another process is at work there.
    """
    plan = json.loads(json.dumps({"version": _VERSION, **plan}))
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; give the name of a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    kind = plan["format"]
    with _locked(folder, shard):
        problem = _problem(folder, plan, resumable=resumable, skip_bad=skip_bad)
        if problem and restart:
            logger.warning("%s holds parts of another run; starting anew.", folder)
            _clear(folder)
        elif problem:
            raise DataError(f"{folder} {problem}; choose another folder, or remove this one.")
        if not _create(folder / _MANIFEST, json.dumps(plan, indent=1) + "\n"):  # another shard was faster
            problem = _problem(folder, plan, resumable=True, skip_bad=skip_bad)
            if problem:
                raise DataError(f"{folder} {problem}; choose another folder, or remove this one.")
        yield PartFolder(folder, kind, layout, shard, _found(folder, kind))


def _problem(folder: Path, plan: Plan, *, resumable: bool, skip_bad: bool) -> str | None:
    """Why a run cannot go on in a folder, to follow its name."""
    path = folder / _MANIFEST
    if not path.exists():
        return "holds parts, but no manifest" if next(folder.glob("part-*"), None) else None
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        differing = [name for name in {**before, **plan} if before.get(name) != plan.get(name)]
    except (OSError, ValueError, TypeError, AttributeError):
        return f"has a damaged {_MANIFEST}"
    if differing:
        return f"was begun with {'; '.join(_MEANINGS.get(name, f'another {name}') for name in differing)}"
    if not resumable:
        return "holds parts already, and standard input cannot be read again to go on"
    if not skip_bad and _count_skipped(folder):
        return "holds parts without the rows that could not be read: go on with --on_error skip"
    return None


@contextmanager
def _locked(folder: Path, shard: Shard) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / f".shard-{shard.index:05d}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(
            f"Another process is at work on shard {shard.index} in {folder}; wait for it."
        ) from None
    except NotImplementedError:  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _found(folder: Path, kind: str) -> set[int]:
    """The numbers of the parts that are there."""
    stems = [path.stem.removeprefix("part-") for path in folder.glob(f"part-*.{kind}")]
    return {int(stem) for stem in stems if stem.isdecimal()}


def _count_skipped(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("_errors-*.jsonl"))


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.suffix != ".lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _create(path: Path, text: str) -> bool:
    """Write a file, whole at once, unless it is there; whether it was written."""
    with hidden_file(path) as hidden:
        hidden.write_text(text, encoding="utf-8")
        try:
            os.link(hidden, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            hidden.replace(path)
    return True


def _write(path: Path, text: str) -> None:
    """Write a file, whole at once."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
        _flush(part)


def _flush(path: Path) -> None:
    """Bring a file to the disk, so that it cannot have its name and lack its content after a power failure."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
