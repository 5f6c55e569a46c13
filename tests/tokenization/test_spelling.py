"""Unknown words that a single typing error explains are corrected, by every route alike."""

import pickle
import random
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from glove_lstm.data.corruptions import typos
from glove_lstm.tokenization import spelling
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.spelling import SpellingCorrector
from glove_lstm.tokenization.word_shapes import SHAPES

CORPUS = [
    "The mayor said that the mayor counted boats. The boats of the harbour, and a coat: boast not"
]
WORDS = ["mayor", "counted", "boats", "harbour", "coat", "boast", "said"]


@pytest.fixture(scope="module")
def corrected(make):
    return make(corpus=CORPUS, num_pieces=80, known_words=WORDS, correct_spelling=True)


@pytest.fixture(scope="module")
def plain(make):
    return make(corpus=CORPUS, num_pieces=80, known_words=WORDS)


@pytest.fixture(scope="module", params=[0, 10**9], ids=["by index", "by trial"])
def nearest(request, corrected):
    corrector = SpellingCorrector(corrected.backend_tokenizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spelling, "_FEW", request.param)
        corrector.nearest("mayro")
    corrector._searches = -(10**9)  # stays as it is
    return corrector.nearest


def one_error(a: str, b: str) -> bool:
    """Whether one letter is missing, too many or wrong, or two neighbours are swapped, by cutting off equal ends."""
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return max(len(a), len(b)) == 1 or (len(a) == len(b) == 2 and a == b[::-1])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_most_frequent_word_that_is_one_error_away(corrected, nearest, data):
    vocabulary = corrected.get_vocab()
    letters = st.sampled_from("abcdehimnorstuy\u00e9-3")
    word = data.draw(st.sampled_from(WORDS) | st.text(letters, max_size=26))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(word)))
        kept = word[place + data.draw(st.integers(0, 2)) :]
        word = word[:place] + data.draw(st.text(letters, max_size=1)) + kept
    assume(word not in vocabulary)
    near = [known for known in vocabulary if one_error(word, known)]
    if not 4 <= len(word) <= 24 or set(word) - set(string.ascii_lowercase):
        near = []
    assert nearest(word) == min(near, key=vocabulary.__getitem__, default=None)


@pytest.mark.parametrize(
    ("written", "read", "shape"),
    [
        ("MAYRO", "mayor", "upper"),
        ("Habour", "harbour", "title"),
        ("coumTed", "counted", "mixed"),
        ("boatt", "boats", "lower"),  # twice as frequent as "boast"
    ],
)
def test_a_corrected_word_keeps_its_place_and_its_shape(corrected, written, read, shape):
    text = f"The {written}, said"
    output = corrected(text, return_offsets_mapping=True)
    assert output.tokens()[1] == read
    assert [text[begin:end] for begin, end in output["offset_mapping"]][1] == written
    assert SHAPES[output["token_type_ids"][1]] == shape
    assert output.char_to_token(5) == 1


@pytest.mark.parametrize(
    "word", ["mayor", "teh", "harb-our", "bo\u00e2ts", "mayorsss", "x" * 25, "\u0431oats", "<pdd>"]
)
def test_other_words_stay_as_they_are(corrected, plain, word):
    assert corrected.tokenize(f"The {word} said") == plain.tokenize(f"The {word} said")


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12),
    seed=st.integers(0, 9),
    cut=st.integers(0, 8),
)
def test_every_route_corrects_alike(corrected, words, seed, cut):
    text = typos(" ".join(words), random.Random(seed), 0.2)
    wanted = corrected(text)["input_ids"]
    assert corrected.encode(text) == wanted
    assert corrected(text.split(), is_split_into_words=True)["input_ids"] == wanted
    assert corrected(text, truncation=True, max_length=5)["input_ids"] == wanted[:5]
    first, second = " ".join(text.split()[:cut]), " ".join(text.split()[cut:])
    assert corrected(first, second)["input_ids"] == wanted
    assert LightTokenizer.of(corrected).read([text]).ids.tolist() == wanted


def test_saved_loaded_and_switched_off(corrected, plain, tmp_path: Path):
    text = "The mayro siad"
    corrected.save_pretrained(tmp_path)
    copies = [AutoTokenizer.from_pretrained(tmp_path), pickle.loads(pickle.dumps(corrected))]
    for loaded in copies:
        assert loaded.correct_spelling is True
        assert loaded.tokenize(text) == ["the", "mayor", "said"]
    light = LightTokenizer.from_folder(tmp_path)
    for each in (light, pickle.loads(pickle.dumps(light))):
        assert each.read([text]).ids.tolist() == corrected(text)["input_ids"]
    loaded.correct_spelling = False
    assert loaded.tokenize(text) == plain.tokenize(text)
    loaded.save_pretrained(tmp_path / "off")
    light = LightTokenizer.from_folder(tmp_path / "off")
    assert light.read([text]).ids.tolist() == plain(text)["input_ids"]


_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.tokenization_glove_lstm import GloveLstmTokenizer

folder = Path(sys.argv[1])
texts = [f"The mayro{number} siad {'boatts habour ' * (number % 7)}" for number in range(60)]
wanted = GloveLstmTokenizer.from_pretrained(folder)(texts)["input_ids"]
for turn in range(3):  # each time with a tokenizer that has read nothing
    tokenizer = GloveLstmTokenizer.from_pretrained(folder)

    def read(number):
        if number % 6 == 0:
            assert tokenizer.save_pretrained(folder / f"{turn}-{number}")
        if number % 6 == 3:
            assert LightTokenizer.of(tokenizer).read(texts[:1]).ids.tolist() == wanted[0]
        length = 3 if number % 2 else 1000
        return tokenizer(texts[number], max_length=length, truncation=True)["input_ids"] == wanted[number][:length]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(60)))
"""


def test_threads_may_share_a_tokenizer(corrected, tmp_path: Path):
    corrected.save_pretrained(tmp_path)
    # In a process of its own, because threads in a deadlock cannot be ended.
    command = [sys.executable, "-c", _THREADS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=240)
    assert done.returncode == 0, done.stderr
