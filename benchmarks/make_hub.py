"""Make hub/, the default checkpoint: exactly what a push uploads.

python -m benchmarks.make_hub --data_dir ../shared/data --glove ~/.cache/glove/glove.6B.100d.partial.txt
python -m benchmarks.make_hub --code_only

Trains the default preset on the titles of fake_or_real_news, its first 256 articles, a sample of ISOT without its
datelines, and 19 corpora of many sources. A tenth of the first three is kept as test set. The confidence and the C of
the n-gram classifier come from a first model without three of the corpora and a tenth of the others' sources, whose
texts are its validation set; the second one trains on all of them. ReCOVery, LIAR and Veritas are only measured.
Arguments of train.py may follow. With --code_only nothing is trained: the files beside weights and tokenizer are made
anew.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpora import hub_corpus, other_corpora
from benchmarks.models import FIRST_SEED, Settings, train_preset
from glove_lstm.commands.command import run_command
from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.examples import classify_examples
from glove_lstm.evaluation.run_metrics import (
    add_baselines,
    add_other_data,
    add_robustness,
    run_metrics,
)
from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.publishing.card import write_card
from glove_lstm.publishing.checkpoint_folder import save_experiment, write_hub_files

# Rows are many and alike: fewer passes, in larger batches, than for a corpus of some thousand texts.
_ARGUMENTS = ["--num_train_epochs", "5", "--per_device_train_batch_size", "32"]
_ARGUMENTS += ["--validation_by", "source", "--vocab_size", "40000"]

_CARD = {
    "name": "glove-lstm-fake-news",
    "repo_id": "user/glove-lstm-fake-news",
    "data_description": (Path(__file__).parent / "hub_data.md").read_text(encoding="utf-8").strip(),
}


def main(argv: Sequence[str]) -> None:
    """Train, measure and write, or update the code and the card."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.make_hub",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data_dir", type=Path, help="a folder that holds the corpora")
    add("--glove", help="a name or a file, as for train.py")
    add("--code_only", action="store_true", help="update all but the weights and the tokenizer")
    add("--output_dir", type=Path, default=DEFAULT_CHECKPOINT, help="default: hub/ of this clone")
    args, rest = parser.parse_known_args(argv)
    if args.code_only:
        if rest or args.data_dir or args.glove:
            parser.error("--code_only trains nothing. Give no other option than --output_dir.")
        _update(args.output_dir)
        return
    if args.data_dir is None or args.glove is None:
        parser.error("--data_dir and --glove are needed, unless --code_only is given.")
    settings = Settings(args.glove, [*_ARGUMENTS, *rest])
    experiment = train_preset("default", hub_corpus(args.data_dir), FIRST_SEED, settings)
    metrics = run_metrics(experiment)
    others = other_corpora(args.data_dir)
    add_other_data(metrics, experiment, others)
    add_baselines(metrics, experiment, others)
    add_robustness(metrics, experiment, "test")
    with tempfile.TemporaryDirectory(dir=args.output_dir.parent) as scratch:
        made = Path(scratch) / "hub"
        save_experiment(experiment, metrics, made)
        export_onnx(made)
        write_card(made, **_CARD)
        write_hub_files(made, _CARD["repo_id"])
        if args.output_dir.exists():
            args.output_dir.rename(Path(scratch) / "old")
        made.rename(args.output_dir)
    sys.stdout.write(f"Made {args.output_dir}\n")


def _update(folder: Path) -> None:
    """Save the checkpoint once more to get its remote code, and write its card and the files for the Hub again."""
    model, tokenizer = load_checkpoint(folder)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        for path in sorted(Path(scratch).glob("*.py")):
            shutil.copyfile(path, folder / path.name)
            sys.stdout.write(f"Copied {path.name}\n")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    metrics["examples"] = classify_examples(model, tokenizer)
    with whole_file(folder / "metrics.json") as part:
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")
    write_card(folder, **_CARD)
    write_hub_files(folder, _CARD["repo_id"])


if __name__ == "__main__":
    sys.exit(run_command(main))
