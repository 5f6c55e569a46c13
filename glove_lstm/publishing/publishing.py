"""A checkpoint on its way out: only the files that travel, each of them checked, loaded once as a stranger would."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import get_token
from safetensors import SafetensorError, safe_open
from transformers.dynamic_module_utils import get_relative_import_files

import glove_lstm
from glove_lstm import modeling, tokenization
from glove_lstm.data.errors import DataError
from glove_lstm.inference.checkpoint_files import ONNX_NAME, check_origin
from glove_lstm.inference.checkpoints import load_config
from glove_lstm.inference.runtime import open_session
from glove_lstm.publishing.card import CardTexts, write_card
from glove_lstm.publishing.card_check import check_card, put_repo_id
from glove_lstm.publishing.hub_upload import Destination, check_destination, push_folder, report
from glove_lstm.training.training_texts import TRAINING_TEXTS_NAME, load_training_texts

logger = logging.getLogger(__name__)

# Everything else stays: checkpoint-*/ and optimizer.pt, training_args.bin, hidden files, __pycache__.
_NEEDED = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")
_TRAVEL = (
    *_NEEDED,
    "special_tokens_map.json",
    "README.md",
    "metrics.json",
    TRAINING_TEXTS_NAME,
    ONNX_NAME,
)
_SECRETS = re.compile(
    rb"\bhf_[A-Za-z0-9]{30,}|\bgh[opsu]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bsk-[A-Za-z0-9_-]{30,}"
    rb"|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_LOCAL = re.compile(
    rb"(?<![\w.:/])/(?:home|Users|root|tmp|private/var|mnt|workspace)/[\w.-]|\b[A-Za-z]:\\{1,2}Users\\"
)

_LOAD = """
import importlib.abc, json, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "glove_lstm":
            raise ModuleNotFoundError("No module named 'glove_lstm' where the model will be loaded", name=name)
sys.meta_path.insert(0, Blocked())
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder = sys.argv[1]
model, info = AutoModelForSequenceClassification.from_pretrained(
    folder, trust_remote_code=True, output_loading_info=True
)
wrong = [*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]]
if wrong:
    raise ValueError(f"the weights do not fit the code: {wrong}")
AutoModel.from_pretrained(folder, trust_remote_code=True)
AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
classify = pipeline("text-classification", model=folder, trust_remote_code=True)
found = classify(["Senate passes budget bill", ""], top_k=None)
for scores in found:
    if not abs(sum(one["score"] for one in scores) - 1) < 1e-3:
        raise ValueError(f"the scores are no probabilities: {scores}")
"""


def push_and_report(checkpoint: Path, to: Destination) -> str:
    """Check a checkpoint and push it; the address and the lines that load it.

    Raises:
        DataError: It is not fit to travel, or the Hub refuses it; the repository is unchanged.
    """
    check_destination(to)
    with staged_checkpoint(checkpoint, to.repo_id) as folder:
        pushed = push_folder(folder, to)
    return report(to, pushed)


@contextmanager
def staged_checkpoint(checkpoint: Path, repo_id: str) -> Iterator[Path]:
    """A temporary folder with exactly the files that a push sends, checked; no network.

    Raises:
        DataError: Something is missing, or must not travel.
    """
    load_config(str(checkpoint))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "staged"
        _stage(checkpoint, folder)
        readme = folder / "README.md"
        if not readme.is_file():
            if not (folder / "metrics.json").is_file():
                raise DataError(
                    f"{checkpoint} has neither README.md nor metrics.json to write it from; save it with train.py."
                )
            write_card(folder, CardTexts(repo_id=repo_id))
        readme.write_text(put_repo_id(readme.read_text(encoding="utf-8"), repo_id), encoding="utf-8")
        check_contents(folder, checkpoint)
        if (folder / ONNX_NAME).is_file():
            session = open_session(folder / ONNX_NAME)
            check_origin(folder / ONNX_NAME, session.get_modelmeta().custom_metadata_map)
        check_card(folder, repo_id)
        check_loads(folder, checkpoint)
        yield folder


def destination_of(training: Any) -> Destination | None:
    """Where `--push_to_hub --hub_model_id ID` of the training arguments wants the model, if anywhere.

    The flag is taken off them: the Trainer's own pushes lack the remote code and overwrite the card. So is the token,
    which the Trainer would write into every checkpoint's training_args.bin.

    Raises:
        DataError: The id or the login is missing.
    """
    token, training.hub_token = training.hub_token or None, None
    if not training.push_to_hub:
        return None
    training.push_to_hub = False
    if not training.hub_model_id:
        raise DataError("--push_to_hub needs --hub_model_id user/name.")
    to = Destination(training.hub_model_id, private=bool(training.hub_private_repo), token=token)
    check_destination(to)
    return to


def list_files(folder: Path) -> dict[str, int]:
    """Name -> bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def check_contents(folder: Path, checkpoint: Path) -> None:
    """Refuse weights that are none, a record of other weights, JSON that is none, local paths and secrets.

    Raises:
        DataError: Names the file.
    """
    try:
        with safe_open(folder / "model.safetensors", "np") as weights:
            names = list(weights.keys())
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{checkpoint / 'model.safetensors'} is damaged ({error}): save the model again."
        ) from None
    if not names:
        raise DataError(f"{checkpoint / 'model.safetensors'} holds no weights: save the model again.")
    if (folder / TRAINING_TEXTS_NAME).is_file() and load_training_texts(folder) is None:
        raise DataError(
            f"{checkpoint / TRAINING_TEXTS_NAME} is of other weights than the model beside it: remove it, or train "
            "again with train.py."
        )
    for name in list_files(folder):
        data = (folder / name).read_bytes()
        if name.endswith(".json"):
            try:
                json.loads(data)
            except ValueError as error:
                raise DataError(f"{checkpoint / name} is no JSON ({error}): save the model again.") from None
        if name.endswith(".png") and not data.startswith(b"\x89PNG"):
            raise DataError(f"{checkpoint / name} is no PNG image: remove it.")
        if name.endswith(".onnx") and data[:1] in (b"\x80", b"P"):  # a pickle, a zip archive
            raise DataError(f"{checkpoint / name} is no ONNX model: remove it.")
        check_private(data, str(checkpoint / name), checkpoint)


