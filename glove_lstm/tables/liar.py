"""LIAR (Wang, ACL 2017): 12,836 short political statements, rated by PolitiFact.

builder = Liar(data_dir="liar")     # train.tsv, valid.tsv, test.tsv; Liar() downloads them
builder.download_and_prepare()
"""

from pathlib import Path
from typing import Any

import datasets

from glove_lstm.errors import DataError, counted, listed
from glove_lstm.files import DAMAGED, open_lines
from glove_lstm.tables.builder import NewsBuilder

LABELS = ("pants-fire", "false", "barely-true", "half-true", "mostly-true", "true")
_FAKE = LABELS[:3]
FILES = {"train": "train.tsv", "validation": "valid.tsv", "test": "test.tsv"}

_RATINGS = ("barely_true", "false", "half_true", "mostly_true", "pants_on_fire")
_COUNTS = tuple(f"{rating}_counts" for rating in _RATINGS)
_ABOUT = ("subject", "speaker", "job_title", "state", "party")
_COLUMNS = ("id", "label", "text", *_ABOUT, *_COUNTS, "context")


class Liar(NewsBuilder):
    """LIAR: statements of politicians. See `NewsBuilder` for the arguments.

    Columns: id, label, text (the statement), subject, speaker, job_title, state, party, context, and five counts of the
    speaker's earlier ratings. The counts include the rating of this statement, so they leak the label.

    Configs:
        six: The six ratings, from pants-fire to true.
        two: pants-fire, false and barely-true are FAKE; half-true, mostly-true and true are REAL.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012
        datasets.BuilderConfig("six", VERSION, description="the six ratings"),
        datasets.BuilderConfig("two", VERSION, description="FAKE and REAL"),
    ]
    DEFAULT_CONFIG_NAME = "six"
    URL = "https://www.cs.ucsb.edu/~william/data/liar_dataset.zip"  # no hash of it is published
    LOCAL = "data_dir"

    def local_files(self, path: Path) -> dict[str, Path]:
        """Return train.tsv, valid.tsv and test.tsv of the folder `data_dir`."""
        return {split: path / name for split, name in FILES.items()}

    def _info(self) -> datasets.DatasetInfo:
        features: dict[str, Any] = {name: datasets.Value("string") for name in _COLUMNS}
        features |= {name: datasets.Value("int32") for name in _COUNTS}
        features["label"] = datasets.ClassLabel(
            names=["FAKE", "REAL"] if self.config.name == "two" else list(LABELS)
        )
        return datasets.DatasetInfo(
            description="Short political statements, rated for truth by PolitiFact.",
            homepage="https://www.cs.ucsb.edu/~william/software.html",
            citation='William Yang Wang. "Liar, Liar Pants on Fire". ACL 2017.',
            features=datasets.Features(features),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:  # noqa: ARG002
        files = self.files
        if not files:
            archive = self.download()
            files = dict.fromkeys(FILES, archive)  # one archive holds the files of all splits
        generators = []
        for split, member in FILES.items():
            rows = _read_statements(files[split], member)
            if self.config.name == "two":
                for row in rows:
                    row["label"] = "FAKE" if row["label"] in _FAKE else "REAL"
            generators.append(datasets.SplitGenerator(split, gen_kwargs={"rows": rows}))
        return generators


def _read_statements(path: Path, member: str) -> list[dict[str, Any]]:
    """Read the statements of a TSV file, or of a member of a zip archive."""
    table_name = f"{path}/{member}" if path.suffix == ".zip" else str(path)
    statements = []
    try:
        with open_lines(path, member) as lines:
            for number, line in enumerate(lines, start=1):
                text = line.decode("utf-8-sig")
                statements.append(_read_statement(text, f"{table_name}, row {number}"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{table_name} is not UTF-8 text ({error.reason}); get it again."
        ) from error
    except DAMAGED as error:
        raise DataError(f"{path} is damaged ({error}); get it again.") from error
    if not statements:
        raise DataError(f"{table_name} has no rows; give a file with data.")
    return statements


def _read_statement(line: str, row_name: str) -> dict[str, Any]:
    # The csv module would misread the line: nothing is quoted, and many statements begin with a quotation mark.
    values = line.rstrip("\r\n").split("\t")
    if len(values) != len(_COLUMNS):
        columns = counted(len(values), "column")
        raise DataError(f"{row_name} has {columns}, not {len(_COLUMNS)}; get it again.")
    row: dict[str, Any] = dict(zip(_COLUMNS, values, strict=True))
    if row["label"] not in LABELS:
        raise DataError(
            f"{row_name} has the label {row['label']!r}, not one of {listed(LABELS)}; correct it."
        )
    for column in _COUNTS:
        count = row[column]
        try:  # it is written 3 or 3.0, or left out, because the speaker is unknown
            row[column] = int(float(count)) if count else None
        except (ValueError, OverflowError):
            raise DataError(
                f"{row_name} has the count {count!r}; it must be a whole number."
            ) from None
    return row
