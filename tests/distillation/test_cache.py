"""The kept answers of teachers: what is asked, and what may happen to the file."""

import random
import sqlite3
import subprocess
import sys
import zlib

import numpy as np
import pytest

from glove_lstm.distillation.cache import LogitCache
from glove_lstm.errors import DataError

IDENTITY = "0123456789abcdef" * 4


class Teacher:
    """Answers with two numbers that depend on the text, and knows what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return answers_to(texts)


def answers_to(texts):
    numbers = [zlib.crc32(text.encode("utf-8", "surrogatepass")) % 1000 for text in texts]
    return np.array([[len(text), number] for text, number in zip(texts, numbers, strict=True)])


def opened():
    return LogitCache("teacher 'a/b'", IDENTITY, 2)


def texts_of(count):
    return [f"text {number}" for number in range(count)]


@pytest.fixture
def file(cache):
    """The file of the cache."""
    return cache / "teachers" / "logits.sqlite"


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
    LogitCache("another", IDENTITY[::-1], 2).logits(texts[:1], other)
    assert other.asked == texts[:1]


@pytest.mark.parametrize("batches", [1, 6])
def test_answers_outlive_a_kill(caplog, batches):
    """Here, while logits are written without a pause."""
    program = f"""
import sys
import numpy as np
from glove_lstm.distillation.cache import LogitCache
def compute(texts):
    print("asked", flush=True)
    return np.array([[len(text), 0] for text in texts])
LogitCache("a teacher", {IDENTITY!r}, 2).logits([f"text {{n}}" for n in range(5_120)], compute)
"""
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    for _ in range(batches + 1):
        run.stdout.readline()
    run.kill()
    run.communicate()
    after = Teacher()
    opened().logits([f"text {number}" for number in range(5_120)], after)
    kept = 5_120 - len(after.asked)
    assert kept >= 256 * batches
    assert kept % 256 == 0
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_two_that_are_open_at_once_lose_nothing():
    texts = texts_of(100)
    first, second = opened(), opened()
    first.logits(texts[:60], Teacher())
    second.logits(texts[40:], Teacher())
    after = Teacher()
    np.testing.assert_array_equal(opened().logits(texts, after), answers_to(texts))
    assert not after.asked


def overwritten(content, generator):
    """The content with 20 other bytes, anywhere."""
    changed = bytearray(content)
    for _ in range(20):
        changed[generator.randrange(len(changed))] = generator.randrange(256)
    return changed


def test_a_damaged_file_costs_a_warning_and_never_gives_wrong_answers(file, caplog):
    texts = texts_of(300)
    opened().logits(texts, Teacher())
    sound = file.read_bytes()
    generator = random.Random(0)
    damaged = [sound[: len(sound) // 2], b"no database", sound[:100] + b"\0" * 50 + sound[150:]]
    for content in [*damaged, *(overwritten(sound, generator) for _ in range(40))]:
        caplog.clear()
        file.write_bytes(content)
        np.testing.assert_array_equal(opened().logits(texts, Teacher()), answers_to(texts))
        if content in damaged:
            assert f"{file} cannot be" in caplog.text
            assert "Remove the file" in caplog.text


@pytest.mark.parametrize(
    ("key", "content"),
    [("min", "x'00'"), ("min", "7"), ("max", "NULL"), ("max", "'text'"), ("max", "zeroblob(12)")],
)
def test_a_damaged_row_costs_all(file, caplog, key, content):
    """SQLite itself finds such a file sound. Also the note is made anew."""
    texts = texts_of(20)
    kept = opened()
    kept.logits(texts, Teacher())
    kept.write_note({"a": 1})
    assert opened().note == {"a": 1}
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(
            f"UPDATE logits SET content = {content} WHERE text = (SELECT {key}(text) FROM logits)"
        )
    connection.close()
    again = Teacher()
    kept = opened()
    np.testing.assert_array_equal(kept.logits(texts, again), answers_to(texts))
    assert len(again.asked) == 20
    assert kept.note is None
    assert f"{file} cannot be read" in caplog.text


def test_a_cache_that_cannot_be_written_costs_a_warning(monkeypatch, tmp_path, caplog):
    """Here, a file is where its folder should be."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path / "file"))
    kept = opened()
    np.testing.assert_array_equal(kept.logits(texts_of(40), Teacher()), answers_to(texts_of(40)))
    assert caplog.text.count("logits are not kept") == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(value):
    """Those before them are kept."""

    def ask(texts):
        return np.full((len(texts), 2), value if "wrong" in texts else 1.0)

    texts = [*texts_of(256), "wrong"]  # it is the shortest, and asked last
    with pytest.raises(DataError, match="teacher 'a/b' gives logits that are not finite"):
        opened().logits(texts, ask)
    after = Teacher()
    opened().logits(texts, after)
    assert after.asked == ["wrong"]
