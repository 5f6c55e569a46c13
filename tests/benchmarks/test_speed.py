"""benchmarks.speed: figures and their origin, and processes that fail."""

import json
import shutil
from pathlib import Path

import pytest
from support import succeed

from benchmarks import speed
from benchmarks.worker import run_worker
from glove_lstm.errors import DataError
from glove_lstm.processors import processors

UNITS = {
    "ms for one text",
    "texts/s",
    "CPU s a million texts",
    "s to the first label",
    "MB of memory",
    "MB on disk",
}


def test_models_are_measured_once(data_dir: Path, shared_export: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(shared_export, checkpoint)
    file = tmp_path / "speed.json"
    command = [
        "--data_dir",
        data_dir,
        "--checkpoint",
        checkpoint,
        "--json",
        file,
        "--repetitions",
        1,
    ]
    done = succeed(speed.main, *command, "--models", "default", "majority")
    rows = json.loads(file.read_text())["recovery"]
    assert list(rows) == ["default", "majority"]
    for row in rows.values():
        assert row["runs"] == [row["median"]]
        assert set(row["median"]) == UNITS
        assert all(value > 0 for value in row["median"].values())
        assert 20 < row["median"]["MB of memory"] < 5000
        assert set(row["made_by"]) == {"sources", "versions", "machine"}
    assert "| recovery | `default` |" in done.stdout
    assert rows["default"]["made_by"]["sources"][:8] in done.stdout

    # Equal seconds: nothing was measured again.
    succeed(speed.main, *command, "--models", "default", "majority")
    assert json.loads(file.read_text())["recovery"] == rows
    # Other threads are another case.
    succeed(speed.main, *command, "--models", "majority", "--threads", 2)
    results = json.loads(file.read_text())
    assert list(results["recovery, 2 threads"]) == ["majority"]
    assert results["recovery"] == rows

    # A row of any model names the checkpoint, so it is measured anew; rows that were not asked for stay.
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    succeed(speed.main, *command, "--models", "majority")
    measured = json.loads(file.read_text())["recovery"]
    assert measured["majority"]["median"] != rows["majority"]["median"]
    assert measured["default"] == rows["default"]


def test_the_error_of_a_failed_process_is_reported() -> None:
    job = {"measure": "speed", "model": "svm", "cores": [processors()[-1]], "folder": "nowhere"}
    with pytest.raises(DataError, match=r"(?s)failed \(1\).*nowhere/model.joblib"):
        run_worker(job, 1)
