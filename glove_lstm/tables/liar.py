"""LIAR (Wang, ACL 2017): 12,836 short political statements, rated by PolitiFact."""

import csv
from pathlib import Path
from zipfile import ZipFile

import datasets

from glove_lstm.errors import DataError, first_line, listed
from glove_lstm.files import FilePath, check_file, user_path
from glove_lstm.vectors.download import download

URL = "https://www.cs.ucsb.edu/~william/data/liar_dataset.zip"  # no hash of it is published
LABELS = ("pants-fire", "false", "barely-true", "half-true", "mostly-true", "true")
FILES = {"train": "train.tsv", "validation": "valid.tsv", "test": "test.tsv"}

_FAKE = LABELS[:3]
_RATINGS = ("barely_true", "false", "half_true", "mostly_true", "pants_on_fire")
_ABOUT = ("subject", "speaker", "job_title", "state", "party")
_COLUMNS = ("id", "label", "text", *_ABOUT, *(f"{rating}_counts" for rating in _RATINGS), "context")


def load_liar(config: str = "six", data_dir: FilePath | None = None) -> datasets.DatasetDict:
    """Load the splits train, validation and test, with columns of strings.

    Columns: id, label, text (the statement), subject, speaker, job_title, state, party, context, and five counts of the
    speaker's earlier ratings. The counts include the rating of this statement, so they leak the label.

    Args:
        config: "six" for the six ratings, from pants-fire to true; "two" for FAKE (pants-fire, false, barely-true) and
            REAL (half-true, mostly-true, true).
        data_dir: A folder with train.tsv, valid.tsv and test.tsv; None: they are downloaded.

    Raises:
        DataError: A file is missing or damaged, or has another label.
    """
    folder = _download() if data_dir is None else user_path(data_dir)
    files = {}
    for split, name in FILES.items():
        check_file(folder / name)
        files[split] = str(folder / name)
    try:
        # Nothing is quoted, and many statements begin with a quotation mark.
        loaded = datasets.load_dataset(
            "csv",
            data_files=files,
            sep="\t",
            quoting=csv.QUOTE_NONE,
            column_names=list(_COLUMNS),
            features=datasets.Features(dict.fromkeys(_COLUMNS, datasets.Value("string"))),
            keep_default_na=False,
        )
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"{folder} does not hold the files of liar ({first_line(error)}); get them again."
        ) from error
    for split, statements in loaded.items():
        for row, label in enumerate(statements["label"], start=1):
            if label not in LABELS:
                raise DataError(
                    f"{files[split]}, row {row} has the label {label!r}, not one of {listed(LABELS)}; correct it."
                )
    names = list(LABELS)
    if config == "two":
        names = ["FAKE", "REAL"]
        loaded = loaded.map(lambda row: {"label": "FAKE" if row["label"] in _FAKE else "REAL"})
    return loaded.cast_column("label", datasets.ClassLabel(names=names))


def _download() -> Path:
    """Download the archive, and return the folder of its files."""
    archive = download(URL)
    folder = archive.with_suffix("")
    with ZipFile(archive) as files:
        for member in files.namelist():
            if Path(member).name in FILES.values():
                folder.mkdir(exist_ok=True)
                (folder / Path(member).name).write_bytes(files.read(member))
    return folder
