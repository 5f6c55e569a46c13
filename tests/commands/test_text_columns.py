"""A checkpoint knows its text columns: evaluate, predict, BatchClassifier and the app read these by default."""

import io
import json
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from support import (
    QUICK,
    SMALL,
    assert_refused,
    copied,
    read_csv,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm import BatchClassifier
from glove_lstm.app.api import Api
from glove_lstm.checkpoint import DEFAULT_CHECKPOINT
from glove_lstm.commands import evaluate as evaluate_command
from glove_lstm.commands import export as export_command
from glove_lstm.commands import predict as predict_command
from glove_lstm.commands import train as train_command
from glove_lstm.errors import DataError

evaluate = partial(run_here, evaluate_command.main)
run = partial(succeed, evaluate_command.main)
predict = partial(succeed, predict_command.main)

NOTICE = "warning: The model was trained on the text column title, but this reads {}"


@pytest.fixture(scope="module")
def of_titles(articles: Path, glove_file: Path, make_once) -> Path:
    """A checkpoint that was trained on the titles of the articles, with light.onnx."""

    def train(folder: Path) -> None:
        data = "--train_file", articles, "--text_column_names", "title", "--glove", glove_file
        succeed(train_command.main, *data, "--output_dir", folder, *SMALL, *QUICK)
        succeed(export_command.main, folder)

    return make_once("of-titles", train)


@pytest.fixture
def config_of(tmp_path: Path, of_titles: Path):
    """A function that returns a copy of the checkpoint with another value of `text_column_names`."""

    def change(value: object) -> Path:
        folder = copied(of_titles, tmp_path / "changed")
        config = json.loads((folder / "config.json").read_text())
        config["text_column_names"] = value
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return change


def scores(*args: object) -> list[str]:
    table = predict(*args, "--format", "csv").stdout
    return pd.read_csv(io.StringIO(table))["score_REAL"].tolist()


def test_training_writes_the_columns(of_titles: Path, checkpoint: Path) -> None:
    for folder, columns in ((of_titles, ["title"]), (checkpoint, ["title", "text"])):
        config = json.loads((folder / "config.json").read_text())
        assert config["text_column_names"] == columns
    assert (
        json.loads((DEFAULT_CHECKPOINT / "config.json").read_text()).get("text_column_names")
        is None
    )


def test_the_texts_of_the_training_are_recognised(of_titles: Path, articles: Path) -> None:
    done = evaluate(of_titles, "--test_file", articles)
    assert_refused(done, "All 160 texts were seen")
    assert "warning" not in done.stderr


def test_evaluate_says_what_it_reads_instead(of_titles: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    done = run(of_titles, "--test_file", new, "--output_dir", tmp_path / "out")
    assert "warning" not in done.stderr
    assert json.loads((tmp_path / "out" / "eval.json").read_text())["text_column_names"] == [
        "title"
    ]
    done = run(of_titles, "--test_file", new, "--text_column_names", "title")
    assert "warning" not in done.stderr
    done = run(of_titles, "--test_file", new, "--text_column_names", "title,text")
    said = f"{NOTICE.format('title, text')}; texts of its training may count as unseen.\n"
    assert done.stderr == said
    bodies = [{"text": row["text"], "label": row["label"]} for row in read_csv(new)]
    done = run(of_titles, "--test_file", write_table(tmp_path / "bodies.csv", bodies))
    assert NOTICE.format("text") in done.stderr


def test_leaks_are_looked_for_in_the_columns_that_are_measured(
    of_titles: Path, tmp_path: Path
) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    assert "columns: title." in run(of_titles, "--test_file", new, "--leaks").stdout
    assert "columns: title, text." in run("--test_file", new, "--leaks").stdout


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_predict_reads_the_columns(of_titles: Path, tmp_path: Path, backend: str) -> None:
    new = write_articles(tmp_path / "new.csv", 30, seed=5)
    arguments = "--model", of_titles, "--backend", backend, "--input", new
    titles = scores(*arguments, "--text_column_names", "title")
    pairs = scores(*arguments, "--text_column_names", "title,text")
    assert titles != pairs
    assert scores(*arguments) == titles
    assert predict(*arguments).stderr == ""
    done = predict(*arguments, "--text_column_names", "title,text")
    assert done.stderr == f"{NOTICE.format('title, text')}.\n"
    piped = "--model", of_titles, "--input", "-", "--input_format", "csv", "--format", "csv"
    table = predict(*piped, stdin=new.read_bytes()).stdout
    assert pd.read_csv(io.StringIO(table))["score_REAL"].tolist() == pytest.approx(titles, abs=2e-6)


def test_predict_falls_back_where_the_table_lacks_a_column(config_of, tmp_path: Path) -> None:
    folder = config_of(["headline", "body"])
    new = write_articles(tmp_path / "new.csv", 10, seed=5)
    done = predict("--model", folder, "--input", new)
    said = "warning: The model was trained on the text columns headline, body, but this reads title, text.\n"
    assert done.stderr == said
    rows = [{"headline": row["title"], "body": row["text"], "title": "x"} for row in read_csv(new)]
    renamed = write_table(tmp_path / "renamed.csv", rows)
    done = predict("--model", folder, "--input", renamed)
    assert done.stderr == ""
    expected = scores("--model", folder, "--input", new, "--text_column_names", "title,text")
    assert scores("--model", folder, "--input", renamed) == expected


def test_a_later_file_without_the_column_is_refused(of_titles: Path, tmp_path: Path) -> None:
    first = write_articles(tmp_path / "a.csv", 4)
    second = write_table(tmp_path / "b.csv", [{"text": "a body"}])
    done = run_here(predict_command.main, "--model", of_titles, "--input", first, second)
    assert_refused(done, "b.csv has no column 'title', which the first input has")


def test_texts_on_the_command_line_have_no_columns(of_titles: Path) -> None:
    assert predict("Council votes", "--model", of_titles).stderr == ""
    assert predict("--model", of_titles, stdin=b"Council votes\n").stderr == ""


def test_batches_are_read_by_the_columns(
    of_titles: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.read_csv(write_articles(tmp_path / "new.csv", 30, seed=5)).drop(columns="label")
    asked = BatchClassifier(of_titles, ["title"])(frame)
    found = BatchClassifier(of_titles)(frame)
    assert found["score"].tolist() == asked["score"].tolist()
    assert not caplog.records
    classify = BatchClassifier(of_titles, ["title", "text"])
    classify(frame)
    classify(frame)  # says it once
    BatchClassifier(of_titles)(frame.drop(columns="title"))
    said = [record.getMessage() for record in caplog.records]
    sentence = NOTICE.removeprefix("warning: ")
    assert said == [f"{sentence.format('title, text')}.", f"{sentence.format('text')}."]


def test_the_app_reads_the_columns_of_an_uploaded_table(of_titles: Path, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 12, seed=5)
    api = Api(of_titles)
    titles, said = api.label_file(str(new))
    assert said == "12 rows labelled."
    assert read_csv(Path(titles)) == read_csv(Path(api.label_file(str(new), "title")[0]))
    _, said = api.label_file(str(new), "title,text")
    assert said == f"12 rows labelled. {NOTICE.removeprefix('warning: ').format('title, text')}."


def test_fine_tuning_writes_its_own_columns(
    of_titles: Path, articles: Path, tmp_path: Path
) -> None:
    start = "--model_name_or_path", of_titles, "--text_column_names", "text"
    out = "--output_dir", tmp_path / "out", "--train_file", articles
    succeed(train_command.main, *start, *out, *QUICK, "--max_steps", "1")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["text_column_names"] == ["text"]


def test_the_columns_do_not_make_an_onnx_file_stale(config_of, tmp_path: Path) -> None:
    new = write_articles(tmp_path / "new.csv", 4, seed=5)
    done = predict("--model", config_of(None), "--backend", "onnx", "--input", new)
    assert done.stderr == ""


@pytest.mark.parametrize("value", ["title", [], [1], {"title": 1}])
def test_a_config_with_other_values_is_refused(config_of, tmp_path: Path, value: object) -> None:
    folder, new = config_of(value), write_articles(tmp_path / "new.csv", 4, seed=5)
    for done in (
        run_here(predict_command.main, "--model", folder, "--input", new),
        evaluate(folder, "--test_file", new),
    ):
        assert_refused(done, "config.json", "text_column_names must be ")
    with pytest.raises(DataError, match="text_column_names must be "):
        BatchClassifier(folder)
