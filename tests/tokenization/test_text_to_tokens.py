"""Text to tokens, over all of Unicode: no exception, and offsets into the original text."""

import pytest
from hostile import examples, texts
from hypothesis import example, given, settings
from support import repaired, slow_shape

from glove_lstm.modeling.configuration_glove_lstm import KNOWN
from glove_lstm.tokenization.word_shapes import SHAPES

STRAIGHT = str.maketrans("\u2018\u2019\u201b\u02bc\u201c\u201d\u201f", "''''\"\"\"")


def normal(surface):
    """As the pipeline writes a word: quotes straightened, each letter lower-cased by itself."""
    return "".join(letter.lower() for letter in surface.translate(STRAIGHT))


@settings(max_examples=examples(150), deadline=None)
@given(texts)
@example("\ud800")
@example("a\udc00b")
@example("")
def test_every_text_gives_offsets_inside_it_and_the_shape_of_each_word(tokenizer, text):
    output = tokenizer(text, return_offsets_mapping=True)
    tokens = output.tokens()
    for name in output:
        assert len(output[name]) == len(tokens), name
    clean = repaired(text)
    end_before = 0
    for place, token in enumerate(tokens):
        start, end = output["offset_mapping"][place]
        assert end_before <= start < end <= len(text)
        end_before = end
        surface = clean[start:end]
        spelling, shape = divmod(output["token_type_ids"][place], 8)
        assert SHAPES[shape] == slow_shape(surface)
        if token == "<unk>":
            assert slow_spelling(spelling) == spelled(surface)
        else:
            assert spelling == KNOWN
        if token not in ("<url>", "<unk>"):
            assert normal(surface) == token


def slow_spelling(code):
    """The characters of a spelling; a digit stands for each character that is no letter of English."""
    characters = ""
    while code:
        code, number = divmod(code, 32)
        characters += " abcdefghijklmnopqrstuvwxyz01234"[number]
    return characters


def spelled(surface):
    """The characters that a spelling of this word must have."""
    characters = ""
    for letter in surface.lower()[:12]:
        is_english = "a" <= letter <= "z"
        characters += letter if is_english else str(ord(letter) % 5)
    return characters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Boats, boats", ["boats", ",", "boats"]),
        ("well-known", ["well-known"]),
        ("-boats-", ["-", "boats", "-"]),
        ("1,204 or 3.5", ["1,204", "or", "3.5"]),
        ("3.5.", ["3.5", "."]),
        ("don't don’t", ["don", "'", "t", "don", "'", "t"]),
        ("“we” ‘we’", ['"', "we", '"', "'", "we", "'"]),
        ("(see HTTPS://Boats.example/log?id=7) now", ["(", "see", "<url>", "now"]),
        ("www.count.example", ["<url>"]),
        ("www. http://", ["www", ".", "http", ":", "/", "/"]),
        ("<url> <pad> <unk>", ["<url>", "<", "pad", ">", "<", "unk", ">"]),
    ],
)
def test_default_words(make, text, words):
    tokenizer = make(corpus=[text])
    assert tokenizer.tokenize(text) == words
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The BOATS, the tonnes!", ["boats", "tonnes"]),
        ("a well-known skipper", ["well", "known", "skipper"]),
        ("1,204 tonnes", ["1", "204", "tonnes"]),
        ("don’t count; don't", ["count"]),
        ("lost at https://boats.example/the of", ["lost"]),
        ("theatre often", ["theatre", "often"]),  # a stop word is a whole word
        ("<pad> <unk> <url>", ["pad", "unk", "url"]),
    ],
)
def test_article_words(make, text, words):
    tokenizer = make("article", corpus=[text])
    assert tokenizer.tokenize(text) == words
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert not set(tokenizer.get_vocab()) & {"the", "of", "at", "<url>"}


@pytest.mark.parametrize("literal", ["<pad>", "x<pad>y"])
def test_a_special_token_in_a_text_is_text(tokenizer, tmp_path, literal):
    tokenizer.save_pretrained(tmp_path)
    assert "<pad>" not in tokenizer.tokenize(literal)
    for each in (tokenizer, type(tokenizer).from_pretrained(tmp_path)):
        assert each.pad_token_id not in each(literal)["input_ids"]
        assert each.pad_token_id not in each("", literal)["input_ids"]
        assert each.pad_token_id not in each(literal, literal)["input_ids"]


def test_the_corpus_may_hold_lone_surrogates(make):
    assert make(corpus=["boats \ud800 boats"]).tokenize("boats \udfff") == ["boats", "\ufffd"]


def test_vocabulary_of_the_default(make):
    options = {
        "corpus": ["boats boats skipper Vellin Vellin Vellin once"],
        "min_frequency": 2,
        "known_words": ["the", "skipper", "boats", "tide"],
    }
    tokenizer = make(**options)
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    assert vocabulary == ["<pad>", "<unk>", "vellin", "boats", "skipper", "the", "tide"]
    # A frequent word without a vector is not crowded out by rare ones with a vector.
    small = make(**options, vocab_size=4)
    assert len(small) == 4
    assert small.tokenize("boats Vellin skipper") == ["boats", "vellin", "<unk>"]


@pytest.mark.parametrize(("name", "value"), [("vocab_size", 2), ("stop_words", ["the"])])
def test_bad_arguments_are_named(make, name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        make(**{name: value})
