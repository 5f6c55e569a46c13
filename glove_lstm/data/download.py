"""Download a file once: resumed after an interruption, verified before use, safe with several processes."""

import hashlib
import logging
import os
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from filelock import FileLock
from tqdm.auto import tqdm

from glove_lstm.data.files import looks_like_html
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt; doubles from then on


class _CutError(Exception):
    """The transfer ended early, and can be resumed."""


def git_blob_id(path: Path) -> str:
    """Return the id that git gives to the file's content: SHA-1 of a header with the size, then the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: digest).hexdigest()


def cache_folder() -> Path:
    """Return the folder `$GLOVE_LSTM_CACHE`, or without it `~/.cache/glove_lstm`."""
    folder = Path(os.environ.get("GLOVE_LSTM_CACHE") or "~/.cache/glove_lstm")
    return folder.expanduser()


def download(
    url: str, *, sha256: str | None = None, blob_id: str | None = None, size: int = 0
) -> Path:
    """Return the local path of the file at `url`; download it unless a valid copy is cached.

    The file is written under another name, verified and renamed, under a lock. With a hash, a partial download
    is resumed by HTTP Range, also by a later process.

    Args:
        url: An http or https address.
        sha256: The expected SHA-256 in hex.
        blob_id: The expected git blob id in hex, for files without a published SHA-256.
        size: The published size in bytes, for files without a published hash; it is rounded, so a tenth more or
            less is accepted. 0: unknown.

    Returns:
        The path `downloads/<first digits of the expected hash, or of the URL's>-<file name>` in `$GLOVE_LSTM_CACHE`, or
        without it in `~/.cache/glove_lstm`.

    Raises:
        DataError: The server cannot be reached or refuses, the body is too short, or the hash or size differs.
    """
    name = Path(unquote(urlsplit(url).path)).name or "download"
    key = sha256 or blob_id or hashlib.sha256(url.encode()).hexdigest()
    final = cache_folder() / "downloads" / f"{key[:16]}-{name}"
    part = final.with_name(final.name + ".part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{final}.lock"):
            if final.exists():
                problem = _problem(final, sha256, blob_id, size)
                if not problem:
                    return final
                logger.warning("The cached %s %s; downloading it again.", final, problem)
            resumable = bool(sha256 or blob_id)
            # A kill between the last byte and the rename leaves a part that is complete.
            if not (resumable and part.exists() and not _problem(part, sha256, blob_id, size)):
                _fetch(url, part, resumable=resumable)
            if problem := _problem(part, sha256, blob_id, size):
                page = " (it is an HTML page)" if looks_like_html(part) else ""
                part.unlink()
                raise DataError(
                    f"What {url} sent {problem}{page}; nothing was kept, so check the address or run again."
                )
            part.replace(final)
    except OSError as error:  # disk errors; `_fetch` handles network errors
        raise DataError(
            f"{url} could not be stored as {final}: {error}; free space or set GLOVE_LSTM_CACHE."
        ) from error
    return final


def _fetch(url: str, part: Path, *, resumable: bool) -> None:
    """Fill `part` in up to `ATTEMPTS` transfers."""
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        if not resumable:
            part.unlink(missing_ok=True)
        try:
            return _transfer(url, part)
        except _CutError as error:
            problem = str(error)
            logger.info("Attempt %d of %d for %s: %s.", attempt + 1, ATTEMPTS, url, problem)
        except requests.RequestException as error:
            problem = f"no connection ({type(error).__name__})"
            if not attempt:  # waiting would not help
                break
    hint = "run again to resume" if resumable else "run again"
    raise DataError(f"{url} could not be downloaded: {problem}; check the network and {hint}.")


def _transfer(url: str, part: Path) -> None:
    """Make one request, and append the missing bytes to `part`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status = f"{response.status_code} {response.reason}"
        if response.status_code == 416:  # the part is as long as the file or longer
            part.unlink()
            raise _CutError("the server has nothing after the part that was kept")
        if response.status_code >= 500:
            raise _CutError(f"the server answered {status}")
        if response.status_code >= 400:
            raise DataError(f"{url} answered {status}; check the address.")
        if response.status_code != 206:  # the whole file
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = tqdm(desc=Path(url).name, total=total, initial=have, unit="B", unit_scale=True)
        with part.open("ab" if have else "wb") as file, bar:
            try:
                for chunk in response.iter_content(1 << 16):
                    have += file.write(chunk)
                    bar.update(len(chunk))
            except requests.RequestException as error:
                raise _CutError(f"the connection was cut after {have:,} bytes") from error
    if total is not None and have != total:
        raise _CutError(f"the body ended after {have:,} of {total:,} bytes")


def _problem(path: Path, sha256: str | None, blob_id: str | None, size: int) -> str:
    """Return the difference from the expected size or hash, or an empty string."""
    if size and not 0.9 * size <= (actual_size := path.stat().st_size) <= 1.1 * size:
        return f"has {actual_size:,} bytes instead of about {size:,}"
    if blob_id and (actual := git_blob_id(path)) != blob_id:
        return f"has the git blob id {actual} instead of {blob_id}"
    with path.open("rb") as file:
        if sha256 and (actual := hashlib.file_digest(file, "sha256").hexdigest()) != sha256:
            return f"has the SHA-256 {actual} instead of {sha256}"
    return ""
