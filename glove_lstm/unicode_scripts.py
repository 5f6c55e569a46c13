"""Classes of characters for Python, whose regular expressions know no scripts; and which texts have upper case.

The tokenizer asks Unicode's script property instead (`text/pipelines.py`); a test compares the two.
"""

import re
from collections.abc import Sequence

# These are for the inside of a class of characters, and publishing/page/explain.js has the same ranges.
# Blocks of Thai, Lao, Burmese, Khmer, Chinese and Japanese. Other characters in these ranges are no letters.
SPACELESS = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff"
    "\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9d\U000116d0-\U000116ff\U00016fe2-\U00016fe3\U00016ff0-\U00016ff6"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
# Marks on the characters of these scripts: vowels, tones, voiced sounds of kana, variants of ideographs.
COMBINING = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060"
    "\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u302a-\u302f"
    "\u3099\u309a\ua9e5\uaa7b-\uaa7d\ufe00-\ufe0f\U00016ff0\U00016ff1\U000e0100-\U000e01ef"
)
# White space and punctuation. They are written out because \w and \s differ between Python and JavaScript, and between
# versions of Unicode; and \w lacks the vowel signs of Hindi and other languages.
SPACES = "\\x00-\\x20\\x7f-\\xa0\u1680\u2000-\u200b\u2028-\u202f\u205f-\u2064\u3000\ufeff"
MARKS = (
    r"!-/:-@\[-\^`{-~\xa1-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7"  # ASCII and Latin, without ª ² ³ µ ¹ º ¼ ½ ¾
    "\u060c\u061b\u061f\u06d4\u0964\u0965"  # commas, question marks and full stops of Arabic and Devanagari
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2190-\u2bff\u2e00-\u2e7f"  # punctuation, currencies, symbols
    "\u3001-\u3004\u3008-\u3020\u3030\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
    "\ufe0f\U0001f000-\U0001faff"  # emoji
)
# Currencies, arrows and emoji, which may tell two texts apart.
SYMBOLS = "\u20a0-\u20cf\u2190-\u22ff\u2600-\u27bf\u2900-\u2bff\U0001f000-\U0001faff"
CHARACTER = rf"[{SPACELESS}][{COMBINING}]*"
LETTER = rf"[^{SPACES}{MARKS}{SPACELESS}]"  # or a digit, or a mark on a letter
# In scripts without spaces, a character is a word.
WORD_OR_SYMBOL = rf"{CHARACTER}|{LETTER}+|[{SYMBOLS}]"
WORD_OR_MARK = rf"{CHARACTER}|{LETTER}+|[^\w\s]"
_CHARACTER = re.compile(CHARACTER)


def is_spaceless(letter: str) -> bool:
    """Return whether a letter is of a script without spaces."""
    return _CHARACTER.match(letter) is not None


def have_case(texts: Sequence[str]) -> bool:
    """Return whether at least half of the letters in n texts are of a script with upper and lower case.

    About 1,000 of the texts are looked at. Texts without letters have case; so has Georgian, though its capitals are
    rare.
    """
    cased = 0
    letters = 0
    for text in texts[:: max(1, len(texts) // 1000)]:
        of_text = [character for character in text if character.isalpha()]
        letters += len(of_text)
        cased += sum(letter.lower() != letter.upper() for letter in of_text)
    return cased >= letters / 2
