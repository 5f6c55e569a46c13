"""Stage a Space that shows a checkpoint.

There are two kinds. A Space of gradio runs the app: it has the checkpoint, the files of this package, and an app.py
that starts the app. A static Space, which is free, has the page of docs/web, which classifies in the browser.

A Space of gradio carries the files of this package, so that it runs the version that pushed it. They are imported from
the folder of the Space and not installed, because a Space installs requirements.txt before it copies the other files.
"""

import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files
from pathlib import Path

from huggingface_hub import HfApi
from packaging.requirements import Requirement

from glove_lstm.checkpoint import (
    CARD_NAME,
    LIGHT_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    Checkpoint,
    package_resource,
)
from glove_lstm.errors import DataError
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.scores import chooses_one_label
from glove_lstm.publishing.card_facts import PLACEHOLDER_ID
from glove_lstm.publishing.hub_upload import list_files
from glove_lstm.publishing.staging import (
    add_light_onnx,
    check_no_secrets,
    copy_checkpoint,
    error_in_clean_process,
)

# Sub-packages that the app imports.
_SUBPACKAGES = ("app", "inference", "modeling", "tokenization", "text", "data")
_EXTRAS = ("demo", "train")
# The first line of requirements.txt: torch for the CPU is 3 GB smaller than torch with CUDA.
_CPU_TORCH = "--extra-index-url https://download.pytorch.org/whl/cpu"
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
short_description: A text classifier that shows what each word adds
---

# {title}

Classifies texts with a GloVe+LSTM checkpoint and shows the contribution of each word. `checkpoint/` holds the model and
its card, which says what the labels mean; `glove_lstm/` holds the code of glove-lstm {package}. Texts and uploads are
deleted within half an hour.
"""
_STATIC_CARD = """\
---
title: "{title}"
sdk: static
app_file: index.html
short_description: A text classifier that shows what each word adds
---

# {title}

Classifies texts in the browser with a GloVe+LSTM checkpoint; no text leaves it. `model/` holds the model and its card,
which says what the labels mean. The other files are the page of glove-lstm {package}.
"""
_COPIED_FOR_THE_PAGE = (*LOADED_NAMES, METRICS_NAME, LIGHT_NAME, CARD_NAME)
# What index.html names when it is opened in a clone of this project.
_MODEL_IN_REPOSITORY = 'data-model="../../hub/"'
# Starts the app once with the package of the Space in `sys.argv[1]`, not with an installed one.
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


def stage_space(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Write exactly the files of a Space into a new folder, and start the app once without network.

    The app does not need the record of the training texts, so it is left out.

    Raises:
        DataError: The checkpoint must not be published, the app does not start, or gradio is missing.
    """
    try:
        gradio = version("gradio")
    except PackageNotFoundError:
        raise DataError("--space needs gradio; run pip install 'glove-lstm[demo]'.") from None
    staged = folder / "checkpoint"
    # The card names the model's repository. It is unknown here; the Space is not it.
    copy_checkpoint(checkpoint, staged, PLACEHOLDER_ID, send_training_texts=False)
    _copy_package("glove_lstm", folder / "glove_lstm")
    for name in _SUBPACKAGES:
        _copy_package(f"glove_lstm.{name}", folder / "glove_lstm" / name)
    title = repo_id.partition("/")[2]
    card = _CARD.format(title=title, gradio=gradio, package=version("glove-lstm"))
    (folder / "README.md").write_text(card, encoding="utf-8")
    requirements = "\n".join([_CPU_TORCH, *_requirements()])
    (folder / "requirements.txt").write_text(f"{requirements}\n", encoding="utf-8")
    (folder / "app.py").write_text(_APP, encoding="utf-8")
    for name in list_files(folder):
        check_no_secrets((folder / name).read_bytes(), name)
    error = error_in_clean_process(_START, folder, checkpoint)
    if error:
        raise DataError(f"The app does not start with {checkpoint} ({error}); repair it.")


def stage_static_space(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Write exactly the files of a static Space into a new folder, and classify once with the files of the model.

    Raises:
        DataError: The checkpoint must not be published, cannot be exported, or is one that the page cannot show.
    """
    opened = Checkpoint.open(checkpoint)
    if not chooses_one_label(opened.config):
        raise DataError(
            f"{checkpoint} does not choose one of several labels for a text, and the page shows only models that do; "
            "push the model itself, without --space and --static."
        )
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "checkpoint"
        copy_checkpoint(checkpoint, whole, PLACEHOLDER_ID, send_training_texts=False)
        add_light_onnx(checkpoint, whole)
        LightClassifier.from_pretrained(whole).predict_proba(["A title"])
        model = folder / "model"
        model.mkdir(parents=True)
        for name in _COPIED_FOR_THE_PAGE:
            shutil.copyfile(whole / name, model / name)
        if (whole / "plots").is_dir():
            shutil.copytree(whole / "plots", model / "plots")  # which the card shows
    for path in package_resource("docs/web").iterdir():
        if path.suffix in (".html", ".js"):
            shutil.copyfile(path, folder / path.name)
    page = folder / "index.html"
    html = page.read_text(encoding="utf-8")
    card_address = f"{HfApi().endpoint}/spaces/{repo_id}/blob/main/model/{CARD_NAME}"
    html = html.replace(
        _MODEL_IN_REPOSITORY, f'data-model="model/" data-model-page="{card_address}"'
    )
    page.write_text(html, encoding="utf-8")
    title = repo_id.partition("/")[2]
    card = _STATIC_CARD.format(title=title, package=version("glove-lstm"))
    (folder / CARD_NAME).write_text(card, encoding="utf-8")
    for name in list_files(folder):
        check_no_secrets((folder / name).read_bytes(), name)


def _copy_package(name: str, target: Path) -> None:
    """Copy the files of a package without its sub-packages. An editable install has some of them in other folders."""
    target.mkdir(parents=True)
    for path in Path(str(files(name))).iterdir():
        if path.suffix in (".py", ".css", ".typed"):
            shutil.copyfile(path, target / path.name)


def _requirements() -> list[str]:
    """Return the dependencies of the package and of `_EXTRAS`."""
    lines = set()
    for line in requires("glove-lstm") or []:
        requirement = Requirement(line)
        if requirement.name == "glove-lstm":
            continue  # the extra demo requires glove-lstm[train], which is in `_EXTRAS`
        marker = requirement.marker
        is_needed = marker is None or any(marker.evaluate({"extra": extra}) for extra in _EXTRAS)
        if is_needed:
            requirement.marker = None
            lines.add(str(requirement))
    return sorted(lines)
