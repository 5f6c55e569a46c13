"""Unknown words that one mistake explains are read as known ones, by every route alike."""

import pickle
import random
import signal
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from glove_lstm.data.errors import DataError
from glove_lstm.data.typos import typos
from glove_lstm.tokenization import spelling
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.spelling import SpellingCorrector
from glove_lstm.tokenization.word_shapes import SHAPES

CORPUS = ("The mayor said that the mayor counted boats", "The boats of the harbour, and a coat: boast not")
WORDS = ["mayor", "counted", "boats", "harbour", "coat", "boast", "said"]


@pytest.fixture(scope="module")
def corrected(make):
    return make(corpus=CORPUS, num_pieces=80, known_words=WORDS, correct_spelling=True, model_max_length=1000)


@pytest.fixture(scope="module")
def plain(make):
    return make(corpus=CORPUS, num_pieces=80, known_words=WORDS, model_max_length=1000)


@pytest.fixture(scope="module")
def few(corrected):
    """It tries all mistakes."""
    return _corrector(corrected, limit=10**9)


@pytest.fixture(scope="module")
def many(corrected):
    """It has met so many unknown words that it has made an index."""
    return _corrector(corrected, limit=0)


def _corrector(tokenizer, limit):
    corrector = SpellingCorrector(tokenizer.backend_tokenizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spelling, "_FEW", limit)
        corrector.nearest("mayro")
    corrector._searches = -(10**9)  # and so it stays
    assert (corrector._index is None) is bool(limit)
    return corrector


def one_mistake(a: str, b: str) -> bool:
    """Whether one letter is missing, too many or wrong, or two neighbours are swapped: told by cutting equal ends."""
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return max(len(a), len(b)) == 1 or (len(a) == len(b) == 2 and a == b[::-1])


def slow_nearest(word: str, vocabulary: dict[str, int]) -> str | None:
    if not 4 <= len(word) <= 24 or set(word) - set(string.ascii_lowercase):
        return None
    near = [known for known in vocabulary if one_mistake(word, known)]
    return min(near, key=vocabulary.__getitem__, default=None)


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_the_most_frequent_word_that_is_one_mistake_away(corrected, few, many, data):
    vocabulary = corrected.get_vocab()
    letters = st.sampled_from("abcdehimnorstuy\u00e9-3")
    word = data.draw(st.sampled_from(WORDS) | st.text(letters, max_size=26))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(word)))
        kept = word[place + data.draw(st.integers(0, 2)) :]
        word = word[:place] + data.draw(st.text(letters, max_size=1)) + kept
    if word in vocabulary:
        return
    wanted = slow_nearest(word, vocabulary)
    assert few.nearest(word) == wanted
    assert many.nearest(word) == wanted


@pytest.mark.parametrize("limit", [0, 10**9])
def test_a_vocabulary_without_latin_words_corrects_nothing(make, limit):
    tokenizer = make(corpus=["\u043c\u044d\u0440 3 ..."])
    corrector = _corrector(tokenizer, limit)
    assert corrector.nearest("mayro") is None
    assert corrector.nearest("\u043c\u044d\u0440\u0440") is None


@pytest.mark.parametrize(
    ("written", "read", "shape"),
    [
        ("MAYRO", "mayor", "upper"),
        ("Habour", "harbour", "title"),
        ("harbouur", "harbour", "lower"),
        ("coumTed", "counted", "mixed"),
        ("boatt", "boats", "lower"),  # twice as frequent as "boast"
    ],
)
def test_a_corrected_word_keeps_its_place_and_its_shape(corrected, written, read, shape):
    text = f"The {written}, said"
    output = corrected(text, return_offsets_mapping=True)
    assert output.tokens()[1] == read
    assert output["input_ids"][1] == corrected.convert_tokens_to_ids(read)
    assert [text[begin:end] for begin, end in output["offset_mapping"]][1] == written
    assert SHAPES[output["token_type_ids"][1]] == shape
    assert output.char_to_token(5) == 1
    assert output.word_ids() == [0, 1, *range(2, len(output.word_ids()))]


@pytest.mark.parametrize(
    "word", ["teh", "bots1", "harb-our", "bo\u00e2ts", "mayorsss", "x" * 25, "\u0431oats", "<unk>", "<pdd>"]
)
def test_what_no_single_mistake_explains_is_read_as_before(corrected, plain, word):
    assert corrected.tokenize(f"The {word} said") == plain.tokenize(f"The {word} said")


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.sampled_from(["the", "of", *WORDS]), max_size=12))
def test_known_words_are_never_changed(corrected, plain, words):
    text = " ".join(words)
    assert corrected(text)["input_ids"] == plain(text)["input_ids"]


@settings(max_examples=60, deadline=None)
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
    assert corrected([text, "x"])["input_ids"][0] == wanted
    assert corrected(text, truncation=True, max_length=5)["input_ids"] == wanted[:5]
    first, second = " ".join(text.split()[:cut]), " ".join(text.split()[cut:])
    assert corrected(first, second)["input_ids"] == wanted
    assert corrected.convert_tokens_to_ids(corrected.tokenize(text)) == wanted
    light = LightTokenizer.of(corrected)
    assert light([text])[0].ids.tolist() == light([first], [second])[0].ids.tolist() == wanted


