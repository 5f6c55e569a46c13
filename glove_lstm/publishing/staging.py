"""Stage a checkpoint for the Hub: exactly the files of a push, searched for secrets and loaded in a clean process."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import requires
from pathlib import Path

from huggingface_hub import get_token
from packaging.requirements import Requirement

from glove_lstm import modeling, tokenization
from glove_lstm.checkpoint import (
    CARD_NAME,
    LIGHT_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    TRAINING_TEXTS_NAME,
    Checkpoint,
    package_resource,
)
from glove_lstm.data.files import read_json_object
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.publishing.card import is_rendered, write_card
from glove_lstm.publishing.card_facts import PLACEHOLDER_ID
from glove_lstm.publishing.hub_upload import list_files
from glove_lstm.version import __version__

logger = logging.getLogger(__name__)

# Files that are uploaded, besides the card, the remote code, plots, light.onnx and the record of the training texts.
# All others stay here: checkpoint-*/ with optimizer.pt, training_args.bin, hidden files, __pycache__.
_COPIED = (*LOADED_NAMES, METRICS_NAME)
_VERSION = f"glove-lstm {__version__}"
_HANDLER_NEEDS = ("torch", "transformers")  # it runs the remote code of the repository

# Tokens and keys, by the prefixes that their issuers give them.
_SECRETS = re.compile(
    rb"""
    \bhf_[A-Za-z0-9]{30,}  # Hugging Face
    | \bgh[opsu]_[A-Za-z0-9]{30,}  # GitHub
    | \bgithub_pat_\w{30,}  # GitHub, for some repositories
    | \bsk-[A-Za-z0-9_-]{30,}  # OpenAI and others
    | \bAKIA[0-9A-Z]{16}\b  # AWS
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----
    """,
    re.VERBOSE,
)
# Paths below the folders where users, temporary files and mounted disks are. The path of a URL does not count, as in
# https://example.org/home/page: it follows a letter.
_LOCAL_PATHS = re.compile(
    rb"""
    (?<![\w.:/])/(?:home|Users|root|tmp|private/var|mnt|workspace)/[\w.-]
    | \b[A-Za-z]:\\{1,2}Users\\  # Windows; JSON doubles the backslash
    """,
    re.VERBOSE,
)
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


def stage_checkpoint(
    checkpoint: Path, folder: Path, repo_id: str, *, send_training_texts: bool = True
) -> None:
    """Write exactly the files of a model's repository into a new folder, and check them without network.

    A missing light.onnx is exported. The handler, its requirements and the notebook are always written anew.

    Args:
        checkpoint: Folder that `glove-lstm train` has written.
        folder: The new folder.
        repo_id: Repository that the card and the notebook name.
        send_training_texts: Whether to send the record of the training texts.

    Raises:
        DataError: A file is missing or damaged, must not be published, or does not load in a clean process.
    """
    copy_checkpoint(checkpoint, folder, repo_id, send_training_texts=send_training_texts)
    add_light_onnx(checkpoint, folder)
    write_hub_files(folder, repo_id)
    for name in list_files(folder):
        check_no_secrets((folder / name).read_bytes(), str(checkpoint / name))
    error = error_in_clean_process(_LOAD, folder, checkpoint)
    if error:
        advice = f"save it again with {_VERSION}"
        raise DataError(f"{checkpoint} does not load in a clean process ({error}); {advice}.")


def add_light_onnx(checkpoint: Path, folder: Path) -> None:
    """Copy `light.onnx` into the staged folder, or export it if the checkpoint has none.

    Raises:
        DataError: The file cannot be loaded, or was made for other weights.
    """
    light = checkpoint / LIGHT_NAME
    if light.is_file():
        Checkpoint.open(checkpoint).light_session()  # checks the file
        _copy(light, folder / LIGHT_NAME)
    else:
        export_onnx(folder)


def copy_checkpoint(
    checkpoint: Path, folder: Path, repo_id: str, *, send_training_texts: bool = True
) -> None:
    """Copy the published files of a checkpoint, except `light.onnx`, and write the card for `repo_id`.

    Raises:
        DataError: A file is missing or damaged, or remote code differs from this package.
    """
    opened = Checkpoint.open(checkpoint)
    opened.model_config()  # checks the values
    opened.check_weights()
    advice = "push a folder that glove-lstm train has written"
    metrics_path = checkpoint / METRICS_NAME
    if "about" not in read_json_object(metrics_path, advice):
        raise DataError(f"{metrics_path} says nothing about the training: {advice}.")
    names = list(_COPIED)
    if send_training_texts:
        names.append(TRAINING_TEXTS_NAME)
    paths = [checkpoint / name for name in names]
    paths += checkpoint.glob("plots/[!.]*.png")  # no hidden files
    paths += _remote_code(checkpoint)
    for path in paths:
        if path.is_file():
            _copy(path, folder / path.relative_to(checkpoint))
    has_record = (folder / TRAINING_TEXTS_NAME).is_file()
    if has_record and Checkpoint.open(folder).training_texts() is None:
        record = checkpoint / TRAINING_TEXTS_NAME
        raise DataError(f"{record} was made for other weights; remove it.")
    _write_card(checkpoint, folder, repo_id)


def _remote_code(checkpoint: Path) -> list[Path]:
    """Return the paths of the remote code. Files that are there must equal the files of this package."""
    paths = []
    for package in (modeling, tokenization):
        folder = Path(str(package.__file__)).parent
        for original in sorted(folder.glob("[!_]*.py")):  # not __init__.py
            path = checkpoint / original.name
            if path.is_file() and path.read_bytes() != original.read_bytes():
                advice = "load the model and save it again"
                raise DataError(f"{path} differs from the file of {_VERSION}; {advice}.")
            paths.append(path)
    return paths


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _write_card(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Render the card for a repository. A card that somebody has edited is kept; only the placeholder is replaced."""
    path = checkpoint / CARD_NAME
    if not path.is_file():
        write_card(folder, repo_id)
        return
    try:
        card = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8, or delete it.") from None
    if is_rendered(card):
        write_card(folder, repo_id)
        return
    logger.warning("%s was edited and is sent as it is; delete it to get a new card.", path)
    card = card.replace(PLACEHOLDER_ID, repo_id)
    (folder / CARD_NAME).write_text(card, encoding="utf-8")


