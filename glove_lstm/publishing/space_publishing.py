"""A checkpoint's app on its way to a Space: the checkpoint, the package that runs it, and what the Hub asks for.

The package is on no index, so its files travel along: the Hub installs requirements.txt before it copies the other
files, and could install nothing from a file beside it. What app.py starts is therefore exactly what was checked here.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from glove_lstm.data.errors import DataError
from glove_lstm.publishing.publishing import check_private, fault_in_copy, list_files, staged_checkpoint

_PACKAGES = (
    "glove_lstm",
    "glove_lstm.app",
    "glove_lstm.inference",
    "glove_lstm.modeling",
    "glove_lstm.tokenization",
    "glove_lstm.data",
)
_SUFFIXES = (".py", ".css", ".typed")
_CPU_TORCH = (
    "--extra-index-url https://download.pytorch.org/whl/cpu\n"  # without it pip takes 3 GB of CUDA along
)
_APP = '''\
"""The checkpoint in this repository, shown by the package in this repository; made by glove-lstm push --space."""

from pathlib import Path

from glove_lstm.app.serve import serve

serve(Path(__file__).resolve().with_name("checkpoint"))
'''
_CARD = """\
---
title: {title}
emoji: 📰
colorFrom: indigo
colorTo: gray
sdk: gradio
sdk_version: {gradio}
python_version: "3.11"
app_file: app.py
license: apache-2.0
short_description: What kind of source a text resembles, and why
tags:
- glove
- lstm
- fake-news
---

# {title}

Classifies texts with a GloVe+LSTM checkpoint, and shows what each word adds. Its labels say what kind of source a text
resembles, **not whether its claims are true**. The checkpoint is in `checkpoint/`, with its card; the code is in
`glove_lstm/`, and is glove-lstm {package}. Nothing that is typed or uploaded is kept longer than half an hour.
"""
_START = """
import sys
from pathlib import Path
folder = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(folder))
import glove_lstm
assert Path(glove_lstm.__file__).is_relative_to(folder), glove_lstm.__file__
from glove_lstm.app.serve import running_app
with running_app(folder / "checkpoint", port=None):
    pass
"""


@contextmanager
def staged_space(checkpoint: Path, repo_id: str) -> Iterator[Path]:
    """A temporary folder with exactly the files of a Space, checked: its app was laid out once, without a network.

    Args:
        checkpoint: What the Space shows.
        repo_id: Of the Space, as "user/name".

    Raises:
        DataError: The checkpoint is not fit to travel, or the app does not start, or gradio is not installed.
    """
    try:
        gradio = version("gradio")
    except PackageNotFoundError:
        raise DataError(
            "--space needs gradio, which is not installed: pip install 'glove-lstm[demo]'."
        ) from None
    with tempfile.TemporaryDirectory() as scratch, staged_checkpoint(checkpoint, repo_id) as model:
        folder = Path(scratch) / "space"
        shutil.copytree(model, folder / "checkpoint")
        if (checkpoint / "README.md").is_file():  # it names the model's repository, not the Space's
            shutil.copyfile(checkpoint / "README.md", folder / "checkpoint" / "README.md")
        for package in _PACKAGES:
            _copy_package(package, folder)
        values = {"title": repo_id.partition("/")[2], "gradio": gradio, "package": version("glove-lstm")}
        _write(folder / "README.md", _CARD.format(**values))
        _write(folder / "requirements.txt", _CPU_TORCH + "".join(f"{line}\n" for line in _requirements()))
        _write(folder / "app.py", _APP)
        for name in list_files(folder):
            if not name.startswith("checkpoint/") or name == "checkpoint/README.md":
                check_private((folder / name).read_bytes(), name)
        fault = fault_in_copy(_START, folder, checkpoint)
        if fault:
            raise DataError(f"The app does not start with {checkpoint} ({fault}): mend that first.")
        yield folder


def _copy_package(name: str, folder: Path) -> None:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    target = folder.joinpath(*name.split("."))
    target.mkdir(parents=True)
    for path in sorted(Path(spec.origin).parent.iterdir()):
        if path.is_file() and path.suffix in _SUFFIXES:
            shutil.copyfile(path, target / path.name)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _requirements() -> list[str]:
    """What the package needs, and its extra `demo`; as its metadata have it."""
    found = []
    for line in requires("glove-lstm") or []:
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": "demo"}):
            one.marker = None
            found.append(str(one))
    return sorted(found)
