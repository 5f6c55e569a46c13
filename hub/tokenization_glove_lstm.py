"""The tokenizer of the GloVe+LSTM classifier. Travels to the Hub: imports only transformers, numpy and siblings."""

import os
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import transformers
from numpy.typing import NDArray

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(f"GloveLstmTokenizer needs transformers 5 or newer; this is {transformers.__version__}")

from tokenizers import Encoding
from transformers import BatchEncoding, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils.generic import PaddingStrategy

from .word_shapes import word_shapes

_SURROGATE = re.compile("[\ud800-\udfff]")


class GloveLstmTokenizer(PreTrainedTokenizerFast):
    """A word-level tokenizer: all of its cleaning stands in `tokenizer.json`, so training and use cannot differ.

    Beyond what `PreTrainedTokenizerFast` does:

    - Where the caller says nothing of truncation, texts are cut to `model_max_length`; `truncation=False` is honoured.
    - A pair (title, body) gives the ids of `title + " " + body`, also where it is cut without being asked
      (an explicit `truncation=` means for pairs what transformers says).
    - `token_type_ids`, where `model_input_names` has them, say the shape of each word of the original text: lower,
      Title, UPPER, mixed, digits or punctuation (`word_shapes.SHAPES`).
    - Lone surrogates, which the Rust code refuses, are read as U+FFFD.
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json"}  # noqa: RUF012 (transformers' own form)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def _get_padding_truncation_strategies(
        self, padding: Any = False, truncation: Any = None, max_length: int | None = None, **kwargs: Any
    ) -> Any:
        if truncation is None:
            truncation, kwargs["join_pair"] = "longest_first", True
            # Only used to refuse a cut that is no multiple of it, which nobody asked for here.
            kwargs.pop("pad_to_multiple_of", None)
        return super()._get_padding_truncation_strategies(
            padding=padding, truncation=truncation, max_length=max_length, **kwargs
        )

    def _encode_plus(
        self,
        text: Any,
        text_pair: Any = None,
        *,
        join_pair: bool = False,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        is_split_into_words: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        """The one seam: every route (call, encode, pipeline, collator) comes through here."""
        text, text_pair = _repair(text), _repair(text_pair)
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        single = isinstance(text, str) or (is_split_into_words and not (text and isinstance(text[0], list)))
        options = {
            **kwargs,
            "return_token_type_ids": False,
            "is_split_into_words": is_split_into_words,
            "return_tensors": None,
        }
        if join_pair and isinstance(text_pair, str if single else list) and not is_split_into_words:
            firsts, seconds = ([text], [text_pair]) if single else (text, text_pair)
            output = self._encode_joined(firsts, seconds, **options)
        else:
            # A batch of one keeps the output's form the same in both cases.
            batch, pairs = (
                ([text], None if text_pair is None else [text_pair]) if single else (text, text_pair)
            )
            output = super()._encode_plus(batch, pairs, **options)
        if return_token_type_ids:
            rows = output.get("overflow_to_sample_mapping") or range(len(output["input_ids"]))
            firsts, seconds = ([text], [text_pair]) if single else (text, text_pair)
            output["token_type_ids"] = _token_shapes(
                output.encodings or [],
                [firsts[row] for row in rows],
                [seconds[row] or "" for row in rows] if text_pair is not None else None,
                is_split_into_words,
            )
        if return_tensors is not None:
            return output.convert_to_tensors(return_tensors)
        if single and not kwargs.get("return_overflowing_tokens"):
            return BatchEncoding({key: value[0] for key, value in output.items()}, output.encodings)
        return output

    def save_pretrained(self, save_directory: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Save; the padding and truncation of the last call, which Rust keeps as state, are not saved with it."""
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        return super().save_pretrained(save_directory, *args, **kwargs)

    def _encode_joined(
        self,
        firsts: Sequence[str],
        seconds: Sequence[str],
        *,
        padding_strategy: Any = PaddingStrategy.DO_NOT_PAD,
        truncation_strategy: Any = TruncationStrategy.DO_NOT_TRUNCATE,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode pairs as if each were one text, yet with offsets and sequence ids of its two parts."""
        if len(firsts) != len(seconds):
            raise ValueError(
                f"text has {len(firsts)} rows and text_pair {len(seconds)}: they must be equally many"
            )
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        parts = self._tokenizer.encode_batch([*firsts, *seconds], add_special_tokens=False)
        cut = max_length if truncation_strategy != TruncationStrategy.DO_NOT_TRUNCATE else None
        encodings = [
            _merge(first, second, cut, self.truncation_side)
            for first, second in zip(parts[: len(firsts)], parts[len(firsts) :], strict=True)
        ]
        if padding_strategy != PaddingStrategy.DO_NOT_PAD:
            longest = max((len(encoding) for encoding in encodings), default=0)
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
        keys = rows[0] if rows else {}
        return BatchEncoding({key: [row[key][0] for row in rows] for key in keys}, encodings)


def _repair(text: Any) -> Any:
    """Replace each lone surrogate by U+FFFD, one for one, so that offsets stay those of the original."""
    if isinstance(text, str):
        return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
    if isinstance(text, list | tuple):
        return [_repair(item) for item in text]
    return text


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
    base = [0]  # where each source begins in all of them together
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
    for source_text in sources:
        base.append(base[-1] + len(source_text))
    lengths = [len(encoding) for encoding in encodings]
    flat = chain.from_iterable(chain.from_iterable(encoding.offsets for encoding in encodings))
    offsets = np.fromiter(flat, dtype=np.int64, count=2 * sum(lengths)).reshape(-1, 2)
    begin = np.array(base)[np.concatenate(source_of_token)] if offsets.size else 0
    # Padding has the empty offsets (0, 0), which is shape 0 wherever they point.
    shapes = word_shapes("".join(sources), offsets[:, 0] + begin, offsets[:, 1] + begin).tolist()
    ends = np.cumsum(lengths)
    return [shapes[end - length : end] for end, length in zip(ends, lengths, strict=True)]


GloveLstmTokenizer.register_for_auto_class("AutoTokenizer")