def test_saved_loaded_and_switched_off(corrected, plain, tmp_path: Path):
    text = "The mayro siad"
    corrected.save_pretrained(tmp_path)
    for loaded in (
        type(corrected).from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(tmp_path, trust_remote_code=True),
        pickle.loads(pickle.dumps(corrected)),
    ):
        assert loaded.correct_spelling is True
        assert loaded.tokenize(text) == corrected.tokenize(text) == ["the", "mayor", "said"]
    light = LightTokenizer.from_folder(tmp_path)
    again = pickle.loads(pickle.dumps(light))
    assert again.state() == light.state()
    assert again([text])[0].ids.tolist() == corrected(text)["input_ids"]

    loaded.correct_spelling = False
    assert loaded.tokenize(text) == plain.tokenize(text)
    loaded.save_pretrained(tmp_path / "off")
    assert type(corrected).from_pretrained(tmp_path / "off").correct_spelling is False
    assert LightTokenizer.from_folder(tmp_path / "off")([text])[0].ids.tolist() == plain(text)["input_ids"]


def test_what_was_read_leaves_no_trace(make, tmp_path: Path):
    """The pipeline can be saved after it, and a tokenizer hashes as before: `datasets` would find nothing again."""
    tokenizer = make(corpus=CORPUS, num_pieces=80, correct_spelling=True)
    before = str(tokenizer.backend_tokenizer.pre_tokenizer)
    names = set(tokenizer.__getstate__())
    with pytest.raises(TypeError):
        tokenizer(["The mayro", 3])
    tokenizer("The mayro siad")
    assert tokenizer.backend_tokenizer.to_str()  # with a corrector in it, it could not
    assert str(tokenizer.backend_tokenizer.pre_tokenizer) == before
    assert set(tokenizer.__getstate__()) == names


def test_a_new_tokenizer_of_the_same_kind_corrects_by_its_own_words(corrected):
    new = corrected.train_new_from_iterator(["A skipper wrote"] * 3, 60)
    assert new.tokenize("A skiper worte, mayro")[:3] == ["a", "skipper", "wrote"]
    assert "mayor" not in new.tokenize("mayro")


_THREADS = """
import pickle, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.tokenization.tokenization_glove_lstm import GloveLstmTokenizer

folder = Path(sys.argv[1])
texts = [f"The mayro{number} siad {'boatts habour ' * (number % 7)}" for number in range(60)]
wanted = GloveLstmTokenizer.from_pretrained(folder)(texts)["input_ids"]
for turn in range(6):  # each time with a tokenizer that has read nothing
    tokenizer = GloveLstmTokenizer.from_pretrained(folder)
    before = str(tokenizer.backend_tokenizer.pre_tokenizer)

    def read(number):
        if number % 6 == 0:
            assert tokenizer.save_pretrained(folder / f"{turn}-{number}")
        if number % 6 == 3:
            assert LightTokenizer.of(tokenizer)(texts[:1])[0].ids.tolist() == wanted[0]
        if number % 6 == 5:
            assert pickle.loads(pickle.dumps(tokenizer))(texts[0])["input_ids"] == wanted[0]
        length = 3 if number % 2 else 1000
        return tokenizer(texts[number], max_length=length, truncation=True)["input_ids"] == wanted[number][:length]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(60)))
    assert str(tokenizer.backend_tokenizer.pre_tokenizer) == before
"""


def test_threads_may_share_a_tokenizer(corrected, tmp_path: Path):
    """Without a lock, one waits for Python with the pipeline in hand, another for the pipeline with Python in hand."""
    corrected.save_pretrained(tmp_path)
    # In a process of its own: threads that wait for each other so cannot be ended.
    command = [sys.executable, "-c", _THREADS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=240)
    assert done.returncode == 0, done.stderr


def test_an_interrupt_while_it_reads_is_an_interrupt(make, monkeypatch, request):
    """Rust turns what Python raises into an error of its own."""
    # A shell starts background jobs, and so perhaps this test, with Ctrl-C ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))
    tokenizer = make(corpus=CORPUS, num_pieces=80, correct_spelling=True)
    before = str(tokenizer.backend_tokenizer.pre_tokenizer)
    with monkeypatch.context() as patch:
        patch.setattr(SpellingCorrector, "nearest", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            tokenizer("The mayro said")
        with pytest.raises(KeyboardInterrupt):
            LightTokenizer.of(tokenizer)(["The mayro said"])
    assert str(tokenizer.backend_tokenizer.pre_tokenizer) == before
    assert tokenizer.tokenize("The mayro")[-1] == "mayor"


def test_memory_is_bounded(corrected, monkeypatch):
    monkeypatch.setattr(spelling, "_REMEMBERED", 3)
    corrector = SpellingCorrector(corrected.backend_tokenizer)
    texts = ["mayro", "siad", "boatts", "coatt", "mayro", "the", "x" * 30]
    found = []
    for text in texts:
        with corrector.attached():
            found += corrected.backend_tokenizer.encode(text).tokens
        assert len(corrector._tokens) <= 3
    assert found[:6] == ["mayor", "said", "boats", "coat", "mayor", "the"]


def test_a_setting_that_is_neither_true_nor_false_is_refused(corrected, tmp_path: Path):
    corrected.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(path.read_text().replace('"correct_spelling": true', '"correct_spelling": "yes"'))
    with pytest.raises(ValueError, match="correct_spelling must be true or false, not 'yes'"):
        type(corrected).from_pretrained(tmp_path)("The mayro")
    with pytest.raises(DataError, match="correct_spelling must be true or false, not 'yes'"):
        LightTokenizer.from_folder(tmp_path)
