"""Download a file once, and verify it before it is used."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zipfile import is_zipfile

import pooch
from filelock import FileLock

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import cache_folder
from glove_lstm.progress import progress

_CHUNK = 1 << 20  # bytes written at a time; pooch's default of 1,024 is slow

pooch.get_logger().setLevel("WARNING")  # it would print each download


def download(url: str, *, sha256: str | None = None) -> Path:
    """Return the local path of the file at `url`; download it unless a valid copy is cached.

    The file appears in the cache when it is complete and verified. Several processes download it once. A transfer that
    is cut is not resumed: the next call begins anew.

    Args:
        url: An http or https address.
        sha256: The expected SHA-256 in hex.

    Returns:
        The path `downloads/<first digits of the expected hash, or of the URL's>-<file name>` in `cache_folder()`.

    Raises:
        DataError: The server cannot be reached or refuses; what it sends is cut, has another hash, or is no zip
            archive although it is named .zip; or the file cannot be stored.
    """
    name = Path(unquote(urlsplit(url).path)).name or "download"
    version = sha256 or hashlib.sha256(url.encode()).hexdigest()
    path = cache_folder() / "downloads" / f"{version[:16]}-{name}"

    def fetch(address: str, part: str, caller: Any) -> None:
        """Download to a temporary file, and check what pooch does not know."""
        downloaded = Path(part)
        downloaded.unlink()  # only its owner may read it; written anew, it has the usual permissions
        # pooch sets the total; a bar without one has no truth value.
        with progress(f"Downloading {name}", total=1, unit="B") as bar:
            bar.delay = 0  # pooch resets the bar at the end, which would hide it again
            pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK)(address, part, caller)
        if name.endswith(".zip") and not is_zipfile(part):
            raise ValueError("it is no complete zip archive")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            pooch.retrieve(url, sha256, path.name, path.parent, downloader=fetch)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        reason, *_ = first_line(error).split(": expected")  # two long hashes follow
        raise DataError(
            f"{url} could not be downloaded: {reason}; check the address, the network and the folder "
            f"{path.parent}, which GLOVE_LSTM_CACHE sets."
        ) from error
    return path
