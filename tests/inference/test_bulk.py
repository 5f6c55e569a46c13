"""Bulk labelling: the same bytes whatever was killed, resumed or shared out, in constant memory."""

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import bulk_worker
import numpy as np
import pyarrow.parquet as pq
import pytest
from bulk_worker import NAMES, predict
from filelock import FileLock
from support import write_articles

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import open_files, open_texts
from glove_lstm.inference.bulk import Labeller, Shard, label_to, label_to_file, label_to_folder
from glove_lstm.inference.label_writers import CsvWriter, Layout

LABELLER = Labeller(predict, NAMES)
MODEL = {"made": "up"}


@pytest.fixture(scope="module")
def thousands(tmp_path_factory):
    return write_articles(tmp_path_factory.mktemp("thousands") / "in.csv", 3000)


def to_folder(path, folder, kind="csv", **options):
    labeller = options.pop("labeller", LABELLER)
    source = options.pop("source", None) or open_files([path], skip_bad=options.pop("skip_bad", False))
    return label_to_folder(
        source, labeller, folder, kind, **{"model": MODEL, "rows_per_part": 100, **options}
    )


def to_file(path, target, kind="csv", **options):
    source = open_files([path], skip_bad=options.pop("skip_bad", False))
    return label_to_file(source, LABELLER, target, kind, **{"model": MODEL, "rows_per_part": 100, **options})


def parts(folder, kind="csv"):
    return {path.name: path.read_bytes() for path in sorted(folder.glob(f"part-*.{kind}"))}


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def worker(*args):
    command = [sys.executable, bulk_worker.__file__, *map(str, args)]
    # Arrow's own pools keep some 15 MB more for later, once, however long the input.
    env = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def finish(*args):
    process = worker(*args)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output.split()