def check_private(data: bytes, name: str, source: Path | None = None) -> None:
    """Refuse a file that holds a token, a key, or a path of this machine.

    Raises:
        DataError: Names the file; the secret itself is not shown.
    """
    token = get_token()
    if _SECRETS.search(data) or (token and len(token) > 7 and token.encode() in data):
        raise DataError(f"{name} holds a token or a key: remove it, and revoke it where it was ever public.")
    for folder in (Path.home(), *([source.resolve()] if source else [])):
        # A home such as / is in every path.
        if len(folder.parts) > 1 and re.search(
            rb"(?<![\w.])" + re.escape(str(folder).encode()) + rb"(?![\w-])", data
        ):
            raise DataError(f"{name} holds the path {folder} of this machine: remove it.")
    found = _LOCAL.search(data)
    if found:
        shown = data[found.start() : found.start() + 40].split(b'"')[0].split()[0].decode(errors="replace")
        raise DataError(f"{name} holds a path of this machine ({shown}...): remove it.")


def check_loads(folder: Path, checkpoint: Path) -> None:
    """Load a copy in a process that has neither our package nor a login nor a network.

    Raises:
        DataError: With the last line of what went wrong.
    """
    fault = fault_in_copy(_LOAD, folder, checkpoint)
    if fault:
        raise DataError(
            f"{checkpoint} does not load with trust_remote_code=True in a clean process ({fault}): {_save_again()}."
        )


def fault_in_copy(code: str, folder: Path, source: Path) -> str | None:
    """Run Python code on a copy of a folder, in a process without login and network.

    Args:
        code: Finds the copy's path in `sys.argv[1]`.
        folder: To be copied.
        source: What the user calls the folder.

    Returns:
        The last line of what went wrong, without a full stop; None where nothing did.
    """
    hidden = ("HF_", "HUGGING", "TRANSFORMERS_", "GLOVE_LSTM_")  # logins, caches and offline switches
    env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    with tempfile.TemporaryDirectory() as home:
        copy = shutil.copytree(folder, Path(home) / "copy")
        env |= {"HF_HOME": str(Path(home) / "hf"), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
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
    lines = done.stderr.replace(str(copy), str(source)).strip().splitlines() or ["it was killed"]
    return lines[-1].rstrip(".") if done.returncode else None


def _stage(checkpoint: Path, folder: Path) -> None:
    """Copy the files that travel."""
    plots = [path for path in sorted((checkpoint / "plots").glob("*.png")) if not path.name.startswith(".")]
    files = [checkpoint / name for name in _TRAVEL] + _remote_code(checkpoint) + plots
    for path in files:
        if path.is_file():
            target = folder / path.relative_to(checkpoint)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _remote_code(checkpoint: Path) -> list[Path]:
    """The .py files that the configs name, and the siblings that these import; each as this package has it.

    Code that this package does not know is not sent: nobody here has read it, and others would run it.
    """
    modules: set[str] = set()
    for name in ("config.json", "tokenizer_config.json"):
        auto_map = json.loads((checkpoint / name).read_text(encoding="utf-8")).get("auto_map", {})
        for entry in auto_map.values():
            classes = entry if isinstance(entry, list) else [entry]
            modules |= {one.rsplit(".", 1)[0] for one in classes if one}
    try:
        files = {checkpoint / f"{module}.py" for module in modules}
        files |= {Path(path) for start in sorted(files) for path in get_relative_import_files(start)}
    except FileNotFoundError as error:
        raise DataError(
            f"{checkpoint} lacks its remote code ({Path(error.filename).name}): {_save_again()}."
        ) from None
    if not files:
        raise DataError(f"{checkpoint} lacks its remote code (auto_map in config.json): {_save_again()}.")
    sources = [Path(str(package.__file__)).parent for package in (modeling, tokenization)]
    for path in sorted(files):
        ours = next((source / path.name for source in sources if (source / path.name).is_file()), None)
        if ours is None or ours.read_bytes() != path.read_bytes():
            raise DataError(
                f"{path} is not the file of this name in glove-lstm {glove_lstm.__version__}: install the version "
                f"that made the checkpoint, or {_save_again()}."
            )
    return sorted(files)


def _save_again() -> str:
    return f"load it and save it again with glove-lstm {glove_lstm.__version__}"
