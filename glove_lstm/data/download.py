"""Download a file once: resumed after a cut, verified before it gets its name, safe for two processes."""

import hashlib
import logging
import os
import re
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from filelock import FileLock
from tqdm.auto import tqdm

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import looks_like_html

logger = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt; doubles from then on
_CHUNK = 1 << 16  # bytes; what a cut can lose
_GIB = 1 << 30


class _CutError(Exception):
    """The transfer ended early; what came is kept and the next attempt goes on from there."""


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return `cache_dir`, else `$GLOVE_LSTM_CACHE`, else `~/.cache/glove_lstm`."""
    return Path(cache_dir or os.environ.get("GLOVE_LSTM_CACHE") or "~/.cache/glove_lstm").expanduser()


def git_blob_id(path: Path) -> str:
    """Return the id that git gives to the file's content: SHA-1 of a header with the size, then the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return _digest(path, digest)


def download(
    url: str,
    *,
    sha256: str | None = None,
    blob_id: str | None = None,
    size: int | None = None,
    max_bytes: int = 2 * _GIB,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Path:
    """Return the local path of what `url` serves, downloading it unless a good copy is cached.

    A bar on standard error shows how far it is (`TQDM_DISABLE=1`: none).
    The file is written beside its final name, verified, then renamed, all under a lock. With a hash to check
    the result against, a partial download is resumed by HTTP Range, in this process and in later ones.

    Args:
        url: An http or https address.
        sha256: The expected SHA-256 in hex.
        blob_id: The expected git blob id in hex, for files whose SHA-256 nobody published.
        size: The expected size in bytes.
        max_bytes: Refuse anything larger, in bytes, and stop reading there: a server may announce no size, or lie.
        cache_dir: The folder to cache under; see `cache_folder`.

    Returns:
        The path `<cache>/downloads/<first digits of the expected hash, or of the URL's>-<file name>`.

    Raises:
        DataError: If the server cannot be reached or refuses, the body is short or too long, or the hash
            differs.
    """
    name = Path(unquote(urlsplit(url).path)).name or "download"
    key = sha256 or blob_id or hashlib.sha256(url.encode()).hexdigest()
    final = cache_folder(cache_dir) / "downloads" / f"{key[:16]}-{name}"
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
            if not resumable:
                part.unlink(missing_ok=True)
            resumed = part.exists()
            _fetch(url, part, size, max_bytes, resumable)
            problem = _problem(part, sha256, blob_id, size)
            if problem and resumed:  # the beginning may be another version's, so once more from nothing
                part.unlink()
                _fetch(url, part, size, max_bytes, resumable)
                problem = _problem(part, sha256, blob_id, size)
            if problem:
                page = " (it is an HTML page)" if looks_like_html(part) else ""
                part.unlink()
                raise DataError(
                    f"What {url} sent {problem}{page}; nothing was kept, so check the address or retry later."
                )
            part.replace(final)
    except OSError as error:  # a full disk, a read-only folder; requests' own errors never get here
        raise DataError(
            f"{url} could not be stored as {final}: {error}; free space or set GLOVE_LSTM_CACHE."
        ) from error
    return final


def _fetch(url: str, part: Path, size: int | None, max_bytes: int, resumable: bool) -> None:
    """Fill `part` in up to `ATTEMPTS` transfers."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        if not resumable:
            part.unlink(missing_ok=True)
        try:
            return _transfer(url, part, size, max_bytes)
        except _CutError as cut:
            logger.info("Attempt %d of %d for %s: %s.", attempt + 1, ATTEMPTS, url, cut)
            last = cut
        except requests.RequestException as error:
            last = _CutError(f"no connection ({type(error).__name__})")
            if not attempt:  # nothing was reached, not even once, so waiting would not help
                break
    hint = "run again to resume" if resumable else "run again"
    raise DataError(f"{url} could not be downloaded: {last}; check the network and {hint}.")


def _transfer(url: str, part: Path, size: int | None, max_bytes: int) -> None:
    """Make one request that appends to `part` what is missing."""
    have = part.stat().st_size if part.exists() else 0
    if size is not None and have == size:
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # the part is as long as the file or longer
            part.unlink()
            raise _CutError("the server has nothing after the part that was kept")
        if response.status_code >= 500:
            raise _CutError(f"the server answered {response.status_code} {response.reason}")
        if response.status_code >= 400:
            raise DataError(f"{url} answered {response.status_code} {response.reason}; check the address.")
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if response.status_code == 206 and resumes else 0
        total = _announced(response, have, url, size)
        most = max_bytes if size is None else min(size, max_bytes)
        with (
            part.open("ab" if have else "wb") as file,
            _bar(part.stem.partition("-")[2], total, have) as bar,
        ):
            try:
                for chunk in response.iter_content(_CHUNK):
                    have += len(chunk)
                    if max(have, total or 0) > most:
                        break
                    file.write(chunk)
                    bar.update(len(chunk))
            except requests.RequestException as error:
                raise _CutError(f"the connection was cut after {have:,} bytes") from error
    if max(have, total or 0) > most:
        part.unlink()
        raise DataError(f"{url} sends more than the {most:,} bytes allowed; check the address.")
    if total is not None and have != total:
        raise _CutError(f"the body ended after {have:,} of {total:,} bytes")


def _announced(response: requests.Response, have: int, url: str, size: int | None) -> int | None:
    """The size of the whole file in bytes, where what the server says of it is a number."""
    length = response.headers.get("Content-Length", "")
    if not re.fullmatch(r"[0-9]{1,15}", length):
        return None
    total = have + int(length)
    if size is not None and total != size:
        raise DataError(
            f"{url} offers {total:,} bytes instead of {size:,}; the file was changed, check the address."
        )
    return total


def _bar(name: str, total: int | None, initial: int) -> "tqdm[None]":
    return tqdm(
        desc=name,
        total=total,
        initial=initial,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
    )


def _problem(path: Path, sha256: str | None, blob_id: str | None, size: int | None) -> str:
    """Say what is wrong with the file, or return an empty string."""
    found = path.stat().st_size
    if size is not None and found != size:
        return f"has {found:,} bytes instead of {size:,}"
    for kind, want in (("SHA-256", sha256), ("git blob id", blob_id)):
        if want:
            got = _digest(path, hashlib.sha256()) if kind == "SHA-256" else git_blob_id(path)
            if got != want.lower():
                return f"has the {kind} {got} instead of {want}"
    return ""


def _digest(path: Path, digest: "hashlib._Hash") -> str:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
