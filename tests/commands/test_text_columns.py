"""A checkpoint knows its text columns: evaluate, predict and BatchClassifier read these by default."""

import io
import json
import shutil
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from support import (
    QUICK,
    assert_refused,
    edit_json,
    read_csv,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm import BatchClassifier
from glove_lstm.checkpoint import TRAINING_TEXTS_NAME, WEIGHTS_NAME
from glove_lstm.commands import evaluate as evaluate_command
from glove_lstm.commands import predict as predict_command
from glove_lstm.commands import train as train_command
from glove_lstm.data.files import digest
from glove_lstm.data.text_record import TextRecord
from glove_lstm.errors import DataError

evaluate = partial(run_here, evaluate_command.main)
measure = partial(succeed, evaluate_command.main)
predict = partial(succeed, predict_command.main)

NOTICE = "The model was trained on the text column title, but this reads {}"


@pytest.fixture(scope="module")
def of_titles(
    shared_export: Path, articles: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint that says that it was trained on the titles of the articles."""
    folder = tmp_path_factory.mktemp("of_titles") / "of_titles"
    shutil.copytree(shared_export, folder)
    edit_json(folder / "config.json", text_column_names=["title"])
    titles = [row["title"] for row in read_csv(articles)]
    record = TextRecord.of(titles, [])
    record.save(folder / TRAINING_TEXTS_NAME, digest(folder / WEIGHTS_NAME))
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Articles that no checkpoint was trained on."""
    return write_articles(tmp_path / "new.csv", 30, seed=5)


def scores(*args: object) -> list[float]:
    table = predict(*args, "--format", "csv").stdout
    return pd.read_csv(io.StringIO(table))["score_REAL"].tolist()


def text_columns(folder: Path) -> list[str]:
    return json.loads((folder / "config.json").read_text())["text_column_names"]


def test_training_writes_the_columns(checkpoint: Path, articles: Path, tmp_path: Path) -> None:
    assert text_columns(checkpoint) == ["title", "text"]
    out = tmp_path / "out"
    command = ["--model_name_or_path", checkpoint, "--train_file", articles, *QUICK]
    command += ["--text_column_names", "text", "--max_steps", 1, "--output_dir", out]
    succeed(train_command.main, *command)
    assert text_columns(out) == ["text"]


def test_the_texts_of_the_training_are_recognised(of_titles: Path, articles: Path) -> None:
    done = evaluate(of_titles, "--test_file", articles)
    assert_refused(done, "All 160 texts were seen")
    assert "warning" not in done.stderr


def test_evaluate_reads_the_columns(of_titles: Path, new: Path, tmp_path: Path) -> None:
    for columns in ([], ["--text_column_names", "title"]):
        done = measure(of_titles, "--test_file", new, *columns, "--output_dir", tmp_path / "out")
        assert "warning" not in done.stderr
        figures = json.loads((tmp_path / "out" / "eval.json").read_text())
        assert figures["text_column_names"] == ["title"]


def test_evaluate_warns_if_it_reads_other_columns(
    of_titles: Path, new: Path, tmp_path: Path
) -> None:
    done = measure(of_titles, "--test_file", new, "--text_column_names", "title,text")
    message = NOTICE.format("title, text")
    assert done.stderr == f"warning: {message}; texts of its training may count as unseen.\n"

    bodies = [{"text": row["text"], "label": row["label"]} for row in read_csv(new)]
    done = measure(of_titles, "--test_file", write_table(tmp_path / "bodies.csv", bodies))
    assert NOTICE.format("text") in done.stderr


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_predict_reads_the_columns(of_titles: Path, new: Path, backend: str) -> None:
    arguments = ["--model", of_titles, "--backend", backend, "--input", new]
    of_title = scores(*arguments, "--text_column_names", "title")
    of_both = scores(*arguments, "--text_column_names", "title,text")
    assert of_title != of_both
    assert scores(*arguments) == of_title
    assert predict(*arguments).stderr == ""
    done = predict(*arguments, "--text_column_names", "title,text")
    assert done.stderr == f"warning: {NOTICE.format('title, text')}.\n"


def test_predict_reads_the_columns_of_standard_input(of_titles: Path, new: Path) -> None:
    stream = ["--model", of_titles, "--input", "-", "--input_format", "csv", "--format", "csv"]
    table = predict(*stream, stdin=new.read_bytes()).stdout
    found = pd.read_csv(io.StringIO(table))["score_REAL"].tolist()
    assert found == scores("--model", of_titles, "--input", new)


def test_predict_falls_back_where_the_table_lacks_a_column(
    copy: Path, new: Path, tmp_path: Path
) -> None:
    edit_json(copy / "config.json", text_column_names=["headline", "body"])
    done = predict("--model", copy, "--input", new)
    message = "The model was trained on the text columns headline, body, but this reads title, text"
    assert done.stderr == f"warning: {message}.\n"

    rows = [{"headline": row["title"], "body": row["text"], "title": "x"} for row in read_csv(new)]
    renamed = write_table(tmp_path / "renamed.csv", rows)
    done = predict("--model", copy, "--input", renamed)
    assert done.stderr == ""
    expected = scores("--model", copy, "--input", new, "--text_column_names", "title,text")
    assert scores("--model", copy, "--input", renamed) == expected


def test_a_later_file_without_the_column_is_refused(of_titles: Path, tmp_path: Path) -> None:
    first = write_articles(tmp_path / "a.csv", 4)
    second = write_table(tmp_path / "b.csv", [{"text": "a body"}])
    done = run_here(predict_command.main, "--model", of_titles, "--input", first, second)
    assert_refused(done, "b.csv has no column 'title', which the first input has")


def test_texts_on_the_command_line_have_no_columns(of_titles: Path) -> None:
    assert predict("Council votes", "--model", of_titles).stderr == ""
    assert predict("--model", of_titles, stdin=b"Council votes\n").stderr == ""


def test_batches_are_read_by_the_columns(
    of_titles: Path, new: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.read_csv(new).drop(columns="label")
    by_name = BatchClassifier(of_titles, ["title"])(frame)
    by_default = BatchClassifier(of_titles)(frame)
    assert by_default["score"].tolist() == by_name["score"].tolist()
    assert not caplog.messages

    classify = BatchClassifier(of_titles, ["title", "text"])
    classify(frame)
    classify(frame)
    assert caplog.messages == [f"{NOTICE.format('title, text')}."]  # once

    caplog.clear()
    BatchClassifier(of_titles)(frame.drop(columns="title"))
    assert caplog.messages == [f"{NOTICE.format('text')}."]


@pytest.mark.parametrize("value", ["title", [1]])
def test_a_config_with_other_values_is_refused(copy: Path, new: Path, value: object) -> None:
    edit_json(copy / "config.json", text_column_names=value)
    problem = "text_column_names must be "
    done = run_here(predict_command.main, "--model", copy, "--input", new)
    assert_refused(done, "config.json", problem)
    assert_refused(evaluate(copy, "--test_file", new), "config.json", problem)
    with pytest.raises(DataError, match=problem):
        BatchClassifier(copy)
