"""Imports between the rooms of the package go one way."""

import ast
from pathlib import Path

import pytest
from support import ROOT

ROOMS = [  # each may import itself and the rooms before it
    "data",
    "tokenization",
    "modeling",
    "inference",
    "training",
    "evaluation",
    "publishing",
    "app",
    "commands",
]


def folder(room: str) -> Path:
    return ROOT / room if room in ("modeling", "tokenization") else ROOT / "glove_lstm" / room


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports, at its top or in a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names]
    return {words[1] for words in parts if words[0] == "glove_lstm" and len(words) > 1} & set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_room_above_it(room: str) -> None:
    files = sorted(folder(room).glob("*.py"))
    assert files
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    wrong = {path.name: imported_rooms(path) - allowed for path in files}
    assert not any(wrong.values()), {name: rooms for name, rooms in wrong.items() if rooms}


def test_benchmarks_are_imported_by_nobody() -> None:
    for room in ROOMS:
        for path in folder(room).glob("*.py"):
            assert "import benchmarks" not in path.read_text(encoding="utf-8"), path
            assert "from benchmarks" not in path.read_text(encoding="utf-8"), path
