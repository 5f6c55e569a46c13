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


def label(path, folder, kind="csv", **options):
    labeller = options.pop("labeller", LABELLER)
    source = options.pop("source", None) or open_files([path])
    return label_to_folder(source, labeller, folder, kind, **{"rows_per_part": 100, **options})


def parts(folder, kind="csv"):
    return {path.name: path.read_bytes() for path in sorted(folder.glob(f"part-*.{kind}"))}


def rows_of(folder):
    return [row for path in sorted(folder.glob("part-*.csv")) for row in read_csv(path)]


def worker(*args):
    command = [sys.executable, bulk_worker.__file__, *map(str, args)]
    # Arrow's own pools keep some 15 MB more for later, once, however long the input.
    env, pipe = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}, subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env)


def finish(*args):
    process = worker(*args)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output.split()


def test_rows_come_in_order_with_the_scores_of_their_texts(articles, tmp_path):
    summary = label(articles, tmp_path)
    assert (summary.rows, summary.empty, summary.kept_parts) == (160, 0, 0)
    names = {"run.json", "part-00000.csv", "part-00001.csv"}
    assert {path.name for path in tmp_path.iterdir()} == names
    found = rows_of(tmp_path)
    given = read_csv(articles)
    scores = predict([row["title"] for row in given], [row["text"] for row in given])
    assert [int(row["row"]) for row in found] == list(range(1, 161))
    assert [float(row["score_FAKE"]) for row in found] == pytest.approx(scores[:, 0], abs=1e-6)
    assert [row["label"] for row in found] == [NAMES[best] for best in scores.argmax(axis=1)]
    assert [float(row["score"]) for row in found] == pytest.approx(scores.max(axis=1), abs=1e-6)


def test_every_format_holds_the_same(articles, tmp_path):
    for kind in ("csv", "jsonl", "parquet"):
        label(articles, tmp_path / kind, kind)
    wanted = rows_of(tmp_path / "csv")
    lines = b"".join(parts(tmp_path / "jsonl", "jsonl").values()).splitlines()
    for number, row in enumerate(map(json.loads, lines)):
        assert list(row) == ["row", "label", "score", "scores"]
        assert {"row": str(row["row"]), "label": row["label"]}.items() <= wanted[number].items()
        assert row["scores"]["FAKE"] == float(wanted[number]["score_FAKE"])
    table = pa.concat_tables(map(pq.read_table, sorted((tmp_path / "parquet").glob("*.parquet"))))
    assert table.column_names == ["row", "label", "score", "score_FAKE", "score_REAL"]
    assert table["row"].to_pylist() == list(range(1, 161))
    assert table["score_FAKE"].to_pylist() == [float(row["score_FAKE"]) for row in wanted]


def test_a_negative_value_of_regression_is_no_abstention():
    labeller = Labeller(model(lambda *_: np.array([[-0.2]]), ["value"]))
    assert labeller([TextRow("here", 1, "a")]).labels == ["value"]
    assert scores_of(np.array([[-0.2]]), "regression") == -0.2
    assert scores_of(np.array([[0.0]]), None) == 0.5  # of one label, as in the pipeline


def test_of_several_labels_those_stay_that_reach_their_threshold():
    rows = [TextRow("here", 1, "a")]
    multi_label = model(lambda *_: np.array([[0.5, 0.9]]), NAMES, [0.6, 0.8])
    assert Labeller(multi_label)(rows).labels == [["REAL"]]
    with pytest.raises(DataError, match="unsure_below is for models of one label a text"):
        Labeller(multi_label, 0.7)


def test_chunks_reach_the_classifier_whole_but_not_too_long():
    source = ["abc"] * 25
    assert [len(rows) for rows in chunks(open_texts(source, "here"), 10, False)] == [10, 10, 5]
    long = chunks(open_texts(source[:10], "here"), 10, False, most_characters=12)
    assert [len(rows) for rows in long] == [4, 4, 2]


def test_a_bad_row_ends_the_run_after_whole_parts(tmp_path):
    path, folder = tmp_path / "in.jsonl", tmp_path / "out"
    row = '{"text": "a"}\n'
    path.write_text(row * 113 + '{"text": \n' + row * 11)
    with pytest.raises(DataError, match=r"row 114 \(line 114\)"):
        label(path, folder, rows_per_part=100)
    assert list(parts(folder)) == ["part-00000.csv"]


