"""Hostile texts: number n of a seed is the same text for ever, whatever was made before it."""

import random
from collections.abc import Callable, Iterator

# Where code points are drawn from: ASCII twice as often as any other, then what breaks programs, then everything.
_RANGES = (
    (0x20, 0x7F), (0x20, 0x7F), (0x00, 0x20), (0x7F, 0xA1), (0xA0, 0x250), (0x250, 0x370), (0x370, 0x530),
    (0x590, 0x780), (0x900, 0xE80), (0x1100, 0x1200), (0x1D00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2400),
    (0x2E80, 0x3130), (0xAC00, 0xD7A4), (0xD800, 0xE000), (0xFB00, 0xFF00), (0xFF00, 0x10000),
    (0x1D400, 0x1D800), (0x1F1E6, 0x1F700), (0xE0000, 0xE0200), (0x0, 0x110000),
)  # fmt: skip
_CONTROLS = [
    *map(chr, range(0x20)), "\x7f", "\x85", "\xa0", "\xad", "\u061c", "\u115f", "\u180e", "\ufeff", "\ufffe", "\uffff",
    *map(chr, range(0x200B, 0x2010)), *map(chr, range(0x2028, 0x202F)), *map(chr, range(0x2060, 0x2070)),
    "\ufff9", "\ufffa", "\ufffb", "\ufffc", "\U000e0001", "\U0010ffff", "\x1b[31m",
]  # fmt: skip
_EMOJI = ["😀", "👩", "👨", "👧", "🏳", "🏴", "❤", "🔥", "✌", "🧑", "💻", "☠", "1", "#", "🇩", "🇪", "🇺", "©"]
_JOINTS = ["\u200d", "\ufe0f", "\ufe0e", "\u20e3", "🏻", "🏿", "\U000e0067", "\U000e007f", "\u200d\u200d", ""]
_MARKS = [chr(point) for low, high in ((0x300, 0x370), (0x483, 0x488), (0x591, 0x5BE), (0x64B, 0x660), (0x93A, 0x950),
          (0x1AB0, 0x1AC0), (0x20D0, 0x20F1), (0xFE20, 0xFE30)) for point in range(low, high)]  # fmt: skip
# What lower-casing makes longer, what is a letter to one library only, and what sorts between digits and letters.
_SCRIPTS = [
    *"aZßẞİıſKÅΣσςΐŉǰǅǆﬀﬃΩЖжЍЁѝאبתثज्ञ한글조ㅎ中文字あア々ゞ",
    *"²½Ⅷⅷ①٣๓೬𝟗𝔄𝓪ªº℀℃ℵ⒈㍿ﷺ１Ａ＿‿⁀·׳״'-‐‑–—", "ไทย", "မြန်မာ", "ꙮ", "𒐫", "\u1e9e",
]  # fmt: skip
_FRAGMENTS = [
    "The council's vote", "BREAKING", "won't", "well-known", "3.5", "1,204", "1,,2", "7th", "a_b", "--", "-", "_",
    "https://a.example/x?y=1", "HTTP://X", "http://", "http:///", "www.", "www.a", "WwW.b", "xhttps://y",
    "https\u017f://a",
    "<url>", "<URL>", "<url", "<pad>", "<unk>", "<", ">", "<ttp://a", "<ww.b", "://", "ww.", "wwww.c", "##a", "##",
    "“", "”", "‘", "’", "\u02bc", "\u201b", "«", "…",
    "[MASK]", "\\u0041", "&amp;", "%00", "\"", ",", ";", "\t", "\r\n", "\n",
]  # fmt: skip
_CODECS = (
    "utf-8",
    "utf-8",
    "latin-1",
    "cp1252",
    "utf-16-le",
    "utf-16-be",
    "utf-32-le",
    "shift_jis",
    "gb18030",
)
_ERRORS = ("replace", "ignore", "surrogateescape", "backslashreplace")


