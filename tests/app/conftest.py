"""A running app for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import Running, run_demo


@pytest.fixture(scope="session")
def demo(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scratch = tmp_path_factory.mktemp("demo")
    with run_demo(scratch / "log.txt", checkpoint, TMPDIR=str(scratch)) as running:
        yield running
    assert not list(scratch.glob("glove-lstm-app-*"))  # the uploads
