"""Options of the benchmarks, their result files, and records of sources, library versions and machine."""

import argparse
import hashlib
import json
import platform
import re
from collections.abc import Collection
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import benchmarks
import glove_lstm.modeling
import glove_lstm.tokenization
from glove_lstm.data.errors import DataError
from glove_lstm.data.whole_files import whole_file
from glove_lstm.inference.backends import processors

SHOWN = 8  # characters of a hash in tables
_LIBRARIES = (
    *("numpy", "scikit-learn", "tokenizers", "onnxruntime"),
    *("torch", "transformers", "datasets", "tensorflow", "keras"),
)


def benchmark_parser(
    name: str, description: str | None, models: Collection[str]
) -> argparse.ArgumentParser:
    """Make the parser of a benchmark, with the options that all of them have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed must not be taken for --seeds
    )
    add = parser.add_argument
    add("--data_dir", type=Path, required=True, help="a folder laid out as ../shared/data is")
    add("--glove", default="6B.100d", help="a name or a file, as for train.py")
    add("--json", type=Path, help="write the results there; other results in it stay")
    all_of_them = f"only these, of {', '.join(models)}"
    add("--models", nargs="+", choices=models, default=models, metavar="MODEL", help=all_of_them)
    return parser


def record(*sources: str) -> dict[str, Any]:
    """Record sources (see `sources_hash`), versions of libraries, and the machine."""
    return {"sources": sources_hash(*sources), "versions": _versions(), "machine": _machine()}


@cache
def sources_hash(*patterns: str) -> str:
    """Hash the source files that match patterns such as "training/*.py", of a room of the package or "benchmarks"."""
    package = Path(glove_lstm.__file__).parent
    folders = {  # three rooms stand at the top of the clone
        "benchmarks": benchmarks,
        "modeling": glove_lstm.modeling,
        "tokenization": glove_lstm.tokenization,
    }
    sha = hashlib.sha256()
    for pattern in sorted(patterns):
        room, _, files = pattern.partition("/")
        folder = Path(str(folders[room].__file__)).parent if room in folders else package / room
        paths = sorted(folder.glob(files))
        assert paths, pattern
        for path in paths:
            sha.update(f"{room}/{path.name}\n".encode() + path.read_bytes())
    return sha.hexdigest()


def read_results(json_file: Path | None) -> dict[str, Any]:
    """The results of earlier runs in a file; empty without it.

    Raises:
        DataError: It holds something else.
    """
    if json_file is None or not json_file.exists():
        return {}
    try:
        return dict(json.loads(json_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        message = f"{json_file} holds no results of this command. Give another --json."
        raise DataError(message) from None


def write_json(path: Path | None, values: Any, indent: int | None = 2) -> None:
    """Write a JSON file as a whole, if there is a path."""
    if path:
        with whole_file(path) as part:
            part.write_text(json.dumps(values, indent=indent) + "\n", encoding="utf-8")


@cache
def _versions() -> dict[str, str]:
    installed = {one.name: one.version for one in distributions() if one.name in _LIBRARIES}
    return {"python": platform.python_version(), **dict(sorted(installed.items()))}


@cache
def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # Linux
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return f"{found[1] if found else platform.machine()}, {len(processors())} processors, {platform.system()}"
