"""train and evaluate on several files with a column of sources."""

import json
from pathlib import Path

from support import QUICK, SMALL, read_csv, succeed, write_articles, write_table

from glove_lstm.commands import evaluate, train


def write_corpus(path: Path, rows: int, seed: int, sites: int) -> Path:
    table = read_csv(write_articles(path, rows, seed))
    for number, row in enumerate(table):
        row["site"] = f"{path.stem[:5]}{number % sites}.org"
    return write_table(path, table)


def test_train_and_evaluate(tmp_path: Path, glove_file: Path) -> None:
    first = write_corpus(tmp_path / "first.csv", 120, 1, sites=8)
    second = write_corpus(tmp_path / "second\udcff.csv", 80, 2, sites=8)  # not UTF-8
    out = tmp_path / "out"
    files = ["--train_file", first, second, "--glove", glove_file, "--output_dir", out]
    options = ["--source_column_name", "site", "--validation_by", "source"]
    options += ["--validation_fraction", 0.25, *SMALL, *QUICK]
    succeed(train.main, *files, *options)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["about"]["data"] == "train first.csv + second\ufffd.csv"
    by_source = metrics["validation"]["by_source"]
    corpora = by_source["first"], by_source["second\ufffd"]
    assert metrics["validation"]["rows"] == sum(corpus["rows"] for corpus in corpora)

    few_sites = write_corpus(tmp_path / "p.csv", 100, 3, sites=2)
    many_sites = write_corpus(tmp_path / "q.csv", 100, 4, sites=32)  # none has 20 rows
    report = tmp_path / "report"
    files = ["--test_file", few_sites, many_sites, "--output_dir", report]
    done = succeed(evaluate.main, out, *files, "--source_column_name", "site", "--leaks")
    by_source = json.loads((report / "eval.json").read_text())["by_source"]
    assert list(by_source) == ["p", "p/p0.org", "p/p1.org", "q"]

    # The worst source is printed first.
    table = done.stdout[done.stdout.index("source ") :].split("\n\n")[0]
    printed = []
    for line in table.splitlines()[1:]:
        _, _, accuracy, balanced_accuracy, *_ = line.split()
        printed.append(float(accuracy if balanced_accuracy == "-" else balanced_accuracy))
    assert len(printed) == 4
    assert printed == sorted(printed)
