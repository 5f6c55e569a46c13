"""train and evaluate on several files with a column of sources."""

import json
from pathlib import Path

import pytest
from support import QUICK, SMALL, read_csv, succeed, write_articles, write_table

from glove_lstm.commands import train


def write_corpus(path: Path, rows: int, seed: int, sites: int) -> Path:
    table = read_csv(write_articles(path, rows, seed))
    for number, row in enumerate(table):
        row["site"] = f"{path.stem[:5]}{number % sites}.org"
    return write_table(path, table)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, glove_file: Path) -> Path:
    """A checkpoint that was trained on two corpora."""
    folder = tmp_path_factory.mktemp("corpora")
    first = write_corpus(folder / "first.csv", 120, 1, sites=8)
    second = write_corpus(folder / "second\udcff.csv", 80, 2, sites=8)  # not UTF-8
    command = ["--train_file", first, second, "--glove", glove_file]
    command += ["--source_column_name", "site", "--validation_by", "source"]
    command += ["--validation_fraction", 0.25, "--output_dir", folder / "out"]
    command += SMALL + QUICK
    succeed(train.main, *command)
    return folder / "out"


def test_training_measures_each_corpus(out: Path) -> None:
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["about"]["data"] == "train first.csv + second\ufffd.csv"
    validation = metrics["validation"]
    by_source = validation["by_source"]
    rows = [by_source[corpus]["rows"] for corpus in ("first", "second\ufffd")]
    assert validation["rows"] == sum(rows)
