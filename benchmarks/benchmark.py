r"""Measure our models beside simple ones, on the same folds, in one run.

python -m benchmarks.benchmark accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE
python -m benchmarks.benchmark accuracy --data_dir ../shared/data --glove GLOVE_FILE --seeds 3 --json results.json
python -m benchmarks.benchmark speed --data_dir ../shared/data --glove GLOVE_FILE --json speed.json --plot speed.png
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.commands.command import run_command

_ACCURACY = """\
Accuracy on held-out texts, its loss to errors in them, and calibration, each with a 95 % interval; the difference of
each model to our default preset, with the p value of a paired test. Errors are those that our default preset trains
with (typos) and others (keyboard slips, dropped words, confusions of a scanner), each in a tenth of the letters or
words. Each linear model is also fitted with the mistyped copies that our default preset learns from (..._copies).

titles, recovery  five-fold cross-validation over texts that are not exact duplicates
liar              six labels; its own validation and test sets
cross             recovery->isot, recovery->titles, recovery->head; isot->recovery, isot->titles, isot->head;
                  titles->recovery, titles->isot, titles->head: trained on one corpus, tested on another. ISOT has
                  lost its datelines; head are the first 256 articles of fake_or_real_news, whose titles are left
                  out where titles train. Test texts of which the training texts hold a near duplicate, or the
                  title, are left out.

With --json, predictions are kept fold by fold in a folder beside the file (results.json: results.predictions/), and a
run that was cut short goes on where it was; without it nothing is kept. Predictions are only used again for the same
data, settings and sources of this package; each figure names its sources. Arguments of train.py, such as
--num_train_epochs 1, may follow: they hold for our presets.
"""

_SPEED = """\
Time and memory beside what people use instead, on ReCOVery: our presets and scikit-learn are fitted on four fifths of
the articles and measured on the other. Every figure is a median over fresh processes, both sides in turn, on the same
number of processors: --threads 2 sets two processes of scikit-learn beside two threads of ours.

train               article network, ms a sample, against the same in Keras (pip install 'glove-lstm[benchmark]')
bulk_article, bulk_default    raw articles to labels by glove_lstm.inference.runtime, articles/s, against scikit-learn
bulk_transformer    default, against a pipeline with a transformer of DistilBERT's size and random weights
single_article, single_default    one raw article to its label on one core, median ms, against scikit-learn
cold_start_seconds, cold_start_memory    new process to first label, against the transformers pipeline
growth_time, growth_memory    an epoch of training on 16 times as many articles, against once as many

Arguments of train.py, such as --num_train_epochs 1, may follow: they hold for our presets.
"""


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    import datasets

    from benchmarks.comparison import compare, table
    from benchmarks.folds import TASKS

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="benchmark.py", description=__doc__, formatter_class=raw)
    kinds = parser.add_subparsers(dest="kind", required=True)
    accuracy = kinds.add_parser(
        "accuracy",
        help="accuracy on held-out folds",
        description=_ACCURACY,
        formatter_class=raw,
        allow_abbrev=False,  # --seed must not be taken for --seeds
    )
    accuracy.add_argument("--task", choices=[*TASKS, "all"], default="all", help="default: all")
    accuracy.add_argument(
        "--folds", type=int, default=5, help="the first so many of five, of titles and recovery; default: 5"
    )
    accuracy.add_argument(
        "--grouped", action="store_true", help="keep near duplicates in one fold of titles and recovery"
    )
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
        "--json", type=Path, help="write the measures of these models there; other tasks in it stay"
    )
    accuracy.add_argument(
        "--reuse_other_sources",
        action="store_true",
        help="also use predictions that other sources of this package made",
    )
    _add_speed(kinds)
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()  # no fold's tokens are asked for again
    if args.kind == "speed":
        _speed(args, rest)
        return
    results = compare(
        TASKS if args.task == "all" else [args.task],
        folder=args.data_dir,
        glove=args.glove,
        folds=args.folds,
        seeds=args.seeds,
        grouped=args.grouped,
        models=args.models,
        json_file=args.json,
        reuse_other_sources=args.reuse_other_sources,
        arguments=rest,
    )
    sys.stdout.write(table(results))


def _add_speed(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the arguments of `speed`."""
    speed = kinds.add_parser(
        "speed",
        help="time and memory beside other programs",
        description=_SPEED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    speed.add_argument(
        "--data_dir", type=Path, required=True, help="a folder that holds recovery/recovery.csv.gz"
    )
    speed.add_argument("--glove", default="6B.100d", help="a name or a file, as for train.py")
    speed.add_argument("--work", nargs="+", metavar="ROW", help="only these rows, such as train bulk_default")
    speed.add_argument("--threads", type=int, default=1, help="processors for each side; default: 1")
    speed.add_argument(
        "--repetitions",
        type=int,
        default=5,
        help="of each measurement; of train and the transformer three at most, of growth two; default: 5",
    )
    for preset in ("article", "default"):
        speed.add_argument(
            f"--checkpoint_{preset}",
            type=Path,
            metavar="DIR",
            help=f"the {preset} checkpoint of an earlier run; trained and kept there where it is missing",
        )
    speed.add_argument("--json", type=Path, help="write the rows there")
    speed.add_argument("--plot", type=Path, help="write a picture of accuracy against articles/s there (PNG)")


def _speed(args: argparse.Namespace, rest: Sequence[str]) -> None:
    """Measure, print the conditions and the table."""
    from benchmarks.speed import conditions, measure_speed
    from benchmarks.speed_rows import WORKS, table

    given = {"article": args.checkpoint_article, "default": args.checkpoint_default}
    rows = measure_speed(
        args.work or WORKS,
        data_dir=args.data_dir,
        glove=args.glove,
        threads=args.threads,
        repetitions=args.repetitions,
        checkpoints={preset: folder for preset, folder in given.items() if folder},
        json_file=args.json,
        plot_file=args.plot,
        arguments=rest,
    )
    sys.stdout.write(f"{conditions(args.threads)}\n{table(rows)}")


if __name__ == "__main__":
    sys.exit(run_command(main))
