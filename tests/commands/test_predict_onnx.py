"""predict.py with ONNX Runtime, export_onnx.py, and model.onnx on its way to the Hub."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import assert_refused, run_script

from glove_lstm.data.errors import DataError
from glove_lstm.inference.onnx_export import export_int8
from glove_lstm.publishing import checkpoint as checkpoint_publishing

TEXTS = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]
UNSURE = "council secret"  # a word of each label
_WITHOUT_TORCH = """
import sys
from glove_lstm.commands.predict import main
main(sys.argv[1:])
heavy = {"torch", "transformers", "datasets", "scipy", "sklearn", "onnx"} & set(sys.modules)
assert not heavy, heavy
"""


def scores(output: str) -> list[dict[str, float]]:
    return [json.loads(line)["scores"] for line in output.splitlines()]


def make_stale(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"temperature": 0.123}), encoding="utf-8")


def test_default_is_onnx_without_torch_and_torch_gives_the_same(shared_export: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT_TORCH, "--model", shared_export, "--format", "jsonl", *TEXTS]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    arguments = ("--model", shared_export, "--format", "jsonl", *TEXTS)
    wanted = run_script("predict", *arguments, "--backend", "torch")
    assert wanted.returncode == 0, wanted.stderr
    assert len(scores(done.stdout)) == len(TEXTS)
    for found, row in zip(scores(done.stdout), scores(wanted.stdout), strict=True):
        assert found == pytest.approx(row, abs=1.1e-5)
    cut = [
        scores(run_script("predict", *arguments, "--max_length", 2, "--backend", name).stdout)
        for name in ("onnx", "torch")
    ]
    for found, row in zip(*cut, strict=True):
        assert found == pytest.approx(row, abs=1.1e-5)


def test_missing_and_foreign_files_are_refused(checkpoint: Path, exported: Path) -> None:
    asked = run_script("predict", "a", "--model", checkpoint, "--backend", "onnx")
    assert_refused(asked, "model.onnx is missing", "export.py", str(checkpoint))
    assert_refused(run_script("predict", "a", "--model", "user/name", "--backend", "onnx"), "is no folder")
    make_stale(exported)
    for more in ([], ["--backend", "onnx"]):
        done = run_script("predict", "a", "--model", exported, *more)
        assert_refused(done, "model.onnx was not made from the weights", f"export_onnx.py {exported}")
        assert done.stdout == ""
    assert run_script("predict", "a", "--model", exported, "--backend", "torch").returncode == 0
    assert run_script("export", exported).returncode == 0
    assert run_script("predict", "a", "--model", exported).returncode == 0


def test_8_bits_are_there_where_asked_for(exported: Path) -> None:
    arguments = (
        "predict",
        "--model",
        exported,
        "--format",
        "jsonl",
        "--backend",
        "onnx-int8",
        *(*TEXTS, UNSURE) * 6,
    )
    assert_refused(run_script(*arguments), "model_int8.onnx is missing", "--test_file")
    export_int8(exported, ["council report budget", "shocking secret hoax"] * 5, None, np.array([1, 0] * 5))
    rounded = scores(run_script(*arguments).stdout)
    exact = scores(run_script(*arguments, "--backend", "onnx").stdout)
    assert len(rounded) == len(exact) == 24  # so many that the exact ones need no ONNX Runtime
    assert rounded != exact
    for found, row in zip(rounded, exact, strict=True):
        assert found == pytest.approx(row, abs=0.05)


def test_scores_of_several_labels_are_the_same_by_each_backend(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text(encoding="utf-8"))
    config["problem_type"] = "multi_label_classification"
    (exported / "config.json").write_text(json.dumps(config), encoding="utf-8")
    arguments = ("predict", "--model", exported, "--format", "jsonl", UNSURE, *TEXTS)
    found, wanted = (scores(run_script(*arguments, "--backend", name).stdout) for name in ("onnx", "torch"))
    assert sum(found[0].values()) != pytest.approx(1, abs=1e-5)
    for one, row in zip(found, wanted, strict=True):
        assert one == pytest.approx(row, abs=1.1e-5)


def test_export_measures_8_bits(exported: Path, articles: Path, tmp_path: Path) -> None:
    done = run_script("export", exported, "--test_file", articles)
    assert done.returncode == 0, done.stderr
    assert "equal to PyTorch" in done.stdout
    assert "on 160 texts" in done.stdout
    assert (exported / "model_int8.onnx").is_file() == ("No 8-bit file" not in done.stdout)
    assert_refused(run_script("export", tmp_path / "nowhere"), "nowhere", "is no folder")
    wrong = run_script("export", exported, "--test_file", articles, "--label_column_name", "verdict")
    assert_refused(wrong, "verdict")
    for option in ("--text_column_names", "--label_column_name"):
        alone = run_script("export", exported, option, "title")
        assert_refused(alone, f"{option} belongs to --test_file")


def test_push_takes_what_was_made_from_the_weights(exported: Path, monkeypatch) -> None:
    monkeypatch.setattr(checkpoint_publishing, "check_loads", lambda *_: None)
    with checkpoint_publishing.staged_checkpoint(exported, "user/fake-news") as folder:
        assert (folder / "model.onnx").read_bytes() == (exported / "model.onnx").read_bytes()
    make_stale(exported)
    with (
        pytest.raises(DataError, match=r"model\.onnx was not made from "),
        checkpoint_publishing.staged_checkpoint(exported, "user/fake-news"),
    ):
        pass
