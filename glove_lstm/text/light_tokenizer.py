"""Token ids and token types as `GloveLstmTokenizer` gives them, without transformers and many times faster.

Texts of the default pipeline are encoded by `VectorEncoder`, with numpy. Short texts, and all texts of other pipelines,
go through the Rust tokenizer, which spends most of its time on regular expressions and offsets.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from glove_lstm.errors import DataError, counted, first_line
from glove_lstm.files import read_checkpoint_json
from glove_lstm.text.pipelines import default_pipeline
from glove_lstm.text.tokens import Integers, Tokens
from glove_lstm.text.vector_encoder import VectorEncoder
from glove_lstm.tokenization.word_shapes import (
    INVISIBLE,
    JOINERS,
    replace_surrogates,
    surface_end,
    token_type,
)
from glove_lstm.unicode_scripts import COMBINING, SPACELESS

# Characters from which numpy is faster than Rust; it takes as long for one word as for a hundred.
_FEWEST_FOR_NUMPY = 300
# A place where a text may be cut: between two characters of scripts without spaces, or after white space.
_BETWEEN_CHARACTERS = re.compile(rf"[{SPACELESS}](?=[{SPACELESS}])(?![{COMBINING}])")
_BETWEEN_WORDS = re.compile(rf"[ \n]|{_BETWEEN_CHARACTERS.pattern}")
# Characters that nearly always hold more than one token, in scripts without spaces and in others; and where to cut.
_CUTS = ((2, _BETWEEN_CHARACTERS), (16, _BETWEEN_WORDS))
_CUT_WITHIN = 100  # characters
_URL_SIGN = re.compile("://|ww[.]", re.IGNORECASE)
_UNLIMITED = 10**20  # transformers writes 1e30 for no limit
# Attributes of a `GloveLstmTokenizer`, and names in its tokenizer_config.json.
_SETTINGS = ("model_max_length", "truncation_side", "model_input_names", "split_special_tokens")


class LightTokenizer:
    """Tokenizes as a call of the `GloveLstmTokenizer` without options does. Threads may share it.

    Args:
        backend: The pipeline; its truncation and padding are switched off.
        settings: `_SETTINGS` of a `GloveLstmTokenizer`; they may be missing.

    Attributes:
        model_max_length: Tokens that a text is truncated to, or None.
        truncation_side: "right" keeps the beginning of a text, "left" its end.
        token_types: Whether it returns `token_type_ids`.
        truncated_texts: Number of texts that have been truncated so far.

    Raises:
        DataError: The tokenizer adds special tokens to a text, or lacks the token of unknown words.
        ValueError: `model_max_length` is not a whole number of at least 1.
    """

    def __init__(self, backend: Tokenizer, settings: Mapping[str, Any]) -> None:
        if backend.num_special_tokens_to_add(False):
            raise DataError("The tokenizer adds special tokens to each text; remove them.")
        backend.no_padding()
        backend.no_truncation()
        # If they are split, "<pad>" in a text is text.
        splits_special_tokens = settings.get("split_special_tokens", False)
        backend.encode_special_tokens = splits_special_tokens
        self.model_max_length = _limit(settings.get("model_max_length"))
        self.truncation_side = settings.get("truncation_side", "right")
        self.token_types = "token_type_ids" in settings.get("model_input_names", ())
        self.truncated_texts = 0
        self._lock = Lock()
        self._backend = backend
        unknown_token = getattr(backend.model, "unk_token", None) or ""
        unknown = backend.token_to_id(unknown_token)
        if unknown is None:
            raise DataError(
                f"The tokenizer's unknown token {unknown_token!r} is not in its vocabulary; add it."
            )
        self._unknown = unknown
        self._uses_numpy = splits_special_tokens and _is_default(backend)

    @classmethod
    def from_folder(cls, folder: Path) -> "LightTokenizer":
        """Load from `tokenizer.json` and `tokenizer_config.json`.

        Raises:
            DataError: A file is missing or damaged, or belongs to another kind of tokenizer.
        """
        config = read_checkpoint_json(folder / "tokenizer_config.json")
        path = folder / "tokenizer.json"
        try:
            return cls(Tokenizer.from_buffer(path.read_bytes()), config)
        except Exception as error:  # the Rust code raises no type of its own
            problem = f"{path} cannot be used ({first_line(error)})"
            raise DataError(f"{problem}: get the checkpoint again.") from None

    @classmethod
    def of(cls, tokenizer: Any) -> "LightTokenizer":
        """Copy a `GloveLstmTokenizer`.

        Raises:
            DataError: It adds special tokens to a text.
        """
        with tokenizer.lock:
            backend = tokenizer.backend_tokenizer.to_str()
        settings = {name: getattr(tokenizer, name) for name in _SETTINGS}
        return cls(Tokenizer.from_str(backend), settings)

    @cached_property
    def _vector_encoder(self) -> VectorEncoder:
        """Made when it is needed, so that the first label of a short text does not wait for it."""
        return VectorEncoder(self._backend.get_vocab(), self._unknown, self._encode_pieces)

    @property
    def vocab_size(self) -> int:
        """Rows that a model's embedding must have."""
        return self._backend.get_vocab_size()

    def words_of_letters(self) -> list[str]:
        """Return the words of the vocabulary that have no digits and marks, in the order of their ids."""
        vocabulary = self._backend.get_vocab(with_added_tokens=False)
        return sorted(filter(str.isalpha, vocabulary), key=vocabulary.__getitem__)

    def encode(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> Tokens:
        """Tokenize n texts, or n pairs as if each were one text.

        Raises:
            ValueError: There are not as many second parts as texts.
        """
        parts = list(texts)
        if text_pairs is not None:
            parts = list(chain.from_iterable(zip(texts, text_pairs, strict=True)))
        tokens = self._encode([self._part_to_read(part) for part in parts])
        if text_pairs is not None:
            lengths_of_pairs = tokens.lengths.reshape(-1, 2).sum(axis=1)
            tokens = Tokens(tokens.ids, tokens.types, lengths_of_pairs)
        limit = self.model_max_length
        if limit is None or tokens.lengths.max(initial=0) <= limit:
            return tokens
        with self._lock:
            self.truncated_texts += int((tokens.lengths > limit).sum())
        return tokens.truncated(limit, self.truncation_side)

    def part_read(self, text: str) -> tuple[int, int]:
        """Return where the part of a text begins and ends that is not cut off: 0 and its length, if it is short."""
        limit = self.model_max_length
        if limit is None:
            return 0, len(text)
        part = self._part_to_read(text)
        _, begins = self._encode_text(part)
        if len(begins) <= limit:
            return 0, len(text)
        if self.truncation_side == "left":
            return len(text) - len(part) + int(begins[-limit]), len(text)
        return 0, int(begins[limit])

    def truncation_warning(self, truncated: int, texts: int) -> str:
        """Return a warning that some of the texts were truncated, in a sentence; "" if none were."""
        if not truncated:
            return ""
        lost = "beginnings" if self.truncation_side == "left" else "ends"
        return (
            f"{truncated:,} of {counted(texts, 'text')} are longer than {self.model_max_length:,} tokens, and their "
            f"{lost} are not read; raise --max_seq_length in the training"
        )

    def _part_to_read(self, text: str) -> str:
        """Return a part of a very long text that has all tokens that are read: its beginning, or its end.

        The tokens of the part are those of the whole text, but perhaps the one at the cut, which is not read.
        """
        limit = self.model_max_length
        if not limit or not self._uses_numpy:
            return text
        keeps_end = self.truncation_side == "left"
        for characters_of_token, boundary in _CUTS:
            length = characters_of_token * limit
            if len(text) <= 2 * length + _CUT_WITHIN:
                return text
            first = len(text) - length - _CUT_WITHIN if keeps_end else length
            found = boundary.search(text, first, first + _CUT_WITHIN)
            if found is None:
                continue
            cut = found.end()
            if keeps_end and _is_in_url(text, cut):
                continue
            part = text[cut:] if keeps_end else text[:cut]
            if len(self._encode([part]).ids) > limit:
                return part
        return text

    def _encode(self, texts: Sequence[str]) -> Tokens:
        """Tokenize n texts, whatever their length."""
        if not self._uses_numpy or sum(map(len, texts)) < _FEWEST_FOR_NUMPY:
            return Tokens.concatenate([self._encode_text(text)[0] for text in texts])
        tokens = self._vector_encoder.encode(texts)
        if self.token_types:
            return tokens
        return Tokens(tokens.ids, np.zeros_like(tokens.ids), tokens.lengths)

    def _encode_pieces(self, pieces: Sequence[str]) -> Tokens:
        """Tokenize n texts without white space as one text, which is faster than n calls."""
        tokens, token_begins = self._encode_text(" ".join(pieces))
        piece_ends = np.cumsum([len(piece) + 1 for piece in pieces])  # with the space after each
        piece_of_token = np.searchsorted(piece_ends, token_begins, side="right")
        return Tokens(tokens.ids, tokens.types, np.bincount(piece_of_token, minlength=len(pieces)))

    def _encode_text(self, text: str) -> tuple[Tokens, Integers]:
        """Return the m tokens of a text by Rust, and where each begins in it: (m,)."""
        text = replace_surrogates(text)
        # `encode` holds the GIL; `encode_batch` releases it.
        [encoding] = self._backend.encode_batch([text], add_special_tokens=False)
        ids = encoding.ids  # read once, because each access makes a new list
        offsets = encoding.offsets
        types = [0] * len(ids)
        if self.token_types:
            for token, (begin, end) in enumerate(offsets):
                surface = text[begin : surface_end(text, begin, end)]
                types[token] = token_type(surface, ids[token] == self._unknown)
        begins = np.array([begin for begin, _ in offsets], dtype=np.int64)
        tokens = Tokens(
            ids=np.array(ids, dtype=np.int64),
            types=np.array(types, dtype=np.int64),
            lengths=np.array([len(ids)]),
        )
        return tokens, begins


def _limit(length: float | None) -> int | None:
    """Return the `model_max_length` of a tokenizer as a number of tokens; None: there is no limit."""
    if length is None or length > _UNLIMITED:
        return None
    if length < 1 or length % 1:
        raise ValueError(
            "model_max_length in tokenizer_config.json must be a whole number of at least 1, not "
            f"{length!r}"
        )
    return int(length)


def _is_in_url(text: str, place: int) -> bool:
    """Return whether a place may be inside of a URL: a sign of one is before it, after the last white space."""
    begin = max(text.rfind(space, 0, place) for space in " \n") + 1
    piece = re.sub(f"[{INVISIBLE}{JOINERS}]", "", text[begin:place])
    return _URL_SIGN.search(piece) is not None


def _is_default(backend: Tokenizer) -> bool:
    """Return whether this is the pipeline of the default preset, without added tokens except special tokens."""
    for token in backend.get_added_tokens_decoder().values():
        if not token.special:  # an added token may contain white space
            return False
    normalizer, splitter = default_pipeline()
    if backend.pre_tokenizer is None or backend.normalizer is None:
        return False
    has_steps = backend.normalizer.__getstate__() == normalizer.__getstate__()
    return has_steps and backend.pre_tokenizer.__getstate__() == splitter.__getstate__()
