"""Paths, and opening files, with errors that name the file. No heavy imports."""

import glob
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glove_lstm.errors import DataError
from glove_lstm.tokenization.word_shapes import replace_surrogates

FilePath = str | os.PathLike[str]

_HUB_CACHE = re.compile(r"/models--([^/]+)--([^/]+)/snapshots/\w+$")


def cache_folder() -> Path:
    """Return the folder `$GLOVE_LSTM_CACHE`, or without it `~/.cache/glove_lstm`."""
    return user_path(os.environ.get("GLOVE_LSTM_CACHE") or "~/.cache/glove_lstm")


def package_resource(name: str) -> Path:
    """Return the path of a file or folder that is in the package in a wheel, and beside it in a clone."""
    package = Path(__file__).resolve().parent
    inside = package / name
    return inside if inside.exists() else package.parent / name


def user_path(path: FilePath) -> Path:
    """Expand a leading ~, but keep a name such as ~$data.csv, which `Path.expanduser` refuses."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def is_glob(pattern: FilePath) -> bool:
    """Return whether a path is a pattern; a file may have a bracket in its name."""
    return glob.has_magic(str(pattern)) and not user_path(pattern).exists()


def expand_globs(patterns: FilePath | Iterable[FilePath]) -> list[Path]:
    """Return paths, each once, with the files of globs in the order of their names; `**` matches folders.

    Raises:
        DataError: No file matches a glob.
    """
    paths: dict[Path, Path] = {}  # whole path -> path as it is given, in their order
    for pattern in [patterns] if isinstance(patterns, str | os.PathLike) else patterns:
        path = user_path(pattern)
        if not is_glob(pattern):
            paths.setdefault(path.resolve(), path)
            continue
        # Path.glob takes no absolute pattern.
        names = glob.iglob(str(path), recursive=True)  # noqa: PTH207
        files = sorted(file for file in map(Path, names) if file.is_file())
        if not files:
            raise DataError(f"No file matches {pattern}; check the path.")
        for file in files:
            paths.setdefault(file.resolve(), file)
    return list(paths.values())


def without_folders(name: str) -> str:
    """Keep this machine's folders private: return a path's last part, and for the Hub's cache the repository.

    A name that is no path comes back as it is.
    """
    path = user_path(name)
    in_hub_cache = _HUB_CACHE.search(path.absolute().as_posix())
    if in_hub_cache:
        user, repository = in_hub_cache.groups()
        return f"{user}/{repository}"
    if not path.exists():
        return name
    return replace_surrogates(path.name or path.resolve().name)


def check_is_no_file(path: Path) -> None:
    """Raise a DataError if `path` is a file."""
    if path.is_file():
        raise DataError(f"{path} is a file; give a folder.")


def check_writable(folder: Path) -> None:
    """Raise a DataError if no files can be written into a folder or, if it is still to be made, into its parent."""
    folder = folder.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise DataError(f"{existing} is a file; give another output folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise DataError(f"{existing} cannot be written; give another output folder.")


def check_file(path: Path) -> None:
    """Raise a DataError unless `path` is a file."""
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise DataError(f"{path} {problem}; check the path.")


def check_revision(name: str | Path, revision: str | None) -> None:
    """Raise a DataError if a revision is given for a folder, which has none."""
    if revision is not None and Path(name).is_dir():
        raise DataError(f"{name} is a folder, which has no revision {revision!r}; leave it out.")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; about 10 ms for 14 MB."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_words(words: Sequence[str], size: int) -> bytes:
    """Return a hash of words, joined by a space, of `size` bytes; lone surrogates may be among them."""
    content = " ".join(words).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=size).digest()


def read_checkpoint_json(path: Path) -> dict[str, Any]:
    """Read a file of a checkpoint that holds a JSON object; see `read_json_object`."""
    return read_json_object(path, "get the checkpoint again")


def read_json_object(path: Path, advice: str) -> dict[str, Any]:
    """Read a file that holds one JSON object; the advice ends the message of a DataError."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): {advice}.") from None
    except (RecursionError, ValueError) as error:
        raise DataError(f"{path} is not valid JSON ({error}): {advice}.") from None
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object: {advice}.")
    return value


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it replaces `path` when the block ends, and is removed if the block raises."""
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not path.is_file():  # a device or a pipe
        yield path
        return
    path = path.resolve()  # a link stays, and its target is replaced
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
