"""Files that a repository on the Hub has beside a model: its code, the handler of an endpoint, and the tour."""

import json
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from glove_lstm import modeling, tokenization
from glove_lstm.version import __version__

_HERE = Path(__file__).parent
_HANDLER_NEEDS = "torch|transformers"  # it runs the remote code of the repository


def remote_code() -> Iterator[Path]:
    """Yield the sources that travel with each model."""
    for package in (modeling, tokenization):
        folder = Path(str(package.__file__)).parent
        yield from sorted(folder.glob("[!_]*.py"))  # not __init__.py


def copy_remote_code(folder: Path) -> None:
    """Copy the sources into a checkpoint."""
    for path in remote_code():
        shutil.copyfile(path, folder / path.name)


def write_hub_files(folder: Path, repo_id: str) -> None:
    """Write the handler of an Inference Endpoint, its requirements, and the tour with this repository's model."""
    shutil.copyfile(_HERE / "handler.py", folder / "handler.py")
    requirements = ""
    for line in requires("glove-lstm") or []:  # such as "torch>=2.8.0; extra == 'train'"
        requirement = line.partition(";")[0].strip()
        if re.fullmatch(rf"({_HANDLER_NEEDS})\b[^[]*", requirement):
            requirements += f"{requirement}\n"
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")

    tour = json.loads((_HERE / "tour.ipynb").read_text(encoding="utf-8"))
    [cell] = [cell for cell in tour["cells"] if cell["id"] == "model"]
    wheel = f"glove_lstm-{__version__}-py3-none-any.whl"
    cell["source"] = [
        "# Build the wheel in a clone of glove-lstm (`python -m build`), and upload it to this notebook first.\n",
        f"%pip install -q '{wheel}[train]'\n",
        "\n",
        f'model = "{repo_id}"',
    ]
    text = json.dumps(tour, indent=1, ensure_ascii=False)
    (folder / "notebook.ipynb").write_text(f"{text}\n", encoding="utf-8")
