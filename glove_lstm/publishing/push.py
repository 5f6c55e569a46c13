"""Push a folder to the Hugging Face Hub in one commit. `stage.py` writes the folder."""

import logging
from pathlib import Path

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from glove_lstm.checkpoint.names import METRICS_NAME, PLOT_NAMES
from glove_lstm.errors import DataError, shown
from glove_lstm.publishing.stage import SPACE_MODEL, file_sizes

logger = logging.getLogger(__name__)

# What a checkpoint may lack, and would be wrong beside another model: deleted from the repository if this checkpoint
# lacks it. All other files of a push are in every push. A push deletes nothing else.
DELETED_NAMES = (METRICS_NAME, *PLOT_NAMES)


def check_destination(repo_id: str, *, token: str | None = None, login: bool = True) -> None:
    """Check a repository's id and the login without using the network.

    Raises:
        DataError: The id is invalid or lacks its user, or there is no login although one is needed.
    """
    try:
        validate_repo_id(repo_id)
        is_valid = "/" in repo_id
    except HFValidationError:
        is_valid = False
    if not is_valid:
        raise DataError(
            f"{shown(repo_id)} is not a repository id; write it as user/name, of letters, digits, -, _ and single dots."
        )
    if login and not (token or get_token()):
        raise DataError("You are not logged in; run `hf auth login`, or set HF_TOKEN.")


def push_folder(
    folder: Path,
    repo_id: str,
    *,
    repo_type: str = "model",
    private: bool = False,
    branch: str | None = None,
    token: str | None = None,
) -> CommitInfo:
    """Make one commit after which the repository holds the files of a folder.

    The repository is created if it is missing. Of its other files, measures and plots of an earlier model are deleted;
    the log names them. If nothing has changed, no commit is made.

    Args:
        folder: The folder.
        repo_id: The repository, which `check_destination` has accepted.
        repo_type: "model" or "space".
        private: Make a new repository private; an existing public one is refused.
        branch: Created if it is missing; None: main.
        token: None: that of `hf auth login` or HF_TOKEN.

    Raises:
        DataError: The repository is public, and a private one was asked for.
        HfHubHTTPError: The Hub refuses the push. Either the whole commit was made, or none.
    """
    api = HfApi(token=token)
    space_sdk = "static" if repo_type == "space" else None
    api.create_repo(
        repo_id,
        repo_type=repo_type,
        private=private or None,
        exist_ok=True,
        space_sdk=space_sdk,
    )
    if private and not api.repo_info(repo_id, repo_type=repo_type).private:
        advice = "make it private in its settings, or leave out --private"
        raise DataError(f"{repo_id} exists and is public; {advice}.")
    if branch:
        api.create_branch(repo_id, branch=branch, repo_type=repo_type, exist_ok=True)
    head = api.repo_info(repo_id, repo_type=repo_type, revision=branch).sha

    files = file_sizes(folder)
    prefix = f"{SPACE_MODEL}/" if repo_type == "space" else ""
    of_earlier_model = {f"{prefix}{name}" for name in DELETED_NAMES} - files.keys()
    present = api.list_repo_files(repo_id, repo_type=repo_type, revision=head)
    deleted = sorted(of_earlier_model.intersection(present))
    # `upload_folder` would split large folders into several commits if hf_xet is installed.
    commit = api.create_commit(  # makes no empty commit
        repo_id,
        [
            *(CommitOperationAdd(name, folder / name) for name in files),
            *(CommitOperationDelete(name, is_folder=False) for name in deleted),
        ],
        commit_message="Upload with glove-lstm",
        repo_type=repo_type,
        revision=branch,
        # With a parent, the Hub refuses the commit if the repository has changed since it was listed.
        parent_commit=head,
    )
    for name in deleted:
        logger.info("Deleted from %s: %s", repo_id, name)
    return commit


def loading_example(commit: CommitInfo) -> str:
    """Return the address of a repository, and code that loads this commit."""
    repository = commit.repo_url
    if repository.repo_type == "space":
        return f"{repository}\n"
    return (
        f"{repository}\n\nfrom transformers import pipeline\n\n"
        "classify = pipeline(\n"
        f'    "text-classification", model="{repository.repo_id}", revision="{commit.oid}", trust_remote_code=True\n'
        ")\n"
        'classify("A title")\n'
    )
