"""train and evaluate on several files with a column of sources."""

import json
from pathlib import Path

import pytest
from support import QUICK, SMALL, read_csv, succeed, write_articles, write_table

from glove_lstm.commands import evaluate, train


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


def test_evaluate_measures_each_source_with_enough_rows(out: Path, tmp_path: Path) -> None:
    few_sites = write_corpus(tmp_path / "p.csv", 100, 3, sites=2)
    many_sites = write_corpus(tmp_path / "q.csv", 100, 4, sites=32)  # none has 20 rows
    files = ["--test_file", few_sites, many_sites, "--output_dir", tmp_path]
    done = succeed(evaluate.main, out, *files, "--source_column_name", "site", "--leaks")
    by_source = json.loads((tmp_path / "eval.json").read_text())["by_source"]
    assert list(by_source) == ["p", "p/p0.org", "p/p1.org", "q"]

    # The worst source is printed first.
    _, _, table_and_rest = done.stdout.partition("source ")
    table, _, _ = table_and_rest.partition("\n\n")
    _, *lines = table.splitlines()
    printed = []
    for line in lines:
        cells = line.split()
        accuracy, balanced_accuracy = cells[2:4]
        if balanced_accuracy == "-":  # texts of one label
            printed.append(float(accuracy))
        else:
            printed.append(float(balanced_accuracy))
    assert len(printed) == 4
    assert printed == sorted(printed)
