"""Stage a Space for a checkpoint: the checkpoint, the files of this package, and an app.py that starts the app.

A Space carries this package's files, so that it runs the version that pushed it. It installs requirements.txt before it
copies other files, so the package cannot be installed from them.
"""

import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files
from pathlib import Path

from packaging.requirements import Requirement

from glove_lstm.checkpoint import TRAINING_TEXTS_NAME
from glove_lstm.errors import DataError
from glove_lstm.publishing.card import without_record_note
from glove_lstm.publishing.checkpoint import stage_checkpoint
from glove_lstm.publishing.staging import check_private, error_in_clean_process, list_files

_ROOMS = ("app", "inference", "modeling", "tokenization", "text", "data")
_CPU_TORCH = "--extra-index-url https://download.pytorch.org/whl/cpu"  # saves 3 GB of CUDA
_APP = '''\
"""Show the checkpoint of this repository; made by glove-lstm push --space."""

from pathlib import Path

from glove_lstm.app.serve import serve

serve(Path(__file__).resolve().with_name("checkpoint"))
'''
_CARD = """\
---
title: "{title}"
sdk: gradio
sdk_version: {gradio}
python_version: "3.11"
app_file: app.py
license: apache-2.0
short_description: What kind of source a text resembles, and why
---

# {title}

Classifies texts with a GloVe+LSTM checkpoint and shows the contribution of each word. A label names the kind of source
that a text resembles, **not whether its claims are true**. `checkpoint/` holds the model and its card, `glove_lstm/`
the code of glove-lstm {package}. Texts and uploads are deleted within half an hour.
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


def stage_space(
    checkpoint: Path, folder: Path, repo_id: str, *, training_texts: bool = True
) -> None:
    """Write exactly the files of a Space into a new folder, and start the app once, without any network.

    Without `training_texts` the record of the training texts is left out.

    Raises:
        DataError: The checkpoint must not be published, the app does not start, or gradio is missing.
    """
    try:
        gradio = version("gradio")
    except PackageNotFoundError:
        raise DataError("--space needs gradio; run pip install 'glove-lstm[demo]'.") from None
    staged = folder / "checkpoint"
    options = {"hub_files": False, "training_texts": training_texts}
    stage_checkpoint(checkpoint, staged, repo_id, **options)
    if (checkpoint / "README.md").is_file():  # the original card names the model's repository
        card = (checkpoint / "README.md").read_text(encoding="utf-8")
        if not (staged / TRAINING_TEXTS_NAME).is_file():
            card = without_record_note(card)
        (staged / "README.md").write_text(card, encoding="utf-8")
    _copy_package("glove_lstm", folder / "glove_lstm")
    for room in _ROOMS:
        _copy_package(f"glove_lstm.{room}", folder / "glove_lstm" / room)
    title = repo_id.partition("/")[2]
    card = _CARD.format(title=title, gradio=gradio, package=version("glove-lstm"))
    (folder / "README.md").write_text(card, encoding="utf-8")
    requirements = "\n".join([_CPU_TORCH, *_requirements()])
    (folder / "requirements.txt").write_text(f"{requirements}\n", encoding="utf-8")
    (folder / "app.py").write_text(_APP, encoding="utf-8")
    for name in list_files(folder):
        check_private((folder / name).read_bytes(), name)
    error = error_in_clean_process(_START, folder, checkpoint)
    if error:
        raise DataError(f"The app does not start with {checkpoint} ({error}); repair it.")


def _copy_package(name: str, target: Path) -> None:
    """Copy the files of a package without its sub-packages, which an editable install maps to other folders."""
    target.mkdir(parents=True)
    for path in Path(str(files(name))).iterdir():
        if path.suffix in (".py", ".css", ".typed"):
            shutil.copyfile(path, target / path.name)


def _requirements() -> list[str]:
    """Return the dependencies of the package and of its extras demo and train."""
    lines = set()
    for line in requires("glove-lstm") or []:
        requirement = Requirement(line)
        marker, requirement.marker = requirement.marker, None
        extras = [{"extra": "demo"}, {"extra": "train"}]
        needed = marker is None or any(marker.evaluate(extra) for extra in extras)
        if needed and requirement.name != "glove-lstm":  # demo includes glove-lstm[train]
            lines.add(str(requirement))
    return sorted(lines)
