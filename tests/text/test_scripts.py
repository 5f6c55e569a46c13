"""Python's list of scripts without spaces is Unicode's, as the Rust code has it."""

import re
import sys
import unicodedata

from tokenizers import Regex
from tokenizers.normalizers import Replace

from glove_lstm.text.pipelines import _SPACELESS
from glove_lstm.text.scripts import COMBINING, SPACELESS


def letters_and_marks():
    """All characters that are letters, marks or numbers to Python."""
    return [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character)[0] in "LMN"
    ]


def test_the_scripts_are_those_of_the_pipeline():
    characters = letters_and_marks()
    rest = set(Replace(Regex(f"[{_SPACELESS}]"), "").normalize_str("".join(characters)))
    of_pipeline = {each for each in characters if each not in rest}
    of_python = set(filter(re.compile(f"[{SPACELESS}]").match, characters))
    # These belong to several scripts, or to none, and stand in the blocks between those that do.
    differ = {each for each in of_pipeline ^ of_python if unicodedata.category(each)[0] != "N"}
    assert differ == set()


def test_the_marks_are_those_of_the_scripts():
    combining = re.compile(f"[{COMBINING}]")
    for character in letters_and_marks():
        is_mark = unicodedata.category(character)[0] == "M"
        if re.match(f"[{SPACELESS}]", character):
            assert bool(combining.match(character)) == is_mark, hex(ord(character))
