"""Make hub/, the default checkpoint: exactly what a push uploads.

python -m benchmarks.make_hub --data_dir ../shared/data --glove ~/.cache/glove/glove.6B.100d.partial.txt
python -m benchmarks.make_hub --code_only

hub_data.md describes the texts. Arguments of train.py may follow. A run that ends early may leave hub/ mixed: git
restores it. With --code_only nothing is trained: the files beside weights and tokenizer are made anew.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.corpora import hub_corpus, named_labels, other_corpora
from benchmarks.models import FIRST_SEED, Settings, sources
from benchmarks.records import record, write_json
from benchmarks.thumbnail import plot_thumbnail
from glove_lstm.checkpoint import DEFAULT_CHECKPOINT, THUMBNAIL_NAME, Checkpoint
from glove_lstm.commands.command import new_parser, run_command
from glove_lstm.commands.train import parse_words
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.evaluation import run_metrics as measures
from glove_lstm.evaluation.examples import classify_examples
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.evaluation.robustness import measure_robustness
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.publishing.card import write_card
from glove_lstm.publishing.save_result import save_result
from glove_lstm.publishing.staging import write_hub_files
from glove_lstm.training.fit import fit

# Rows are many and alike: fewer passes, in larger batches, than for a corpus of some thousand texts.
_ARGUMENTS: dict[str, Any] = {
    "num_train_epochs": 5,
    "per_device_train_batch_size": 32,
    "vocab_size": 32_000,
}

_NAME = "glove-lstm-fake-news"
_REPO_ID = f"user/{_NAME}"
_RESULTS_NOTE = (
    "The test texts have the same sources as the training texts. The other data are harder: "
    "articles on COVID-19 (recovery), statements of politicians (liar) and rumours (veritas)."
)
_DATA_DESCRIPTION = Path(__file__).parent / "hub_data.md"


def main(argv: Sequence[str]) -> None:
    """Train, measure and write, or update the code and the card."""
    parser = new_parser("python -m benchmarks.make_hub", __doc__)
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
    elif args.data_dir is None or args.glove is None:
        parser.error("--data_dir and --glove are needed, unless --code_only is given.")
    else:
        settings = Settings(args.glove, _ARGUMENTS | parse_words(rest))
        _train(args.output_dir, args.data_dir, settings)
    model, tokenizer = Checkpoint.open(args.output_dir).load_model()
    plot_thumbnail(_NAME, model, tokenizer, args.output_dir / THUMBNAIL_NAME)
    write_card(args.output_dir, _REPO_ID)
    write_hub_files(args.output_dir, _REPO_ID)
    sys.stdout.write(f"Made {args.output_dir}\n")


def _train(folder: Path, data_dir: Path, settings: Settings) -> None:
    corpus = hub_corpus(data_dir)
    train, test = corpus.train, corpus.test
    # Without its progress bar the Trainer prints.
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
        result = fit(
            train.texts,
            named_labels(train),
            (corpus.validation.texts, named_labels(corpus.validation)),
            recipe=settings.recipe("default", FIRST_SEED, scratch),
            label_names=train.label_names,
            sample_weight=train.weights,
            text_column_names=["title", "text"],
            glove=settings.glove,
            compute_metrics=compute_metrics,
        )
    metrics = measures.run_metrics(result, test)
    metrics["about"] |= {"data": corpus.description, "validation_is_given": True}
    others = other_corpora(data_dir)
    measures.add_other_data(metrics, result, others)
    measures.add_baselines(metrics, result, test, others)
    metrics["robustness"] = measure_robustness(
        result.model, result.tokenizer, test.texts, test.labels
    )
    metrics["card"] = {
        "name": _NAME,
        "license": "apache-2.0",
        "results_note": _RESULTS_NOTE,
        "data_description": _DATA_DESCRIPTION.read_text(encoding="utf-8").strip(),
    }
    metrics["made_by"] = record("benchmarks/corpora.*", *sources("default", corrupted=True))
    save_result(result, metrics, folder, test)
    export_onnx(folder)


def _update(folder: Path) -> None:
    """Save the checkpoint once more to get its remote code, and classify the examples again."""
    model, tokenizer = Checkpoint.open(folder).load_model()
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        for path in sorted(Path(scratch).glob("*.py")):
            shutil.copyfile(path, folder / path.name)
    metrics = read_checkpoint_json(folder / "metrics.json")
    metrics["examples"] = classify_examples(model, tokenizer)
    write_json(folder / "metrics.json", metrics)


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
