"""Push a checkpoint to the Hugging Face Hub: stage its files, check them, and send them in one commit."""

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
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RevisionNotFoundError

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import (
    CARD_NAME,
    LIGHT_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    PLOT_NAMES,
    THUMBNAIL_NAME,
    remote_code,
)
from glove_lstm.errors import DataError, first_line, shown
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.publishing.card import HUB_ID, PLACEHOLDER_ID, write_card
from glove_lstm.version import __version__

logger = logging.getLogger(__name__)

SPACE_MODEL = "model"  # the folder of the checkpoint in a Space
# What a checkpoint may lack, and would be wrong beside another model: deleted from the repository if this checkpoint
# lacks it. All other files of a push are in every push. A push deletes nothing else.
DELETED_NAMES = (METRICS_NAME, *PLOT_NAMES, THUMBNAIL_NAME)
_VERSION = f"glove-lstm {__version__}"
_HERE = Path(__file__).parent
_HANDLER_NEEDS = "torch|transformers"  # it runs the remote code of the repository

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

# Connection errors. huggingface_hub uses httpx or httpx2; both may be installed.
_LIBRARIES = [name for name in ("httpx", "httpx2") if find_spec(name) is not None]
_CONNECTION_ERRORS: tuple[type[Exception], ...] = (
    ConnectionError,
    *(import_module(name).TransportError for name in _LIBRARIES),
)
# huggingface_hub raises ValueError for files and names that it does not accept, and RuntimeError if the upload of a
# large file fails.
_PUSH_ERRORS: tuple[type[Exception], ...] = (
    HfHubHTTPError,
    ValueError,
    RuntimeError,
    *_CONNECTION_ERRORS,
)
# Status codes after which the same command may succeed: another commit came first, or there were too many requests.
_TEMPORARY = (409, 412, 429)


@dataclass(frozen=True)
class Destination:
    """Repository to which a folder is pushed."""

    repo_id: str
    repo_type: Literal["model", "space"] = "model"
    private: bool = False  # a new repository is private; an existing public one is refused
    branch: str | None = None  # created if it is missing; None: main
    # None: the token of `hf auth login` or HF_TOKEN
    token: str | None = field(default=None, repr=False)


def training_destination(training: Any) -> Destination | None:
    """Return the destination of `--push_to_hub`, if it is given, and remove it from the training arguments.

    The Trainer would push without the remote code, overwrite the card, and save the token in each checkpoint.

    Raises:
        DataError: The id is missing or invalid, or there is no login.
    """
    token = training.hub_token or None
    training.hub_token = None
    if not training.push_to_hub:
        return None
    training.push_to_hub = False
    if not training.hub_model_id:
        raise DataError("--push_to_hub needs --hub_model_id user/name.")
    to = Destination(
        training.hub_model_id,
        private=bool(training.hub_private_repo),
        branch=getattr(training, "hub_revision", None),  # not in transformers 5.0
        token=token,
    )
    check_destination(to)
    return to


def check_destination(to: Destination, *, login: bool = True) -> None:
    """Check a destination without using the network.

    Raises:
        DataError: The name is invalid, or there is no login although one is needed.
    """
    if not re.fullmatch(HUB_ID, to.repo_id):
        raise DataError(f"{shown(to.repo_id)} is not a repository id; write it as user/name.")
    if login and not (to.token or get_token()):
        raise DataError("You are not logged in; run `hf auth login`, or set HF_TOKEN.")


def push_checkpoint(checkpoint: Path, to: Destination) -> CommitInfo:
    """Stage and check a checkpoint, and send it.

    Raises:
        DataError: It must not be published, or the Hub refuses it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "staged"
        stage_checkpoint(checkpoint, staged, to.repo_id)
        return push_folder(staged, to)


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
    for name in list_files(folder):
        check_no_secrets((folder / name).read_bytes(), str(checkpoint / name))
    error = _error_in_clean_process(folder, checkpoint)
    if error:
        advice = f"save it again with {_VERSION}"
        raise DataError(f"{checkpoint} does not load in a clean process ({error}); {advice}.")


def copy_checkpoint(checkpoint: Path, folder: Path, repo_id: str) -> None:
    """Copy the published files of a checkpoint, with the card for `repo_id`.

    A missing light.onnx is exported, and a missing card rendered.

    Raises:
        DataError: A file is missing or damaged, or remote code differs from this package.
    """
    opened = Checkpoint.open(checkpoint)
    opened.check_files()
    MetricsFile.read(checkpoint)  # checks it
    # All other files stay here: the record of the training texts, training_args.bin and optimizer.pt of transformers'
    # Trainer, hidden files, __pycache__.
    paths = [checkpoint / name for name in (*LOADED_NAMES, METRICS_NAME)]
    paths += checkpoint.glob("plots/[!.]*.png")
    for original in remote_code():
        path = checkpoint / original.name
        if path.is_file() and path.read_bytes() != original.read_bytes():
            advice = "load the model and save it again"
            raise DataError(f"{path} differs from the file of {_VERSION}; {advice}.")
        paths.append(path)
    if (checkpoint / LIGHT_NAME).is_file():
        LightClassifier.from_checkpoint(opened)  # checks it
        paths.append(checkpoint / LIGHT_NAME)
    for path in paths:
        if path.is_file():
            target = folder / path.relative_to(checkpoint)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
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


def _error_in_clean_process(folder: Path, source: Path) -> str | None:
    """Load a copy of a folder by its remote code, in a process without login, cache and network.

    Args:
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
        try:
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-P", "-c", _LOAD, str(copy)],
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
    lines = done.stderr.replace(str(copy), str(source)).strip().splitlines()
    if not lines:
        return "it was killed"
    return lines[-1].rstrip(".")


