"""The kept answers of teachers: what is asked, what lies in the folder, and what may happen to it."""

import itertools
import math
import time
import zlib

import numpy as np
import pytest

from glove_lstm.distillation.cache import LogitCache
from glove_lstm.errors import DataError

IDENTITY = "0123456789abcdef" * 4


class Teacher:
    """Answers with two numbers that depend on the text. It knows what it was asked, and may be interrupted."""

    def __init__(self, stops_after=math.inf):
        self.asked = []
        self.stops_after = stops_after

    def __call__(self, texts):
        if len(self.asked) >= self.stops_after:
            raise KeyboardInterrupt
        self.asked += texts
        return answers_to(texts)


def answers_to(texts):
    numbers = [zlib.crc32(text.encode("utf-8", "surrogatepass")) % 1000 for text in texts]
    return np.array([[len(text), number] for text, number in zip(texts, numbers, strict=True)])


def opened():
    return LogitCache("a teacher", IDENTITY)


def texts_of(count):
    return [f"text {number}" for number in range(count)]


@pytest.fixture
def parts(cache):
    """A function: the parts that are kept."""
    return lambda: sorted(cache.glob("teachers/*/*.npz"))


@pytest.fixture
def hours(monkeypatch):
    """A clock that is an hour later at each look: each batch becomes a part."""
    clock = itertools.count(step=3600.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))


def test_each_text_is_asked_once(cache):
    texts = [*texts_of(40), "", "a lone \ud800 surrogate"]
    first = Teacher()
    kept = opened()
    answers = kept.logits(texts * 2, first)
    assert sorted(first.asked) == sorted(texts)
    np.testing.assert_array_equal(answers, answers_to(texts * 2))
    kept.logits(texts[::-1], first)
    assert len(first.asked) == len(texts)

    again = Teacher()
    answers = opened().logits([*texts, "new"], again)
    assert again.asked == ["new"]
    np.testing.assert_array_equal(answers, answers_to([*texts, "new"]))

    other = Teacher()
    LogitCache("another", IDENTITY[::-1]).logits(texts[:1], other)
    assert other.asked == texts[:1]


def test_an_interrupted_run_asks_for_the_rest_only():
    texts = texts_of(2000)
    first = Teacher(stops_after=1500)
    with pytest.raises(KeyboardInterrupt):
        opened().logits(texts, first)
    after = Teacher()
    opened().logits(texts, after)
    assert sorted(first.asked + after.asked) == sorted(texts)


def test_answers_outlive_a_kill(hours, parts):
    """What was asked more than a minute ago is in the folder."""
    written = []

    def watch(texts):
        written.append(sum(len(np.load(part)["keys"]) for part in parts()))
        return answers_to(texts)

    opened().logits(texts_of(100), watch)
    assert written == [0, 32, 64, 96]


def test_parts_are_appended_and_never_written_again(hours, parts):
    """Fifty parts take the room of fifty times one: so much is written in all, because no part ever changes."""
    contents = {}

    def watch(texts):
        for part in parts():
            content = part.stat().st_ino, part.stat().st_mtime_ns, part.read_bytes()
            assert contents.setdefault(part, content) == content
        assert contents.keys() == set(parts())
        return answers_to(texts)

    opened().logits(texts_of(32 * 50), watch)
    assert len(parts()) == 50
    [size] = {part.stat().st_size for part in parts()}
    assert (
        size < 32 * (16 + 2 * 4) + 1000
    )  # a key and two numbers a text, and the heads of the file


def test_two_that_are_open_at_once_lose_nothing():
    texts = texts_of(100)
    first, second = opened(), opened()
    first.logits(texts[:60], Teacher())
    second.logits(texts[40:], Teacher())
    after = Teacher()
    np.testing.assert_array_equal(opened().logits(texts, after), answers_to(texts))
    assert not after.asked


def pickled(content, folder):
    path = folder / "pickled.npz"
    np.savez(path, keys=np.array([b"a key", None], dtype=object), answers=np.zeros((2, 2)))
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content, folder: content[:-40],
        lambda content, folder: b"",
        lambda content, folder: b"no archive",
        lambda content, folder: content[:200] + b"\0" * 50 + content[250:],
        pickled,
    ],
    ids=["cut off", "empty", "text", "overwritten", "pickled"],
)
def test_a_damaged_part_is_removed_and_asked_again(hours, parts, tmp_path, caplog, damage):
    texts = texts_of(96)
    opened().logits(texts, Teacher())
    [*_, damaged] = parts()
    damaged.write_bytes(damage(damaged.read_bytes(), tmp_path))
    again = Teacher()
    np.testing.assert_array_equal(opened().logits(texts, again), answers_to(texts))
    assert len(again.asked) == 32
    assert not damaged.exists()
    assert f"{damaged} is damaged" in caplog.text
    assert "computed again" in caplog.text
    assert len(parts()) == 3


def test_a_cache_that_cannot_be_written_costs_a_warning(monkeypatch, tmp_path, caplog):
    """Here, a file is where its folder should be."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path / "file"))
    kept = opened()
    np.testing.assert_array_equal(kept.logits(texts_of(40), Teacher()), answers_to(texts_of(40)))
    assert "logits are not kept" in caplog.text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(value):
    """Those before them are kept."""

    def ask(texts):
        return np.full((len(texts), 2), value if "wrong" in texts else 1.0)

    texts = [*texts_of(32), "wrong"]  # it is the shortest, and asked last
    with pytest.raises(DataError, match="a teacher, gives logits that are not finite"):
        opened().logits(texts, ask)
    after = Teacher()
    opened().logits(texts, after)
    assert after.asked == ["wrong"]
