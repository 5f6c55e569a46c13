"""The files that a push sends, of a model or of a Space: copied from a checkpoint, completed and checked."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import requires
from pathlib import Path

from huggingface_hub import HfApi, get_token

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import (
    CARD_NAME,
    LIGHT_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    PLACEHOLDER_ID,
    PLOT_NAMES,
    THUMBNAIL_NAME,
    remote_code,
)
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.publishing.card import write_card
from glove_lstm.version import __version__

SPACE_MODEL = "model"  # the folder of the checkpoint in a Space
_VERSION = f"glove-lstm {__version__}"
_HERE = Path(__file__).parent
_HANDLER_NEEDS = "torch|transformers"  # it runs the remote code of the repository
# What index.html names when it is opened in a clone of this project.
_MODEL_IN_CLONE = 'data-model="../../../hub/"'
_SPACE_CARD = """\
---
title: "{title}"
sdk: static
app_file: index.html
short_description: A text classifier that marks the words that matter
---

# {title}

Classifies texts in the browser with a GloVe+LSTM checkpoint; no text leaves it. `model/` holds the model and its card,
which says what the labels mean. The other files are the page of {package}.
"""

# Tokens and keys, by the prefixes that their issuers give them.
_SECRETS = re.compile(
    rb"""
    \bhf_[A-Za-z0-9]{30,}  # Hugging Face
    | \bgh[oprsu]_[A-Za-z0-9]{30,}  # GitHub
    | \bgithub_pat_\w{30,}  # GitHub, for some repositories
    | \bsk-[A-Za-z0-9_-]{30,}  # OpenAI and others
    | \bA[KS]IA[0-9A-Z]{16}\b  # AWS
    | \bglpat-[\w-]{20,}  # GitLab
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----
    """,
    re.VERBOSE,
)
# Paths below the folders where users, temporary files and mounted disks are. The path of a URL does not count, as in
# https://example.org/home/page: it follows a letter.
_LOCAL_PATHS = re.compile(
    rb"""
    (?<![\w.:/])(?:file://)?/(?:home|Users|root|tmp|private/var|mnt|workspace)/[\w.-]
    | \b[A-Za-z]:[\\/]{1,2}Users[\\/]  # Windows; JSON doubles the backslash
    """,
    re.VERBOSE,
)
LOAD_SECONDS = 600  # in which a checkpoint must load in a clean process
# Beginnings of the environment variables that hold logins, caches and offline switches of this machine.
_HIDDEN_VARIABLES = ("HF_", "HUGGING", "TRANSFORMERS_", "GLOVE_LSTM_")
# Loads the checkpoint in `sys.argv[1]` by its remote code, and classifies two texts.
_LOAD = """
import sys
sys.modules["glove_lstm"] = None  # importing it fails, as it does where it is not installed
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder = sys.argv[1]
model, info = AutoModelForSequenceClassification.from_pretrained(
    folder, trust_remote_code=True, output_loading_info=True
)
wrong = [*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]]
if wrong:
    raise ValueError(f"the weights do not fit the code: {wrong}")
