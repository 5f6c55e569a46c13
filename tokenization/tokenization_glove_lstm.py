"""The tokenizer of the GloVe+LSTM classifier. Travels to the Hub: imports only transformers, numpy and siblings."""

from collections.abc import Sequence
from itertools import chain
from threading import RLock
from typing import Any

import numpy as np
import transformers

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(f"GloveLstmTokenizer needs transformers >= 5, not {transformers.__version__}")

from tokenizers import Encoding
from transformers import BatchEncoding, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils.generic import PaddingStrategy

from .word_shapes import repair, token_type_ids


class GloveLstmTokenizer(PreTrainedTokenizerFast):
    """A word-level tokenizer. All text cleaning is in `tokenizer.json`, so that training and inference cannot differ.

    It differs from `PreTrainedTokenizerFast` in this:

    - Without a `truncation` argument, texts are truncated to `model_max_length`. `truncation=False` is honoured.
    - A pair (title, body) gives the ids of `title + " " + body`, unless `truncation` or `return_overflowing_tokens`
      is given, which mean for pairs what they mean in transformers.
    - `token_type_ids`, if `model_input_names` has them, are the shapes of the words in the original text: lower,
      Title, UPPER, mixed, digits or punctuation (`word_shapes.SHAPES`). An unknown word has its characters there, too
      (`word_shapes.spelling`).
    - Lone surrogates, which the Rust code refuses, become U+FFFD.
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json"}  # noqa: RUF012 (transformers' own form)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    # Held while `backend_tokenizer` is in use, whose truncation each call changes. Of the class, since one of an
    # instance could not be pickled. No `__init__`: with one, `from_pretrained` would give an empty vocabulary.
    lock = RLock()

    def _get_padding_truncation_strategies(
        self, padding: Any = False, truncation: Any = None, **kwargs: Any
    ) -> Any:
        unset = truncation is None
        if unset:
            truncation = "longest_first"
            # It would refuse a max_length that is not a multiple of it.
            kwargs.pop("pad_to_multiple_of", None)
        padding, truncation, max_length, kwargs = super()._get_padding_truncation_strategies(
            padding=padding, truncation=truncation, **kwargs
        )
        # Every route hands the strategy on to `_encode_plus`, where None means that the caller gave none.
        return padding, None if unset else truncation, max_length, kwargs

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
        """Encode a text or a batch. Every route (call, encode, pipeline, collator) comes through here."""
        text, text_pair = repair(text), repair(text_pair)
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        single, texts, pairs = _as_batch(text, text_pair, is_split_into_words)
        is_empty = isinstance(texts, list) and not texts and not pairs
        if is_empty:  # the Rust code needs a row
            texts, pairs = [[] if is_split_into_words else ""], None
        overflow = kwargs.get("return_overflowing_tokens", False)
        kwargs.update(max_length=max_length, is_split_into_words=is_split_into_words)
        kwargs.update(return_token_type_ids=False, return_tensors=None)
        with self.lock:
            if truncation_strategy is None and isinstance(pairs, list) and not overflow:
                output = self._encode_joined(texts, pairs, **kwargs)
            else:
                if truncation_strategy is None:
                    limited = max_length is not None
                    truncation_strategy = "longest_first" if limited else "do_not_truncate"
                kwargs["truncation_strategy"] = TruncationStrategy(truncation_strategy)
                output = super()._encode_plus(texts, pairs, **kwargs)
        if return_token_type_ids:
            rows = output.get("overflow_to_sample_mapping") or range(len(output["input_ids"]))
            parts = [[texts[row]] if pairs is None else [texts[row], pairs[row]] for row in rows]
            output["token_type_ids"] = _token_type_ids(
                output.encodings or [], parts, is_split_into_words, self.unk_token_id
            )
        if return_tensors is not None:
            output = output.convert_to_tensors(return_tensors)
        elif single and not overflow:
            # As in transformers, `length` stays a list.
            first = {k: v[0] if v and isinstance(v[0], list) else v for k, v in output.items()}
            return BatchEncoding(first, output.encodings)
        if is_empty:
            return BatchEncoding({key: value[:0] for key, value in output.items()}, [])
        return output

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> Any:
        """Save without the padding and truncation of the last call, which the Rust code keeps as its state."""
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
        """Encode each pair as one text, with the offsets and sequence ids of its two parts."""
        if len(texts) != len(pairs):
            raise ValueError(f"{len(texts)} texts, but {len(pairs)} pairs; give equally many.")
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
            length = max(len(encoding) for encoding in encodings)
            if padding_strategy == PaddingStrategy.MAX_LENGTH:
                length = max_length or length
            length += -length % (pad_to_multiple_of or 1)
            side = padding_side or self.padding_side
            token: dict[str, Any] = {"pad_id": self.pad_token_id, "pad_token": self.pad_token}
            for encoding in encodings:
                encoding.pad(length, direction=side, **token)
        del options["return_tensors"]
        returned = {name: value for name, value in options.items() if name.startswith("return_")}
        rows = [self._convert_encoding(encoding, **returned)[0] for encoding in encodings]
        return BatchEncoding({key: [row[key][0] for row in rows] for key in rows[0]}, encodings)


def _as_batch(text: Any, pair: Any, split_into_words: bool) -> tuple[bool, Any, Any]:
    """Return whether `text` is a single text, and the batch of texts and of second parts (or None) that it makes.

    A text is a string, or a list of strings if it is split into words. Other values come back as they are, for
    transformers to refuse.
    """

    def is_text(part: Any) -> bool:
        if split_into_words:
            return isinstance(part, list) and not (part and isinstance(part[0], list))
        return isinstance(part, str)

    if is_text(text):
        return True, [text], None if pair is None else [pair]
    if pair is None and isinstance(text, list):
        is_pair = [isinstance(row, list) and len(row) == 2 and is_text(row[0]) for row in text]
        if any(is_pair):
            empty: Any = [] if split_into_words else ""
            rows = [row if pair else (row, empty) for row, pair in zip(text, is_pair, strict=True)]
            return False, [first for first, _ in rows], [second for _, second in rows]
    return False, text, pair


def _merge(first: Encoding, second: Encoding, length: int | None, side: str) -> Encoding:
    """Join two parts and truncate the whole to `length` tokens."""
    if length is not None:
        kept, cut = (first, second) if side == "right" else (second, first)
        kept.truncate(length, direction=side)
        cut.truncate(length - len(kept), direction=side)
    # `set_sequence_id` adds to the id that an encoding has, and the second was encoded as sequence 0, too. A
    # truncation removes that id.
    second.pad(len(second) + 1, direction=side)
    second.truncate(len(second) - 1, direction=side)
    first.set_sequence_id(0)
    second.set_sequence_id(1)
    return Encoding.merge([first, second], growing_offsets=False)


def _token_type_ids(
    encodings: Sequence[Encoding], rows: Sequence[list[Any]], split_into_words: bool, unknown: int
) -> list[list[int]]:
    """Return the `token_type_ids` of a batch, in one pass over all of its texts.

    A row is a text or two, each a string, or a list of words; then offsets count from the beginning of a word.
    """
    strings: list[str] = []  # that the offsets point into, one after the other
    string_of_token = []
    for encoding, parts in zip(encodings, rows, strict=True):
        begins = []  # the first string of each part
        for part in parts:
            begins.append(len(strings))
            strings.extend(part if split_into_words else [part])
        if len(parts) == 1:
            of_token = np.full(len(encoding), begins[0])
        else:
            of_token = np.array(begins)[[part or 0 for part in encoding.sequence_ids]]
        if split_into_words:
            words = [word or 0 for word in encoding.word_ids]
            of_token = of_token + np.array(words, dtype=np.int64)
        string_of_token.append(of_token)
    lengths = [len(encoding) for encoding in encodings]
    flat = chain.from_iterable(chain.from_iterable(encoding.offsets for encoding in encodings))
    offsets = np.fromiter(flat, dtype=np.int64, count=2 * sum(lengths)).reshape(-1, 2)
    begin = np.cumsum([0, *map(len, strings)])[np.concatenate(string_of_token)]
    ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), dtype=np.int64)
    # Padding has the empty offsets (0, 0), which give 0 wherever they point.
    starts, stops = (offsets + begin[:, None]).T
    types = token_type_ids("".join(strings), starts, stops, ids == unknown).tolist()
    ends = np.cumsum(lengths)
    return [types[end - length : end] for end, length in zip(ends, lengths, strict=True)]


GloveLstmTokenizer.register_for_auto_class("AutoTokenizer")
