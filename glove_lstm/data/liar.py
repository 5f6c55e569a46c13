"""LIAR (Wang, ACL 2017): 12,836 short political statements, rated by PolitiFact.

builder = Liar(data_dir="liar")     # train.tsv, valid.tsv, test.tsv; Liar() downloads them
builder.download_and_prepare()
"""

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.data.builder import DataFiles, NewsBuilder
from glove_lstm.data.errors import DataError
from glove_lstm.data.text_rows import open_text

URL = "https://www.cs.ucsb.edu/~william/data/liar_dataset.zip"
MAX_BYTES = (
    16 << 20
)  # of the archive, and of each file in it; the genuine ones have about 1 and 2.4 MB
LABELS = ("pants-fire", "false", "barely-true", "half-true", "mostly-true", "true")
FILES = {"train": "train.tsv", "validation": "valid.tsv", "test": "test.tsv"}

_COUNTS = (
    "barely_true_counts",
    "false_counts",
    "half_true_counts",
    "mostly_true_counts",
    "pants_on_fire_counts",
)
_COLUMNS = (
    "id",
    "label",
    "text",
    "subject",
    "speaker",
    "job_title",
    "state",
    "party",
    *_COUNTS,
    "context",
)


@dataclass
class LiarConfig(datasets.BuilderConfig):
    """How the files are found and labelled.

    Attributes:
        url: Where the zip archive is downloaded from, unless `data_files` or `data_dir` are given. Nobody
            published a hash of it.
        labels: The names of the labels.
        label_of: The label of each of the six ratings, in the order of `LABELS`.
    """

    url: str = URL
    labels: tuple[str, ...] = LABELS
    label_of: tuple[str, ...] = LABELS


class Liar(NewsBuilder):
    """Columns id, text (the statement), label and what is known of it; see `NewsBuilder` for the arguments.

    The five counts are the speaker's record, this very statement included: they leak the label.

    Args:
        data_dir: A folder with train.tsv, valid.tsv and test.tsv, in place of `data_files`.

    Configs:
        six: The six ratings, from pants-fire to true.
        two: pants-fire, false and barely-true are FAKE; half-true, mostly-true and true are REAL.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = LiarConfig
    BUILDER_CONFIGS = [  # noqa: RUF012
        LiarConfig(name="six", version=VERSION, description="the six ratings"),
        LiarConfig(
            name="two",
            version=VERSION,
            description="false and worse are FAKE, half-true and better are REAL",
            labels=("FAKE", "REAL"),
            label_of=("FAKE",) * 3 + ("REAL",) * 3,
        ),
    ]
    DEFAULT_CONFIG_NAME = "six"

    def __init__(
        self,
        cache_dir: str | os.PathLike[str] | None = None,
        *,
        data_files: DataFiles | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if data_dir is not None:
            if data_files is not None:
                raise DataError("Both data_files and data_dir are given; choose one.")
            # As files, because `datasets` would not notice that a file in the folder has changed.
            data_files = {split: Path(data_dir) / name for split, name in FILES.items()}
        super().__init__(cache_dir, data_files=data_files, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        features: dict[str, Any] = {name: datasets.Value("string") for name in _COLUMNS}
        features |= {name: datasets.Value("int32") for name in _COUNTS}
        features["label"] = datasets.ClassLabel(names=list(self.config.labels))
        return datasets.DatasetInfo(
            description="Short political statements, rated for truth by PolitiFact.",
            homepage="https://www.cs.ucsb.edu/~william/software.html",
            citation='William Yang Wang. "Liar, Liar Pants on Fire". ACL 2017.',
            features=datasets.Features(features),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:  # noqa: ARG002
        sources: dict[str, tuple[Path, str | None]]
        if self.local_files:
            for split, paths in self.local_files.items():
                if split not in FILES or len(paths) != 1:
                    raise DataError(
                        f"data_files names {len(paths)} files for {split!r}; Liar takes one for each of "
                        f"{', '.join(FILES)}."
                    )
            sources = {split: (paths[0], None) for split, paths in self.local_files.items()}
        else:
            archive = self.download(max_bytes=MAX_BYTES)
            sources = {split: (archive, name) for split, name in FILES.items()}
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"path": path, "member": member})
            for split, (path, member) in sources.items()
        ]

    def _generate_examples(
        self, path: Path, member: str | None
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        label_of = dict(zip(LABELS, self.config.label_of, strict=True))
        for number, statement in read_statements(path, member):
            yield number, statement | {"label": label_of[statement["label"]]}


def read_statements(path: Path, member: str | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number, statement) of a TSV file or a member of a zip archive; rows count from 1, no header.

    Raises:
        DataError: If a row has another number of columns, an unknown label or a count that is no number.
    """
    where = f"{path}/{member}" if member else str(path)
    number = 0
    # Not the csv module: the files are not quoted, and many statements begin with a quotation mark.
    with open_text(path) if member is None else _open_member(path, member) as file:
        for number, line in enumerate(file, start=1):
            values = line.rstrip("\r\n").split("\t")
            if len(values) != len(_COLUMNS):
                raise DataError(
                    f"{where}, row {number} has {len(values)} columns, not {len(_COLUMNS)}; get it again."
                )
            row: dict[str, Any] = dict(zip(_COLUMNS, values, strict=True))
            if row["label"] not in LABELS:
                raise DataError(
                    f"{where}, row {number} has the label {row['label']!r}, not of {', '.join(LABELS)}; "
                    "correct it."
                )
            for name in _COUNTS:
                row[name] = _count(row[name], f"{where}, row {number}")
            yield number, row
    if not number:
        raise DataError(f"{where} has no rows; give a file with data.")


def _count(value: str, where: str) -> int | None:
    """Parse a count, written 3 or 3.0 or, if the speaker is unknown, left out."""
    try:
        return int(float(value)) if value else None
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where} has the count {value!r}; it must be a whole number.") from error


@contextmanager
def _open_member(path: Path, name: str) -> Iterator[io.TextIOWrapper]:
    """Open a file of the archive by the end of its name, without unpacking anything."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if Path(info.filename).name == name]
            member = members[0] if members else None
            if member is None or member.file_size > MAX_BYTES:
                raise DataError(
                    f"{path} has no {name} of at most {MAX_BYTES:,} bytes; get LIAR's archive."
                )
            with archive.open(member) as file:
                yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}/{name} is not UTF-8 text ({error.reason}); get it again."
        ) from error
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path} is damaged ({error}); delete it to have it downloaded again."
        ) from error