AutoModel.from_pretrained(folder, trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
classify = pipeline("text-classification", model=model, tokenizer=tokenizer)
multi_label = model.config.problem_type == "multi_label_classification"
for scores in classify(["Senate passes budget bill", ""], top_k=None):
    total = sum(score["score"] for score in scores)
    valid = abs(total - 1) < 1e-3
    if multi_label:
        valid = 0 <= total <= len(scores)
    if not valid:
        raise ValueError(f"the scores are not probabilities: {scores}")
"""


def stage_checkpoint(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Write the files of a model's repository into a new folder, and check them without network.

    The handler, its requirements and the notebook are always written anew.

    Args:
        checkpoint: A checkpoint; one that transformers' Trainer saved lacks metrics.json.
        folder: The new folder.
        repo_id: Repository that the card and the notebook name.

    Raises:
        DataError: A file is missing or damaged, must not be published, or does not load in a clean process.
    """
    copy_checkpoint(checkpoint, folder, repo_id)
    write_hub_files(folder, repo_id)
    for name in file_sizes(folder):
        check_no_secrets((folder / name).read_bytes(), str(checkpoint / name))
    error = _error_in_clean_process(folder, checkpoint)
    if error:
        advice = f"save it again with {_VERSION}"
        raise DataError(f"{checkpoint} does not load in a clean process ({error}); {advice}.")


def stage_space(checkpoint: Path, folder: Path, repo_id: str | None) -> None:
    """Write the page that classifies in the browser and a checkpoint into a new folder, and explain a text once.

    Args:
        checkpoint: The checkpoint that the page shows.
        folder: The new folder.
        repo_id: The Space; None: any web server, for which no card of a Space is written.

    Raises:
        DataError: The checkpoint must not be published, cannot be exported, or is one that the page cannot show.
    """
    model = folder / SPACE_MODEL
    # The card names the model's repository. It is unknown here; the Space is not it.
    copy_checkpoint(checkpoint, model, PLACEHOLDER_ID)
    for path in model.glob("*.py"):
        path.unlink()
    LightClassifier.from_pretrained(model).explain("A title")
    for path in (_HERE / "page").iterdir():
        if path.suffix in (".html", ".js"):
            shutil.copyfile(path, folder / path.name)
    card_address = f"{SPACE_MODEL}/{CARD_NAME}"
    if repo_id is not None:
        card_address = f"{HfApi().endpoint}/spaces/{repo_id}/blob/main/{card_address}"
        card = _SPACE_CARD.format(title=repo_id.partition("/")[2], package=_VERSION)
        (folder / CARD_NAME).write_text(card, encoding="utf-8")
    beside_page = f'data-model="{SPACE_MODEL}/" data-model-page="{card_address}"'
    page = folder / "index.html"
    html = page.read_text(encoding="utf-8").replace(_MODEL_IN_CLONE, beside_page)
    page.write_text(html, encoding="utf-8")
    for name in file_sizes(folder):
        check_no_secrets((folder / name).read_bytes(), name)


def copy_checkpoint(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Copy the published files of a checkpoint, with this package's remote code and the card for `repo_id`.

    A missing light.onnx is exported, and a missing card rendered.

    Raises:
        DataError: A file is missing or damaged.
    """
    opened = Checkpoint.open(checkpoint)
    opened.check_files()
    opened.check_figures()
    MetricsFile.read(checkpoint)  # checks it
    # All other files stay here: the record of the training texts, training_args.bin and optimizer.pt of transformers'
    # Trainer, hidden files, __pycache__.
    names = (*LOADED_NAMES, METRICS_NAME, *PLOT_NAMES, THUMBNAIL_NAME)
    paths = [checkpoint / name for name in names]
    if (checkpoint / LIGHT_NAME).is_file():
        LightClassifier.from_checkpoint(opened)  # checks it
        paths.append(checkpoint / LIGHT_NAME)
    for path in paths:
        if path.is_file():
            target = folder / path.relative_to(checkpoint)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for path in remote_code():
        shutil.copyfile(path, folder / path.name)
    _write_card(checkpoint / CARD_NAME, folder, repo_id)
    if not (folder / LIGHT_NAME).is_file():
        from glove_lstm.inference.onnx_export import export_onnx  # needs torch

        export_onnx(folder)


def _write_card(path: Path, folder: Path, repo_id: str) -> None:
    """Write the card at `path` into a folder, with the id of the repository; a missing card is rendered."""
    if not path.is_file():
        write_card(folder, repo_id)
        return
    try:
        card = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8, or delete it.") from None
    (folder / CARD_NAME).write_text(card.replace(PLACEHOLDER_ID, repo_id), encoding="utf-8")


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


def check_no_secrets(data: bytes, name: str) -> None:
    """Refuse a file with a token, a key or a path of this machine.

    Raises:
        DataError: The file holds one; the message does not show the secret.
    """
    token = get_token()
    if _SECRETS.search(data) or (token and token.encode() in data):
        raise DataError(f"{name} holds a token or a key; remove it, and revoke it.")
    match = _LOCAL_PATHS.search(data)
    home = os.fsencode(Path.home())  # which `_LOCAL_PATHS` need not know
    if match is None and home != b"/":
        # Neither in a URL, nor in a longer name.
        match = re.search(rb"(?<![\w.:/])" + re.escape(home) + rb"(?![\w-])", data)
    if match:
        text = data[match.start() : match.start() + 40].decode(errors="replace")
        path, *_ = re.split(r'[\s"]', text)  # up to white space or a quote
        raise DataError(f"{name} holds a path of this machine ({path}...); remove it.")


def _error_in_clean_process(folder: Path, source: Path) -> str | None:
    """Load a folder by its remote code, in a process without login, cache and network.

    Args:
        folder: The folder.
        source: The path that the error names instead.

    Returns:
        The last line of the error; None on success.
    """
    kept = [name for name in os.environ if not name.startswith(_HIDDEN_VARIABLES)]
    env = {name: os.environ[name] for name in kept}
    env["PYTHONWARNINGS"] = "ignore"
    env["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as home:
        env["HF_HOME"] = str(Path(home) / "hf")
        try:
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-P", "-c", _LOAD, str(folder.resolve())],
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=LOAD_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"it has not loaded after {LOAD_SECONDS} seconds"
    if done.returncode == 0:
        return None
    lines = done.stderr.replace(str(folder.resolve()), str(source)).strip().splitlines()
    if not lines:
        return "it was killed"
    return lines[-1].rstrip(".")


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file, by its path inside the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
