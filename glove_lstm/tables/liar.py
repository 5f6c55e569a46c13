"""LIAR (Wang, ACL 2017): 12,836 short political statements, rated by PolitiFact."""

import csv
from pathlib import Path
from zipfile import ZipFile

import datasets

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import FilePath, check_file, user_path
from glove_lstm.vectors.download import download

URL = "https://www.cs.ucsb.edu/~william/data/liar_dataset.zip"  # no hash of it is published
LABELS = ("pants-fire", "false", "barely-true", "half-true", "mostly-true", "true")
FILES = {"train": "train.tsv", "validation": "valid.tsv", "test": "test.tsv"}

_RATINGS = ("barely_true", "false", "half_true", "mostly_true", "pants_on_fire")
_ABOUT = ("subject", "speaker", "job_title", "state", "party")
_COLUMNS = ("id", "label", "text", *_ABOUT, *(f"{rating}_counts" for rating in _RATINGS), "context")


def load_liar(config: str = "six", folder: FilePath | None = None) -> datasets.DatasetDict:
    """Load the splits train, validation and test, with columns of strings and the label.

    Columns: id, label, text (the statement), subject, speaker, job_title, state, party, context, and five counts of the
    speaker's earlier ratings. The counts include the rating of this statement, so they leak the label.

    Args:
        config: "six" for the six ratings, from pants-fire to true; "two" for FAKE (pants-fire, false, barely-true) and
            REAL (half-true, mostly-true, true).
        folder: Holds train.tsv, valid.tsv and test.tsv; None: they are downloaded.

    Raises:
        DataError: A file is missing or damaged, or has another label.
    """
    folder = _download() if folder is None else user_path(folder)
    for name in FILES.values():
        check_file(folder / name)
    features = datasets.Features(dict.fromkeys(_COLUMNS, datasets.Value("string")))
    features["label"] = datasets.ClassLabel(names=list(LABELS))
    try:
        # Nothing is quoted, and many statements begin with a quotation mark.
        loaded = datasets.load_dataset(
            "csv",
            data_files={split: str(folder / name) for split, name in FILES.items()},
            sep="\t",
            quoting=csv.QUOTE_NONE,
            column_names=list(_COLUMNS),
            features=features,
            keep_default_na=False,
        )
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = first_line(error.__cause__ or error)
        raise DataError(
            f"{folder} does not hold the files of liar ({reason}); get them again."
        ) from error
    if config == "six":
        return loaded
    features = features.copy()
    features["label"] = datasets.ClassLabel(names=["FAKE", "REAL"])
    first_real = LABELS.index("half-true")
    return loaded.map(lambda row: {"label": int(row["label"] >= first_real)}, features=features)


def _download() -> Path:
    """Download the archive, and return the folder of its files."""
    archive = download(URL)
    folder = archive.with_suffix("")
    with ZipFile(archive) as files:
        files.extractall(folder)
    return folder