def write_hub_files(folder: Path, repo_id: str) -> None:
    """Write the handler of an Inference Endpoint, its requirements, and the tour with this repository's model."""
    shutil.copyfile(Path(__file__).with_name("handler.py"), folder / "handler.py")
    requirements = ""
    for line in requires("glove-lstm") or []:
        requirement = Requirement(line)
        if requirement.name in _HANDLER_NEEDS:
            requirements += f"{requirement.name}{requirement.specifier}\n"
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    tour = json.loads(package_resource("docs/tour.ipynb").read_text(encoding="utf-8"))
    [cell] = [cell for cell in tour["cells"] if cell["id"] == "model"]
    cell["source"] = ["%pip install -q 'glove-lstm[train]'\n", "\n", f'model = "{repo_id}"']
    text = json.dumps(tour, indent=1, ensure_ascii=False)
    (folder / "notebook.ipynb").write_text(f"{text}\n", encoding="utf-8")


def check_no_secrets(data: bytes, name: str) -> None:
    """Refuse a file with a token, a key or a path of this machine.

    Raises:
        DataError: The file holds one; the message does not show the secret.
    """
    token = get_token()
    holds_own_token = False
    if token:
        holds_own_token = token.encode() in data
    if holds_own_token or _SECRETS.search(data):
        raise DataError(f"{name} holds a token or a key; remove it, and revoke it.")
    match = _LOCAL_PATHS.search(data) or _find_home(data)
    if match:
        text = data[match.start() : match.start() + 40].decode(errors="replace")
        path, *_ = re.split(r'[\s"]', text)  # up to white space or a quote
        raise DataError(f"{name} holds a path of this machine ({path}...); remove it.")


def _find_home(data: bytes) -> re.Match[bytes] | None:
    """Find the home folder of this user, which `_LOCAL_PATHS` need not know."""
    home = os.fsencode(Path.home())
    if home == b"/":
        return None  # it would match every path
    not_in_a_longer_name = rb"(?![\w-])"
    return re.search(re.escape(home) + not_in_a_longer_name, data)


def error_in_clean_process(code: str, folder: Path, source: Path) -> str | None:
    """Run Python code on a copy of a folder, in a process without login, cache and network.

    Args:
        code: `sys.argv[1]` is the path of the copy.
        folder: The folder to copy.
        source: The path that the error names instead of the copy.

    Returns:
        The last line of the error; None on success.
    """
    kept = [name for name in os.environ if not name.startswith(_HIDDEN_VARIABLES)]
    env = {name: os.environ[name] for name in kept}
    env["PYTHONWARNINGS"] = "ignore"
    env["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as home:
        copy = shutil.copytree(folder, Path(home) / "copy")
        env["HF_HOME"] = str(Path(home) / "hf")
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", code, str(copy)],
            env=env,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    if done.returncode == 0:
        return None
    lines = done.stderr.replace(str(copy), str(source)).strip().splitlines()
    if not lines:
        return "it was killed"
    return lines[-1].rstrip(".")