def list_files(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file, by its path inside the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def push_folder(folder: Path, to: Destination) -> CommitInfo:
    """Make one commit after which the repository holds the files of a folder.

    Of the other files of the repository, only `files_to_delete` are deleted; the log names them. The repository is
    created if it is missing. If nothing has changed, no commit is made.

    Raises:
        DataError: The Hub refuses the push or cannot be reached. Either the whole commit was made, or none.
    """
    check_destination(to)
    api = HfApi(token=to.token)
    with _errors_in_words(to):
        _create_repo(api, to)
        # `upload_folder` would split large folders into several commits if hf_xet is installed.
        head = _head(api, to)
        deleted = _stale_files(api, folder, to, head)
        commit = api.create_commit(  # makes no empty commit
            to.repo_id,
            [
                *(CommitOperationAdd(name, folder / name) for name in list_files(folder)),
                *(CommitOperationDelete(name, is_folder=False) for name in deleted),
            ],
            commit_message="Upload with glove-lstm",
            repo_type=to.repo_type,
            revision=to.branch,
            # With a parent, the Hub refuses the commit if the repository has changed since it was listed.
            parent_commit=head,
        )
    for name in deleted:
        logger.info("Deleted from %s: %s", to.repo_id, name)
    return commit


def files_to_delete(folder: Path, to: Destination) -> list[str]:
    """Return the files of a repository that a push of the folder deletes: measures and plots that the folder lacks.

    Raises:
        DataError: The Hub cannot be reached, or has no such repository that the login can see.
    """
    api = HfApi(token=to.token)
    with _errors_in_words(to):
        return _stale_files(api, folder, to, _head(api, to))


def _create_repo(api: HfApi, to: Destination) -> None:
    """Create the repository and the branch if they are missing."""
    api.create_repo(
        to.repo_id,
        repo_type=to.repo_type,
        private=to.private or None,
        exist_ok=True,
        space_sdk="static" if to.repo_type == "space" else None,
    )
    if to.private and not api.repo_info(to.repo_id, repo_type=to.repo_type).private:
        advice = "make it private in its settings, or leave out --private"
        raise DataError(f"{to.repo_id} exists and is public; {advice}.")
    if to.branch and not to.branch.startswith("refs/"):
        api.create_branch(to.repo_id, branch=to.branch, repo_type=to.repo_type, exist_ok=True)


def _head(api: HfApi, to: Destination) -> str | None:
    return api.repo_info(to.repo_id, repo_type=to.repo_type, revision=to.branch).sha


def _stale_files(api: HfApi, folder: Path, to: Destination, commit: str | None) -> list[str]:
    """Return the files of a commit that are of another model's measures."""
    names = set(DELETED_NAMES)
    if to.repo_type == "space":
        names = {f"{SPACE_MODEL}/{name}" for name in names}
    present = api.list_repo_files(to.repo_id, repo_type=to.repo_type, revision=commit)
    return sorted(names.intersection(present) - set(list_files(folder)))


def loading_example(to: Destination, commit: CommitInfo) -> str:
    """Return the address of the repository, and code that loads this commit."""
    url = f"{commit.repo_url}\n"
    if to.repo_type == "space":
        return url
    return (
        f"{url}\nfrom transformers import pipeline\n\n"
        "classify = pipeline(\n"
        f'    "text-classification", model="{to.repo_id}", revision="{commit.oid}", trust_remote_code=True\n'
        ")\n"
        'classify("A title")\n'
    )


@contextmanager
def _errors_in_words(to: Destination) -> Iterator[None]:
    """Raise an error of huggingface_hub as a DataError."""
    try:
        yield
    except DataError:  # a ValueError, too
        raise
    except _PUSH_ERRORS as error:
        raise DataError(_sentence(error, to)) from None


def _sentence(error: Exception, to: Destination) -> str:
    """Return a message for an error of huggingface_hub."""
    cause: BaseException = error
    if isinstance(error, RuntimeError) and error.__cause__:  # from the upload of a large file
        cause = error.__cause__
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids any network; unset it and run the command again."
    if isinstance(cause, _CONNECTION_ERRORS):
        advice = "check the network and run the command again"
        return f"The connection to {HfApi().endpoint} failed ({first_line(cause)}); {advice}."
    if isinstance(cause, HfHubHTTPError):
        return _sentence_of_status(cause, to)
    reason = " ".join(str(error).split()).rstrip(".")
    return f"The push failed ({reason}); check the files, HF_TOKEN and HF_ENDPOINT."


def _sentence_of_status(error: HfHubHTTPError, to: Destination) -> str:
    status = error.response.status_code
    message = (error.server_message or "no reason given").rstrip(".")
    if isinstance(error, RevisionNotFoundError):
        return f"{to.repo_id} has no branch {shown(to.branch or 'main')}; correct the branch."
    if status == 413 or (status == 403 and "storage" in message.lower()):
        return f"The storage quota of {to.repo_id} is exceeded ({message}); free some space or ask for more."
    if status == 401:
        return "The Hub does not accept your login; run `hf auth login` with a write token."
    if status == 403:
        advice = "use a write token of its owner"
        return f"Your login may not write to {to.repo_id} ({message}); {advice}."
    if status == 404:
        return f"{to.repo_id} does not exist or your login cannot see it; correct the name."
    advice = "correct this and try again"
    if status >= 500 or status in _TEMPORARY:
        advice = "run the command again later"
    return f"The Hub refused the push (status {status}, {message}); {advice}."
