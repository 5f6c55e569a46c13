"""benchmarks.speed: figures and their origin, an interrupted run, failed processes."""

import json
import shutil
from pathlib import Path

import pytest
from support import run_here, succeed

from benchmarks import speed
from benchmarks.speed import run_process
from glove_lstm.errors import DataError
from glove_lstm.processors import processors

UNITS = {"ms for one text", "texts/s", "CPU s a million texts"}
UNITS |= {"s to the first label", "MB of memory", "MB on disk"}


def test_models_are_measured_once(
    news: Path, shared_export: Path, tmp_path: Path, monkeypatch
) -> None:
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(shared_export, checkpoint)
    file = tmp_path / "speed.json"
    args = ["--data_dir", news, "--checkpoint", checkpoint, "--json", file, "--repetitions", 1]
    succeed(speed.main, *args, "--models", "tfidf_svc")

    measured = []
    real = speed._measure

    def noting(model, *job):
        measured.append(model)
        return real(model, *job)

    monkeypatch.setattr(speed, "_measure", noting)
    done = succeed(speed.main, *args, "--models", "default", "tfidf_svc", "pipeline")
    assert sorted(measured) == sorted(["default", "pipeline"] * 2)  # the first round is not counted
    rows = json.loads(file.read_text())["recovery"]
    assert list(rows) == ["default", "pipeline", "tfidf_svc"]
    for row in rows.values():
        assert row["runs"] == [row["median"]]
        assert set(row["median"]) == UNITS
        assert all(value > 0 for value in row["median"].values())
        assert set(row["made_by"]) == {"sources", "versions", "machine"}
    memory = {name: rows[name]["median"]["MB of memory"] for name in ("default", "pipeline")}
    assert 20 < memory["default"] < memory["pipeline"] < 5000
    assert "| recovery | `default` |" in done.stdout
    assert rows["default"]["made_by"]["sources"][:8] in done.stdout

    # Another checkpoint is measured anew.
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    measured.clear()
    run_here(speed.main, *args, "--models", "tfidf_svc")
    assert measured == ["tfidf_svc"] * 2

    monkeypatch.setattr(speed, "processors", lambda: [0, 1])
    monkeypatch.setattr(speed, "_measure", lambda *_: row["median"])
    run_here(speed.main, *args, "--models", "default", "--threads", 2)
    stored = json.loads(file.read_text())
    assert list(stored["recovery"]) == list(rows)
    assert list(stored["recovery, 2 threads"]) == ["default"]


def test_processes_have_their_own_threads_and_failures_are_explained() -> None:
    code = "import json, os, sys; print(json.dumps({sys.stdin.read(): int(os.environ['OMP_NUM_THREADS'])}))"
    assert run_process(["-c", code], "threads", 3) == {"threads": 3}
    setup = {"model": "svm", "cores": [processors()[-1]], "folder": "nowhere", "first": "a"}
    with pytest.raises(DataError, match=r"(?s)failed \(1\).*nowhere/model.joblib"):
        run_process(["-m", "benchmarks.speed_worker"], json.dumps(setup), 1)
