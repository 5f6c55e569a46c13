"""Download a file once, and verify it before it is used."""

import hashlib
import logging
import os
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import FileLock
from huggingface_hub.file_download import http_get

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import looks_like_html, whole_file

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder `$GLOVE_LSTM_CACHE`, or without it `~/.cache/glove_lstm`."""
    folder = Path(os.environ.get("GLOVE_LSTM_CACHE") or "~/.cache/glove_lstm")
    return folder.expanduser()


def download(url: str, *, sha256: str | None = None, blob_id: str | None = None) -> Path:
    """Return the local path of the file at `url`; download it unless a valid copy is cached.

    The file appears in the cache when it is complete and verified. Several processes download it once. Recent versions
    of huggingface_hub resume a transfer that is cut; a later call begins anew.

    Args:
        url: An http or https address.
        sha256: The expected SHA-256 in hex.
        blob_id: The expected git blob id in hex, for files without a published SHA-256.

    Returns:
        The path `downloads/<first digits of the expected hash, or of the URL's>-<file name>` in `cache_folder()`.

    Raises:
        DataError: The server cannot be reached or refuses; or what it sends is cut, has another hash, or is no zip
            archive although it is named .zip.
    """
    name = Path(unquote(urlsplit(url).path)).name or "download"
    version = sha256 or blob_id or hashlib.sha256(url.encode()).hexdigest()
    path = cache_folder() / "downloads" / f"{version[:16]}-{name}"
    is_zip = name.endswith(".zip")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if path.exists():
                problem = _find_problem(path, sha256, blob_id, is_zip)
                if not problem:
                    return path
                logger.warning("The cached %s %s; downloading it again.", path, problem)
            with whole_file(path) as part:
                _fetch(url, part)
                problem = _find_problem(part, sha256, blob_id, is_zip)
                if problem:
                    raise DataError(
                        f"The file from {url} {problem}; nothing was kept, so check the address or run again."
                    )
    except OSError as error:
        raise DataError(
            f"{url} could not be stored as {path}: {error}; free space or set GLOVE_LSTM_CACHE."
        ) from error
    return path


def _fetch(url: str, part: Path) -> None:
    with part.open("wb") as file:
        try:
            http_get(url, file)
        except Exception as error:  # of several HTTP libraries, by the version of huggingface_hub
            raise DataError(
                f"{url} could not be downloaded: {first_line(error)}; check the network and run again."
            ) from error


def _find_problem(path: Path, sha256: str | None, blob_id: str | None, is_zip: bool) -> str:
    """Return what is wrong with a file, or an empty string. Without a known hash, only a zip archive is checked."""
    problem = ""
    if blob_id:
        actual = git_blob_id(path)
        if actual != blob_id:
            problem = f"has the git blob id {actual} instead of {blob_id}"
    elif sha256:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != sha256:
            problem = f"has the SHA-256 {actual} instead of {sha256}"
    elif is_zip and not zipfile.is_zipfile(path):
        problem = "is no complete zip archive"
    if problem and looks_like_html(path):
        problem += " (it is an HTML page)"
    return problem


def git_blob_id(path: Path) -> str:
    """Return the id that git gives to the file's content: SHA-1 of a header with the size, then the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        # file_digest accepts any callable that returns a hash object: here the one that has read the header.
        return hashlib.file_digest(file, lambda: digest).hexdigest()
