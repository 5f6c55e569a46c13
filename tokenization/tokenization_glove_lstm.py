"""The tokenizer of the GloVe+LSTM classifier. Travels to the Hub: imports only transformers, numpy and siblings."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np
import transformers
from numpy.typing import NDArray

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(f"GloveLstmTokenizer needs transformers 5 or newer; this is {transformers.__version__}")

from tokenizers import Encoding, Tokenizer
from transformers import BatchEncoding, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils.generic import PaddingStrategy

from .spelling import SpellingCorrector
from .word_shapes import repair, shapes_of_tokens


class GloveLstmTokenizer(PreTrainedTokenizerFast):
    """A word-level tokenizer: all of its cleaning stands in `tokenizer.json`, so training and use cannot differ.

    Beyond what `PreTrainedTokenizerFast` does:

    - Where the caller says nothing of truncation, texts are cut to `model_max_length`; `truncation=False` is honoured.
    - A pair (title, body) gives the ids of `title + " " + body`, also where it is cut without being asked
      (an explicit `truncation=` or `return_overflowing_tokens=` means for pairs what transformers says).
    - `token_type_ids`, where `model_input_names` has them, say the shape of each word of the original text: lower,
      Title, UPPER, mixed, digits or punctuation (`word_shapes.SHAPES`).
    - Lone surrogates, which the Rust code refuses, are read as U+FFFD.
    - With `correct_spelling=True`, which is saved, unknown words are read as known ones where one mistake explains
      them (`spelling.SpellingCorrector`).
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json"}  # noqa: RUF012 (transformers' own form)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012
    _corrector: SpellingCorrector | None = None  # made when it is needed

    # A subclass with an `__init__` of its own would get an empty vocabulary from `from_pretrained`.
    @property
    def correct_spelling(self) -> bool:
        """Whether unknown words are corrected."""
        said = self.init_kwargs.get("correct_spelling", False)
        if not isinstance(said, bool):
            raise ValueError(f"correct_spelling must be true or false, not {said!r}")
        return said

    @correct_spelling.setter
    def correct_spelling(self, value: bool) -> None:
        self.init_kwargs["correct_spelling"] = value

    @property
    def lock(self) -> Any:
        """Held by the thread that reads; who uses `backend_tokenizer` beside other threads must hold it, too.

        A call tells the pipeline, in Rust, where to cut and what to correct, then reads.
        """
        return vars(self).setdefault("_lock", RLock())

    def __getstate__(self) -> dict[str, Any]:
        """Without what the corrector has learned: a tokenizer that has read texts hashes like one that has not."""
        state = {name: value for name, value in vars(self).items() if name not in ("_corrector", "_lock")}
        # Another thread's first read may put a corrector in at any time.
        if self.init_kwargs.get("correct_spelling"):
            with self.lock:
                state["_tokenizer"] = Tokenizer.from_str(self._tokenizer.to_str())
        return state

    def _get_padding_truncation_strategies(
        self, padding: Any = False, truncation: Any = None, max_length: int | None = None, **kwargs: Any
    ) -> Any:
        unsaid = truncation is None
        if unsaid:
            truncation = "longest_first"
            # Only used to refuse a cut that is no multiple of it, which nobody asked for here.
            kwargs.pop("pad_to_multiple_of", None)
        padding, truncation, max_length, kwargs = super()._get_padding_truncation_strategies(
            padding=padding, truncation=truncation, max_length=max_length, **kwargs
        )
        # The strategy is what every route hands on to `_encode_plus`: None there says that the caller said nothing.
        return padding, None if unsaid else truncation, max_length, kwargs

    def _encode_plus(
        self,
        text: Any,
        text_pair: Any = None,
        *,
        truncation_strategy: Any = TruncationStrategy.DO_NOT_TRUNCATE,
        max_length: int | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        is_split_into_words: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        """The one seam: every route (call, encode, pipeline, collator) comes through here."""
        text, text_pair = repair(text), repair(text_pair)
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        # A batch of one keeps the output's form the same in all cases.
        single, texts, pairs = _as_batch(text, text_pair, is_split_into_words)
        nothing = isinstance(texts, list) and not texts and not pairs
        if nothing:  # the Rust code needs a row
            texts, pairs = [[] if is_split_into_words else ""], None
        overflow = kwargs.get("return_overflowing_tokens", False)
        options = {
            **kwargs,
            "max_length": max_length,
            "return_token_type_ids": False,
            "is_split_into_words": is_split_into_words,
            "return_tensors": None,
        }
        with self._correcting():
            if truncation_strategy is None and isinstance(pairs, list) and not overflow:
                output = self._encode_joined(texts, pairs, **options)
            else:
                if truncation_strategy is None:
                    truncation_strategy = "do_not_truncate" if max_length is None else "longest_first"
                options["truncation_strategy"] = TruncationStrategy(truncation_strategy)
                output = super()._encode_plus(texts, pairs, **options)
        if return_token_type_ids:
            rows = output.get("overflow_to_sample_mapping") or range(len(output["input_ids"]))
            output["token_type_ids"] = _token_shapes(
                output.encodings or [],
                [texts[row] for row in rows],
                None if pairs is None else [pairs[row] for row in rows],
                is_split_into_words,
            )
        if return_tensors is not None:
            output = output.convert_to_tensors(return_tensors)
        elif single and not overflow:
            # As transformers does: the one length that `return_length` gives stays in its list.
            first = {k: v[0] if v and isinstance(v[0], list) else v for k, v in output.items()}
            return BatchEncoding(first, output.encodings)
        if nothing:
            return BatchEncoding({key: value[:0] for key, value in output.items()}, [])
        return output

    @contextmanager
    def _correcting(self) -> Iterator[None]:
        with self.lock:
            if not self.correct_spelling or self._tokenizer is None:
                yield
                return
            if self._corrector is None:
                self._corrector = SpellingCorrector(self._tokenizer)
            with self._corrector.attached():
                yield

    def save_pretrained(self, save_directory: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Save; the padding and truncation of the last call, which Rust keeps as state, are not saved with it."""
        with self.lock:
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            return super().save_pretrained(save_directory, *args, **kwargs)

    def _encode_joined(
        self,
        texts: Sequence[Any],
        pairs: Sequence[Any],
        *,
        padding_strategy: Any = PaddingStrategy.DO_NOT_PAD,
        max_length: int | None = None,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        split_special_tokens: bool | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode pairs as if each were one text, yet with offsets and sequence ids of its two parts."""
        if len(texts) != len(pairs):
            raise ValueError(
                f"text has {len(texts)} rows and text_pair {len(pairs)}: they must be equally many"
            )
        if split_special_tokens is None:
            split_special_tokens = self.split_special_tokens
        self._tokenizer.encode_special_tokens = split_special_tokens
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        parts = self._tokenizer.encode_batch(
            [*texts, *pairs], is_pretokenized=is_split_into_words, add_special_tokens=False
        )
        encodings = [
            _merge(first, second, max_length, self.truncation_side)
            for first, second in zip(parts[: len(texts)], parts[len(texts) :], strict=True)
        ]
        if padding_strategy != PaddingStrategy.DO_NOT_PAD:
            longest = max(len(encoding) for encoding in encodings)
            length = longest if padding_strategy == PaddingStrategy.LONGEST else max_length or longest
            length += -length % (pad_to_multiple_of or 1)
            for encoding in encodings:
                encoding.pad(
                    length,
                    direction=padding_side or self.padding_side,
                    pad_id=self.pad_token_id,
                    pad_token=self.pad_token,
                )
        wanted = {key: value for key, value in options.items() if key.startswith("return_")}
        wanted.pop("return_tensors", None)
        rows = [self._convert_encoding(encoding, **wanted)[0] for encoding in encodings]
        return BatchEncoding({key: [row[key][0] for row in rows] for key in rows[0]}, encodings)


def _as_batch(text: Any, pair: Any, split_into_words: bool) -> tuple[bool, Any, Any]:
    """Whether `text` is a single text, and the batch of texts and of second parts (or None) that it makes.

    A text is a string, or a list of strings where it is split into words. What is neither a text nor a batch comes
    back as it is, for transformers to refuse.
    """

    def is_text(part: Any) -> bool:
        if split_into_words:
            return isinstance(part, list) and not (part and isinstance(part[0], list))
        return isinstance(part, str)

    if is_text(text):
        return True, [text], None if pair is None else [pair]
    if pair is None and isinstance(text, list):
        is_pair = [isinstance(row, list) and len(row) == 2 and is_text(row[0]) for row in text]
        if any(is_pair):  # the pairs come as tuples
            nothing: Any = [] if split_into_words else ""
            cut = [row if pair else (row, nothing) for row, pair in zip(text, is_pair, strict=True)]
            return False, [first for first, _ in cut], [second for _, second in cut]
    return False, text, pair


def _merge(first: Encoding, second: Encoding, cut: int | None, side: str) -> Encoding:
    """Two parts -> one encoding of at most `cut` tokens, cut at the given side of the whole."""
    if cut is not None and len(first) + len(second) > cut:
        if side == "right":
            keep_first = min(len(first), cut)
            keep_second = cut - keep_first
        else:
            keep_second = min(len(second), cut)
            keep_first = cut - keep_second
        first.truncate(keep_first, direction=side)
        second.truncate(keep_second, direction=side)
    # `set_sequence_id` adds to what an encoding has, and the second was encoded as a sequence 0 too; a cut forgets it.
    second.pad(len(second) + 1, direction=side)
    second.truncate(len(second) - 1, direction=side)
    first.set_sequence_id(0)
    second.set_sequence_id(1)
    return Encoding.merge([first, second], growing_offsets=False)


def _token_shapes(
    encodings: Sequence[Encoding], texts: Sequence[Any], pairs: Sequence[Any] | None, split_into_words: bool
) -> list[list[int]]:
    """The `token_type_ids` of a batch, in one pass over all of its texts.

    Args:
        encodings: One for each row.
        texts: What each row was made from: a string, or a list of words.
        pairs: The second part of each row, if any.
        split_into_words: Whether the parts are lists of words, and offsets count from each word's begin.
    """
    sources: list[str] = []  # every string that offsets point into
    source_of_token: list[NDArray[np.int64]] = []
    for row, encoding in enumerate(encodings):
        parts = [texts[row]] if pairs is None else [texts[row], pairs[row]]
        first_source = len(sources)
        offset_of_part = [first_source]
        for part in parts:
            sources.extend(part if split_into_words else [part])
            offset_of_part.append(len(sources))
        if len(parts) == 1 and not split_into_words:
            source_of_token.append(np.full(len(encoding), first_source))
        else:
            part_of_token = np.array([part or 0 for part in encoding.sequence_ids], dtype=np.int64)
            source = np.array(offset_of_part)[part_of_token]
            if split_into_words:
                source = source + np.array([word or 0 for word in encoding.word_ids], dtype=np.int64)
            source_of_token.append(source)
    lengths = [len(encoding) for encoding in encodings]
    source = np.concatenate(source_of_token) if encodings else np.zeros(0, dtype=np.int64)
    shapes = shapes_of_tokens(sources, source, [encoding.offsets for encoding in encodings]).tolist()
    ends = np.cumsum(lengths)
    return [shapes[end - length : end] for end, length in zip(ends, lengths, strict=True)]


GloveLstmTokenizer.register_for_auto_class("AutoTokenizer")
