"""Bulk labelling: every row once and in order, also after a kill, in constant memory; no parts of another run."""

import os
import signal
import subprocess
import sys
import time

import bulk_worker
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bulk_worker import model, predict, source_of
from support import assert_names, write_articles

from glove_lstm.errors import DataError
from glove_lstm.inference.bulk import Labeller, Source, chunks, label_to_folder
from glove_lstm.tables.columns import Columns, Row

LABELLER = Labeller(model(predict))


def open_texts(texts, name):
    rows = [Row(name, number, text) for number, text in enumerate(texts, 1)]
    return Source(Columns(["text"], []), texts=rows)


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


# What is written; fuzz/test_routes.py compares the rows


def test_parts_of_very_long_rows_have_fewer_rows():
    source = open_texts(["abc"] * 10, "here")
    parts = chunks(source, 10, progress=False, most_characters=12)
    assert [len(rows) for rows in parts] == [4, 4, 2]


def test_a_bad_row_ends_the_run_after_whole_parts(tmp_path):
    path = tmp_path / "in.jsonl"
    row = '{"text": "a"}\n'
    path.write_text(row * 113 + '{"text": \n' + row * 11)
    with pytest.raises(DataError, match=r"row 114 \(line 114\)"):
        label(source_of(path), tmp_path / "out")
    assert list(parts(tmp_path / "out")) == ["part-00000.csv"]


# Kills, and runs at the same time


def test_killed_before_the_first_part(tmp_path):
    path = write_articles(tmp_path / "in.csv", 20)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ".run.json.0123.part").write_text("{")  # as a kill may leave it
    (folder / ".predict.lock").touch()
    assert label(source_of(path), folder).rows == 20
    assert not list(folder.glob(".*"))


def test_killed_at_any_point_every_row_comes_once(tmp_path):
    """The run is killed again and again, each time a bit later, until it is through."""
    path = write_articles(tmp_path / "in.csv", 3000)  # 30 parts
    folder = tmp_path / "out"
    label(source_of(path), tmp_path / "whole")
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
    summary = label(source_of(path), folder)
    assert summary.rows == 3000 - 100 * done  # nothing is done twice
    assert parts(folder) == wanted
    assert not list(folder.glob(".*"))
    assert label(source_of(path), folder).rows == 0


def test_a_folder_in_use_is_refused_and_the_first_run_goes_on(tmp_path):
    path = write_articles(tmp_path / "in.csv", 1000)
    other = write_articles(tmp_path / "other.csv", 10)
    folder = tmp_path / "out"
    label(source_of(path), tmp_path / "whole")
    first = start_worker(path, folder, "csv", rows_per_part=100, pause=0.1)
    while first.poll() is None and not list(folder.glob("*part*")):
        time.sleep(0.002)
    for source in (path, other):
        with pytest.raises(DataError, match=rf"Another run writes to {folder}"):
            label(source_of(source), folder)
    assert first.poll() is None

    rows, _ = finish(first)
    assert rows == 1000
    assert parts(folder) == parts(tmp_path / "whole")
    names = {path.name for path in folder.glob("*")}
    assert names == {"run.json", *parts(folder)}
    assert label(source_of(path), folder).rows == 0  # it is free again


# Parts of other runs


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (["rows_per_part"], {"rows_per_part": 50}),
        (["format"], {"kind": "jsonl"}),
        (["model"], {"labeller": Labeller(model(predict, made="otherwise"))}),
        (["model"], {"labeller": Labeller(model(predict, ("REAL", "FAKE")))}),
        (["unsure_below"], {"labeller": Labeller(model(predict), 0.7)}),
        (["columns"], {"columns": "text"}),
        (["inputs"], {"rows": 161}),
        (["standard input"], {"texts": ["a", "", "c"]}),
        (["out", "run.json"], {"files": {"part-00000.csv": "mine"}}),
        (["out", "run.json"], {"files": {"config.json": "{}"}}),
        (["run.json"], {"files": {"run.json": '{"mine": 1}'}}),
        (["run.json"], {"files": {"run.json": "{"}}),
        (["run.json"], {"files": {"run.json": "[]"}}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_parts_of_another_run(tmp_path, words, change):
    """Refused by the name of what differs; all files stay."""
    change = dict(change)
    folder = tmp_path / "out"
    path = write_articles(tmp_path / "in.csv", 160)
    files = change.pop("files", None)
    texts = change.pop("texts", None)
    if files:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content)
    else:
        summary = label(open_texts(texts, "here") if texts else source_of(path), folder)
        assert (summary.rows, summary.empty) == ((3, 1) if texts else (160, 0))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    write_articles(path, change.pop("rows", 160))
    columns = change.pop("columns", None)
    source = open_texts(texts, "here") if texts else source_of(path, columns)
    with pytest.raises(DataError) as refusal:
        label(source, folder, **change)
    assert_names(refusal.value, *words, "choose another")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# Memory


def write_texts(path, texts):
    if path.suffix == ".parquet":  # one row group
        table = pa.table({"text": texts})
        pq.write_table(table, path, compression="none", use_dictionary=False)
    else:
        path.write_text("text\n" + "\n".join(texts))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
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
