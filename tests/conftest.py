"""Fixtures for all tests: made-up articles, small vectors, checkpoints."""

import atexit
import os
import runpy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
os.environ["HF_HUB_OFFLINE"] = "1"
# Before `datasets` is imported: each run of the tests begins with an empty cache.
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp(prefix="glove-lstm-datasets-")

import pytest
from filelock import FileLock
from support import QUICK, SMALL, copied, succeed, write_articles, write_glove

atexit.register(shutil.rmtree, os.environ["HF_DATASETS_CACHE"], ignore_errors=True)

# No network but loopback, in this process and in those that it starts.
_NO_NETWORK = Path(__file__).parent / "no_network"
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(_NO_NETWORK), os.environ.get("PYTHONPATH")])
)
runpy.run_path(str(_NO_NETWORK / "sitecustomize.py"))


MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """A function (name, make) that returns the file or folder that `make(path)` writes.

    All workers of pytest-xdist share it: the first one makes it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder = shared / f"once-{name}"
        with FileLock(f"{folder}.lock"):
            if not (folder / "done").exists():
                (folder / "made").mkdir(parents=True, exist_ok=True)
                make(folder / "made" / name)
                (folder / "done").touch()
        return folder / "made" / name

    return once


@pytest.fixture(scope="session")
def articles(make_once: MakeOnce) -> Path:
    """160 made-up articles with the labels FAKE and REAL."""
    return make_once("articles.csv", lambda path: write_articles(path, 160))


@pytest.fixture(scope="session")
def glove_file(make_once: MakeOnce) -> Path:
    """Vectors for the words of the articles."""
    return make_once("tiny.8d.txt", write_glove)


@pytest.fixture(scope="session")
def checkpoint(articles: Path, glove_file: Path, make_once: MakeOnce) -> Path:
    """A model that the train command made, in a folder. Copy it before changing it."""
    from glove_lstm.commands import train as command

    def train(folder: Path) -> None:
        data = "--train_file", articles, "--glove", glove_file
        succeed(command.main, *data, "--output_dir", folder, *SMALL, *QUICK)

    return make_once("checkpoint", train)


@pytest.fixture(scope="session")
def shared_export(checkpoint: Path, make_once: MakeOnce) -> Path:
    """The checkpoint with ONNX files by the export command. Copy it before changing it."""
    from glove_lstm.commands import export as command

    def export(folder: Path) -> None:
        succeed(command.main, copied(checkpoint, folder))

    return make_once("export", export)


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint for one test to spoil."""
    return copied(checkpoint, tmp_path / "copy")


@pytest.fixture
def exported(shared_export: Path, tmp_path: Path) -> Path:
    """A copy with ONNX files."""
    return Path(shutil.copytree(shared_export, tmp_path / "exported"))
