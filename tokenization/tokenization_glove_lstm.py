"""The GloVe+LSTM classifier's tokenizer. Travels to the Hub: imports only transformers, tokenizers and siblings."""

from threading import RLock
from typing import Any

import transformers

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(
        f"GloVe+LSTM needs transformers 5 or later, not {transformers.__version__}: "
        "pip install 'transformers>=5'"
    )

from tokenizers import Encoding
from transformers import BatchEncoding, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import TruncationStrategy

from .word_shapes import replace_surrogates, surface_end, token_type

_STRATEGIES_OF_PAIRS = (TruncationStrategy.ONLY_FIRST, TruncationStrategy.ONLY_SECOND)


class GloveLstmTokenizer(PreTrainedTokenizerFast):
    """A word-level tokenizer. All text cleaning is in `tokenizer.json`, so that training and inference cannot differ.

    It differs from `PreTrainedTokenizerFast` as follows:

    - Without a `truncation` argument, texts are truncated to `model_max_length`. `truncation=False` is honoured.
    - A pair (title, body) is read as one text, `title + " " + body`, and offsets point into that text. It is truncated
      as one text, also with "only_first" and "only_second".
    - `token_type_ids`, if `model_input_names` has them, are the shapes of the words as they stand in the text (lower,
      Title, UPPER, mixed, digits or punctuation: `word_shapes.SHAPES`), and the characters of unknown words
      (`word_shapes.spelling`).
    - `offset_mapping` covers the accents that a text writes as characters of their own. `token_to_chars` and other
      methods of the output leave out those of a token's last letter.
    - Lone surrogates, which the Rust code refuses, become U+FFFD.
    - With `split_special_tokens`, a special token that is written in a text is text.
    - `is_split_into_words` and `return_overflowing_tokens` are refused.
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json"}  # noqa: RUF012 (transformers' own form)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    # Held while `backend_tokenizer` is in use, because each call changes its truncation. It belongs to the class, for
    # two reasons: an instance with a lock cannot be pickled, and an `__init__` to make one breaks `from_pretrained`,
    # which then gives an empty vocabulary.
    lock = RLock()

    def _get_padding_truncation_strategies(
        self, padding: Any = False, truncation: Any = None, **kwargs: Any
    ) -> Any:
        """Return the strategies of a call. Without `truncation`, its strategy is None; `_encode_batch` chooses it."""
        if truncation is not None:
            return super()._get_padding_truncation_strategies(
                padding=padding, truncation=truncation, **kwargs
            )
        # With `pad_to_multiple_of`, transformers refuses to truncate to a `model_max_length` that is no multiple of it.
        # `__call__` passes the argument to `_encode_plus` by itself.
        kwargs.pop("pad_to_multiple_of", None)
        # Asks for truncation, because only then transformers sets `max_length` to `model_max_length`.
        padding, _, max_length, kwargs = super()._get_padding_truncation_strategies(
            padding=padding, truncation="longest_first", **kwargs
        )
        return padding, None, max_length, kwargs

    def _encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Encode a text or a batch. Calls, `encode`, pipelines and collators all end here."""
        for name in ("is_split_into_words", "return_overflowing_tokens"):
            if options.get(name):
                raise ValueError(f"This tokenizer has no {name}; leave it out.")
        if options.get("truncation_strategy") in _STRATEGIES_OF_PAIRS:
            options["truncation_strategy"] = TruncationStrategy.LONGEST_FIRST
        text = replace_surrogates(text)
        texts = _as_batch(text, replace_surrogates(text_pair))
        is_empty_batch = isinstance(texts, list) and not texts
        if is_empty_batch:  # the Rust code needs a text: encode an empty one, and remove its row
            output = self._encode_batch([""], **options)
            return BatchEncoding({name: rows[:0] for name, rows in output.items()}, [])

        output = self._encode_batch(texts, **options)
        has_tensors = options.get("return_tensors") is not None
        if isinstance(text, str) and not has_tensors:
            return _first_row(output)
        return output

    def _encode_batch(
        self,
        texts: Any,
        *,
        truncation_strategy: Any = TruncationStrategy.DO_NOT_TRUNCATE,
        max_length: int | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode a batch, and add the token types.

        Args:
            texts: The texts.
            truncation_strategy: As in transformers; None if the caller said nothing of truncation.
            max_length: As in transformers.
            return_tensors: As in transformers.
            return_token_type_ids: As in transformers.
            **options: Passed on to transformers.
        """
        if truncation_strategy is None:
            # Without an argument, max_length is `model_max_length` by now; None: there is no limit.
            truncation_strategy = "do_not_truncate" if max_length is None else "longest_first"
        with self.lock:
            output = super()._encode_plus(
                texts,
                truncation_strategy=TruncationStrategy(truncation_strategy),
                max_length=max_length,
                return_tensors=None,
                return_token_type_ids=False,
                **options,
            )
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        if return_token_type_ids or "offset_mapping" in output:
            types = []
            offsets = []
            for text, encoding in zip(texts, output.encodings or [], strict=True):
                types_of_text, offsets_of_text = self._types_and_offsets(encoding, text)
                types.append(types_of_text)
                offsets.append(offsets_of_text)
            if return_token_type_ids:
                output["token_type_ids"] = types
            if "offset_mapping" in output:
                output["offset_mapping"] = offsets
        return output.convert_to_tensors(return_tensors)

    def _types_and_offsets(
        self, encoding: Encoding, text: str
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the token type id of each token of a text, 0 for padding; and where it begins and ends."""
        # Read once, because each access makes a new list.
        ids = encoding.ids
        is_token = encoding.attention_mask
        offsets = encoding.offsets
        unknown_id = self.unk_token_id
        types = [0] * len(ids)
        for token, (start, end) in enumerate(offsets):
            if is_token[token]:
                end = surface_end(text, start, end)
                offsets[token] = start, end
                types[token] = token_type(text[start:end], ids[token] == unknown_id)
        return types, offsets

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> Any:
        """Save without the padding and truncation of the last call, which are state of the Rust code."""
        with self.lock:
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            return super().save_pretrained(save_directory, *args, **kwargs)


def _as_batch(text: Any, pair: Any) -> Any:
    """Return the texts of a call as a list, each pair as one text.

        text                          pair          texts
        "title"                       None          ["title"]
        "title"                       "body"        ["title body"]
        ["a", "b"]                    None          ["a", "b"]
        ["a", "b"]                    ["c", "d"]    ["a c", "b d"]
        [["title", "body"], "a"]      None          ["title body", "a"]

    Values of other types are returned unchanged, and transformers refuses them.
    """
    if isinstance(text, str):
        return [text] if pair is None else [_joined(text, pair)]
    if pair is not None:
        if not isinstance(text, list) or not isinstance(pair, list) or len(text) != len(pair):
            raise ValueError("Texts and second parts must be two lists of the same length.")
        return [_joined(*both) for both in zip(text, pair, strict=True)]
    if isinstance(text, list):
        return [_joined(*row) if _is_pair(row) else row for row in text]
    return text


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _joined(first: Any, second: Any) -> str:
    """Return a text and its second part as one text."""
    if not (isinstance(first, str) and isinstance(second, str)):
        raise TypeError(f"A pair must be two texts, not {first!r} and {second!r}.")
    return f"{first} {second}"


def _first_row(output: BatchEncoding) -> BatchEncoding:
    """Return the output of the only text of a batch. As in transformers, `length` stays a list."""
    values = {}
    for name, rows in output.items():
        is_list_of_rows = bool(rows) and isinstance(rows[0], list)
        values[name] = rows[0] if is_list_of_rows else rows
    return BatchEncoding(values, output.encodings)


GloveLstmTokenizer.register_for_auto_class("AutoTokenizer")
