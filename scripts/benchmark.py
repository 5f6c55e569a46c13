"""Measure our models beside simple ones, on the same folds, in one run.

python scripts/benchmark.py accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.scripts._command import run_command


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    from glove_lstm.evaluation.comparison import TASKS, compare, table

    parser = argparse.ArgumentParser(
        prog="benchmark.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    accuracy = kinds.add_parser("accuracy", help="accuracy on held-out folds")
    accuracy.add_argument("--task", choices=[*TASKS, "all"], default="all", help="default: all")
    accuracy.add_argument("--folds", type=int, default=5, help="the first so many of five; default: 5")
    accuracy.add_argument("--seeds", type=int, default=1, help="runs of each of our models; default: 1")
    accuracy.add_argument("--models", nargs="+", help="only these, such as default article tfidf_svc_cased")
    accuracy.add_argument(
        "--data_dir",
        type=Path,
        required=True,
        help="a folder that holds fake_or_real_news/titles.csv and head.csv, recovery/recovery.csv.gz, "
        "isot/isot.csv.gz, liar/*.tsv",
    )
    accuracy.add_argument("--glove", default="6B.100d", help="a name or a file, as for train.py")
    accuracy.add_argument(
        "--json", type=Path, help="write the measures there; results in it are not measured again"
    )
    args = parser.parse_args(argv)
    tasks = list(TASKS) if args.task == "all" else [args.task]
    results = compare(
        tasks,
        folder=args.data_dir,
        glove=args.glove,
        folds=args.folds,
        seeds=args.seeds,
        models=args.models,
        json_file=args.json,
    )
    sys.stdout.write(table(results))


if __name__ == "__main__":
    sys.exit(run_command(main))
