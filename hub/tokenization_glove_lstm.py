"""The GloVe+LSTM classifier's tokenizer. Travels to the Hub: imports only transformers, tokenizers and siblings."""

from threading import RLock
from typing import Any

import transformers

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(
        f"GloVe+LSTM needs transformers 5 or later, not {transformers.__version__}: "
        "pip install 'transformers>=5'"
    )

from tokenizers import AddedToken, Encoding
from transformers import BatchEncoding, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import TruncationStrategy

from .word_shapes import replace_surrogates, surface_end, token_type


class GloveLstmTokenizer(PreTrainedTokenizerFast):
    """A word-level tokenizer. All text cleaning is in `tokenizer.json`, so that training and inference cannot differ.

    It differs from `PreTrainedTokenizerFast` as follows:

    - Without a `truncation` argument, texts are truncated to `model_max_length`. `truncation=False` is honoured.
    - A pair (title, body) is read as one text, `title + " " + body`, and offsets point into that text. With
      `truncation` or `return_overflowing_tokens`, pairs are handled as in transformers.
    - `token_type_ids`, if `model_input_names` has them, are the shapes of the words as they stand in the text (lower,
      Title, UPPER, mixed, digits or punctuation: `word_shapes.SHAPES`), and the characters of unknown words
      (`word_shapes.spelling`).
    - `offset_mapping` covers the accents that a text writes as characters of their own. `token_to_chars` and other
      methods of the output leave out those of a token's last letter.
    - Lone surrogates, which the Rust code refuses, become U+FFFD.
    - With `split_special_tokens`, a padding or unknown token that is written in a text is text. All other special
      tokens, such as those of `add_special_tokens`, stay whole.
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json"}  # noqa: RUF012 (transformers' own form)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    # Held while `backend_tokenizer` is in use, because each call changes its truncation. It belongs to the class, for
    # two reasons: an instance with a lock cannot be pickled, and an `__init__` to make one breaks `from_pretrained`,
    # which then gives an empty vocabulary.
    lock = RLock()

    def _add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Add tokens to the vocabulary; `add_tokens`, `add_special_tokens` and loading call this method.

        With `split_special_tokens`, the Rust code splits every token that is special to it, and keeps other added
        tokens whole. Therefore only the padding and the unknown token are added as special to it.
        """
        if not self.split_special_tokens:
            return super()._add_tokens(new_tokens, special_tokens)
        split_tokens = (self.pad_token, self.unk_token)
        tokens: list[str | AddedToken] = []
        for token in new_tokens:
            is_special = special_tokens or getattr(token, "special", False)
            if is_special:
                is_split = str(token) in split_tokens
                tokens.append(_added_token(token, special=is_split))
            else:
                tokens.append(token)
        return super()._add_tokens(tokens)

    def _decode(self, token_ids: Any, skip_special_tokens: bool = False, **kwargs: Any) -> str:
        """Decode ids, and skip special tokens that are not special to the Rust code (see `_add_tokens`)."""
        if isinstance(token_ids, dict):
            token_ids = token_ids["input_ids"]
        if isinstance(token_ids, int):
            token_ids = [token_ids]
        if skip_special_tokens:
            special = set(self.all_special_ids)
            token_ids = [token for token in token_ids if token not in special]
        return super()._decode(token_ids, skip_special_tokens=skip_special_tokens, **kwargs)

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

    def _encode_plus(
        self, text: Any, text_pair: Any = None, *, is_split_into_words: bool = False, **options: Any
    ) -> BatchEncoding:
        """Encode a text or a batch. Calls, `encode`, pipelines and collators all end here."""
        text = replace_surrogates(text)
        text_pair = replace_surrogates(text_pair)
        texts, pairs = _as_batch(text, text_pair, is_split_into_words)
        is_empty_batch = isinstance(texts, list) and not texts and not pairs
        if is_empty_batch:  # the Rust code needs a text: encode an empty one, and remove its row
            texts = [_empty_text(is_split_into_words)]
            output = self._encode_batch(texts, None, is_split_into_words, **options)
            return BatchEncoding({name: rows[:0] for name, rows in output.items()}, [])

        output = self._encode_batch(texts, pairs, is_split_into_words, **options)
        is_single = _is_text(text, is_split_into_words)
        has_tensors = options.get("return_tensors") is not None
        may_have_several_rows = options.get("return_overflowing_tokens", False)
        if is_single and not has_tensors and not may_have_several_rows:
            return _first_row(output)
        return output

    def _encode_batch(
        self,
        texts: Any,
        pairs: Any,
        of_words: bool,
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
            pairs: Their second parts, or None.
            of_words: Whether the texts are lists of words.
            truncation_strategy: As in transformers; None if the caller said nothing of truncation.
            max_length: As in transformers.
            return_tensors: As in transformers.
            return_token_type_ids: As in transformers.
            **options: Passed on to transformers.
        """
        if truncation_strategy is None:
            # Without an argument, max_length is `model_max_length` by now; None: there is no limit.
            truncation_strategy = "do_not_truncate" if max_length is None else "longest_first"
            if isinstance(pairs, list) and not options.get("return_overflowing_tokens", False):
                texts = _join_pairs(texts, pairs, of_words)
                pairs = None
        with self.lock:
            output = super()._encode_plus(
                texts,
                pairs,
                truncation_strategy=TruncationStrategy(truncation_strategy),
                max_length=max_length,
                return_tensors=None,
                return_token_type_ids=False,
                is_split_into_words=of_words,
                **options,
            )
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        if return_token_type_ids or "offset_mapping" in output:
            types, offsets = self._types_and_offsets(output, texts, pairs, of_words)
            if return_token_type_ids:
                output["token_type_ids"] = types
            if "offset_mapping" in output:
                output["offset_mapping"] = offsets
        return output.convert_to_tensors(return_tensors)

    def _types_and_offsets(
        self, output: BatchEncoding, texts: list[Any], pairs: list[Any] | None, of_words: bool
    ) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
        """Return types and offsets of the tokens of each row of an output; several rows may belong to one text."""
        encodings = output.encodings or []
        rows = range(len(encodings))
        text_of_row = output.get("overflow_to_sample_mapping") or rows
        types = []
        offsets = []
        for encoding, text_number in zip(encodings, text_of_row, strict=True):
            parts = [texts[text_number]]
            if pairs is not None:
                parts.append(pairs[text_number])
            types_of_row, offsets_of_row = self._of_row(encoding, parts, of_words)
            types.append(types_of_row)
            offsets.append(offsets_of_row)
        return types, offsets

    def _of_row(
        self, encoding: Encoding, parts: list[Any], of_words: bool
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the token type id of each token, 0 for padding; and where it begins and ends.

        Args:
            encoding: The tokens.
            parts: The text, and its second part if there is one: strings, or lists of words.
            of_words: Whether the parts are lists of words.
        """
        # Read once, because each access makes a new list.
        ids = encoding.ids
        part_of_token = encoding.sequence_ids  # None for padding
        word_of_token = encoding.word_ids
        offsets = encoding.offsets
        unknown_id = self.unk_token_id
        types = [0] * len(ids)
        for token, part in enumerate(part_of_token):
            if part is None:
                continue
            text = parts[part]
            if of_words:
                text = text[word_of_token[token]]
            start, end = offsets[token]
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


def _added_token(token: str | AddedToken, special: bool) -> AddedToken:
    """Return a token that is special to the Rust code or not. Given as a string, it is not normalized."""
    if isinstance(token, str):
        return AddedToken(token, normalized=False, special=special)
    return AddedToken(
        token.content,
        single_word=token.single_word,
        lstrip=token.lstrip,
        rstrip=token.rstrip,
        normalized=token.normalized,
        special=special,
    )


def _as_batch(text: Any, pair: Any, of_words: bool) -> tuple[Any, Any]:
    """Return the texts of a call as a batch, and their second parts, or None if there are none.

        text                          pair          texts                pairs
        "title"                       None          ["title"]            None
        "title"                       "body"        ["title"]            ["body"]
        ["a", "b"]                    None          ["a", "b"]           None
        ["a", "b"]                    ["c", "d"]    ["a", "b"]           ["c", "d"]
        [["title", "body"], "a"]      None          ["title", "a"]       ["body", ""]

    With `of_words`, a list of words stands for each string. Values of other types are returned unchanged, and
    transformers refuses them.
    """
    if _is_text(text, of_words):
        if pair is None:
            return [text], None
        return [text], [pair]
    if pair is None and isinstance(text, list) and any(_is_pair(row, of_words) for row in text):
        return _divide_pairs(text, of_words)
    return text, pair


def _divide_pairs(rows: list[Any], of_words: bool) -> tuple[list[Any], list[Any]]:
    """Return the texts and the second parts of a batch of pairs. A text without a second part may be among them."""
    texts = []
    pairs = []
    for row in rows:
        if _is_pair(row, of_words):
            first, second = row
        else:
            first = row
            second = _empty_text(of_words)
        texts.append(first)
        pairs.append(second)
    return texts, pairs


def _empty_text(of_words: bool) -> Any:
    return [] if of_words else ""


def _is_text(value: Any, of_words: bool) -> bool:
    if not of_words:
        return isinstance(value, str)
    is_batch = isinstance(value, list) and bool(value) and isinstance(value[0], list)
    return isinstance(value, list) and not is_batch


def _is_pair(value: Any, of_words: bool) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_text(value[0], of_words)


def _join_pairs(texts: list[Any], pairs: list[Any], of_words: bool) -> list[Any]:
    """Return each text and its second part as one text."""
    if len(texts) != len(pairs):
        raise ValueError(f"{len(texts)} texts, but {len(pairs)} pairs; give equally many.")
    between: Any = [] if of_words else " "
    return [first + between + second for first, second in zip(texts, pairs, strict=True)]


def _first_row(output: BatchEncoding) -> BatchEncoding:
    """Return the output of the only text of a batch. As in transformers, `length` stays a list."""
    values = {}
    for name, rows in output.items():
        is_list_of_rows = bool(rows) and isinstance(rows[0], list)
        values[name] = rows[0] if is_list_of_rows else rows
    return BatchEncoding(values, output.encodings)


GloveLstmTokenizer.register_for_auto_class("AutoTokenizer")
