"""Push a folder to the Hugging Face Hub in one commit. `stage.py` writes the folder."""

import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token

from glove_lstm.checkpoint.names import METRICS_NAME, PLOT_NAMES
from glove_lstm.errors import DataError, shown
from glove_lstm.publishing.stage import SPACE_MODEL, file_sizes, stage_checkpoint

logger = logging.getLogger(__name__)

# What a checkpoint may lack, and would be wrong beside another model: deleted from the repository if this checkpoint
# lacks it. All other files of a push are in every push. A push deletes nothing else.
DELETED_NAMES = (METRICS_NAME, *PLOT_NAMES)


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
        DataError: The name lacks its user, or there is no login although one is needed.
    """
    if to.repo_id.count("/") != 1:
        raise DataError(f"{shown(to.repo_id)} is not a repository id; write it as user/name.")
    if login and not (to.token or get_token()):
        raise DataError("You are not logged in; run `hf auth login`, or set HF_TOKEN.")


def push_checkpoint(checkpoint: Path, to: Destination) -> CommitInfo:
    """Stage a checkpoint, and send it to a destination that has been checked; see `push_folder`.

    Raises:
        DataError: A file of the checkpoint is missing or damaged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "staged"
        stage_checkpoint(checkpoint, staged, to.repo_id)
        return push_folder(staged, to)


def push_folder(folder: Path, to: Destination) -> CommitInfo:
    """Make one commit after which the repository holds the files of a folder.

    The repository is created if it is missing. Of its other files, measures and plots of an earlier model are deleted;
    the log names them. If nothing has changed, no commit is made.

    Args:
        folder: The folder.
        to: A destination that `check_destination` has accepted.

    Raises:
        DataError: The repository is public, and a private one was asked for.
        HfHubHTTPError: The Hub refuses the push. Either the whole commit was made, or none.
    """
    api = HfApi(token=to.token)
    space_sdk = "static" if to.repo_type == "space" else None
    api.create_repo(
        to.repo_id,
        repo_type=to.repo_type,
        private=to.private or None,
        exist_ok=True,
        space_sdk=space_sdk,
    )
    if to.private and not api.repo_info(to.repo_id, repo_type=to.repo_type).private:
        advice = "make it private in its settings, or leave out --private"
        raise DataError(f"{to.repo_id} exists and is public; {advice}.")
    if to.branch:
        api.create_branch(to.repo_id, branch=to.branch, repo_type=to.repo_type, exist_ok=True)
    head = api.repo_info(to.repo_id, repo_type=to.repo_type, revision=to.branch).sha

    files = file_sizes(folder)
    prefix = f"{SPACE_MODEL}/" if to.repo_type == "space" else ""
    of_earlier_model = {f"{prefix}{name}" for name in DELETED_NAMES} - files.keys()
    present = api.list_repo_files(to.repo_id, repo_type=to.repo_type, revision=head)
    deleted = sorted(of_earlier_model.intersection(present))
    # `upload_folder` would split large folders into several commits if hf_xet is installed.
    commit = api.create_commit(  # makes no empty commit
        to.repo_id,
        [
            *(CommitOperationAdd(name, folder / name) for name in files),
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
