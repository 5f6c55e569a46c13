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
    options = ["--source_column_name", "site", "--validation_by", "source"]
    options += ["--validation_fraction", 0.25, "--glove", glove_file, *SMALL, *QUICK]
    out = tmp_path / "out"
    done = succeed(train.main, "--train_file", first, second, "--output_dir", out, *options)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["about"]["data"] == "train first.csv + second\ufffd.csv"
    rows = {name: found["rows"] for name, found in metrics["validation"]["by_source"].items()}
    assert metrics["validation"]["rows"] == rows["first"] + rows["second\ufffd"]

    tests = [
        write_corpus(tmp_path / "p.csv", 100, 3, sites=2),
        write_corpus(tmp_path / "q.csv", 100, 4, sites=32),
    ]
    done = succeed(
        evaluate.main, out, "--test_file", *tests, "--source_column_name", "site", "--leaks",
        "--output_dir", tmp_path / "report",
    )  # fmt: skip
    by_source = json.loads((tmp_path / "report" / "eval.json").read_text())["by_source"]
    assert list(by_source) == ["p", "p/p0.org", "p/p1.org", "q"]  # of q's sites none has 20 rows
    table = done.stdout[done.stdout.index("source ") :].split("\n\n")[0].splitlines()[1:]
    shown = [float(line.split()[3].replace("-", line.split()[2])) for line in table]
    assert len(shown) == 4
    assert shown == sorted(shown)
