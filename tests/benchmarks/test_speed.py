"""benchmarks.speed: figures and their origin, an interrupted run, failed processes."""

import json
import os
import shutil
from pathlib import Path

import pytest
from support import assert_refused, run_here

from benchmarks import speed
from benchmarks.speed import run_process
from glove_lstm.data.errors import DataError
from glove_lstm.inference.backends import processors

# The stop words of the article preset are not on every machine.
_TINY = (
    "--vocab_size 200 --max_seq_length 40 --hidden_size 8 --classifier_hidden_size 8 --num_train_epochs 1 "
    "--remove_stop_words False --use_cpu True"
)
TINY = _TINY.split()


def test_works_of_a_given_checkpoint_are_resumed(
    news: Path, shared_export: Path, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "checkpoints").mkdir()
    shutil.copytree(shared_export, tmp_path / "checkpoints" / "default")
    file = tmp_path / "speed.json"
    args = ["--data_dir", news, "--checkpoints", tmp_path / "checkpoints", "--json", file]
    args += ["--repetitions", 1, "--models", "default", "tfidf_svc", "pipeline"]
    begun = run_here(speed.main, *args, "--work", "single", "--models", "tfidf_svc")
    assert begun.returncode == 0, begun.stderr

    measured = []
    real = speed.Measurements.measure

    def noting(self, work, model):
        measured.append((work, model))
        return real(self, work, model)

    monkeypatch.setattr(speed.Measurements, "measure", noting)
    done = run_here(speed.main, *args, "--work", "single", "bulk", "cold_start")
    assert done.returncode == 0, done.stderr
    cold = [("cold_start", "default"), ("cold_start", "pipeline")]
    texts = [("single", "default"), ("bulk", "default"), ("bulk", "tfidf_svc")]
    assert measured == [*texts, *cold, *cold]  # the first start is not counted
    figures = json.loads(file.read_text())["recovery"]
    assert {name: list(models) for name, models in figures.items()} == {
        "single": ["default", "tfidf_svc"],
        "bulk": ["default", "tfidf_svc"],
        "cold_start": ["default", "pipeline"],
    }
    for models in figures.values():
        for model in models.values():
            assert model["runs"] == [model["median"]]
            assert set(model["made_by"]) == {"sources", "versions", "machine"}
            assert set(model["made_of"]["checkpoints"]) == {"default"}
    memory = {name: model["median"]["MB"] for name, model in figures["cold_start"].items()}
    assert 20 < memory["default"] < memory["pipeline"] < 5000
    assert "| recovery | bulk | **`default` preset** |" in done.stdout
    assert figures["bulk"]["default"]["made_by"]["sources"][:8] in done.stdout

    # Another checkpoint is measured anew.
    weights = tmp_path / "checkpoints" / "default" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    measured.clear()
    run_here(speed.main, *args, "--work", "single", "--models", "tfidf_svc")
    assert measured == [("single", "tfidf_svc")]


@pytest.mark.slow
def test_checkpoints_are_trained_and_kept(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(speed, "find_spec", lambda name: None)  # no TensorFlow
    json_file = tmp_path / "speed.json"
    args = ["--data_dir", news, "--glove", glove_file, "--json", json_file, "--repetitions", 1]
    works = ["--work", "train", "bulk", "--models", "article", "keras"]
    done = run_here(speed.main, *args, *works, *TINY)
    assert done.returncode == 0, done.stderr
    figures = json.loads(json_file.read_text())["recovery"]
    assert list(figures["train"]) == list(figures["bulk"]) == ["article"]
    assert figures["train"]["article"]["median"]["ms/sample"] > 0
    [folder] = (tmp_path / "speed.checkpoints" / "article").iterdir()
    assert (folder / "onnx/model.onnx").is_file()
    monkeypatch.setattr(speed, "train_preset", lambda *_: pytest.fail("it is there"))
    done = run_here(speed.main, *args, "--work", "single", "--models", "article", *TINY)
    assert done.returncode == 0, done.stderr


def test_processes_have_their_own_threads_and_failures_are_explained() -> None:
    code = "import json, os, sys; print(json.dumps({sys.stdin.read(): int(os.environ['OMP_NUM_THREADS'])}))"
    assert run_process(["-c", code], "threads", 3) == {"threads": 3}
    job = {"work": "bulk", "model": "svm", "cores": [processors()[-1]]}
    with pytest.raises(DataError, match=r"(?s)failed \(1\).*KeyError: 'svm'"):
        run_process(["-m", "benchmarks.speed_worker"], json.dumps(job), 1)
    assert os.environ.get("TF_CPP_MIN_LOG_LEVEL") is None  # of those processes alone


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["--work", "tain"], "'tain'"),
        (["--models", "svm"], "'svm'"),
        (["--threads", 0], "--threads"),
        (["--repetitions", 0], "--repetitions"),
        (["--seed", 3], "--seed"),
        (["--hiden_size", 3], "--hidden_size"),
        (["--data_dir", "nowhere"], "nowhere"),
    ],
)
def test_refusals(news: Path, args: list[object], part: str) -> None:
    told = ["--data_dir", news, "--json", news / "unwritten.json", "--work", "train"]
    assert_refused(run_here(speed.main, *told, *args), part)
