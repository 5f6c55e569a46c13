"""Write the files that only a checkpoint's repository on the Hub needs."""

import json
import shutil
from pathlib import Path

from glove_lstm.checkpoint import package_resource
from glove_lstm.version import __version__


def write_hub_files(folder: Path, repo_id: str) -> None:
    """Write the handler of an Inference Endpoint, its requirements, and the tour with this repository's model."""
    shutil.copyfile(Path(__file__).with_name("handler.py"), folder / "handler.py")
    (folder / "requirements.txt").write_text(f"glove-lstm=={__version__}\n", encoding="utf-8")
    tour = json.loads(package_resource("docs/tour.ipynb").read_text(encoding="utf-8"))
    (cell,) = (cell for cell in tour["cells"] if cell["id"] == "model")
    cell["source"] = ["%pip install -q 'glove-lstm[train]'\n", "\n", f'model = "{repo_id}"']
    text = json.dumps(tour, indent=1, ensure_ascii=False)
    (folder / "notebook.ipynb").write_text(f"{text}\n", encoding="utf-8")
