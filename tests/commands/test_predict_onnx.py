"""predict with ONNX Runtime, export, and model.onnx on its way to the Hub."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import assert_refused, run_script

from glove_lstm.data.errors import DataError
from glove_lstm.publishing import checkpoint as checkpoint_publishing

TEXTS = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]
UNSURE = "council secret"  # a word of each label
_WITHOUT_TORCH = """
import sys
from glove_lstm.commands.predict import main
main(sys.argv[1:])
heavy = {"torch", "transformers", "datasets", "pyarrow", "scipy", "sklearn", "onnx", "safetensors"} & set(sys.modules)
assert not heavy, heavy
"""


def scores(output: str) -> list[dict[str, float]]:
    return [json.loads(line)["scores"] for line in output.splitlines()]


def make_stale(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(
        json.dumps(config | {"temperature": 0.123}), encoding="utf-8"
    )


def test_default_is_onnx_without_torch_and_torch_gives_the_same(shared_export: Path) -> None:
    command = [
        sys.executable,
        "-c",
        _WITHOUT_TORCH,
        "--model",
        shared_export,
        "--format",
        "jsonl",
        *TEXTS,
    ]
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
    assert_refused(asked, "model.onnx is missing", "glove-lstm export", str(checkpoint))
    assert_refused(
        run_script("predict", "a", "--model", "user/name"), "is no folder, and cannot be downloaded"
    )
    make_stale(exported)
    for more in ([], ["--backend", "onnx"]):
        done = run_script("predict", "a", "--model", exported, *more)
        assert_refused(
            done, "model.onnx was not made from the config", f"glove-lstm export {exported}"
        )
        assert done.stdout == ""
    assert run_script("predict", "a", "--model", exported, "--backend", "torch").returncode == 0
    assert run_script("export", exported).returncode == 0
    assert run_script("predict", "a", "--model", exported).returncode == 0


def test_scores_of_several_labels_are_the_same_by_each_backend(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text(encoding="utf-8"))
    config["problem_type"] = "multi_label_classification"
    (exported / "config.json").write_text(json.dumps(config), encoding="utf-8")
    arguments = ("predict", "--model", exported, "--format", "jsonl", UNSURE, *TEXTS)
    found, wanted = (
        scores(run_script(*arguments, "--backend", name).stdout) for name in ("onnx", "torch")
    )
    assert any(sum(row.values()) != pytest.approx(1, abs=1e-3) for row in found)
    for one, row in zip(found, wanted, strict=True):
        assert one == pytest.approx(row, abs=1.1e-5)


def test_export_says_what_it_wrote(exported: Path, tmp_path: Path) -> None:
    done = run_script("export", exported)
    assert done.returncode == 0, done.stderr
    assert "equal to PyTorch" in done.stdout
    assert_refused(run_script("export", tmp_path / "nowhere"), "nowhere", "is no folder")


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
