"""A running app for the tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import HOSTILE, Running, run_demo


def _copy(checkpoint: Path, folder: Path) -> Path:
    return Path(shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("checkpoint-*")))


@pytest.fixture(scope="session")
def shown_checkpoint(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint that the app shows, with a hostile card."""
    folder = _copy(checkpoint, tmp_path_factory.mktemp("shown") / "shown-model")
    hostile = HOSTILE.replace("src=x", "src=data:,")  # no request, but an error all the same
    card = folder / "README.md"
    card.write_text(
        f"{card.read_text(encoding='utf-8')}\n{hostile}\n\n![a](http://example.com/x.png)\n",
        "utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def demo(
    checkpoint: Path,
    shown_checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    other = _copy(checkpoint, tmp_path_factory.mktemp("other") / "other-model")
    scratch = tmp_path_factory.mktemp("demo")
    options = ("--compare", other, other)
    with run_demo(scratch / "log.txt", shown_checkpoint, *options, TMPDIR=str(scratch)) as running:
        yield running
        assert "Traceback" not in running.said, running.said
    assert not list(scratch.glob("glove-lstm-app-*"))  # the uploads
