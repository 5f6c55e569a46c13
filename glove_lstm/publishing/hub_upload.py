"""Upload a folder to the Hugging Face Hub in one commit."""

import json
import logging
import re
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RevisionNotFoundError

from glove_lstm.data.files import read_json_object
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

# The file in a repository that names the files of the last push. A push deletes no others.
PUSHED_FILES_NAME = ".glove_lstm_files.json"
HUB_ID = r"[\w.-]+/[\w.-]+"


def _connection_errors() -> tuple[type[Exception], ...]:
    """Return the classes of connection errors. huggingface_hub uses httpx or httpx2; both may be installed."""
    libraries = [library for library in ("httpx", "httpx2") if find_spec(library) is not None]
    errors = [import_module(library).TransportError for library in libraries]
    return ConnectionError, *errors


_CONNECTION_ERRORS = _connection_errors()
# What a failed upload raises. huggingface_hub raises ValueError for files and names that it does not accept, and
# RuntimeError if the upload of a large file fails.
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
    repo_type: Literal["model", "dataset", "space"] = "model"
    private: bool = False  # a new repository is private; an existing public one is refused
    revision: str | None = None  # branch, created if it is missing; None: main
    space_sdk: Literal["gradio", "static"] = "gradio"  # of a new Space
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
        revision=getattr(training, "hub_revision", None),  # not in transformers 5.0
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
        raise DataError(f"{to.repo_id!r} is not a repository id; write it as user/name.")
    if login and not (to.token or get_token()):
        raise DataError("You are not logged in; run `hf auth login`, or set HF_TOKEN.")


def list_files(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file, by its path inside the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def push_folder(folder: Path, to: Destination) -> CommitInfo:
    """Make one commit after which the repository holds the files of a folder.

    Files that an earlier push wrote and that the folder lacks are deleted; the log names them. Files of others stay.
    The repository is created if it is missing. If nothing has changed, no commit is made.

    Raises:
        DataError: The Hub refuses the push or cannot be reached. Either the whole commit was made, or none.
    """
    check_destination(to)
    api = HfApi(token=to.token)
    try:
        _create_repo(api, to)
        return _commit(api, folder, to)
    except DataError:  # a ValueError, too
        raise
    except _PUSH_ERRORS as error:
        raise DataError(_sentence(error, to)) from None


def _create_repo(api: HfApi, to: Destination) -> None:
    """Create the repository and the branch if they are missing."""
    api.create_repo(
        to.repo_id,
        repo_type=to.repo_type,
        private=to.private or None,
        exist_ok=True,
        space_sdk=to.space_sdk if to.repo_type == "space" else None,
    )
    if to.private and not api.repo_info(to.repo_id, repo_type=to.repo_type).private:
        advice = "make it private in its settings, or leave out --private"
        raise DataError(f"{to.repo_id} exists and is public; {advice}.")
    if to.revision and not to.revision.startswith("refs/"):
        api.create_branch(to.repo_id, branch=to.revision, repo_type=to.repo_type, exist_ok=True)


def _commit(api: HfApi, folder: Path, to: Destination) -> CommitInfo:
    """Add the files of the folder and the record of them, and delete what only an earlier push wrote, in one commit."""
    # `upload_folder` would split large folders into several commits if hf_xet is installed.
    head = _head(api, to)
    deleted = _stale_files(api, folder, to, head)
    files = list_files(folder)
    record = json.dumps({"files": list(files)}, indent=2, ensure_ascii=False)
    added = [CommitOperationAdd(name, folder / name) for name in files]
    added.append(CommitOperationAdd(PUSHED_FILES_NAME, f"{record}\n".encode()))
    commit = api.create_commit(  # makes no empty commit
        to.repo_id,
        [*added, *(CommitOperationDelete(name, is_folder=False) for name in deleted)],
        commit_message="Upload with glove-lstm",
        repo_type=to.repo_type,
        revision=to.revision,
        # With a parent, the Hub refuses the commit if the repository has changed since it was listed.
        parent_commit=head,
    )
    for name in deleted:
        logger.info("Deleted from %s: %s", to.repo_id, name)
    return commit


def files_to_delete(folder: Path, to: Destination) -> list[str]:
    """Return the files of a repository that a push of the folder deletes: only an earlier push wrote them.

    Raises:
        DataError: The Hub cannot be reached, or has no such repository that the login can see.
    """
    api = HfApi(token=to.token)
    try:
        return _stale_files(api, folder, to, _head(api, to))
    except DataError:  # a ValueError, too
        raise
    except _PUSH_ERRORS as error:
        raise DataError(_sentence(error, to)) from None


def _head(api: HfApi, to: Destination) -> str | None:
    return api.repo_info(to.repo_id, repo_type=to.repo_type, revision=to.revision).sha


def _stale_files(api: HfApi, folder: Path, to: Destination, commit: str | None) -> list[str]:
    """Return the files of a commit that an earlier push wrote and that are not in the folder."""
    present = api.list_repo_files(to.repo_id, repo_type=to.repo_type, revision=commit)
    if PUSHED_FILES_NAME not in present:
        return []
    with tempfile.TemporaryDirectory() as scratch:
        path = api.hf_hub_download(
            to.repo_id,
            PUSHED_FILES_NAME,
            repo_type=to.repo_type,
            revision=commit,
            local_dir=scratch,
        )
        record = read_json_object(Path(path), f"delete it in {to.repo_id}")
    pushed = record.get("files")
    if not isinstance(pushed, list):
        raise DataError(
            f"{PUSHED_FILES_NAME} in {to.repo_id} has no list of files; delete it there."
        )
    return sorted(set(present).intersection(map(str, pushed)) - set(list_files(folder)))


def loading_example(to: Destination, commit: CommitInfo) -> str:
    """Return the address of the repository, and code that loads this commit."""
    url = f"{commit.repo_url}\n"
    if to.repo_type == "space":
        return url
    if to.repo_type == "dataset":
        call = f'data = load_dataset("{to.repo_id}", revision="{commit.oid}")'
        return f"{url}\nfrom datasets import load_dataset\n\n{call}\n"
    return (
        f"{url}\nfrom transformers import pipeline\n\n"
        "classify = pipeline(\n"
        f'    "text-classification", model="{to.repo_id}", revision="{commit.oid}", trust_remote_code=True\n'
        ")\n"
        'classify("A title")\n'
    )


def _sentence(error: Exception, to: Destination) -> str:
    """Return a message for an error of huggingface_hub."""
    cause: BaseException = error
    if isinstance(error, RuntimeError) and error.__cause__:  # from the upload of a large file
        cause = error.__cause__
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids any network; unset it and run the command again."
    if isinstance(cause, _CONNECTION_ERRORS):
        return f"The connection to {HfApi().endpoint} failed ({cause}); check the network and run the command again."
    if isinstance(cause, HfHubHTTPError):
        return _sentence_of_status(cause, to)
    reason = " ".join(str(error).split()).rstrip(".")
    return f"The push failed ({reason}); check the files, HF_TOKEN and HF_ENDPOINT."


def _sentence_of_status(error: HfHubHTTPError, to: Destination) -> str:
    status = error.response.status_code
    message = (error.server_message or "no reason given").rstrip(".")
    if isinstance(error, RevisionNotFoundError):
        return f"{to.repo_id} has no revision {to.revision or 'main'!r}; correct the revision."
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
