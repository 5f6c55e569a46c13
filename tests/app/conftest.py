"""A running app for the tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import HOSTILE, Running, run_demo


@pytest.fixture(scope="session")
def shown_checkpoint(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint that the app shows, with a hostile card."""
    folder = tmp_path_factory.mktemp("shown") / "shown-model"
    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("checkpoint-*"))
    hostile = HOSTILE.replace("src=x", "src=data:,")  # no request, but an error all the same
    card = folder / "README.md"
    card.write_text(
        f"{card.read_text(encoding='utf-8')}\n{hostile}\n\n![a](http://example.com/x.png)\n",
        "utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def demo(shown_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scratch = tmp_path_factory.mktemp("demo")
    with run_demo(scratch / "log.txt", shown_checkpoint, TMPDIR=str(scratch)) as running:
        yield running
        assert "Traceback" not in running.said, running.said
    assert not list(scratch.glob("glove-lstm-app-*"))  # the uploads
