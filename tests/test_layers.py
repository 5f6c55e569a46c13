"""Imports between the rooms go one way."""

import ast
from pathlib import Path

import pytest
from support import ROOT

# Each may import itself and the rooms before it; none imports the benchmarks.
ROOMS = [
    "tokenization",
    "data",
    "text",
    "modeling",
    "inference",
    "training",
    "evaluation",
    "publishing",
]
ROOMS += ["estimator", "app", "commands"]


def files_of(room: str) -> list[Path]:
    base = ROOT if room in ("modeling", "tokenization") else ROOT / "glove_lstm"
    return sorted((base / room).glob("*.py")) or [base / f"{room}.py"]


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports, at its top or in a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # Files that travel import their siblings by `from .sibling import Name`.
            assert node.level < 2, path
            assert not node.level or path.parent.name in ("modeling", "tokenization"), path
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names]
    rooms = {words[1] for words in parts if words[0] == "glove_lstm" and len(words) > 1} & set(
        ROOMS
    )
    return rooms | {words[0] for words in parts if words[0] == "benchmarks"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_room_above_it(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for path in files_of(room):
        assert imported_rooms(path) <= allowed, path
