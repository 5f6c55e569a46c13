"""Push a folder to the Hugging Face Hub in one commit, with errors in words. `stage.py` writes the folder."""

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import (  # type: ignore[attr-defined] # of HTTPError
    HfHubHTTPError,
    HTTPError,  # of httpx or httpx2, whichever this version uses
    OfflineModeIsEnabled,
    RevisionNotFoundError,
)

from glove_lstm.checkpoint.names import HUB_ID, METRICS_NAME, PLOT_NAMES, THUMBNAIL_NAME
from glove_lstm.errors import DataError, first_line, shown
from glove_lstm.publishing.stage import SPACE_MODEL, file_sizes, stage_checkpoint

logger = logging.getLogger(__name__)

# What a checkpoint may lack, and would be wrong beside another model: deleted from the repository if this checkpoint
# lacks it. All other files of a push are in every push. A push deletes nothing else.
DELETED_NAMES = (METRICS_NAME, *PLOT_NAMES, THUMBNAIL_NAME)
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
    """Stage and check a checkpoint, and send it to a destination that has been checked.

    Raises:
        DataError: It must not be published, or the Hub refuses it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "staged"
        stage_checkpoint(checkpoint, staged, to.repo_id)
        return push_folder(staged, to)


def push_folder(folder: Path, to: Destination) -> CommitInfo:
    """Make one commit after which the repository holds the files of a folder.

    Of the other files of the repository, only `files_to_delete` are deleted; the log names them. The repository is
    created if it is missing. If nothing has changed, no commit is made.

    Args:
        folder: The folder.
        to: A destination that `check_destination` has accepted.

    Raises:
        DataError: The Hub refuses the push or cannot be reached. Either the whole commit was made, or none.
    """
    api = HfApi(token=to.token)
    with _errors_in_words(to):
        _create_repo(api, to)
        head = api.repo_info(to.repo_id, repo_type=to.repo_type, revision=to.branch).sha
        deleted = _stale_files(api, folder, to, head)
        # `upload_folder` would split large folders into several commits if hf_xet is installed.
        commit = api.create_commit(  # makes no empty commit
            to.repo_id,
            [
                *(CommitOperationAdd(name, folder / name) for name in file_sizes(folder)),
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
    with _errors_in_words(to):
        return _stale_files(HfApi(token=to.token), folder, to, to.branch)


def _create_repo(api: HfApi, to: Destination) -> None:
    """Create the repository and the branch if they are missing."""
    api.create_repo(
        to.repo_id,
        repo_type=to.repo_type,
        private=to.private or None,
        exist_ok=True,
        space_sdk="static" if to.repo_type == "space" else None,
    )
    if to.repo_type == "space" and api.space_info(to.repo_id).sdk != "static":
        raise DataError(f"{to.repo_id} is a Space of another kind than static; give another name.")
    if to.private and not api.repo_info(to.repo_id, repo_type=to.repo_type).private:
        advice = "make it private in its settings, or leave out --private"
        raise DataError(f"{to.repo_id} exists and is public; {advice}.")
    if to.branch and not to.branch.startswith("refs/"):
        api.create_branch(to.repo_id, branch=to.branch, repo_type=to.repo_type, exist_ok=True)


def _stale_files(api: HfApi, folder: Path, to: Destination, revision: str | None) -> list[str]:
    """Return the files of a revision that are of another model's measures."""
    names = set(DELETED_NAMES)
    if to.repo_type == "space":
        names = {f"{SPACE_MODEL}/{name}" for name in names}
    present = api.list_repo_files(to.repo_id, repo_type=to.repo_type, revision=revision)
    return sorted(names.intersection(present) - set(file_sizes(folder)))


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
    # huggingface_hub raises ValueError for files and names that it does not accept, and RuntimeError if the upload of
    # a large file fails.
    except (HTTPError, ConnectionError, ValueError, RuntimeError) as error:
        raise DataError(_sentence(error, to)) from None


def _sentence(error: Exception, to: Destination) -> str:
    """Return a message for an error of huggingface_hub."""
    cause: BaseException = error
    if isinstance(error, RuntimeError) and error.__cause__:  # from the upload of a large file
        cause = error.__cause__
    if isinstance(cause, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids any network; unset it and run the command again."
    if isinstance(cause, HfHubHTTPError):
        return _sentence_of_status(cause, to)
    if isinstance(cause, HTTPError | ConnectionError):
        advice = "check the network and run the command again"
        return f"The connection to {HfApi().endpoint} failed ({first_line(cause)}); {advice}."
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
