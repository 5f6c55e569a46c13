"""Bulk labelling: every row once and in order, also after a kill, in constant memory; no parts of another run."""

import json
import os
import signal
import subprocess
import sys
import time

import bulk_worker
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bulk_worker import NAMES, model, predict
from support import read_csv, write_articles

from glove_lstm.data.text_rows import TextRow, open_files, open_texts
from glove_lstm.errors import DataError
from glove_lstm.inference.bulk import Labeller, chunks, label_to_folder
from glove_lstm.inference.scores import scores_of

LABELLER = Labeller(model(predict))


def label(source, folder, kind="csv", *, labeller=LABELLER, rows_per_part=100):
    return label_to_folder(source, labeller, folder, kind, rows_per_part=rows_per_part)


def parts(folder, kind="csv"):
    return {path.name: path.read_bytes() for path in sorted(folder.glob(f"part-*.{kind}"))}


def start_worker(path, folder, kind, *, rows_per_part, pause=0.0):
    """Start a process that labels a file; `pause` is in seconds a part."""
    arguments = [path, folder, kind, rows_per_part, pause]
    return subprocess.Popen(
        [sys.executable, bulk_worker.__file__, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Arrow's own pools keep some 15 MB more for later, once, however long the input.
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )


def finish(process):
    """Wait for a worker, and return the number of rows that it labelled and its peak memory in MB."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    rows, peak = output.split()
    return int(rows), float(peak)


# What is written


def read_jsonl(path):
    """Rows of a part, with the columns of a part of csv."""
    rows = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        scores = row.pop("scores")
        rows.append({**row, **{f"score_{name}": score for name, score in scores.items()}})
    return rows


def read_parquet(path):
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize(
    ("kind", "read"), [("csv", read_csv), ("jsonl", read_jsonl), ("parquet", read_parquet)]
)
def test_rows_come_in_order_with_the_scores_of_their_texts(articles, tmp_path, kind, read):
    summary = label(open_files([articles]), tmp_path, kind)
    assert (summary.rows, summary.empty, summary.kept_parts) == (160, 0, 0)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"run.json", f"part-00000.{kind}", f"part-00001.{kind}"}
    found = read(tmp_path / f"part-00000.{kind}") + read(tmp_path / f"part-00001.{kind}")

    table = read_csv(articles)
    titles = [row["title"] for row in table]
    bodies = [row["text"] for row in table]
    scores = predict(titles, bodies)
    assert len(found) == 160
    for number, row in enumerate(found):
        best = scores[number].argmax()
        assert list(row) == ["row", "label", "score", "score_FAKE", "score_REAL"]
        assert int(row["row"]) == number + 1
        assert row["label"] == NAMES[best]
        assert float(row["score"]) == pytest.approx(scores[number, best], abs=1e-6)
        assert float(row["score_FAKE"]) == pytest.approx(scores[number, 0], abs=1e-6)


def test_a_negative_value_of_regression_is_no_abstention():
    labeller = Labeller(model(lambda *_: np.array([[-0.2]]), ["value"]))
    assert labeller([TextRow("here", 1, "a")]).labels == ["value"]
    assert scores_of(np.array([[-0.2]]), "regression") == -0.2
    assert scores_of(np.array([[0.0]]), None) == 0.5  # of one label, as in the pipeline


def test_parts_of_very_long_rows_have_fewer_rows():
    source = open_texts(["abc"] * 10, "here")
    parts = chunks(source, 10, progress=False, most_characters=12)
    assert [len(rows) for rows in parts] == [4, 4, 2]


def test_a_bad_row_ends_the_run_after_whole_parts(tmp_path):
    path = tmp_path / "in.jsonl"
    row = '{"text": "a"}\n'
    path.write_text(row * 113 + '{"text": \n' + row * 11)
    with pytest.raises(DataError, match=r"row 114 \(line 114\)"):
        label(open_files([path]), tmp_path / "out")
    assert list(parts(tmp_path / "out")) == ["part-00000.csv"]


# Kills, and runs at the same time


def test_killed_at_any_point_every_row_comes_once(tmp_path):
    """The run is killed again and again, each time a bit later, until it is through."""
    path = write_articles(tmp_path / "in.csv", 3000)  # 30 parts
    folder = tmp_path / "out"
    label(open_files([path]), tmp_path / "whole")
    wanted = parts(tmp_path / "whole")

    kills = 0
    for more in (0, 1, 4, 9):
        process = start_worker(path, folder, "csv", rows_per_part=100, pause=0.02)
        enough = len(parts(folder)) + more
        while process.poll() is None and len(parts(folder)) < enough:
            time.sleep(0.002)
        time.sleep(0.004 * more)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            kills += 1
        found = parts(folder)
        assert found == {name: wanted[name] for name in found}  # whatever is there is whole
    assert kills >= 3

    done = len(parts(folder))
    assert 0 < done < 30
    summary = label(open_files([path]), folder)
    assert summary.rows == 3000 - 100 * done  # nothing is done twice
    assert parts(folder) == wanted
    assert not list(folder.glob(".*"))
    assert label(open_files([path]), folder).rows == 0


def test_a_folder_in_use_is_refused_and_the_first_run_goes_on(tmp_path):
    path = write_articles(tmp_path / "in.csv", 1000)
    other = write_articles(tmp_path / "other.csv", 10)
    folder = tmp_path / "out"
    label(open_files([path]), tmp_path / "whole")
    first = start_worker(path, folder, "csv", rows_per_part=100, pause=0.1)
    while first.poll() is None and not list(folder.glob("*part*")):
        time.sleep(0.002)
    for source in (path, other):
        with pytest.raises(DataError, match=rf"Another run writes to {folder}"):
            label(open_files([source]), folder)
    assert first.poll() is None

    rows, _ = finish(first)
    assert rows == 1000
    assert parts(folder) == parts(tmp_path / "whole")
    names = {path.name for path in folder.glob("*")}
    assert names == {"run.json", *parts(folder)}
    assert label(open_files([path]), folder).rows == 0  # it is free again


# Parts of other runs


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rows_per_part", {"rows_per_part": 50}),
        ("format", {"kind": "jsonl"}),
        ("model", {"labeller": Labeller(model(predict, made="otherwise"))}),
        ("unsure_below", {"labeller": Labeller(model(predict), 0.7)}),
    ],
)
def test_parts_of_other_arguments_are_refused(articles, tmp_path, name, change):
    label(open_files([articles]), tmp_path)
    before = parts(tmp_path)
    with pytest.raises(
        DataError, match=rf"holds parts of another run \(different: {name}\).*choose"
    ):
        label(open_files([articles]), tmp_path, **change)
    assert parts(tmp_path) == before


def test_parts_of_other_columns_are_refused(articles, tmp_path):
    label(open_files([articles]), tmp_path)
    with pytest.raises(DataError, match=r"holds parts of another run \(different: columns\)"):
        label(open_files([articles], "text"), tmp_path)


def test_parts_of_an_input_that_has_changed_are_refused(tmp_path):
    path = write_articles(tmp_path / "in.csv", 160)
    label(open_files([path]), tmp_path / "out")
    write_articles(path, 161)
    with pytest.raises(DataError, match=r"holds parts of another run \(different: inputs\)"):
        label(open_files([path]), tmp_path / "out")


def test_parts_without_a_run_file_are_refused(articles, tmp_path):
    part = tmp_path / "part-00000.csv"
    part.write_text("mine")
    with pytest.raises(DataError, match="another run"):
        label(open_files([articles]), tmp_path)
    assert part.read_text() == "mine"


@pytest.mark.parametrize("content", ['{"mine": 1}', "{", "[]"])
def test_a_run_file_of_another_program_is_not_overwritten(articles, tmp_path, content):
    run = tmp_path / "run.json"
    run.write_text(content)
    with pytest.raises(DataError, match=r"run\.json .*choose another"):
        label(open_files([articles]), tmp_path)
    assert run.read_text() == content


def test_a_run_of_standard_input_cannot_be_resumed(tmp_path):
    texts = ["a", "", "c"]
    summary = label(open_texts(texts, "here"), tmp_path, rows_per_part=2)
    assert (summary.rows, summary.empty) == (3, 1)
    with pytest.raises(DataError, match="cannot be read again"):
        label(open_texts(texts, "here"), tmp_path, rows_per_part=2)


# Memory


def write_texts(path, texts):
    if path.suffix == ".parquet":  # one row group
        table = pa.table({"text": texts})
        pq.write_table(table, path, compression="none", use_dictionary=False)
    elif path.suffix == ".csv":
        path.write_text("text\n" + "\n".join(texts))
    else:
        path.write_text("\n".join(json.dumps({"text": text}) for text in texts))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_memory_does_not_grow_with_the_input(tmp_path, kind):
    words = "some words " * 90  # 1 kB
    peaks = []
    for count in (2_000, 40_000):
        path = tmp_path / f"{count}.{kind}"
        write_texts(path, [f"row {row} {words}" for row in range(count)])
        process = start_worker(path, tmp_path / f"out-{count}", kind, rows_per_part=500)
        rows, peak = finish(process)
        assert rows == count
        peaks.append(peak)
    small, large = peaks
    assert large - small < 16, peaks  # MB, for 38 MB more
