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
from glove_lstm.inference.onnx_export import export_onnx


@pytest.fixture(scope="module")
def of_titles(shared_export, articles, tmp_path_factory):
    """A checkpoint that says that it was trained on the titles of the articles."""
    folder = tmp_path_factory.mktemp("of_titles") / "of_titles"
    shutil.copytree(shared_export, folder)
    edit_json(folder / "config.json", text_column_names=["title"])
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


def test_evaluate_reads_the_label_column(copy, new, tmp_path):
    """Of the training, unless another is named or the table lacks it."""
    edit_json(copy / "config.json", label_column_name="verdict")
    export_onnx(copy)
    rows = read_csv(new)
    swapped = {"FAKE": "REAL", "REAL": "FAKE"}
    both = [row | {"verdict": swapped[row["label"]]} for row in rows]
    tables = {"label": new, "verdict": write_table(tmp_path / "both.csv", both)}

    def measured(column, *options):
        out = Path(mkdtemp(dir=tmp_path))
        succeed(evaluate.main, copy, "--test_file", tables[column], *options, "--output_dir", out)
        figures = read_json(out / "eval.json")
        return figures["label_column_name"], figures["accuracy"]

    _, accuracy = measured("label")
    assert accuracy > 0.5
    assert measured("label") == ("label", accuracy)
    assert measured("verdict") == ("verdict", pytest.approx(1 - accuracy))
    assert measured("verdict", "--label_column_name", "label") == ("label", accuracy)


def fine_tuned(model, table, out, caplog, *options):
    """The config of a model that is fine-tuned for one step, and what is said of its columns."""
    caplog.clear()
    words = ["--model_name_or_path", model, "--train_file", table, "--output_dir", out]
    succeed(train.main, *words, *QUICK, "--num_train_epochs", 0.01, *options)
    warnings = [message for message in caplog.messages if "The model was trained on" in message]
    return read_json(out / "config.json"), warnings


def test_fine_tuning_reads_the_columns(of_titles, articles, tmp_path, caplog):
    """Of the training, unless others are named: then there is a warning."""
    config, warnings = fine_tuned(of_titles, articles, tmp_path / "titles", caplog)
    assert config["text_column_names"] == ["title"]
    assert warnings == []
    both = as_options(["title", "text"])
    config, [warning] = fine_tuned(of_titles, articles, tmp_path / "both", caplog, *both)
    assert config["text_column_names"] == ["title", "text"]
    assert "column title, but this reads title, text" in warning


def test_fine_tuning_reads_the_label_column(copy, articles, tmp_path, caplog):
    edit_json(copy / "config.json", label_column_name="verdict")
    rows = [row | {"verdict": row["label"], "label": "other"} for row in read_csv(articles)]
    table = write_table(tmp_path / "both.csv", rows)
    config, warnings = fine_tuned(copy, table, tmp_path / "out", caplog)
    assert config["label_column_name"] == "verdict"
    assert warnings == []


def test_texts_that_are_no_table_have_no_columns(of_titles):
    assert by_predict(of_titles, None, "Council votes")[1] == []
    assert by_predict(of_titles, None, stdin=b"Council votes\n")[1] == []


def test_columns_of_other_names_are_read_before_the_usual_ones(exported, new, tmp_path):
    edit_json(exported / "config.json", text_column_names=["headline", "body"])
    expected, [warning] = by_predict(exported, None, "--input", new)
    assert "columns headline, body, but this reads title, text" in warning
    rows = [{"title": "x", "body": row["text"], "headline": row["title"]} for row in read_csv(new)]
    renamed = write_table(tmp_path / "renamed.csv", rows)
    assert by_predict(exported, None, "--input", renamed) == (expected, [])
