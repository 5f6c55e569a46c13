"""benchmarks.recipes: a task is measured once, and the table has the best linear model. Nothing is trained."""

import json
from pathlib import Path

import pytest
from support import succeed

from benchmarks import recipes, tables
from glove_lstm.checkpoint import LOADED_NAMES

ACCURACIES = {"default": 0.9, "tfidf_svc": 0.7, "tfidf_svc_cased": 0.8}


def test_a_task_is_measured_once(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def run_training(model: str, parts: dict, folder: Path, glove: str, words: list) -> dict:
        trained.append(model)
        assert glove == "6B.50d"
        assert set(parts["train"]["label"]) == set(parts["test"]["label"]) == {"0", "1"}
        (folder / "checkpoint").mkdir()
        for name in LOADED_NAMES:
            (folder / "checkpoint" / name).write_bytes(b" " * 1_000_000)
        accuracy = ACCURACIES[model]
        interval = [accuracy - 0.1, accuracy + 0.1]
        figures = {"s to train": 5.0}
        return {"accuracy": accuracy, "accuracy_interval": interval, "figures": figures}

    monkeypatch.setattr(recipes, "run_training", run_training)
    file = tmp_path / "recipes.json"
    command = ["--data_dir", data_dir, "--json", file, "--tasks", "trec", "--models", *ACCURACIES]
    succeed(recipes.main, *command)
    succeed(recipes.main, *command)
    assert trained == list(ACCURACIES)

    measured = json.loads(file.read_text())
    *_, line = tables.recipes_table(measured).splitlines()
    assert line.startswith("| type of a question")
    size = len(LOADED_NAMES)
    assert line.endswith(f"| 60 | 5 s | {size} MB | 0.900 (0.800 to 1.000) | 0.800 |")
