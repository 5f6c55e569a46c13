"""Texts that are tokenised once, and found again by the next run."""

import errno
import logging
import os
import subprocess
import sys
from datetime import datetime

import datasets
import pyarrow as pa
import pytest
from datasets import Dataset

from glove_lstm.data.errors import DataError
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import tokenize

TEXTS = [f"The Harbour rose {number} times, and nobody knew WHY" for number in range(2500)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    return tmp_path / "glove_lstm"


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(lambda: TEXTS, min_frequency=1, model_max_length=20, num_pieces=60)


@pytest.fixture
def calls(monkeypatch):
    """Texts that were tokenised, in this process."""
    seen = []
    read = LightTokenizer.read
    monkeypatch.setattr(
        LightTokenizer, "read", lambda self, *texts: seen.extend(texts[0]) or read(self, *texts)
    )
    return seen


def news(count=2500):
    return Dataset.from_dict({"text": TEXTS[:count], "label": [number % 2 for number in range(count)]})


def rows_of(texts):
    return texts.__getitems__(range(len(texts))).to_pylist()


def expected(tokenizer, dataset):
    found = tokenizer(dataset["text"][:])
    names = ("input_ids", "token_type_ids")
    return [
        {**{name: found[name][row] for name in names}, "labels": dataset["label"][row]}
        for row in range(len(dataset))
    ]


def test_the_second_call_reads_what_the_first_left(cache, tokenizer, calls):
    first = rows_of(tokenize(news(), tokenizer))
    assert first == expected(tokenizer, news())
    assert len(calls) == 2500
    again = tokenize(news(), tokenizer)
    assert rows_of(again) == first
    assert len(calls) == 2500
    assert [len(row["input_ids"]) for row in first] == again.lengths.tolist()
    assert rows_of(tokenize(news(), tokenizer, overwrite_cache=True)) == first
    assert len(calls) == 5000
    assert len(list(cache.glob("*"))) == 1


@pytest.mark.parametrize(
    "what",
    [
        "a text",
        "a label",
        "the order",
        "the length",
        "the shapes",
        "the vocabulary",
        "the spelling",
        "nothing",
    ],
)
def test_what_the_tokens_depend_on_makes_them_anew(cache, tokenizer, calls, what):
    tokenize(news(), tokenizer)
    dataset, other = (
        news(),
        build_tokenizer(
            lambda: TEXTS,
            min_frequency=1,
            model_max_length=5 if what == "the length" else 20,
            num_pieces=61 if what == "the vocabulary" else 60,
            token_types=what != "the shapes",
            correct_spelling=what == "the spelling",
        ),
    )
    if what == "a text":
        dataset = Dataset.from_dict({**dataset.to_dict(), "text": [*TEXTS[:-1], "Another one"]})
    if what == "a label":
        dataset = Dataset.from_dict({**dataset.to_dict(), "label": [*dataset["label"][:-1], 0]})
    if what == "the order":
        dataset = dataset.select(range(2499, -1, -1))
    calls.clear()
    tokenize(dataset, other)
    assert len(calls) == (0 if what == "nothing" else 2500)  # the tokenizer is another object in any case


def test_the_same_texts_in_another_dataset_are_found(cache, tokenizer, calls):
    tokenize(news(), tokenizer)
    calls.clear()
    chosen = news().select([*range(2500)][::-1]).select([*range(2500)][::-1])
    assert rows_of(tokenize(chosen, tokenizer)) == expected(tokenizer, news())
    assert not calls


def test_several_processes_give_the_rows_of_one(cache, tokenizer, calls):
    assert rows_of(tokenize(news(), tokenizer, num_proc=8)) == expected(tokenizer, news())
    assert len(list(cache.glob("*"))) == 3  # of a thousand texts at least
    assert not calls
    tokenize(news(), tokenizer)  # and one process finds what several left
    assert not calls


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_damaged_file_is_named_and_made_anew(cache, tokenizer, calls, caplog, share):
    tokenize(news(), tokenizer)
    (file,) = cache.glob("*")
    os.truncate(file, int(file.stat().st_size * share))
    with caplog.at_level(logging.WARNING):
        assert rows_of(tokenize(news(), tokenizer)) == expected(tokenizer, news())
    assert f"The tokenised texts in {cache} are damaged" in caplog.text
    calls.clear()
    assert rows_of(tokenize(news(), tokenizer)) == expected(tokenizer, news())
    assert not calls


def test_a_file_that_ends_too_early_is_named_and_made_anew(cache, tokenizer, caplog):
    """Between two of its parts, where Arrow itself sees nothing wrong."""
    tokenize(news(), tokenizer)
    (file,) = cache.glob("*")
    with pa.ipc.open_stream(file) as stream:
        batches = list(stream)
    assert len(batches) > 1
    with pa.ipc.new_stream(file.with_suffix(".cut"), batches[0].schema) as stream:
        stream.write(batches[0])
    file.with_suffix(".cut").replace(file)
    with caplog.at_level(logging.WARNING):
        assert rows_of(tokenize(news(), tokenizer)) == expected(tokenizer, news())
    assert f"The tokenised texts in {cache} are damaged" in caplog.text


def test_a_full_disk_is_not_told_as_damage(cache, tokenizer, caplog, monkeypatch):
    tokenize(news(), tokenizer)
    real = Dataset.map

    def full(dataset, *args, keep_in_memory=False, **options):
        if not keep_in_memory:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(dataset, *args, keep_in_memory=keep_in_memory, **options)

    monkeypatch.setattr(Dataset, "map", full)
    with caplog.at_level(logging.WARNING):
        assert rows_of(tokenize(news(), tokenizer)) == expected(tokenizer, news())
    assert f"Tokenised texts cannot be kept in {cache} (No space left on device)" in caplog.text
    assert "damaged" not in caplog.text


def test_what_is_wrong_with_the_texts_is_not_told_of_the_cache(cache, tokenizer, caplog):
    with pytest.raises(DataError, match="There are no texts to tokenise"):
        tokenize(news(0), tokenizer)
    for labels in (["REAL", "FAKE"], [0.5, 1.0]):
        with pytest.raises(pa.ArrowInvalid):
            tokenize(Dataset.from_dict({"text": TEXTS[:2], "label": labels}), tokenizer)
    assert not caplog.text


def test_other_columns_do_not_matter(cache, tokenizer, calls):
    tokenize(news(), tokenizer)
    calls.clear()
    dated = news().add_column("date", [datetime(2016, 11, 8)] * 2500)
    assert rows_of(tokenize(dated, tokenizer)) == expected(tokenizer, news())
    assert not calls


def test_without_a_place_to_keep_them_texts_are_tokenised_all_the_same(
    tokenizer, calls, caplog, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        assert rows_of(tokenize(news(10), tokenizer)) == expected(tokenizer, news(10))
    assert "cannot be kept" in caplog.text


def test_caching_can_be_switched_off(cache, tokenizer, monkeypatch):
    datasets.disable_caching()
    try:
        assert rows_of(tokenize(news(10), tokenizer)) == expected(tokenizer, news(10))
    finally:
        datasets.enable_caching()
    assert not cache.exists()


def test_texts_followed_by_others(cache, tokenizer):
    first, second = news(30), news(40)
    both = tokenize(first, tokenizer).followed_by(tokenize(second, tokenizer))
    assert rows_of(both) == expected(tokenizer, first) + expected(tokenizer, second)
    assert len(both.lengths) == 70


def test_two_processes_that_share_a_cache_get_the_same(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    code = f"""
from datasets import Dataset
from glove_lstm import GloveLstmTokenizer
from glove_lstm.training.batches import tokenize
tokenizer = GloveLstmTokenizer.from_pretrained({str(tmp_path / "tokenizer")!r})
texts = [f"The Harbour rose {{number}} times" for number in range(5000)]
found = tokenize(Dataset.from_dict({{"text": texts}}), tokenizer)
assert found.__getitems__(range(5000))["input_ids"].to_pylist() == tokenizer(texts)["input_ids"]
"""
    env = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert len(list((tmp_path / "cache" / "glove_lstm").glob("*"))) == 1
