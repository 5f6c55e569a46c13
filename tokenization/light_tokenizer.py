r"""The ids and word shapes that `GloveLstmTokenizer` gives, without transformers, and several times as fast.

Rust's regular expressions, with the bookkeeping of offsets, take most of the time that a tokenizer needs. Yet in the
pipelines of `pipelines.py` the tokens of a text are those of its words, one after the other, whatever stands beside
them: nothing looks across a word's ends but the search for URLs, which end at white space. So Python cuts a text into
words as they stand there, in their case, and a dictionary knows the tokens and the shape of each word that was met
before. What is not in it yet goes through Rust and `word_shapes`, and only then into the dictionary.

This is exact as long as both regular expressions agree on what is a letter, a digit and white space, also after
lower-casing. They do for every character of `_SAFE`, as the tests check one by one. What stands between white spaces
and has any other character is taken for a word of several tokens, which Rust cuts; where it is long, or the pipeline is
an unknown one, the text goes through Rust as a whole.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import read_checkpoint_json
from glove_lstm.tokenization.pipelines import ARTICLE_WORD, DEFAULT_WORD, article_pipeline, default_pipeline
from glove_lstm.tokenization.word_shapes import repair, shapes_of_tokens

# Latin, Greek and Cyrillic letters, punctuation, currencies, arrows, shapes and emoji; without what Python takes for
# letters, digits or white space and Rust does not, or the other way round (superscripts, fractions, combining marks),
# what lower-casing makes into another kind of character or into two, and what matches the s of "https" without case.
_SAFE = (
    "\\x00-\\x1b\\x20-\\xb1\\xb4-\\xb8\\xba\\xbb\\xbf-\\u012f\\u0131-\\u017e\\u0180-\\u02bb\\u02bd-\\u02ff"
    "\\u0384-\\u0482\\u048a-\\u04ff\\u2000-\\u203e\\u2041-\\u2053\\u2055-\\u2060\\u20a0-\\u20bf\\u2100-\\u214f"
    "\\u2190-\\u23ff\\u2500-\\u2775\\u2794-\\u27bf\\ufffd\\U0001f300-\\U0001f64f\\U0001f680-\\U0001f6ff"
    "\\U0001f900-\\U0001f9ff"
)
_UNSAFE = re.compile(f"[^{_SAFE}]")
_WHITE = re.compile("[ \t\n\r]+")  # white space for both
_LONGEST = 200  # characters between white spaces that are worth a place in the dictionary
_URL_MARKS = ("://", "ww.", "WW.", "Ww.", "wW.")  # one of them stands in every URL
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_STOP_WORDS = re.compile(r"\\b\(\?!((?:\(\?:|\||\)\??|\w)+)\\b\)\\w\+")  # as `article_pipeline` writes them

_MOST_HELD = 1 << 25  # characters of words in the dictionary, and 100 for each word: about 100 MB
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


class LightTokenizer:
    """Reads what `GloveLstmTokenizer.save_pretrained` wrote, and gives what a call without options gives.

    Args:
        backend: The whole pipeline; its truncation and padding are switched off.
        model_max_length: Tokens that a text is cut to, or None.
        truncation_side: "right" keeps a text's begin, "left" its end.
        token_types: Whether to tell word shapes.
        split_special_tokens: Whether "<pad>" in a text is text.

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
    ) -> None:
        if backend.num_special_tokens_to_add(False):
            raise ValueError("the tokenizer adds special tokens to each text")
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = split_special_tokens
        self.model_max_length = model_max_length
        self.truncation_side = truncation_side
        self.token_types = token_types
        self._backend = backend
        self._word = _word_of(backend) if split_special_tokens else None
        self._forget()
        self._lock = Lock()  # of the dictionary

    @classmethod
    def from_folder(cls, folder: Path) -> "LightTokenizer":
        """Load from `tokenizer.json` and `tokenizer_config.json`.

        Raises:
            DataError: One is missing, damaged, or of another kind of tokenizer.
        """
        settings = read_checkpoint_json(folder / "tokenizer_config.json")
        path = folder / "tokenizer.json"
        longest = settings.get("model_max_length")
        try:
            backend = Tokenizer.from_buffer(path.read_bytes())
            return cls(
                backend,
                model_max_length=None if longest is None or longest > _UNLIMITED else int(longest),
                truncation_side=settings.get("truncation_side", "right"),
                token_types="token_type_ids" in settings.get("model_input_names", ()),
                split_special_tokens=settings.get("split_special_tokens", False),
            )
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        except Exception as error:  # what the Rust code raises has no type of its own
            raise DataError(f"{path} cannot be used ({error}): get the checkpoint again.") from None

    @property
    def vocab_size(self) -> int:
        """Rows that a model's embedding must have."""
        return self._backend.get_vocab_size()

    def __call__(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> list[TokenizedText]:
        """Tokenise n texts; with n second parts, each makes one text with its first.

        Raises:
            ValueError: There are not as many second parts as texts.
        """
        if text_pairs is None:
            return [self._cut(self._read(text)) for text in texts]
        if len(texts) != len(text_pairs):
            raise ValueError(
                f"{len(texts)} texts, but {len(text_pairs)} second parts: they must be equally many"
            )
        pairs = zip(texts, text_pairs, strict=True)
        return [self._cut(np.concatenate([self._read(part) for part in pair])) for pair in pairs]

    def _forget(self) -> None:
        # A word's only token and its shape in one number, or -1 - its place below.
        self._known: dict[str, int] = {}
        # The first is of words that make no token, the others are of those that make several.
        self._several = [np.zeros(0, dtype=np.int64)]
        self._held = 0

    def _cut(self, packed: NDArray[np.int64]) -> TokenizedText:
        longest = self.model_max_length
        if longest is not None and len(packed) > longest:
            packed = packed[:longest] if self.truncation_side == "right" else packed[-longest:]
        shapes = (
            packed & ((1 << _SHAPE_BITS) - 1) if self.token_types else np.zeros(len(packed), dtype=np.int64)
        )
        return TokenizedText(packed >> _SHAPE_BITS, shapes)

    def _read(self, text: str) -> NDArray[np.int64]:
        """All tokens of a text, each with its shape in one number: (n,)."""
        words = self._words(text)
        if words is None:
            return self._read_slowly(repair(text))
        with self._lock:
            try:
                packed = np.fromiter(map(self._known.__getitem__, words), np.int64, len(words))
            except KeyError:
                self._learn(words)
                packed = np.fromiter(map(self._known.__getitem__, words), np.int64, len(words))
            return self._spread(packed)

    def _words(self, text: str) -> list[str] | None:
        """The words as they stand there, or None where only Rust can tell."""
        if self._word is None:
            return None
        if not _UNSAFE.search(text):
            return self._safe_words(text)
        text = repair(text)
        words: list[str] = []
        for unsafe, group in groupby(_WHITE.split(text), lambda piece: bool(_UNSAFE.search(piece))):
            pieces = list(group)
            found = pieces if unsafe else self._safe_words(" ".join(pieces))
            if found is None or (unsafe and max(map(len, pieces)) > _LONGEST):
                return None
            words += found
        return words

    def _safe_words(self, text: str) -> list[str] | None:
        assert self._word is not None
        url = any(mark in text for mark in _URL_MARKS)
        if "<" in text and (url or "<url>" in text.lower()):
            return None
        if not url:
            return self._word.findall(text)
        words: list[str] = []
        end = 0
        for found in _URL.finditer(text):
            words += self._word.findall(text, end, found.start())
            words.append(found[0])
            end = found.end()
        return words + self._word.findall(text, end)

    def _spread(self, packed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Put the tokens of words that make several, or none, in their place."""
        places = np.flatnonzero(packed < 0)
        if not len(places):
            return packed
        if (packed[places] == -1).all():  # stop words, most often
            return packed[packed >= 0]
        held = [self._several[place] for place in (-1 - packed[places]).tolist()]
        counts = np.ones(len(packed), dtype=np.int64)
        counts[places] = [len(tokens) for tokens in held]
        spread = np.repeat(packed, counts)
        spread[spread < 0] = np.concatenate(held)
        return spread

    def _learn(self, words: Sequence[str]) -> None:
        """Take words into the dictionary that are not in it yet."""
        if self._held > _MOST_HELD:
            self._forget()
        new = [word for word in dict.fromkeys(words) if word not in self._known]
        encoding = self._backend.encode(" ".join(new), add_special_tokens=False)
        packed = self._pack(" ".join(new), encoding)
        begins = np.cumsum([0, *(len(word) + 1 for word in new)])
        word_of_token = np.searchsorted(begins, [begin for begin, _ in encoding.offsets], side="right") - 1
        ends = np.searchsorted(word_of_token, np.arange(len(new) + 1)).tolist()
        for number, word in enumerate(new):
            tokens = packed[ends[number] : ends[number + 1]]
            if len(tokens) == 1:
                self._known[word] = int(tokens[0])
            elif not len(tokens):
                self._known[word] = -1
            else:
                self._known[word] = -1 - len(self._several)
                self._several.append(tokens)
        self._held += int(begins[-1]) + 100 * len(new)

    def _read_slowly(self, text: str) -> NDArray[np.int64]:
        return self._pack(text, self._backend.encode(text, add_special_tokens=False))

    def _pack(self, text: str, encoding: Any) -> NDArray[np.int64]:
        ids = np.array(encoding.ids, dtype=np.int64)
        shapes = shapes_of_tokens([text], np.zeros(len(ids), dtype=np.int64), [encoding.offsets])
        return ids << _SHAPE_BITS | shapes


def _word_of(backend: Tokenizer) -> re.Pattern[str] | None:
    """The regular expression for one word of the pipeline, where it is one of ours."""
    if backend.normalizer is None or backend.pre_tokenizer is None:
        return None
    normalizer, split = _state(backend.normalizer), _state(backend.pre_tokenizer)
    if any(not token.special for token in backend.get_added_tokens_decoder().values()):
        return None  # they would be looked for in the whole text
    for word, pipeline in ((DEFAULT_WORD, default_pipeline()), (ARTICLE_WORD, article_pipeline(()))):
        if normalizer != _state(pipeline[0]):
            continue
        if split == _state(pipeline[1]):
            return re.compile(word)
        pattern = split.get("pattern", {}).get("Regex", "")
        behaves_alike = split | {"pattern": None} == _state(pipeline[1]) | {"pattern": None}
        if word == ARTICLE_WORD and behaves_alike and _STOP_WORDS.fullmatch(pattern):
            return re.compile(word)
    return None


def _state(part: Any) -> dict[str, Any]:
    return json.loads(part.__getstate__())
