"""Whether the tokenizer that people call and the light one agree, and whether offsets and shapes are true."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import slow_shape

from glove_lstm import GloveLstmTokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.word_shapes import SHAPES, repair

_UNCUT = 10**9


@dataclass(frozen=True)
class Finding:
    """A text that broke a promise."""

    text: str
    promise: str


class Tokenizers:
    """Both tokenizers of one folder; they cut nothing."""

    def __init__(self, folder: Path) -> None:
        self.fast: Any = GloveLstmTokenizer.from_pretrained(folder)
        self.light = LightTokenizer.from_folder(folder)
        self.fast.model_max_length = self.light.model_max_length = _UNCUT

    def check(self, texts: list[str]) -> list[Finding]:
        """What is wrong with these texts."""
        return _checked(self._compare, texts)

    def check_pairs(self, texts: list[str]) -> list[Finding]:
        """What is wrong when each text has the next one as its second part."""
        return _checked(self._compare_pairs, texts)

    def _compare(self, texts: Sequence[str]) -> Iterator[Finding]:
        wanted = self.fast(list(texts), return_offsets_mapping=True)
        shapes = wanted.get("token_type_ids") or [[0] * len(ids) for ids in wanted["input_ids"]]
        rows = zip(
            texts, self.light(texts), wanted["input_ids"], shapes, wanted["offset_mapping"], strict=True
        )
        for text, light, ids, shape, offsets in rows:
            if light.ids.tolist() != ids:
                yield Finding(text, "light and fast tokenizer: same ids")
            if light.shapes.tolist() != shape:
                yield Finding(text, "light and fast tokenizer: same word shapes")
            if not _in_order(offsets, len(text)):
                yield Finding(text, "offsets lie inside the text and in order")
            elif "token_type_ids" in wanted and len(text) < 500 and not _true(repair(text), shape, offsets):
                yield Finding(text, "word shapes are those of the characters that the offsets point to")

    def _compare_pairs(self, texts: Sequence[str]) -> Iterator[Finding]:
        firsts, seconds = list(texts), [*texts[1:], texts[0]]
        joined = [f"{first} {second}" for first, second in zip(firsts, seconds, strict=True)]
        wanted = self.fast(joined)["input_ids"]
        found = self.fast(firsts, seconds)["input_ids"]
        light = self.light(firsts, seconds)
        for text, one, two, three in zip(joined, wanted, found, light, strict=True):
            if one != two:
                yield Finding(text, "a pair has the ids of its parts joined by a space")
            if two != three.ids.tolist():
                yield Finding(text, "light and fast tokenizer: same ids of pairs")


def _checked(compare: Callable[[list[str]], Iterator[Finding]], texts: list[str]) -> list[Finding]:
    """All findings; where one of the texts raises, that too."""
    try:
        return list(compare(texts))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the Rust code is no Exception
        if len(texts) == 1:
            return [Finding(texts[0], f"raises {type(error).__name__}: {str(error)[:100]}")]
        halves = texts[: len(texts) // 2], texts[len(texts) // 2 :]
        return [finding for half in halves for finding in _checked(compare, half)]


def _in_order(offsets: Sequence[tuple[int, int]], length: int) -> bool:
    last = 0
    for begin, end in offsets:
        if not last <= begin <= end <= length:
            return False
        last = begin
    return True


def _true(text: str, shapes: Sequence[int], offsets: Sequence[tuple[int, int]]) -> bool:
    return all(
        SHAPES[shape] == slow_shape(text[begin:end])
        for shape, (begin, end) in zip(shapes, offsets, strict=True)
    )