def everything(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


# What comes out


def test_rows_come_in_order_with_the_scores_of_their_texts(articles, tmp_path):
    summary = to_folder(articles, tmp_path / "out")
    assert (summary.rows, summary.skipped, summary.empty, summary.complete) == (160, 0, 0, True)
    assert everything(tmp_path / "out") == [
        "_complete.json",
        "_manifest.json",
        "part-00000.csv",
        "part-00001.csv",
    ]
    found = rows_of(tmp_path / "out" / "part-00000.csv") + rows_of(tmp_path / "out" / "part-00001.csv")
    with articles.open(newline="") as file:
        given = list(csv.DictReader(file))
    scores = predict([row["title"] for row in given], [row["text"] for row in given])
    assert [int(row["row"]) for row in found] == list(range(1, 161))
    assert [float(row["score_FAKE"]) for row in found] == pytest.approx(scores[:, 0], abs=1e-6)
    assert [row["label"] for row in found] == [NAMES[best] for best in scores.argmax(axis=1)]
    assert [float(row["score"]) for row in found] == pytest.approx(scores.max(axis=1), abs=1e-6)
    assert json.loads((tmp_path / "out" / "_complete.json").read_text()) == {
        "parts": 2,
        "rows": 160,
        "skipped": 0,
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_holds_what_the_parts_hold(articles, tmp_path, kind):
    to_folder(articles, tmp_path / "out", kind)
    to_file(articles, tmp_path / f"all.{kind}", kind)
    if kind == "parquet":
        table = pq.read_table(tmp_path / "all.parquet")
        assert table.equals(pq.read_table(tmp_path / "out", partitioning=None))  # passes over the manifest
        assert table.column_names == ["row", "label", "score", "score_FAKE", "score_REAL"]
        assert table["row"].to_pylist() == list(range(1, 161))
    else:
        first, second = parts(tmp_path / "out", kind).values()
        rest = second if kind == "jsonl" else second.split(b"\n", 1)[1]
        assert (tmp_path / f"all.{kind}").read_bytes() == first + rest
    if kind == "jsonl":
        row = json.loads(first.splitlines()[0])
        assert list(row) == ["row", "label", "score", "scores"]
        assert row["score"] == max(row["scores"].values())
    assert everything(tmp_path) == sorted([f"all.{kind}", "out"])


def test_several_files_are_told_apart(articles, tmp_path):
    write_articles(tmp_path / "more.csv", 20)
    source = open_files([articles, tmp_path / "more.csv"])
    to_folder(None, tmp_path / "out", source=source, rows_per_part=1000)
    found = rows_of(tmp_path / "out" / "part-00000.csv")
    assert [(row["file"], row["row"]) for row in found[159:161]] == [
        (str(articles), "160"),
        (str(tmp_path / "more.csv"), "1"),
    ]


def test_abstains(articles, tmp_path):
    labeller = Labeller(predict, NAMES, abstain_below=0.8)
    to_folder(articles, tmp_path / "out", labeller=labeller)
    for row in rows_of(tmp_path / "out" / "part-00000.csv"):
        assert (row["label"] == "ABSTAIN") == (float(row["score"]) < 0.8)
    with pytest.raises(DataError, match="has a label ABSTAIN"):
        Labeller(predict, ("ABSTAIN", "REAL"), 0.5)


def test_windows_reach_the_classifier_whole_but_not_too_long(monkeypatch):
    sizes = []

    def measure(texts, pairs):
        sizes.append(len(texts))
        return predict(texts, pairs)

    with (Path("/dev/null")).open("w") as file, closing(CsvWriter(file, Layout(NAMES))) as writer:
        label_to(open_texts(["abc"] * 25, "here"), Labeller(measure, NAMES), writer, rows_per_part=10)
        assert sizes == [10, 10, 5]
        monkeypatch.setattr("glove_lstm.inference.bulk._CHARACTERS", 12)
        label_to(open_texts(["abc"] * 25, "here"), Labeller(measure, NAMES), writer, rows_per_part=10)
    assert sizes[3:] == [4, 4, 2, 4, 4, 2, 4, 1]


# Rows that cannot be read


def test_skipped_rows_are_reported_counted_and_kept(tmp_path, caplog):
    path, folder = tmp_path / "in.jsonl", tmp_path / "out"
    path.write_text("".join('{"text": \n' if n == 14 else f'{{"text": "t{n}"}}\n' for n in range(1, 26)))
    with pytest.raises(DataError, match=r"row 14 \(line 14\)"):
        to_folder(path, folder, rows_per_part=10)
    assert everything(folder) == ["_manifest.json", "part-00000.csv"]
    # The same run goes on when such rows may be left out.
    with caplog.at_level(logging.WARNING):
        summary = to_folder(path, folder, rows_per_part=10, skip_bad=True)
    assert (summary.rows, summary.skipped, summary.complete) == (14, 1, True)
    assert [record.message for record in caplog.records if "row 14" in record.message]
    numbers = [int(row["row"]) for name in sorted(parts(folder)) for row in rows_of(folder / name)]
    assert numbers == [n for n in range(1, 26) if n != 14]
    (lost,) = map(json.loads, (folder / "_errors-00001.jsonl").read_text().splitlines())
    assert (lost["file"], lost["number"]) == (str(path), 14)
    assert json.loads((folder / "_complete.json").read_text()) == {"parts": 3, "rows": 25, "skipped": 1}
    with pytest.raises(DataError, match="go on with --on_error skip"):
        to_folder(path, folder, rows_per_part=10)


def test_a_mistake_at_the_beginning_leaves_nothing_behind(tmp_path):
    path = tmp_path / "in.jsonl"
    for write, target in ((to_folder, "out"), (to_file, "out.csv")):
        path.write_text('{"text": "a"}\n{"text": \n')
        with pytest.raises(DataError, match="row 2"):
            write(path, tmp_path / target)
        assert not (tmp_path / target).exists() or everything(tmp_path / target) == []
        path.write_text('{"text": "a"}\n{"text": "b"}\n')
        assert write(path, tmp_path / target).rows == 2
    assert everything(tmp_path) == ["in.jsonl", "out", "out.csv"]


# Going on


@pytest.mark.parametrize("target", ["out", "out.csv"])
def test_killed_at_any_point_every_row_comes_once(thousands, tmp_path, target):
    """The run is killed again and again, each time a bit later, until it is through."""
    args = ("csv", 100, 0.02)  # 30 parts
    finish(thousands, tmp_path / "whole", *args)
    wanted = parts(tmp_path / "whole")
    output = tmp_path / target
    folder = output if target == "out" else tmp_path / "out.csv.parts"
    kills = 0
    for more in (0, 1, 2, 5, 9):
        process = worker(thousands, output, *args)
        enough = len(parts(folder)) + more
        while process.poll() is None and len(parts(folder)) < enough:
            time.sleep(0.002)
        time.sleep(0.004 * more)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.communicate()
        found = parts(folder)
        assert found == {name: wanted[name] for name in found}  # whatever is there is whole
    assert kills >= 3
    done = len(parts(folder))
    assert 0 < done < 30
    rows, _ = finish(thousands, output, *args)
    assert int(rows) == 3000 - 100 * done  # nothing is done twice
    if target == "out":
        assert parts(output) == wanted
        assert everything(output) == ["_complete.json", "_manifest.json", *wanted]
        assert finish(thousands, output, *args)[0] == "0"
    else:
        assert [int(row["row"]) for row in rows_of(output)] == list(range(1, 3001))
        assert output.read_bytes().count(b"\n") == 3001
        assert everything(tmp_path) == ["out.csv", "whole"]


def test_shards_together_are_one_process(thousands, tmp_path):
    args = ("csv", 100, 0.02, 3)
    finish(thousands, tmp_path / "whole", "csv", 100, 0)
    others = [worker(thousands, tmp_path / "out", *args, index) for index in (0, 2)]  # at the same time
    victim = worker(thousands, tmp_path / "out", *args, 1)
    while victim.poll() is None and not {"part-00004.csv"} <= set(parts(tmp_path / "out")):
        time.sleep(0.002)
    victim.kill()
    victim.communicate()
    for process in others:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        assert output.split()[0] == "1000"
    assert not (tmp_path / "out" / "_complete.json").exists()
    finish(thousands, tmp_path / "out", *args, 1)
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")
    assert json.loads((tmp_path / "out" / "_complete.json").read_text())["rows"] == 3000
    with pytest.raises(DataError, match="no shard 3 of 3"):
        Shard(3, 3)


def test_another_run_is_refused(articles, tmp_path):
    folder = tmp_path / "out"
    other = write_articles(tmp_path / "other.csv", 160, seed=1)
    to_folder(articles, folder)
    before = parts(folder)
    for words, change in {
        "other inputs": {"path": other},
        "another model": {"model": {"made": "otherwise"}},
        "another number of rows": {"rows_per_part": 50},
        "another number of shards": {"shard": Shard(2, 0)},
        "another format": {"kind": "jsonl"},
        "another score to abstain below": {"labeller": Labeller(predict, NAMES, 0.7)},
        "other text columns": {"source": open_files([articles], "text")},
        "another model, or": {"labeller": Labeller(predict, ("REAL", "FAKE"))},
        "standard input": {"source": open_texts(["a"], "here")},
    }.items():
        with pytest.raises(DataError, match=words if words != "standard input" else "other inputs") as error:
            to_folder(**{"path": articles, "folder": folder, **change})
        assert str(folder) in str(error.value)
        assert "choose another folder" in str(error.value)
    assert parts(folder) == before
    copy = write_articles(tmp_path / "changing.csv", 160)
    to_folder(copy, tmp_path / "changed")
    write_articles(copy, 161)
    with pytest.raises(DataError, match="have changed since"):
        to_folder(copy, tmp_path / "changed")


def test_parts_of_unknown_origin_are_refused(articles, tmp_path):
    (tmp_path / "part-00000.csv").write_text("mine")
    with pytest.raises(DataError, match="no manifest"):
        to_folder(articles, tmp_path)
    (tmp_path / "_manifest.json").write_text("{")
    with pytest.raises(DataError, match="damaged _manifest"):
        to_folder(articles, tmp_path)
    assert (tmp_path / "part-00000.csv").read_text() == "mine"
    with pytest.raises(DataError, match="is a file"):
        to_folder(articles, tmp_path / "part-00000.csv")
    with pytest.raises(DataError, match="is a folder"):
        to_file(articles, tmp_path)


def test_two_processes_never_work_on_the_same_shard(articles, tmp_path):
    tmp_path.mkdir(exist_ok=True)
    with FileLock(tmp_path / ".shard-00000.lock"), pytest.raises(DataError, match="Another process"):
        to_folder(articles, tmp_path)
    assert to_folder(articles, tmp_path).rows == 160


def test_standard_input_goes_in_but_not_on(tmp_path):
    first = to_folder(None, tmp_path / "out", source=open_texts(["a", "", "c"], "here"), rows_per_part=2)
    assert (first.rows, first.empty) == (3, 1)
    with pytest.raises(DataError, match="cannot be read again"):
        to_folder(None, tmp_path / "out", source=open_texts(["a", "", "c"], "here"), rows_per_part=2)
    source = open_texts(["a", "b"], "here")
    label_to_file(source, LABELLER, tmp_path / "out.csv", "csv", model=MODEL)
    assert len(rows_of(tmp_path / "out.csv")) == 2
    assert everything(tmp_path) == ["out", "out.csv"]


def test_input_that_changes_meanwhile_is_noticed(tmp_path):
    path = write_articles(tmp_path / "in.csv", 160)

    def meddle(texts, pairs):
        with path.open("a") as file:
            file.write("161,a,b,FAKE\n")
        return predict(texts, pairs)

    with pytest.raises(DataError, match="changed while it was read"):
        to_folder(path, tmp_path / "out", labeller=Labeller(meddle, NAMES))


def test_a_file_begun_on_another_input_starts_anew(articles, tmp_path, caplog):
    def stop(texts, pairs):
        if len(stop.calls) == 1:
            raise KeyboardInterrupt
        stop.calls.append(len(texts))
        return predict(texts, pairs)

    stop.calls = []
    path = write_articles(tmp_path / "in.csv", 160)
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        label_to_file(
            open_files([path]), Labeller(stop, NAMES), target, "csv", model=MODEL, rows_per_part=100
        )
    assert "The same command goes on" in caplog.text
    assert target.read_text() == "old"
    assert (tmp_path / "out.csv.parts").is_dir()
    write_articles(path, 130, seed=3)
    to_file(path, target)
    assert "starting anew" in caplog.text
    assert len(rows_of(target)) == 130
    assert everything(tmp_path) == ["in.csv", "out.csv"]


# Constant memory


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_memory_does_not_grow_with_the_input(tmp_path, suffix):
    peaks = []
    for rows in (20_000, 200_000):
        path = tmp_path / f"{rows}.{suffix}"
        _write_short(path, rows)
        done, peak = finish(path, tmp_path / f"out-{rows}.{suffix}", suffix, 4096, 0)
        assert int(done) == rows
        peaks.append(float(peak))
    assert peaks[1] - peaks[0] < 8, peaks  # MB


def _write_short(path, rows):
    if path.suffix == ".parquet":
        import pyarrow as pa

        text = [f"a short text of row {row}" for row in range(rows)]
        pq.write_table(pa.table({"text": text, "n": np.arange(rows)}), path)  # one row group
        return
    with path.open("w") as file:
        if path.suffix == ".csv":
            file.write("text\n")
        for row in range(rows):
            text = f"a short text of row {row}"
            file.write((json.dumps({"text": text}) if path.suffix == ".jsonl" else text) + "\n")
