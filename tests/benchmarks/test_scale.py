"""benchmarks.scale: headlines, figures of new processes, stored results, and the picture."""

import json
from pathlib import Path

import pandas as pd
import pytest
from support import SMALL, assert_refused, run_here, succeed, write_table

from benchmarks import corpora, scale, tables

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True"]
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


def test_models_are_measured_once(
    headlines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """The process is made up: it calls all texts FAKE, which half of them are."""
    jobs = []

    def run_worker(job: dict, threads: int) -> dict:
        jobs.append(job["model"])
        assert len(pd.read_csv(Path(job["folder"], "train.csv"))) == 100
        count = len(pd.read_csv(Path(job["folder"], "test.csv")))
        return {**dict.fromkeys(UNITS, 2.0), "predicted": ["FAKE"] * count}

    monkeypatch.setattr(scale, "run_worker", run_worker)
    file = tmp_path / "scale.json"
    command = ["--data_dir", headlines, "--glove", "6B.50d", "--json", file, "--rows", 100]
    command += ["--models", "tfidf_svc", "tfidf_svc_cased", "minilm_finetuned"]
    done = succeed(scale.main, *command)
    assert "minilm_finetuned" in caplog.text  # is not trained on so few texts, or not installed
    results = json.loads(file.read_text())
    rows = results["100"]
    assert list(rows) == jobs == ["tfidf_svc", "tfidf_svc_cased"]
    for model, row in rows.items():
        assert row["accuracy"] == pytest.approx(0.5, abs=0.02)
        low, high = row["accuracy_interval"]
        assert low < row["accuracy"] < high
        assert row["figures"] == dict.fromkeys(UNITS, 2.0)
        assert set(row["made_by"]) == {"sources", "versions", "machine"}
        assert f"| 100 | `{model}` | {row['accuracy']:.3f} (" in done.stdout

    succeed(scale.main, *command)
    assert len(jobs) == 2
    assert json.loads(file.read_text()) == results


def test_a_training_is_measured_in_a_new_process(
    headlines: Path, glove_file: Path, tmp_path: Path
) -> None:
    train, test = scale.divide(scale.read_headlines(headlines), 100)
    parts = {"train": train, "test": test[:200]}
    row = scale.run_training("default", parts, tmp_path, str(glove_file), TINY)
    assert row["accuracy"] > 0.9  # made-up headlines are easy
    assert set(row["figures"]) == UNITS
    assert all(value > 0 for value in row["figures"].values())
    assert 50 < row["figures"]["MB of memory"] < 5_000
    assert (tmp_path / "checkpoint" / "model.safetensors").exists()


def test_too_few_headlines_are_refused(headlines: Path, tmp_path: Path) -> None:
    command = ["--data_dir", headlines, "--json", tmp_path / "scale.json", "--rows", 1001]
    assert_refused(run_here(scale.main, *command), "6,000 distinct headlines")


def test_the_picture_has_a_line_for_each_model(tmp_path: Path) -> None:
    row = {"accuracy": 0.8, "accuracy_interval": [0.7, 0.9], "figures": {"CPU s to train": 3.0}}
    results = {"10000": {"default": row, "tfidf_svc": row}, "1000": {"default": row}}
    tables.draw_scale(results, tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert drawn.count(">default<") == 1
    assert drawn.count(">tfidf_svc<") == 1
