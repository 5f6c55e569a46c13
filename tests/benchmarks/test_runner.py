"""A figure is measured once, in a new process, and stored beside what it was made of; mistakes are named."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support import assert_refused, run_here, succeed, write_table

from benchmarks import accuracy, corpora, few_labels, recipes, scale
from benchmarks.worker import run_worker
from glove_lstm.checkpoint import LOADED_NAMES
from glove_lstm.errors import DataError
from glove_lstm.processors import processors

UNITS = {"CPU s to train", "s to train", "MB of memory", "CPU s to classify"}
TEST_ROWS = 5_000
ALL_ROWS = 6_000


@pytest.fixture(scope="module")
def headlines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of 6,000 headlines in two of the corpora; the last ones of the first are repeated."""
    folder = tmp_path_factory.mktemp("headlines")
    (folder / "corpora").mkdir()
    words = {"FAKE": "shocking secret", "REAL": "council report"}
    table = []
    for number in range(ALL_ROWS):
        label = ("FAKE", "REAL")[number % 2]
        table.append({"title": f"A {words[label]} {number}", "label": label})
    loud_titles = [row["title"].upper() + "!" for row in table[2990:3000]]
    repeated = [{"title": title, "label": "REAL"} for title in loud_titles]

    first, second, *others = corpora.TRAINING_CORPORA
    write_table(folder / "corpora" / f"{first}.csv.gz", table[:3000])
    write_table(folder / "corpora" / f"{second}.csv.gz", repeated + table[3000:])
    for name in others:
        write_table(folder / "corpora" / f"{name}.csv.gz", table[:1])
    return folder


def test_headlines_are_distinct_and_all_counts_have_the_same_test_texts(headlines: Path) -> None:
    table = scale.read_headlines(headlines)
    assert len(table) == ALL_ROWS
    numbers = [int(title.split()[-1]) for title in table["title"]]
    assert sorted(numbers) == list(range(ALL_ROWS))
    assert numbers != sorted(numbers)  # shuffled
    assert table.equals(scale.read_headlines(headlines))

    few, test = scale.divide(table, 30)
    more, same_test = scale.divide(table, 58)
    assert (len(few), len(more), len(test)) == (30, 58, TEST_ROWS)
    assert test.equals(same_test)
    assert few.equals(more[:30])
    assert not set(more["title"]) & set(test["title"])


WRONG = {"default": 1, "tfidf_svc": 3, "tfidf_svc_cased": 2}  # tenths of the test texts


class Worker:
    """Stands for the new process."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.training_texts = 0

    def __call__(self, job: dict[str, Any], threads: int) -> dict[str, Any]:
        assert threads == 1
        self.measured.append(job["model"])
        folder = Path(job["folder"])
        (folder / "checkpoint").mkdir()
        for name in LOADED_NAMES:
            (folder / "checkpoint" / name).write_bytes(b" " * 1_000_000)
        self.training_texts = len(pd.read_csv(folder / "train.csv"))
        labels = pd.read_csv(folder / "test.csv", dtype=str)["label"].tolist()
        wrong = WRONG[job["model"]] * len(labels) // 10
        return {**dict.fromkeys(UNITS, 5.0), "predicted": ["other"] * wrong + labels[wrong:]}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    worker = Worker()
    monkeypatch.setattr(scale, "run_worker", worker)
    return worker


def test_a_row_is_measured_once(headlines: Path, tmp_path: Path, worker: Worker, caplog) -> None:
    file = tmp_path / "scale.json"
    command = ["--data_dir", headlines, "--glove", "6B.50d", "--json", file, "--rows", 100]
    command += ["--models", "tfidf_svc", "tfidf_svc_cased", "minilm_finetuned"]
    done = succeed(scale.main, *command)
    assert "minilm_finetuned" in caplog.text  # is not trained on so few texts, or not installed
    assert worker.training_texts == 100
    results = json.loads(file.read_text())
    rows = results["100"]
    assert list(rows) == worker.measured == ["tfidf_svc", "tfidf_svc_cased"]
    for model, row in rows.items():
        assert row["accuracy"] == 1 - WRONG[model] / 10
        low, high = row["accuracy_interval"]
        assert low < row["accuracy"] < high
        assert row["figures"] == dict.fromkeys(UNITS, 5.0)
        assert set(row["made_by"]) == {"sources", "versions", "machine"}
        assert f"| 100 | `{model}` | {row['accuracy']:.3f} (" in done.stdout

    succeed(scale.main, *command)
    assert len(worker.measured) == 2
    assert json.loads(file.read_text()) == results


def test_a_task_is_measured_once(data_dir: Path, tmp_path: Path, worker: Worker) -> None:
    file = tmp_path / "recipes.json"
    command = ["--data_dir", data_dir, "--json", file, "--tasks", "trec"]
    for _ in range(2):
        succeed(recipes.main, *command, "--models", *WRONG)
    assert worker.measured == list(WRONG)
    assert worker.training_texts == 60
    rows = json.loads(file.read_text())["trec"]
    assert [row["accuracy"] for row in rows.values()] == pytest.approx([0.9, 0.7, 0.8])
    assert rows["default"]["texts"] == 60
    assert rows["default"]["seconds"] == 5
    assert rows["default"]["megabytes"] == len(LOADED_NAMES)


def test_a_training_is_measured_in_a_new_process(headlines: Path, tmp_path: Path) -> None:
    train, test = scale.divide(scale.read_headlines(headlines), 100)
    parts = {"train": train, "test": test[:200]}
    row = scale.run_training("tfidf_svc", parts, tmp_path, "6B.50d", [])
    assert row["accuracy"] > 0.9  # made-up headlines are easy
    assert set(row["figures"]) == UNITS
    assert all(value > 0 for value in row["figures"].values())
    assert 50 < row["figures"]["MB of memory"] < 5_000


def test_the_error_of_a_failed_process_is_reported() -> None:
    job = {"measure": "speed", "model": "svm", "cores": [processors()[-1]], "folder": "nowhere"}
    with pytest.raises(DataError, match=r"(?s)failed \(1\).*nowhere/model.joblib"):
        run_worker(job, 1)


@pytest.mark.parametrize(
    ("main", "words", "parts"),
    [
        (accuracy.main, "{TITLES} --num_epochs_train 1", ["--num_train_epochs"]),
        (accuracy.main, "{TITLES} --json {FILE}", ["--json", "test_runner.py"]),
        (accuracy.main, "{TITLES} --data_dir nowhere", ["nowhere"]),
        (scale.main, "--data_dir {HEADLINES} {NEW} --rows 1001", ["6,000", "--rows 1001"]),
        (few_labels.main, "{FEW} --models encoder_MPNet", ["--mpnet"]),
        (few_labels.main, "{FEW} --models setfit", ["PEERS_PYTHON"]),
    ],
    ids=["option", "file", "folder", "headlines", "encoder", "peers"],
)
def test_refusals(
    headlines: Path, data_dir: Path, glove_file: Path, tmp_path: Path, main, words: str, parts
) -> None:
    new = f"--json {tmp_path / 'unwritten.json'}"
    glove = f"--glove {glove_file}"
    titles = f"--task titles --data_dir {data_dir} {glove} --models majority {new}"
    few = f"--task trec --labels 20 --drawings 1 --data_dir {data_dir} {glove} {new}"
    given = words.format(TITLES=titles, FEW=few, FILE=__file__, HEADLINES=headlines, NEW=new)
    assert_refused(run_here(main, *given.split()), *parts)
