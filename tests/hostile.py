"""Hostile texts, as Hypothesis strategies; FUZZ=100 tries a hundred times as many."""

import os

from hypothesis import strategies as st

# Controls, invisible and directional marks, white space of every kind, the edges of Unicode.
_CONTROL_RANGES = [
    *((0, 0x20), (0x7F, 0x80), (0x85, 0x86), (0xA0, 0xA1), (0xAD, 0xAE), (0x61C, 0x61D)),
    *((0x115F, 0x1160), (0x180E, 0x180F), (0x2000, 0x2010), (0x2028, 0x2030), (0x2060, 0x2070)),
    *((0x3000, 0x3001), (0xFEFF, 0xFF00), (0xFFF9, 0x10000), (0xE0001, 0xE0002)),
]
_MARK_RANGES = [(0x300, 0x370), (0x591, 0x5BE), (0x93A, 0x950)]


def _characters(ranges):
    characters = []
    for first, end in ranges:
        characters += map(chr, range(first, end))
    return characters


_CONTROLS = [*_characters(_CONTROL_RANGES), "\ud800", "\udfff", "\U0010ffff"]
_MARKS = _characters(_MARK_RANGES)
# Letters that grow when lower-cased, letters to one library only, and digits outside of ASCII.
_LETTERS = "aAzZ09ßẞİıſKÅΣσςΐŉǰǅǆﬀﬃΩЖжЁאתثज्ञ한조ㅎ中あア々ゞ²½Ⅷⅷ①٣๓೬𝟗𝔄ªº℀ℵ⒈㍿ﷺ１Ａ＿‿⁀·׳״‐‑–—ꙮ𒐫"
_EMOJI = "😀👩🏳❤🇩🇪1\u200d\ufe0f\u20e3🏻\U000e0067\U000e007f"
_WORDS = (
    "The|harbour master|BOATS|skipper|Skiper|haarbour|don't|won’t|well-known|3.5|1,204|1,,2|7th|a_b|--|-|_|.|,|;|“|”|‘"
    "|’|\u02bc|«|…|https://boats.example/log?id=7|HTTP://X|http://|http:///|www.|www.count.example|WwW.a|xhttps://y"
    "|https\u017f://a|<url>|<URL>|<url|<pad>|<unk>|<|>|<ttp://a|<ww.b|://|ww.|wwww.c|##a|##|&amp;|%00|\\u0041|[MASK]"
)
FRAGMENTS = [*_WORDS.split("|"), *_LETTERS, *_EMOJI, *" \n\t", "e\u0301", "\ud83d\ude00", "\r\n"]
_CODECS = ["utf-8", "cp1252", "utf-16-le", "shift_jis", "gb18030"]

joined = st.lists(st.sampled_from([*FRAGMENTS, " ", " "]), max_size=14).map("".join)
# Bytes that are no text in the encoding that they are taken for.
_misread = st.builds(
    lambda data, codec, errors: data.decode(codec, errors),
    st.binary(max_size=40) | joined.map(lambda text: text.encode("utf-8", "replace") + b"\xf0"),
    st.sampled_from(_CODECS),
    st.sampled_from(["replace", "ignore", "backslashreplace"]),
)
_long = st.builds(
    lambda unit, times: unit * times, st.sampled_from(FRAGMENTS), st.sampled_from([60, 101, 700])
)
texts = st.one_of(
    joined,
    joined,
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.text([*_CONTROLS, "a", "B", " "], max_size=25),
    st.text([*_MARKS, *_MARKS, *"aEı1- "], max_size=40),
    st.text("aAzZ019.,-_:/wWhHtTpPsS<>url’“ \n", max_size=30),
    _misread,
    _long,
)


def examples(count: int) -> int:
    """Examples of a test: `count`, times FUZZ from the environment."""
    return count * int(os.environ.get("FUZZ", "1"))
