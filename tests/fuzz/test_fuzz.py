"""What broke once, a short run of the fuzzer, and proofs that it finds what is wrong."""

import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import corpus
from fuzz.files import Table, check_table, make_table
from fuzz.routes import ROUTES, as_written, check_route
from fuzz.texts import giants, make_text, make_texts
from fuzz.tokens import Tokenizers
from glove_lstm.tokenization import light_tokenizer
from glove_lstm.tokenization.build import build_tokenizer

SEED = 8


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Rows that are skipped are told of one by one."""
    caplog.set_level(logging.ERROR, "glove_lstm")


@pytest.fixture(scope="module", params=["default", "article"])
def both(request, shared_export: Path, tmp_path_factory) -> Tokenizers:
    if request.param == "default":
        return Tokenizers(shared_export)
    folder = tmp_path_factory.mktemp("article")
    texts = make_texts(SEED, 0, 300)
    options = {
        "variant": "article",
        "truncation_side": "left",
        "token_types": False,
        "stop_words": ("the", "at"),
    }
    build_tokenizer(lambda: texts, **options).save_pretrained(folder)
    return Tokenizers(folder)


@pytest.fixture(scope="module")
def routes(shared_export: Path) -> dict:
    return {name: make(shared_export) for name, make in ROUTES.items()}


def assert_same_everywhere(routes: dict, texts: list[str]) -> None:
    wanted = routes["torch"](texts)
    for name, route in routes.items():
        assert check_route(name, route, texts, wanted) == [], name


def test_what_broke_once(both: Tokenizers, routes: dict) -> None:
    texts = [text for text, _ in corpus.load()]
    assert both.check(texts) == both.check_pairs(texts) == []
    written = ("bulk", "app")  # these get what JSON can spell
    assert_same_everywhere({name: route for name, route in routes.items() if name not in written}, texts)
    assert_same_everywhere(routes, list(map(as_written, texts)))


@pytest.mark.parametrize("table", corpus.load_tables(), ids=lambda table: table.name)
def test_tables_that_broke_once(table: Table) -> None:
    assert check_table(table) == []


def test_a_short_run(both: Tokenizers, routes: dict) -> None:
    texts = make_texts(SEED, 0, 2000)
    assert both.check(texts) == both.check_pairs(texts[:500]) == []
    if both.light.token_types:  # once is enough
        assert_same_everywhere(routes, list(map(as_written, texts[:150])))
        long = [text for _, text in giants(scale=100)]
        assert both.check(long) == []
        assert_same_everywhere(routes, long)


def test_short_run_of_tables() -> None:
    tables = [make_table(SEED, number) for number in range(60)]
    assert {table.name for table in tables} >= {
        "a.csv",
        "a.tsv",
        "a.json",
        "a.jsonl",
        "a.csv.gz",
        "a.jsonl.gz",
    }
    assert sum(text is None for table in tables for text in table.rows) > 50
    assert [found for table in tables for found in check_table(table)] == []


def test_a_text_is_its_number() -> None:
    assert make_texts(SEED, 0, 300)[120:125] == make_texts(SEED, 120, 5)
    assert make_text(SEED, 7) != make_text(SEED + 1, 7)
    texts = make_texts(SEED, 0, 3000)
    for what in (
        "\\u200d",
        "\\u0301",
        "\\u202e",
        "\\x00",
        "\\ufeff",
        "https://",
        r"(.)\1{59}",
        "[\\ud800-\\udfff]",
    ):
        assert any(re.search(what, text) for text in texts), what
    assert max(map(len, texts)) > 1000


def test_a_tokenizer_that_is_wrong_is_found(shared_export: Path, monkeypatch) -> None:
    """As it would be if Python split a text where Rust sees no white space."""
    both = Tokenizers(shared_export)
    monkeypatch.setattr(light_tokenizer, "_DISPUTED", "")
    found = both.check(make_texts(SEED, 0, 1000))
    assert {finding.promise for finding in found} >= {"light and fast tokenizer: same ids"}
    first = next(finding.text for finding in found if len(finding.text) < 200)
    short = corpus.shrink(first, lambda text: bool(both.check([text])))
    assert 0 < len(short) <= 3


def test_a_route_that_is_wrong_is_found(routes: dict) -> None:
    def deaf(texts: list[str]):
        if any("\u202e" in text for text in texts):
            raise ValueError("no such text")
        return [
            (label, score + 2e-5 * ("\x00" in text))
            for text, (label, score) in zip(texts, torch(texts), strict=True)
        ]

    torch = routes["torch"]
    texts = ["good", "a\x00b", "a\u202eb", "good too", ""]
    found = check_route("deaf", deaf, texts, torch(texts))
    assert [finding.text for finding in found] == ["a\x00b", "a\u202eb"]
    assert "raises ValueError" in found[1].promise


@pytest.mark.parametrize("rows", [["a"], ["a", "b", "c"], ["a", None], [None, "b"], ["a", "x"]])
def test_a_reader_that_is_wrong_is_found(rows: list[str | None]) -> None:
    """The file holds two good rows, and is told to hold others."""
    assert check_table(Table("a.jsonl", b'{"text": "a"}\n{"text": "b"}\n', rows))


def test_the_corpus_keeps_any_text(tmp_path: Path, monkeypatch) -> None:
    texts = ["\ud83d\ude00", "\udc80", "a\\n\n\x00", "\U0010ffff", *make_texts(SEED, 0, 50)]
    before = corpus.load()
    monkeypatch.setattr(corpus, "PATH", Path(shutil.copy(corpus.PATH, tmp_path)))
    for text in [*texts, *texts]:
        corpus.add(text, "nothing")
    assert corpus.load()[: len(before)] == before
    assert {text for text, _ in corpus.load()} >= set(texts)
    assert len(corpus.load_tables()) == 5


@pytest.mark.slow
def test_the_command(shared_export: Path) -> None:
    """Prints its counts; goes on from a number."""
    options = "--seed 3 --start 900 --texts 1400 --route_texts 20 --files 10 --routes light,bulk"
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", *options.split(), "--no_giants", "--model", shared_export],
        capture_output=True,
        encoding="utf-8",
        cwd=Path(__file__).parents[1],  # as make does
    )
    assert done.returncode == 0, done.stderr + done.stdout
    counts = dict(line.rsplit(None, 1) for line in done.stdout.splitlines() if line[-1:].isdigit())
    assert counts["tokenizer"] == "500"
    assert counts["torch"] == counts["light"] == counts["bulk"] == "20"
    assert "onnx" not in counts
    assert "seed 3: 0 findings" in done.stdout
