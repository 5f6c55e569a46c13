"""A running app for the tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import Running, run_demo


@pytest.fixture(scope="session")
def other_checkpoint(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other") / "other-model"
    return Path(shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("checkpoint-*")))


@pytest.fixture(scope="session")
def demo(
    checkpoint: Path, other_checkpoint: Path, glove_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("demo") / "log.txt"
    with run_demo(log, checkpoint, "--compare", other_checkpoint, "--glove", glove_file) as running:
        yield running
        assert "A request failed." not in running.said, running.said  # by a fault of ours