def test_killed_at_any_point_every_row_comes_once(tmp_path):
    """The run is killed again and again, each time a bit later, until it is through."""
    path, folder = write_articles(tmp_path / "in.csv", 3000), tmp_path / "out"
    args = ("csv", 100, 0.02)  # 30 parts
    finish(path, tmp_path / "whole", *args)
    wanted = parts(tmp_path / "whole")
    kills = 0
    for more in (0, 1, 4, 9):
        process = worker(path, folder, *args)
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
    rows, _ = finish(path, folder, *args)
    assert int(rows) == 3000 - 100 * done  # nothing is done twice
    assert parts(folder) == wanted
    assert not list(folder.glob(".*"))
    assert finish(path, folder, *args)[0] == "0"


def test_a_folder_in_use_is_refused_and_the_first_run_goes_on(tmp_path):
    path, folder = write_articles(tmp_path / "in.csv", 1000), tmp_path / "out"
    finish(path, tmp_path / "whole", "csv", 100, 0)
    first = worker(path, folder, "csv", 100, 0.2)
    while first.poll() is None and not list(folder.glob("*part*")):
        time.sleep(0.002)
    for other in (path, write_articles(tmp_path / "other.csv", 10)):
        with pytest.raises(DataError, match=rf"Another run writes to {folder}"):
            label(other, folder)
    second = worker(path, folder, "csv", 100, 0)
    assert "Another run writes to" in second.communicate()[1]
    assert second.returncode == 1
    output, errors = first.communicate()
    assert first.returncode == 0, errors
    assert int(output.split()[0]) == 1000
    assert parts(folder) == parts(tmp_path / "whole")
    assert {one.name for one in folder.glob("*")} == {"run.json", *parts(folder)}
    assert finish(path, folder, "csv", 100, 0)[0] == "0"  # it is free again


def test_parts_of_another_run_are_refused(articles, tmp_path):
    folder = tmp_path / "out"
    label(articles, folder)
    before = parts(folder)
    changed = {
        "inputs": {"path": write_articles(tmp_path / "other.csv", 160, seed=1)},
        "model": {"labeller": Labeller(model(predict, made="otherwise"))},
        "rows_per_part": {"rows_per_part": 50},
        "format": {"kind": "jsonl"},
        "unsure_below": {"labeller": Labeller(model(predict), 0.7)},
        "columns": {"source": open_files([articles], "text")},
        "model differ": {"labeller": Labeller(model(predict, ("REAL", "FAKE")))},
        "inputs, ": {"source": open_texts(["a"], "here")},
    }
    for name, change in changed.items():
        said = rf"{folder} holds parts of another run \(.*{name}.*choose another"
        with pytest.raises(DataError, match=said):
            label(**{"path": articles, "folder": folder, **change})
    assert parts(folder) == before
    copy = write_articles(tmp_path / "changing.csv", 160)
    label(copy, tmp_path / "changed")
    write_articles(copy, 161)
    with pytest.raises(DataError, match="inputs differ"):
        label(copy, tmp_path / "changed")


def test_parts_of_unknown_origin_are_refused(articles, tmp_path):
    (tmp_path / "part-00000.csv").write_text("mine")
    for damage in (None, "{", "[]"):
        if damage:
            (tmp_path / "run.json").write_text(damage)
        with pytest.raises(DataError, match=r"another run|run\.json .*choose another"):
            label(articles, tmp_path)
    assert (tmp_path / "part-00000.csv").read_text() == "mine"


def test_standard_input_goes_in_but_not_on(tmp_path):
    first = label(None, tmp_path, source=open_texts(["a", "", "c"], "here"), rows_per_part=2)
    assert (first.rows, first.empty) == (3, 1)
    with pytest.raises(DataError, match="cannot be read again"):
        label(None, tmp_path, source=open_texts(["a", "", "c"], "here"), rows_per_part=2)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_memory_does_not_grow_with_the_input(tmp_path, suffix):
    peaks = []
    for rows in (2_000, 40_000):  # of 1 kB
        path = tmp_path / f"{rows}.{suffix}"
        texts = [f"row {row} {'some words ' * 90}" for row in range(rows)]
        if suffix == "parquet":  # one row group
            pq.write_table(
                pa.table({"text": texts}), path, compression="none", use_dictionary=False
            )
        elif suffix == "csv":
            path.write_text("text\n" + "\n".join(texts))
        else:
            path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
        done, peak = finish(path, tmp_path / f"out-{rows}", suffix, 500, 0)
        assert int(done) == rows
        peaks.append(float(peak))
    assert peaks[1] - peaks[0] < 16, peaks  # MB, for 38 MB more
