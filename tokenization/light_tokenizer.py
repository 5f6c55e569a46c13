r"""The ids and word shapes that `GloveLstmTokenizer` gives, without transformers, and many times as fast.

Rust's regular expressions, with the bookkeeping of offsets, take most of the time that a tokenizer needs. Yet in the
pipelines of `pipelines.py` nothing looks across white space: the tokens of a text are those of the pieces between it,
one after the other, whatever stands beside them. So Python splits a text at white space, and a dictionary knows the
tokens and shapes of each piece that was met before, such as "(Reuters)" or "said,". What is not in it yet goes through
Rust and `word_shapes`, and only then into the dictionary. Where the pipeline is an unknown one, each text goes through
Rust as a whole.
"""

import json
import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.tokenization.pipelines import ARTICLE_WORD, article_pipeline, default_pipeline
from glove_lstm.tokenization.spelling import SpellingCorrector
from glove_lstm.tokenization.word_shapes import repair, shapes_of_tokens

# Python's str.split takes these for white space, and Rust does not; on all other characters they agree.
_DISPUTED = "\x1c\x1d\x1e\x1f"
_WHITE = re.compile("[ \t\n\r]+")  # white space for both
_STOP_WORDS = re.compile(r"\\b\(\?!((?:\(\?:|\||\)\??|\w)+)\\b\)\\w\+")  # as `article_pipeline` writes them

_TEXTS = 64  # that are looked up together: numpy's calls are then few, and the lists of pieces small
_MOST_HELD = 1 << 25  # characters of pieces in the dictionary, and 100 for each piece: about 100 MB
_COUNT_BITS = 32  # of a dictionary's entry; above them stands where the tokens of a piece begin
_SHAPE_BITS = 3
_UNLIMITED = 10**20  # transformers writes 1e30 where there is no limit


@dataclass(frozen=True)
class TokenizedText:
    """One text.

    Attributes:
        ids: (n,) token ids.
        shapes: (n,) word shapes, as in `token_type_ids`; zeros where the tokenizer gives none.
    """

    ids: NDArray[np.int64]
    shapes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TokenizedTexts:
    """n texts of m tokens in all, one after the other.

    Attributes:
        ids: (m,) token ids.
        shapes: (m,) word shapes, as in `token_type_ids`; zeros where the tokenizer gives none.
        lengths: (n,) tokens of each text.
    """

    ids: NDArray[np.int64]
    shapes: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def apart(self) -> list[TokenizedText]:
        """Each by itself."""
        ends = np.cumsum(self.lengths)
        pairs = zip((ends - self.lengths).tolist(), ends.tolist(), strict=True)
        return [TokenizedText(self.ids[begin:end], self.shapes[begin:end]) for begin, end in pairs]


