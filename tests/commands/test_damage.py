"""Damage that commands meet: checkpoints of the Trainer that were cut short, and a limit of the size of a file."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support import QUICK, ROOT, SMALL, assert_refused, run_here

from glove_lstm.commands import train


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "trainer_state.json"])
def test_damaged_checkpoints_of_the_trainer(
    trained: Path, articles: Path, glove_file: Path, tmp_path: Path, name: str
) -> None:
    """Resuming from one ends in one sentence; nothing is saved."""
    [whole] = trained.glob("checkpoint-*")
    damaged = Path(shutil.copytree(whole, tmp_path / whole.name))
    cut(damaged / name)
    command = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path]
    command += SMALL + QUICK
    done = run_here(train.main, *command, "--resume_from_checkpoint", damaged)
    assert_refused(done, damaged.name)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="this system limits no file sizes")
def test_a_limit_of_the_size_of_a_file(tmp_path: Path) -> None:
    import resource

    command = [sys.executable, ROOT / "scripts" / "predict.py", "a", "--output", tmp_path / "a.csv"]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (8, 8))
    done = subprocess.run(
        command, stderr=subprocess.PIPE, encoding="utf-8", preexec_fn=limit, check=False
    )
    assert_refused(done, "ulimit -f")
    assert list(tmp_path.iterdir()) == []
