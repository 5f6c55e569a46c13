"""Python's list of scripts without spaces is Unicode's, as the Rust code has it."""

import re
import sys
import unicodedata

import pytest
from tokenizers import Regex
from tokenizers.normalizers import Replace

from glove_lstm.text.pipelines import _SPACELESS
from glove_lstm.unicode_scripts import COMBINING, SPACELESS, have_case
from glove_lstm.vectors.glove import language_warning


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


ENGLISH = ["the", "council", "voted", "on", "a", "bridge"]


@pytest.mark.parametrize(
    ("texts", "words", "share"),
    [
        (["The council voted!", "On a bridge, 12"], ENGLISH, None),
        (["The council voted in Köln"], ENGLISH, None),
        (["Der Stadtrat stimmte für a Brücke"], ENGLISH, "4%"),
        (["市议会批准了预算", "the"], ENGLISH, "27%"),
        (["市议会批准了预算"], [*"市议会批准了预"], None),
        (["12 !", ""], ENGLISH, None),
        (["वह घर आया"], ["वह", "घर", "आया"], None),
        (["市议会批准了预算"], [], None),  # no vectors are wanted
    ],
)
def test_texts_of_another_language(texts, words, share):
    warning = language_warning(texts, words, "v.txt")
    assert (warning is None) == (share is None)
    if share is not None:
        assert warning.startswith(
            f"Only {share} of the letters in the texts are in frequent words of v.txt: "
        )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["the council", "THE COUNCIL"], True),
        (["Совет проголосовал"], True),
        (["市议会批准了预算", "NATO"], False),
        (["صوت المجلس"], False),
        (["12 !"], True),
        ([], True),
    ],
)
def test_texts_with_upper_and_lower_case(texts, expected):
    assert have_case(texts) == expected
