"""Make hub/, the default checkpoint: exactly what a push uploads.

python -m benchmarks.make_hub --data_dir ../shared/data --glove ~/.cache/glove/glove.6B.100d.partial.txt

Trains the default preset on the titles of fake_or_real_news, its first 256 articles and a sample of ISOT without its
datelines; a tenth is kept for the temperature. ReCOVery and LIAR only measure.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.commands.command import run_command

_DATA = """\
The titles of fake_or_real_news (rows 256 and later), its first 256 articles (title and body), and a sample of
4,107 articles of ISOT, from which the dateline `CITY (Reuters) - ` was removed because it stands in every REAL one of
them and in no FAKE one. Exact duplicates were dropped; a tenth, with near duplicates on one side, was kept for
validation. All REAL articles of ISOT come from one agency: on long texts this checkpoint largely
tells that agency's style from others. Every figure of this checkpoint comes from `python -m
benchmarks.make_hub --data_dir ../shared/data --glove glove.6B.100d.partial.txt` (341,479 of the 400,000
words of GloVe 6B 100d)."""
_CARD = {
    "name": "glove-lstm-fake-news",
    "repo_id": "user/glove-lstm-fake-news",
    "data_description": _DATA,
}


def main(argv: Sequence[str]) -> None:
    """Gather, train, measure, write."""
    parser = argparse.ArgumentParser(
        prog="make_hub.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data_dir",
        type=Path,
        help="a folder that holds fake_or_real_news/titles.csv and head.csv, recovery/recovery.csv.gz, "
        "isot/isot.csv.gz, liar/*.tsv",
    )
    parser.add_argument("--glove", help="a name or a file, as for train.py")
    parser.add_argument(
        "--code_only",
        action="store_true",
        help="only copy the remote code and write the card again; no training",
    )
    parser.add_argument(
        "--benchmark",
        type=Path,
        help="what benchmark.py accuracy --json wrote, for the card's table of the recipe",
    )
    parser.add_argument("--output_dir", type=Path, help="default: the hub/ folder of this clone")
    args, rest = parser.parse_known_args(argv)
    if args.code_only:
        if rest or args.data_dir or args.glove:
            parser.error("--code_only trains nothing: give --benchmark and --output_dir at the most")
        _copy_code(args.output_dir, args.benchmark)
        return
    if args.data_dir is None or args.glove is None:
        parser.error("--data_dir and --glove are needed, unless --code_only")

    from benchmarks.corpora import as_data, hub_corpus, other_corpora
    from glove_lstm.evaluation.metrics import compute_metrics
    from glove_lstm.evaluation.run_metrics import (
        add_baselines,
        add_other_data,
        add_recipe,
        add_robustness,
        run_metrics,
    )
    from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT
    from glove_lstm.inference.onnx_export import export_onnx
    from glove_lstm.publishing.card import write_card
    from glove_lstm.publishing.checkpoint_folder import save_experiment
    from glove_lstm.training.arguments import parse_training_run
    from glove_lstm.training.experiment import run_experiment

    data = hub_corpus(args.data_dir)
    with tempfile.TemporaryDirectory() as scratch:
        # Without the last fit on the tenth that is kept: each figure on the card is this very checkpoint's.
        argv = ["--refit_ngrams", "False", "--glove", args.glove, "--output_dir", scratch, *rest]
        run = parse_training_run(argv)
        experiment = run_experiment(run, data, compute_metrics=compute_metrics)
        metrics = run_metrics(experiment)
        others = {
            name: as_data(texts, {name: range(len(texts))}, name).splits[name]
            for name, texts in other_corpora(args.data_dir).items()
        }
        add_other_data(metrics, experiment, others)
        add_baselines(metrics, experiment, others)
        add_robustness(metrics, experiment, "validation")
        add_recipe(metrics, args.benchmark)
        made = Path(scratch) / "hub"
        save_experiment(experiment, metrics, made)
        export_onnx(made)
        write_card(made, **_CARD)
        target = args.output_dir or DEFAULT_CHECKPOINT
        _replace(target, made)
    sys.stdout.write(f"Made {target}\n")


def _replace(target: Path, made: Path) -> None:
    """Put a folder in another's place; only between two renames is there none."""
    new, old = (target.with_name(f".{target.name}.{name}") for name in ("new", "old"))
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(made, new)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _copy_code(target: Path | None, benchmark: Path | None) -> None:
    """Bring the .py files of hub/ up to their sources, by saving what it holds once more; and the card."""
    from glove_lstm.data.whole_files import whole_file
    from glove_lstm.evaluation.examples import classify_examples, measure_speed
    from glove_lstm.evaluation.run_metrics import add_recipe
    from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT
    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.publishing.card import write_card

    target = target or DEFAULT_CHECKPOINT
    model, tokenizer = load_checkpoint(target)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        for path in sorted(Path(scratch).glob("*.py")):
            shutil.copyfile(path, target / path.name)
            sys.stdout.write(f"Copied {path.name}\n")
    metrics = json.loads((target / "metrics.json").read_text(encoding="utf-8"))
    metrics["examples"] = classify_examples(model, tokenizer)
    add_recipe(metrics, benchmark)
    metrics["about"].setdefault("speed", measure_speed(model, tokenizer))
    text = json.dumps(metrics, indent=2, ensure_ascii=False)
    with whole_file(target / "metrics.json") as part:
        part.write_text(text + "\n", encoding="utf-8")
    write_card(target, **_CARD)


if __name__ == "__main__":
    sys.exit(run_command(main))
