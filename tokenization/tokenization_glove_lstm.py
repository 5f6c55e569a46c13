"""The tokenizer of the GloVe+LSTM classifier. Travels to the Hub: imports only transformers and siblings."""

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

from .word_shapes import replace_surrogates, token_type


class GloveLstmTokenizer(PreTrainedTokenizerFast):
    """A word-level tokenizer. All text cleaning is in `tokenizer.json`, so that training and inference cannot differ.

    It differs from `PreTrainedTokenizerFast` in this:

    - Without a `truncation` argument, texts are truncated to `model_max_length`. `truncation=False` is honoured.
    - A pair (title, body) is read as one text, `title + " " + body`, and its offsets point into that, unless
      `truncation` or `return_overflowing_tokens` is given, which mean for pairs what they mean in transformers.
    - `token_type_ids`, if `model_input_names` has them, are the shapes of the words in the original text: lower,
      Title, UPPER, mixed, digits or punctuation (`word_shapes.SHAPES`). An unknown word has its characters there, too
      (`word_shapes.spelling`).
    - Lone surrogates, which the Rust code refuses, become U+FFFD.
    - With `split_special_tokens`, the padding and the unknown token that are written in a text are text. All other
      special tokens, those of `add_special_tokens` for instance, are kept whole.
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json"}  # noqa: RUF012 (transformers' own form)
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    # Held while `backend_tokenizer` is in use, whose truncation each call changes. Of the class, since one of an
    # instance could not be pickled. No `__init__`: with one, `from_pretrained` would give an empty vocabulary.
    lock = RLock()

    def _add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Add tokens to the vocabulary (`add_tokens`, `add_special_tokens` and loading come through here).

        The Rust code splits all tokens that it knows as special, or none. It keeps others whole, so special tokens are
        ordinary added tokens to it, but for those that are text in a text.
        """
        if not self.split_special_tokens:
            return super()._add_tokens(new_tokens, special_tokens)
        text_in_texts = (self.pad_token, self.unk_token)
        tokens: list[str | AddedToken] = []
        for token in new_tokens:
            if special_tokens or getattr(token, "special", False):
                tokens.append(_added_token(token, special=str(token) in text_in_texts))
            else:
                tokens.append(token)
        return super()._add_tokens(tokens)

    def _decode(self, token_ids: Any, skip_special_tokens: bool = False, **kwargs: Any) -> str:
        """Decode, where the Rust code does not know all special tokens (see `_add_tokens`)."""
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
        text, text_pair = replace_surrogates(text), replace_surrogates(text_pair)
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        single, texts, pairs = _as_batch(text, text_pair, is_split_into_words)
        is_empty = isinstance(texts, list) and not texts and not pairs
        if is_empty:  # the Rust code needs a row
            texts, pairs = [[] if is_split_into_words else ""], None
        overflow = kwargs.get("return_overflowing_tokens", False)
        kwargs.update(max_length=max_length, is_split_into_words=is_split_into_words)
        kwargs.update(return_token_type_ids=False, return_tensors=None)
        if truncation_strategy is None and isinstance(pairs, list) and not overflow:
            if len(texts) != len(pairs):
                raise ValueError(f"{len(texts)} texts, but {len(pairs)} pairs; give equally many.")
            between: Any = [] if is_split_into_words else " "
            texts = [first + between + second for first, second in zip(texts, pairs, strict=True)]
            pairs = None
        if truncation_strategy is None:
            truncation_strategy = "do_not_truncate" if max_length is None else "longest_first"
        kwargs["truncation_strategy"] = TruncationStrategy(truncation_strategy)
        with self.lock:
            output = super()._encode_plus(texts, pairs, **kwargs)
        if return_token_type_ids:
            rows = output.get("overflow_to_sample_mapping") or range(len(output["input_ids"]))
            parts = [texts] if pairs is None else [texts, pairs]
            output["token_type_ids"] = [
                self._token_types(encoding, [part[row] for part in parts], is_split_into_words)
                for row, encoding in zip(rows, output.encodings or [], strict=True)
            ]
        if return_tensors is not None:
            output = output.convert_to_tensors(return_tensors)
        elif single and not overflow:
            # As in transformers, `length` stays a list.
            first = {k: v[0] if v and isinstance(v[0], list) else v for k, v in output.items()}
            return BatchEncoding(first, output.encodings)
        if is_empty:
            return BatchEncoding({key: value[:0] for key, value in output.items()}, [])
        return output

    def _token_types(self, encoding: Encoding, parts: list[Any], of_words: bool) -> list[int]:
        """Return the `token_type_ids` of a text or of two parts, each a string or a list of words; 0 for padding."""
        ids, types, unknown = encoding.ids, [0] * len(encoding), self.unk_token_id
        places = zip(encoding.sequence_ids, encoding.word_ids, encoding.offsets, strict=True)
        for token, (part, word, (start, end)) in enumerate(places):
            if end > start:
                text = parts[part or 0][word or 0] if of_words else parts[part or 0]
                types[token] = token_type(text[start:end], ids[token] == unknown)
        return types

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> Any:
        """Save without the padding and truncation of the last call, which the Rust code keeps as its state."""
        with self.lock:
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            return super().save_pretrained(save_directory, *args, **kwargs)


def _added_token(token: str | AddedToken, special: bool) -> AddedToken:
    """Return a token that is found in a text as it is written, and is special to the Rust code or not."""
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


GloveLstmTokenizer.register_for_auto_class("AutoTokenizer")