def _code_points(generator: random.Random) -> str:
    """Any str, lone surrogates included."""
    low, high = generator.choice(_RANGES)
    return "".join(
        chr(generator.randrange(low, high) if generator.random() < 0.8 else generator.randrange(0x20, 0x7F))
        for _ in range(generator.randrange(40))
    )


def _bytes(generator: random.Random) -> str:
    """Bytes that are no text in the encoding that they are taken for."""
    data = generator.randbytes(generator.randrange(60))
    if generator.random() < 0.5:
        data = _fragments(generator).encode("utf-8", "replace") + data[:5]
    codec = generator.choice(_CODECS)
    errors = generator.choice(_ERRORS)
    if errors == "surrogateescape" and codec not in ("utf-8", "cp1252"):
        errors = "replace"
    return data.decode(codec, errors)


def _pick(pool: list[str], most: int) -> Callable[[random.Random], str]:
    return lambda generator: "".join(generator.choices(pool, k=generator.randrange(most)))


_fragments = _pick([*_FRAGMENTS, " ", " ", " "], 14)
_scripts = _pick([*_SCRIPTS, " "], 25)
_controls = _pick([*_CONTROLS, "a", "B", " "], 25)


def _emoji(generator: random.Random) -> str:
    """Sequences of people, flags and keycaps, whole and broken."""
    return "".join(
        generator.choice(_EMOJI) + generator.choice(_JOINTS) for _ in range(generator.randrange(12))
    )


def _marks(generator: random.Random) -> str:
    """Letters under heaps of combining marks."""
    return "".join(
        generator.choice("aEı한1- ") + "".join(generator.choices(_MARKS, k=generator.randrange(9)))
        for _ in range(generator.randrange(8))
    )


def _long(generator: random.Random) -> str:
    """One short thing again and again: long words, long runs of nothing."""
    unit = generator.choice([*_FRAGMENTS, *_CONTROLS, *_SCRIPTS, " ", "ab", "A-"])
    return unit * generator.choice([2, 60, 101, 700, 3000])


def _mutated(generator: random.Random) -> str:
    """A headline in which some characters were lost, doubled or replaced."""
    text = list("Senate passes the budget; “shocking” memo at www.news.example says 1,204 VOTES were lost")
    for _ in range(generator.randrange(1, 8)):
        place = generator.randrange(len(text))
        text[place] = generator.choice(
            ["", text[place] * 2, _code_points(generator)[:2], _controls(generator)[:2]]
        )
    return "".join(text)


_KINDS: tuple[Callable[[random.Random], str], ...] = (
    _code_points, _code_points, _bytes, _fragments, _fragments, _controls, _emoji, _marks, _scripts, _mutated,
)  # fmt: skip


def make_text(seed: int, number: int) -> str:
    """Text number `number` of a seed: of one kind, or several kinds side by side."""
    generator = random.Random(f"{seed} {number}")
    if generator.random() < 0.01:
        return _long(generator)
    kinds = generator.choices(_KINDS, k=generator.choice([1, 1, 2, 3]))
    return generator.choice(["", " ", "\n"]).join(kind(generator) for kind in kinds)


def make_texts(seed: int, start: int, count: int) -> list[str]:
    """`count` texts from number `start` on."""
    return [make_text(seed, number) for number in range(start, start + count)]


def giants(scale: int = 1) -> Iterator[tuple[str, str]]:
    """Names and texts that are too long for anybody; `scale` divides their lengths."""
    yield "word of 10 MB", "a" * (10_000_000 // scale)
    yield "word of 10 MB in capitals with marks", "E\u0301" * (3_400_000 // scale)
    yield "million spaces", " " * (1_000_000 // scale)
    yield "million spaces between words", "a" + " " * (1_000_000 // scale) + "b"
    yield "million words", "ab, " * (1_000_000 // scale)
    yield "million surrogates", "\udc80" * (1_000_000 // scale)
