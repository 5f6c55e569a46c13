"""What broke once, kept small, and read by every run of the tests."""

import json
from collections.abc import Callable
from pathlib import Path

from fuzz.files import Table

PATH = Path(__file__).with_name("corpus.json")


def load() -> list[tuple[str, str]]:
    """Texts, each with what it broke.

    JSON would join two surrogates to one character, so the file has texts as Python writes them.
    """
    return [(_decode(entry["text"]), entry["broke"]) for entry in json.loads(PATH.read_text())["texts"]]


def load_tables() -> list[Table]:
    """Tables, which the file has in pieces, each with how often it comes, one byte a character."""
    return [
        Table(
            entry["name"],
            b"".join(piece.encode("latin-1") * times for piece, times in entry["data"]),
            entry["rows"],
        )
        for entry in json.loads(PATH.read_text())["tables"]
    ]


def add(text: str, broke: str) -> None:
    """Keep one more text, unless it is there."""
    corpus = json.loads(PATH.read_text())
    entry = {"text": _encode(text), "broke": broke}
    if all(known["text"] != entry["text"] for known in corpus["texts"]):
        corpus["texts"].append(entry)
        lists = (
            f' "{name}": [\n' + ",\n".join(f"  {json.dumps(entry)}" for entry in entries) + "\n ]"
            for name, entries in corpus.items()
        )
        PATH.write_text("{\n" + ",\n".join(lists) + "\n}\n")


def shrink(text: str, breaks: Callable[[str], bool]) -> str:
    """A short text that still breaks: whatever can be left out is, in halves, quarters, ... single characters."""
    size = len(text)
    while size:
        start = 0
        while start < len(text):
            shorter = text[:start] + text[start + size :]
            if breaks(shorter):
                text = shorter
            else:
                start += size
        size //= 2
    return text


def _encode(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def _decode(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")
