r"""Token ids and token types as `GloveLstmTokenizer` gives them, without transformers and many times faster.

Rust's regular expressions and its bookkeeping of offsets take most of a tokenizer's time. In the pipelines of
`pipelines.py` nothing looks across white space, so the tokens of a text are those of its pieces between white space,
one after the other. Python splits a text into pieces, such as "(Reuters)" or "said,", and looks their tokens up in a
dictionary; only new pieces go through Rust and `token_type`. With any other pipeline each text goes through Rust as
a whole.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from glove_lstm.data.files import DataError, read_checkpoint_json
from glove_lstm.tokenization.pipelines import ARTICLE_WORD, article_pipeline, default_pipeline
from glove_lstm.tokenization.word_shapes import repair, token_type

# Python's str.split takes these for white space and Rust does not. On all other characters they agree.
_DISPUTED = "\x1c\x1d\x1e\x1f"
_WHITE_SPACE = re.compile("[ \t\n\r]+")  # white space for both
# As `article_pipeline` writes them.
_STOP_WORDS = re.compile(r"\\b\(\?!((?:\(\?:|\||\)\??|\w)+)\\b\)\\w\+")

_BATCH = 128  # texts looked up together: few numpy calls
_CHARACTERS = 1 << 17  # of a batch, about; while it is looked up, other threads wait
_CAPACITY = 1 << 25  # characters of pieces in the dictionary, plus 100 for each piece: about 100 MB
_NEW = -1  # in place of the value of a piece that the dictionary lacks
_COUNT_BITS = 32  # of a dictionary's value: the number of tokens; above them their start
_TYPE_BITS = 9  # of a known token in the array; above them its id
_UNLIMITED = 10**20  # transformers writes 1e30 for no limit

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RaggedTokens:
    """n texts of m tokens in all, one after the other."""

    ids: Integers  # (m,)
    types: Integers  # (m,) `token_type_ids`, or zeros
    lengths: Integers  # (n,) tokens of each text


class LightTokenizer:
    """Tokenizes as a call of the `GloveLstmTokenizer` without options does. Threads may share it.

    Args:
        backend: The pipeline; its truncation and padding are switched off.
        model_max_length: Tokens that a text is truncated to, or None.
        truncation_side: "right" keeps the beginning of a text, "left" its end.
        token_types: Return `token_type_ids`.
        split_special_tokens: "<pad>" in a text is text.

    Raises:
        DataError: The tokenizer adds special tokens to a text.
    """

    def __init__(
        self,
        backend: Tokenizer,
        *,
        model_max_length: int | None = None,
        truncation_side: str = "right",
        token_types: bool = True,
        split_special_tokens: bool = True,
    ) -> None:
        if backend.num_special_tokens_to_add(False):
            raise DataError("The tokenizer adds special tokens to each text; remove them.")
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = split_special_tokens
        self.model_max_length = model_max_length
        self.truncation_side = truncation_side
        self.token_types = token_types
        self._backend = backend
        unknown = backend.token_to_id(getattr(backend.model, "unk_token", None) or "")
        self._unknown = -1 if unknown is None else unknown
        self._by_pieces = split_special_tokens and _splits_at_white_space(backend)
        self._lock = Lock()  # of the dictionary
        self._dictionary = _Dictionary()

    @classmethod
    def from_folder(cls, folder: Path) -> "LightTokenizer":
        """Load from `tokenizer.json` and `tokenizer_config.json`.

        Raises:
            DataError: A file is missing or damaged, or belongs to another kind of tokenizer.
        """
        config = read_checkpoint_json(folder / "tokenizer_config.json")
        path = folder / "tokenizer.json"
        try:
            return cls(Tokenizer.from_buffer(path.read_bytes()), **_options(config.get))
        except DataError:
            raise
        except Exception as error:  # the Rust code raises no type of its own
            raise DataError(f"{path} cannot be used ({error}): get the checkpoint again.") from None

    @classmethod
    def of(cls, tokenizer: Any) -> "LightTokenizer":
        """Copy a `GloveLstmTokenizer`.

        Raises:
            DataError: It adds special tokens to a text.
        """
        with tokenizer.lock:
            backend = tokenizer.backend_tokenizer.to_str()
        options = _options(lambda name, default: getattr(tokenizer, name, default))
        return cls(Tokenizer.from_str(backend), **options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the pipeline without the dictionary, so that a hash does not change with use."""
        options: dict[str, Any] = {
            "model_max_length": self.model_max_length,
            "truncation_side": self.truncation_side,
            "token_types": self.token_types,
            "split_special_tokens": self._backend.encode_special_tokens,
        }
        return partial(LightTokenizer, **options), (Tokenizer.from_str(self._backend.to_str()),)

    @property
    def vocab_size(self) -> int:
        """Rows that a model's embedding must have."""
        return self._backend.get_vocab_size()

    def read(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> RaggedTokens:
        """Tokenize n texts, or n pairs as if each were one text.

        Raises:
            ValueError: There are not as many second parts as texts.
        """
        parts = list(texts)
        if text_pairs is not None:
            parts = list(chain.from_iterable(zip(texts, text_pairs, strict=True)))
        read = self._look_up if self._by_pieces else self._encode_each
        mean = sum(map(len, parts)) // max(1, len(parts))
        size = max(1, min(_BATCH, _CHARACTERS // (mean + 1)))
        batches = [read(parts[start : start + size]) for start in range(0, len(parts), size)]
        empty = np.zeros(0, dtype=np.int64)
        tokens = np.concatenate([empty, *(tokens for tokens, _ in batches)])
        lengths = np.concatenate([empty, *(counts for _, counts in batches)])
        if text_pairs is not None:
            lengths = lengths.reshape(-1, 2).sum(axis=1)
        longest = self.model_max_length
        if longest is not None and (lengths > longest).any():
            kept = np.minimum(lengths, longest)
            begins = np.cumsum(lengths) - (lengths if self.truncation_side == "right" else kept)
            tokens, lengths = tokens[ranges(begins, kept)], kept
        unknown = tokens < 0
        ids = np.where(unknown, self._unknown, tokens >> _TYPE_BITS)
        types = np.where(unknown, ~tokens, tokens & ((1 << _TYPE_BITS) - 1))
        return RaggedTokens(ids, types, lengths)

    def _look_up(self, texts: Sequence[str]) -> tuple[Integers, Integers]:
        """Return all tokens of n texts, (m,), and how many each text has, (n,)."""
        rows = [_pieces(text) for text in texts]
        pieces = list(chain.from_iterable(rows))
        with self._lock:
            if self._dictionary.size > _CAPACITY:
                self._dictionary = _Dictionary()
            dictionary = self._dictionary
        entries = map(dictionary.known.__getitem__, pieces)  # faster than `get`
        values = np.fromiter(entries, np.int64, len(pieces))
        places = np.flatnonzero(values == _NEW)
        if len(places):
            new = [pieces[place] for place in places]
            self._learn(list(dict.fromkeys(new)), dictionary)
            values[places] = [dictionary.known[piece] for piece in new]
        counts = values & ((1 << _COUNT_BITS) - 1)
        tokens = dictionary.tokens[ranges(values >> _COUNT_BITS, counts)]
        before = np.concatenate([[0], np.cumsum(counts)])  # tokens before each piece
        return tokens, np.diff(before[np.cumsum([0, *map(len, rows)])])

    def _learn(self, new: Sequence[str], dictionary: "_Dictionary") -> None:
        """Add new pieces to the dictionary; hold the lock only to store them."""
        tokens, begins = self._encode(" ".join(new))
        ends = np.cumsum([len(piece) + 1 for piece in new])
        counts = np.bincount(np.searchsorted(ends, begins, side="right"), minlength=len(new))
        with self._lock:
            starts = dictionary.used + np.cumsum(counts) - counts
            used = dictionary.used + len(tokens)
            if used > len(dictionary.tokens):
                grown = [dictionary.tokens, np.zeros(used, dtype=np.int64)]
                dictionary.tokens = np.concatenate(grown)
            dictionary.tokens[dictionary.used : used] = tokens
            dictionary.used = used
            dictionary.size += sum(map(len, new), 100 * len(new))
            # Last, because other threads read without the lock.
            values = starts << _COUNT_BITS | counts
            dictionary.known.update(zip(new, values.tolist(), strict=True))

    def _encode_each(self, texts: Sequence[str]) -> tuple[Integers, Integers]:
        """As `_look_up`, by Rust alone."""
        rows = [self._encode(text)[0] for text in texts]
        return np.concatenate(rows), np.array([len(tokens) for tokens in rows], dtype=np.int64)

    def _encode(self, text: str) -> tuple[Integers, Integers]:
        """Return a text's tokens and where each begins in it: (m,) each.

        A known token is its id and its type in one number, an unknown one the complement of its type, which is long.
        """
        text = repair(text)
        # `encode` holds the GIL; `encode_batch` releases it.
        [encoding] = self._backend.encode_batch([text], add_special_tokens=False)
        tokens = []
        for row, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True):
            unknown = row == self._unknown
            kind = token_type(text[begin:end], unknown) if self.token_types else 0
            tokens.append(~kind if unknown else row << _TYPE_BITS | kind)
        begins = [begin for begin, _ in encoding.offsets]
        return np.array(tokens, dtype=np.int64), np.array(begins, dtype=np.int64)


class _Known(dict[str, int]):
    def __missing__(self, _: str) -> int:
        return _NEW


@dataclass(eq=False)
class _Dictionary:
    """Pieces that were read before, and their tokens."""

    known: _Known = field(default_factory=_Known)  # piece -> start and number of its tokens
    # Tokens as `_encode` returns them, then free space.
    tokens: Integers = field(default_factory=lambda: np.zeros(1 << 10, dtype=np.int64))
    used: int = 0  # tokens in the array
    size: int = 0  # compared with _CAPACITY


def ranges(begins: Integers, counts: Integers) -> Integers:
    """Return the indices begin, begin + 1, ... of n runs of `counts` indices each, one run after the other."""
    ends = np.cumsum(counts)
    return np.repeat(begins - ends + counts, counts) + np.arange(int(ends[-1]) if len(ends) else 0)


def _options(get: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return the arguments of `LightTokenizer` from the settings of the other tokenizer."""
    limit = get("model_max_length", None)
    return {
        "model_max_length": None if limit is None or limit > _UNLIMITED else int(limit),
        "truncation_side": get("truncation_side", "right"),
        "token_types": "token_type_ids" in get("model_input_names", ()),
        "split_special_tokens": get("split_special_tokens", False),
    }


def _pieces(text: str) -> list[str]:
    if any(character in text for character in _DISPUTED):
        return _WHITE_SPACE.split(text)
    return text.split()


def _splits_at_white_space(backend: Tokenizer) -> bool:
    """Whether the pipeline is one of `pipelines.py`, and so treats each piece alone."""
    if any(not token.special for token in backend.get_added_tokens_decoder().values()):
        return False  # added tokens may contain white space
    if backend.normalizer is None or backend.pre_tokenizer is None:
        return False
    normalizer, split = _states((backend.normalizer, backend.pre_tokenizer))
    if _STOP_WORDS.fullmatch(split.get("pattern", {}).get("Regex", "")):
        split["pattern"]["Regex"] = ARTICLE_WORD
    return [normalizer, split] in (_states(default_pipeline()), _states(article_pipeline(())))


def _states(pipeline: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [json.loads(part.__getstate__()) for part in pipeline]
