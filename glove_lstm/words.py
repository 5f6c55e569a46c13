"""Two small functions on the characters and words of a text."""

import re
from collections.abc import Sequence
from hashlib import blake2b

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Replace each lone surrogate, which JSON can spell and Arrow and UTF-8 refuse, by U+FFFD.

    The function stands in `tokenization/word_shapes.py`, too: that file travels to the Hub, where it imports nothing of
    this package, and this one is imported where the tokenizer is not.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def digest_of_words(words: Sequence[str], size: int) -> bytes:
    """Return a hash of words, joined by a space, of `size` bytes; lone surrogates may be among them."""
    content = " ".join(words).encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=size).digest()
