"""Imports go down the house and never in a circle, those in functions and for type checking included."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support import ROOT

# From the bottom to the top: a room may import itself and the rooms before it.
ROOMS = [
    "errors",
    "options",
    "version",
    "processors",
    "progress",
    "printable",
    "tokenization",
    "unicode_scripts",
    "files",
    "splits",
    "vectors",
    "tables",
    "modeling",
    "text",
    "auto_classes",
    "checkpoint",
    "inference",
    "baselines",
    "temperature",
    "distillation",
    "training",
    "evaluation",
    "publishing",
    "estimator",
    "commands",
    "__main__",
]
FRONT_DOOR = "glove_lstm"  # names what users import; no module imports it
TRAVELLING = ("tokenization", "modeling")
# Runs at an Inference Endpoint, as a user's program; no module imports it.
HANDLER = "glove_lstm.publishing.handler"


def find_modules():
    """The files of the package by the name of their module."""
    files = {path: path.relative_to(ROOT) for path in (ROOT / "glove_lstm").rglob("*.py")}
    for room in TRAVELLING:
        for path in (ROOT / room).glob("*.py"):
            files[path] = Path("glove_lstm") / path.relative_to(ROOT)
    modules = {}
    for path, place in files.items():
        parts = place.with_suffix("").parts
        modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


MODULES = find_modules()


def room_of(module):
    return module.split(".")[1]


def imported_names(module, source):
    """Full names of modules, and of what is imported from them."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level > 0:
                # Files that travel import their siblings by `from .sibling import Name`.
                assert node.level == 1, module
                assert room_of(module) in TRAVELLING, module
                origin = f"{module.rpartition('.')[0]}.{origin}"
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                if name not in MODULES:
                    name = origin
                names.add(name)
    return names


def imports_of(module, path):
    """What a module imports from this repository."""
    names = imported_names(module, path.read_text(encoding="utf-8"))
    return {name for name in names if name.split(".")[0] in ("glove_lstm", "benchmarks")}


IMPORTS = {module: imports_of(module, path) for module, path in MODULES.items()}


def test_a_room_imports_no_room_above_it():
    assert {room_of(module) for module in MODULES if module != FRONT_DOOR} == set(ROOMS)
    # Imports in functions and of siblings count.
    assert "glove_lstm.publishing.push" in IMPORTS["glove_lstm.commands.push"]
    siblings = IMPORTS["glove_lstm.modeling.modeling_glove_lstm"]
    assert "glove_lstm.modeling.lstm_layers" in siblings
    for module, imported in IMPORTS.items():
        if module in (FRONT_DOOR, HANDLER):
            continue
        allowed = ROOMS[: ROOMS.index(room_of(module)) + 1]
        assert FRONT_DOOR not in imported, module
        for name in imported:
            assert name in MODULES, f"{module} imports {name}"
            assert room_of(name) in allowed, f"{module} imports {name}"


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        _, circle = error.args
        pytest.fail(f"a circle of imports: {' <- '.join(circle)}")
