"""A checkpoint knows its text columns: evaluate, predict and fine-tuning read these by default."""

import csv
import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from support import (
    QUICK,
    assert_command_names,
    edit_json,
    read_csv,
    read_json,
    run_here,
    succeed,
    write_table,
)

from glove_lstm.checkpoint.names import TRAINING_TEXTS_NAME, WEIGHTS_NAME
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.commands import evaluate, predict, train
from glove_lstm.files import digest


@pytest.fixture(scope="module")
def of_titles(shared_export, articles, tmp_path_factory):
    """A checkpoint that says that it was trained on the titles of the articles, and on the column `verdict`."""
    folder = tmp_path_factory.mktemp("of_titles") / "of_titles"
    shutil.copytree(shared_export, folder)
    edit_json(folder / "config.json", text_column_names=["title"], label_column_name="verdict")
    record = TextRecord.of([row["title"] for row in read_csv(articles)], [])
    record.save(folder / TRAINING_TEXTS_NAME, digest(folder / WEIGHTS_NAME))
    return folder


def as_options(columns):
    return ["--text_column_names", ",".join(columns)] if columns else []


def by_predict(model, columns, *options, **streams):
    words = ["--model", model, *as_options(columns), *options, "--format", "csv"]
    done = succeed(predict.main, *words, **streams)
    scores = [float(row["score_REAL"]) for row in csv.DictReader(done.stdout.splitlines())]
    # Some articles are longer than the checkpoint reads, which is another warning.
    return scores, [line for line in done.stderr.splitlines() if "longer than" not in line]


def test_predict_reads_the_columns(of_titles, new, tmp_path):
    """Of the training, unless others are named or the table lacks them: then there is a warning."""
    rows = read_csv(new)
    titles = write_table(tmp_path / "titles.csv", [{"title": row["title"]} for row in rows])
    bodies = write_table(tmp_path / "bodies.csv", [{"text": row["text"]} for row in rows])

    def scores(table, columns=None):
        return by_predict(of_titles, columns, "--input", table)

    of_titles_alone, warnings = scores(titles)
    assert warnings == []
    for columns in (None, ["title"]):
        assert scores(new, columns) == (pytest.approx(of_titles_alone, abs=1e-6), [])
    of_both, [warning] = scores(new, ["title", "text"])
    assert max(abs(a - b) for a, b in zip(of_both, of_titles_alone, strict=True)) > 0.001
    assert "column title, but this reads title, text" in warning
    _, [warning] = scores(bodies)
    assert "column title, but this reads text" in warning


def test_evaluate_reads_the_columns(of_titles, articles, new, tmp_path):
    done = run_here(evaluate.main, of_titles, "--test_file", articles)
    assert_command_names(done, "All 160")  # it knows the titles
    assert "warning" not in done.stderr

    for number, columns in enumerate((None, ["title"], ["title", "text"])):
        out = tmp_path / f"report {number}"
        words = [of_titles, "--test_file", new, *as_options(columns), "--output_dir", out]
        done = succeed(evaluate.main, *words)
        read = read_json(out / "eval.json")["text_column_names"]
        assert read == (columns or ["title"])
        assert ("warning: " in done.stderr) == (read != ["title"])
    assert "may count as unseen" in done.stderr


def test_evaluate_reads_the_label_column(of_titles, new, tmp_path, caplog):
    """Of the training, unless another is named or the table lacks it. Rows of other labels may be left out."""
    rows = read_csv(new)
    swapped = {"FAKE": "REAL", "REAL": "FAKE"}
    both = [row | {"verdict": swapped[row["label"]]} for row in rows]
    more = [row | {"label": "SATIRE"} for row in rows[:3]]
    tables = {
        "label": new,
        "verdict": write_table(tmp_path / "both.csv", both),
        "more": write_table(tmp_path / "more.csv", more + rows),
    }

    def measured(table, *options):
        out = Path(mkdtemp(dir=tmp_path))
        words = ["--test_file", tables[table], *options, "--output_dir", out]
        succeed(evaluate.main, of_titles, *words)
        figures = read_json(out / "eval.json")
        return figures["label_column_name"], figures["accuracy"], figures["rows"]

    _, accuracy, row_count = measured("label")
    assert accuracy > 0.5
    assert measured("verdict") == ("verdict", pytest.approx(1 - accuracy), row_count)
    assert measured("verdict", "--label_column_name", "label") == ("label", accuracy, row_count)
    assert measured("more", "--skip_unknown_labels") == ("label", accuracy, row_count)
    assert "more.csv: 3 rows left out" in caplog.text


def test_fine_tuning_reads_the_columns(of_titles, articles, tmp_path, caplog):
    """Of the training, unless others are named: then there is a warning."""
    rows = [row | {"verdict": row["label"], "label": "other"} for row in read_csv(articles)]
    table = write_table(tmp_path / "both.csv", rows)
    for columns in ("title", "title,text"):
        caplog.clear()
        out = tmp_path / columns
        words = ["--model_name_or_path", of_titles, "--train_file", table, "--output_dir", out]
        if columns == "title,text":
            words += ["--text_column_names", columns]
        succeed(train.main, *words, *QUICK, "--num_train_epochs", 0.01)
        config = read_json(out / "config.json")
        assert config["text_column_names"] == columns.split(",")
        assert config["label_column_name"] == "verdict"
        is_warned = "column title, but this reads title, text" in caplog.text
        assert is_warned == (columns == "title,text")


def test_texts_that_are_no_table_have_no_columns(of_titles):
    assert by_predict(of_titles, None, "Council votes")[1] == []
    assert by_predict(of_titles, None, stdin=b"Council votes\n")[1] == []
