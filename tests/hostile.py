"""Hostile texts, as Hypothesis strategies; FUZZ=100 tries a hundred times as many."""

import os

from hypothesis import strategies as st

# Controls, invisible and directional marks, white space of every kind, the edges of Unicode.
_CONTROL_RANGES = """
0-1f 7f-7f 85-85 a0-a0 ad-ad 61c-61c 115f-115f 180e-180e 2000-200f 2028-202f 2060-206f 3000-3000
d800-d800 dfff-dfff feff-feff fff9-ffff e0001-e0001 10ffff-10ffff
"""
_MARK_RANGES = "300-36f 591-5bd 93a-94f"


def _characters(ranges):
    """The characters of ranges like "20-7e", in hexadecimal."""
    characters = []
    for characters_range in ranges.split():
        first, last = characters_range.split("-")
        characters += map(chr, range(int(first, 16), int(last, 16) + 1))
    return characters


_CONTROLS = _characters(_CONTROL_RANGES)
_MARKS = _characters(_MARK_RANGES)
# Letters that grow when lower-cased, letters to one library only, and digits outside of ASCII.
_LETTERS = "aAzZ09ßẞİıſKÅΣσςΐŉǰǅǆﬀﬃΩЖжЁאתثज्ञ한조ㅎ中あア々ゞ²½Ⅷⅷ①٣๓೬𝟗𝔄ªº℀ℵ⒈㍿ﷺ１Ａ＿‿⁀·׳״‐‑–—ꙮ𒐫"
# Scripts without spaces, with their marks and digits; letters that compose; other scripts.
_SCRIPTS = (
    "我們𠮷㐀〇々〆かガがﾊﾞｰー゛ดี๓ๆລາວ໓កខ្មែរ៣မြန်မာ၃각한ꥠவொকোกำ\u3099\U000e0100ḗấЙёәґ၊។។。、！ꙋⰀ"
)
_EMOJI = "😀👩🏳❤🇩🇪1\u200d\ufe0f\u20e3🏻\U000e0067\U000e007f"
_WORDS = (
    "The|harbour master|BOATS|skipper|Skiper|haarbour|don't|won’t|well-known|3.5|1,204|1,,2|7th|a_b|--|-|_|.|,|;|“|”|‘"
    "|’|\u02bc|«|…|https://boats.example/log?id=7|HTTP://X|http://|http:///|www.|www.count.example|WwW.a|xhttps://y"
    "|https\u017f://a|har\u2060bour|BO\u00adATS|\ufeffThe|ski\u200dpper|http:\u200b//x|e\u2060\u0301|<url>|<URL>|<url|<pad>|<unk>|<|>|<ttp://a|<ww.b|://|ww.|wwww.c|##a|##|&amp;|%00|\\u0041|[MASK]"
)
_SEVERAL_CHARACTERS = ["e\u0301", "\ud83d\ude00", "\r\n"]
FRAGMENTS = _WORDS.split("|") + list(_LETTERS + _SCRIPTS + _EMOJI + " \n\t") + _SEVERAL_CHARACTERS
_CODECS = ["utf-8", "cp1252", "utf-16-le", "shift_jis", "gb18030"]

joined = st.lists(st.sampled_from([*FRAGMENTS, " ", " "]), max_size=14).map("".join)


@st.composite
def _misread(draw):
    """Bytes that are no text in the encoding that they are taken for."""
    text = draw(joined).encode("utf-8", "replace") + b"\xf0"
    data = draw(st.sampled_from([text, draw(st.binary(max_size=40))]))
    errors = draw(st.sampled_from(["replace", "ignore", "backslashreplace"]))
    return data.decode(draw(st.sampled_from(_CODECS)), errors)


@st.composite
def _long(draw):
    """One fragment many times."""
    return draw(st.sampled_from(FRAGMENTS)) * draw(st.sampled_from([60, 101, 700]))


texts = st.one_of(
    joined,
    joined,
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.text([*_CONTROLS, "a", "B", " "], max_size=25),
    st.text([*_MARKS, *_MARKS, *"aEı1- "], max_size=40),
    st.text("aAzZ019.,-_:/wWhHtTpPsS<>url’“ \n", max_size=30),
    _misread(),
    _long(),
)


def examples(count: int) -> int:
    """Examples of a test: `count`, times FUZZ from the environment."""
    return count * int(os.environ.get("FUZZ", "1"))
