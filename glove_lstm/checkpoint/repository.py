"""Download files of a model's repository on the Hub."""

from collections.abc import Sequence
from pathlib import Path

from glove_lstm.errors import DataError, first_line


def download_repository(
    kind: str, repo_id: str, revision: str | None, patterns: Sequence[str]
) -> Path:
    """Download files of a repository into the Hub's cache, unless they are there; return the folder of the commit.

    Args:
        kind: What the error calls the repository, such as "model".
        repo_id: The repository.
        revision: Commit, tag or branch; None: main.
        patterns: Names or patterns of the files.

    Raises:
        DataError: There is no such repository, or it cannot be reached.
    """
    from huggingface_hub import snapshot_download  # takes long to import

    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=[*patterns]))
    except Exception as error:
        raise DataError(
            f"The {kind} {repo_id} could not be loaded: there is no such folder, and the Hub says: "
            f"{first_line(error)}; check the name, the revision and the network."
        ) from error
