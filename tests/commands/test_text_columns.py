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


def by_predict(model, table, *options):
    """The scores of a table, and the warnings of columns: some articles are longer than the checkpoint reads."""
    done = succeed(predict.main, "--model", model, "--input", table, *options, "--format", "csv")
    scores = [float(row["score_REAL"]) for row in csv.DictReader(done.stdout.splitlines())]
    return scores, [line for line in done.stderr.splitlines() if "longer than" not in line]


def test_predict_reads_the_columns(of_titles, new, tmp_path):
    """Of the training, unless others are named or the table lacks them: then there is a warning."""
    rows = read_csv(new)
    titles = write_table(tmp_path / "titles.csv", [{"title": row["title"]} for row in rows])
    bodies = write_table(tmp_path / "bodies.csv", [{"text": row["text"]} for row in rows])

    of_titles_alone, warnings = by_predict(of_titles, titles)
    assert warnings == []
    assert by_predict(of_titles, new) == (pytest.approx(of_titles_alone, abs=1e-6), [])
    of_both, [warning] = by_predict(of_titles, new, "--text_column_names", "title,text")
    assert max(abs(a - b) for a, b in zip(of_both, of_titles_alone, strict=True)) > 0.001
    assert "column title, but this reads title, text" in warning
    _, [warning] = by_predict(of_titles, bodies)
    assert "column title, but this reads text" in warning


def test_evaluate_reads_the_columns(of_titles, articles, new, tmp_path):
    done = run_here(evaluate.main, of_titles, "--test_file", articles)
    assert_command_names(done, "All 160")  # it knows the titles
    assert "warning" not in done.stderr

    for columns in ("title", "title,text"):
        out = tmp_path / columns
        words = [of_titles, "--test_file", new, "--output_dir", out]
        if columns != "title":
            words += ["--text_column_names", columns]
        done = succeed(evaluate.main, *words)
        assert read_json(out / "eval.json")["text_column_names"] == columns.split(",")
        assert ("may count as unseen" in done.stderr) == (columns != "title")


def test_evaluate_reads_the_label_column(of_titles, new, tmp_path):
    """Of the training, unless another is named or the table lacks it."""
    rows = read_csv(new)
    swapped = {"FAKE": "REAL", "REAL": "FAKE"}
    both = [row | {"verdict": swapped[row["label"]]} for row in rows]
    both_file = write_table(tmp_path / "both.csv", both)

    def accuracy_by(table, *options):
        out = Path(mkdtemp(dir=tmp_path))
        succeed(evaluate.main, of_titles, "--test_file", table, *options, "--output_dir", out)
        figures = read_json(out / "eval.json")
        return figures["label_column_name"], figures["accuracy"]

    _, accuracy = accuracy_by(new)
    assert accuracy > 0.5
    assert accuracy_by(both_file) == ("verdict", pytest.approx(1 - accuracy))
    assert accuracy_by(both_file, "--label_column_name", "label") == ("label", accuracy)


def test_fine_tuning_reads_the_columns(of_titles, articles, tmp_path):
    rows = [row | {"verdict": row["label"], "label": "other"} for row in read_csv(articles)]
    table = write_table(tmp_path / "both.csv", rows)
    out = tmp_path / "out"
    words = ["--model_name_or_path", of_titles, "--train_file", table, "--output_dir", out]
    succeed(train.main, *words, *QUICK, "--num_train_epochs", 0.01)
    config = read_json(out / "config.json")
    assert (config["text_column_names"], config["label_column_name"]) == (["title"], "verdict")