class LightTokenizer:
    """Reads what `GloveLstmTokenizer.save_pretrained` wrote, and gives what a call without options gives.

    Args:
        backend: The whole pipeline; its truncation and padding are switched off.
        model_max_length: Tokens that a text is cut to, or None.
        truncation_side: "right" keeps a text's begin, "left" its end.
        token_types: Whether to tell word shapes.
        split_special_tokens: Whether "<pad>" in a text is text.
        correct_spelling: Whether unknown words are corrected.

    Raises:
        ValueError: The tokenizer adds tokens of its own to a text.
    """

    def __init__(
        self,
        backend: Tokenizer,
        *,
        model_max_length: int | None = None,
        truncation_side: str = "right",
        token_types: bool = True,
        split_special_tokens: bool = True,
        correct_spelling: bool = False,
    ) -> None:
        if backend.num_special_tokens_to_add(False):
            raise ValueError("the tokenizer adds special tokens to each text")
        if not isinstance(correct_spelling, bool):
            raise ValueError(f"correct_spelling must be true or false, not {correct_spelling!r}")
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = split_special_tokens
        self.model_max_length = model_max_length
        self.truncation_side = truncation_side
        self.token_types = token_types
        self._backend = backend
        self._corrector = SpellingCorrector(backend) if correct_spelling else None
        self._by_pieces = split_special_tokens and _is_known(backend)
        self._forget()
        self._lock = Lock()  # of the dictionary, and of the pipeline while a corrector is in it

    @classmethod
    def from_folder(cls, folder: Path) -> "LightTokenizer":
        """Load from `tokenizer.json` and `tokenizer_config.json`.

        Raises:
            DataError: One is missing, damaged, or of another kind of tokenizer.
        """
        settings = read_checkpoint_json(folder / "tokenizer_config.json")
        path = folder / "tokenizer.json"
        try:
            backend = Tokenizer.from_buffer(path.read_bytes())
            return cls(
                backend,
                model_max_length=_limit(settings.get("model_max_length")),
                truncation_side=settings.get("truncation_side", "right"),
                token_types="token_type_ids" in settings.get("model_input_names", ()),
                split_special_tokens=settings.get("split_special_tokens", False),
                correct_spelling=settings.get("correct_spelling", False),
            )
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        except Exception as error:  # what the Rust code raises has no type of its own
            raise DataError(f"{path} cannot be used ({error}): get the checkpoint again.") from None

    @classmethod
    def of(cls, tokenizer: Any) -> "LightTokenizer":
        """Of a `GloveLstmTokenizer` in memory.

        Raises:
            DataError: It adds tokens of its own to a text.
        """
        with tokenizer.lock:
            backend = tokenizer.backend_tokenizer.to_str()
        try:
            return cls(
                Tokenizer.from_str(backend),
                model_max_length=_limit(tokenizer.model_max_length),
                truncation_side=tokenizer.truncation_side,
                token_types="token_type_ids" in tokenizer.model_input_names,
                split_special_tokens=tokenizer.split_special_tokens,
                correct_spelling=tokenizer.correct_spelling,
            )
        except ValueError as error:
            raise DataError(f"The tokenizer cannot be used: {error}.") from None

    def state(self) -> dict[str, Any]:
        """All that the tokens of a text depend on, as texts and numbers."""
        with self._lock:
            backend = self._backend.to_str()
        return {
            "backend": backend,
            "model_max_length": self.model_max_length,
            "truncation_side": self.truncation_side,
            "token_types": self.token_types,
            "split_special_tokens": self._backend.encode_special_tokens,
            "correct_spelling": self._corrector is not None,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process goes the pipeline, not what the dictionary has learned."""
        return _from_state, (self.state(),)

    @property
    def vocab_size(self) -> int:
        """Rows that a model's embedding must have."""
        return self._backend.get_vocab_size()

    def __call__(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> list[TokenizedText]:
        """Tokenise n texts; with n second parts, each makes one text with its first.

        Raises:
            ValueError: There are not as many second parts as texts.
        """
        return self.read(texts, text_pairs).apart()

    def read(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> TokenizedTexts:
        """As a call, with the texts in one."""
        parts = list(texts)
        if text_pairs is not None:
            if len(texts) != len(text_pairs):
                raise ValueError(
                    f"{len(texts)} texts, but {len(text_pairs)} second parts: they must be equally many"
                )
            parts = list(chain.from_iterable(zip(texts, text_pairs, strict=True)))
        read = self._read if self._by_pieces else self._read_slowly
        found = [read(parts[start : start + _TEXTS]) for start in range(0, len(parts), _TEXTS)]
        nothing = np.zeros(0, dtype=np.int64)
        packed = np.concatenate([nothing, *(tokens for tokens, _ in found)])
        lengths = np.concatenate([nothing, *(counts for _, counts in found)])
        return self._cut(packed, lengths if text_pairs is None else lengths.reshape(-1, 2).sum(axis=1))

    def _forget(self) -> None:
        # Where a piece's tokens begin in the array, and how many they are, in one number.
        self._known: dict[str, int] = {}
        self._tokens = np.zeros(
            1 << 10, dtype=np.int64
        )  # of all pieces, each with its shape; longer than needed
        self._used = 0  # of the array
        self._held = 0

    def _cut(self, packed: NDArray[np.int64], lengths: NDArray[np.int64]) -> TokenizedTexts:
        longest = self.model_max_length
        if longest is not None and (lengths > longest).any():
            begins = np.cumsum(lengths) - lengths
            kept = np.minimum(lengths, longest)
            packed = packed[
                ranges(begins if self.truncation_side == "right" else begins + lengths - kept, kept)
            ]
            lengths = kept
        shapes = packed & ((1 << _SHAPE_BITS) - 1) if self.token_types else np.zeros_like(packed)
        return TokenizedTexts(packed >> _SHAPE_BITS, shapes, lengths)

    def _read(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All tokens of n texts, each with its shape in one number: (m,), and how many each text has: (n,)."""
        rows = [_pieces(text) for text in texts]
        pieces = list(chain.from_iterable(rows))
        with self._lock:
            try:
                entries = np.fromiter(map(self._known.__getitem__, pieces), np.int64, len(pieces))
            except KeyError:
                self._learn(pieces)
                entries = np.fromiter(map(self._known.__getitem__, pieces), np.int64, len(pieces))
            counts = entries & ((1 << _COUNT_BITS) - 1)
            packed = self._tokens[ranges(entries >> _COUNT_BITS, counts)]
        before = np.concatenate([[0], np.cumsum(counts)])  # tokens before each piece
        return packed, np.diff(before[np.cumsum([0, *map(len, rows)])])

    def _learn(self, pieces: Sequence[str]) -> None:
        """Take pieces into the dictionary that are not in it yet."""
        if self._held > _MOST_HELD:
            self._forget()
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._known]
        packed, begins = self._encode(" ".join(new))
        ends = np.cumsum([len(piece) + 1 for piece in new])
        counts = np.bincount(np.searchsorted(ends, begins, side="right"), minlength=len(new))
        starts = self._used + np.cumsum(counts) - counts
        self._known.update(zip(new, (starts << _COUNT_BITS | counts).tolist(), strict=True))
        used = self._used + len(packed)
        if used > len(self._tokens):
            self._tokens = np.concatenate([self._tokens, np.zeros(used, dtype=np.int64)])
        self._tokens[self._used : used] = packed
        self._used = used
        self._held += int(ends[-1]) + 100 * len(new)

    def _read_slowly(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As `_read`, by Rust alone."""
        with self._lock:
            found = [self._encode(text)[0] for text in texts]
        return np.concatenate(found), np.array([len(packed) for packed in found], dtype=np.int64)

    def _encode(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A text's tokens, each with its shape in one number, and where they begin in it: (m,) each."""
        text = repair(text)
        with self._corrector.attached() if self._corrector else nullcontext():
            encoding = self._backend.encode(text, add_special_tokens=False)
        ids = np.array(encoding.ids, dtype=np.int64)
        offsets = encoding.offsets
        shapes = shapes_of_tokens([text], np.zeros(len(ids), dtype=np.int64), [offsets])
        return ids << _SHAPE_BITS | shapes, np.array([begin for begin, _ in offsets], dtype=np.int64)


def _limit(length: float | None) -> int | None:
    """What transformers' `model_max_length` means."""
    return None if length is None or length > _UNLIMITED else int(length)


def _from_state(state: dict[str, Any]) -> LightTokenizer:
    return LightTokenizer(Tokenizer.from_str(state.pop("backend")), **state)


def _pieces(text: str) -> list[str]:
    """What stands between white space."""
    if any(character in text for character in _DISPUTED):
        return _WHITE.split(text)
    return text.split()


def ranges(begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices begin, begin + 1 ... of n runs of `counts` indices each, one run after the other."""
    ends = np.cumsum(counts)
    return np.repeat(begins - ends + counts, counts) + np.arange(int(ends[-1]) if len(ends) else 0)


def _is_known(backend: Tokenizer) -> bool:
    """Whether the pipeline is one of ours."""
    if backend.normalizer is None or backend.pre_tokenizer is None:
        return False
    normalizer, split = _state(backend.normalizer), _state(backend.pre_tokenizer)
    if any(not token.special for token in backend.get_added_tokens_decoder().values()):
        return False  # they would be looked for in the whole text
    wanted, article = default_pipeline(), article_pipeline(())
    if normalizer == _state(wanted[0]):
        return split == _state(wanted[1])
    if normalizer != _state(article[0]):
        return False
    pattern = split.get("pattern", {}).get("Regex", "")
    behaves_alike = split | {"pattern": None} == _state(article[1]) | {"pattern": None}
    return behaves_alike and (pattern == ARTICLE_WORD or _STOP_WORDS.fullmatch(pattern) is not None)


def _state(part: Any) -> dict[str, Any]:
    return json.loads(part.__getstate__())
