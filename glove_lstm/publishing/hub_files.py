"""Write the files that only a repository on the Hub needs: handler.py, requirements.txt and notebook.ipynb."""

import json
import shutil
from pathlib import Path

from glove_lstm import __version__
from glove_lstm.inference.checkpoint_files import shipped

HANDLER_NAME, REQUIREMENTS_NAME, NOTEBOOK_NAME = "handler.py", "requirements.txt", "notebook.ipynb"
_INSTALL = "%pip install -q 'glove-lstm[train]'\n"


def write_hub_files(folder: Path, repo_id: str) -> None:
    """Write the handler of an Inference Endpoint, its requirements, and the tour with this repository's model."""
    shutil.copyfile(Path(__file__).with_name(HANDLER_NAME), folder / HANDLER_NAME)
    (folder / REQUIREMENTS_NAME).write_text(f"glove-lstm=={__version__}\n", encoding="utf-8")
    tour = json.loads(shipped("docs/tour.ipynb").read_text(encoding="utf-8"))
    (cell,) = (cell for cell in tour["cells"] if cell["id"] == "model")
    cell["source"] = [_INSTALL, "\n", f'model = "{repo_id}"']
    text = json.dumps(tour, indent=1, ensure_ascii=False)
    (folder / NOTEBOOK_NAME).write_text(f"{text}\n", encoding="utf-8")
