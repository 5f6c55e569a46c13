r"""Measure a checkpoint on labelled texts, and look for leaks of the label.

glove-lstm evaluate --test_file labelled.csv --output_dir report
glove-lstm evaluate out --dataset_name fake_or_real_news --robustness
glove-lstm evaluate --train_file train.csv --test_file test.csv --leaks

Without MODEL it measures the checkpoint that ships with the package; where the texts have other labels, --leaks then
looks at them without a model. OUTPUT_DIR gets eval.json and, of a model, confusion.png and reliability.png.

A checkpoint records the texts that it was trained and validated on. Only the others are measured.
"""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glove_lstm.data.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

    from glove_lstm.evaluation.report import Report
    from glove_lstm.training.training_texts import TrainingTexts

_DATA = (  # arguments of train.py, with its help
    "dataset_name",
    "dataset_config_name",
    "data_files",
    "data_dir",
    "train_file",
    "validation_file",
    "test_file",
    "text_column_names",
    "label_column_name",
)


def main(argv: Sequence[str]) -> None:
    """Parse, load, measure, print, save."""
    args = _parser().parse_args(argv)
    folder = Path(args.output_dir) if args.output_dir else None
    if folder and folder.exists() and not folder.is_dir():
        raise DataError(f"--output_dir {folder} is a file; give a folder.")

    import transformers

    from glove_lstm.data.loading import load_splits
    from glove_lstm.data.tables import load_tables
    from glove_lstm.evaluation.leaks import check_leaks
    from glove_lstm.evaluation.report import Report
    from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT
    from glove_lstm.inference.checkpoints import load_config

    transformers.utils.logging.disable_progress_bar()
    wanted = {name: getattr(args, name) for name in _DATA} | {"revision": args.dataset_revision}
    path = args.model or str(DEFAULT_CHECKPOINT)
    known = load_config(path, args.revision).label_names
    cut: dict[str, Any] = {
        # The same part that `train` holds out if there is no validation split.
        "validation_fraction": args.validation_fraction if args.split == "validation" else 0.0,
        "seed": args.seed,
        "on_empty": args.on_empty,
    }
    data = load_splits(**wanted, **cut)
    if args.split not in data.splits:
        raise DataError(
            f"{data.source} has no split {args.split}; --split must be {' or '.join(data.splits)}."
        )
    texts = data.splits[args.split]
    unknown = sorted({data.label_names[label] for label in set(texts["label"][:])} - set(known))
    without_model = bool(unknown) and args.leaks and not args.model
    if unknown and not without_model:
        load_splits(**wanted, **cut, label_names=known)  # says which row has it

    report = Report({"data": data.source, "split": args.split})
    if without_model:
        sys.stdout.write(
            f"No MODEL is given, and the one that ships lacks the label {unknown[0]}: only leaks are looked for.\n\n"
        )
    else:
        sys.stdout.write(f"{path}: {len(texts):,} texts ({data.source}; split {args.split})\n")
        _add_model(report, args, path, texts, data.label_names)
    if args.leaks:
        report.figures["leaks"] = check_leaks(load_tables(**wanted))
    sys.stdout.write(report.text())
    if folder:
        report.save(folder)
        sys.stdout.write(f"\nSaved to {folder}\n")


def _add_model(
    report: "Report", args: argparse.Namespace, path: str, texts: "Dataset", label_names: Sequence[str]
) -> None:
    """Measure a checkpoint on the texts that it has not seen and, with --include_seen, on the seen ones."""
    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.training.training_texts import load_training_texts

    counts, unseen, seen = _look_up(load_training_texts(path, args.revision), texts)
    report.figures |= {"model": path, "revision": args.revision, "seen": counts}
    sentence = _describe_seen(path, counts)
    if not len(unseen) and not args.include_seen and not args.leaks:
        raise DataError(
            f"{sentence} Give other texts, or --include_seen for figures that tell nothing of new ones."
        )
    sys.stdout.write(f"{sentence}\n\n")
    model, tokenizer = load_checkpoint(path, args.revision)
    if len(unseen):
        report.add_model(model, tokenizer, unseen, label_names, robustness=args.robustness)
    if len(seen) and args.include_seen:
        report.add_model(model, tokenizer, seen, label_names, seen=True)


def _look_up(
    record: "TrainingTexts | None", texts: "Dataset"
) -> tuple[dict[str, int] | None, "Dataset", "Dataset"]:
    """Split texts into unseen and seen ones, by the record of a checkpoint.

    Returns:
        Counts by role (None without a record), the unseen texts, the seen ones.
    """
    from glove_lstm.training.training_texts import joined_texts

    if record is None:
        return None, texts, texts.select([])
    trained, validated = record.find(joined_texts(texts))
    seen = trained | validated
    counts = {
        "trained": int(trained.sum()),
        "validated": int(validated.sum()),
        "unseen": int((~seen).sum()),
        "complete": record.complete,
    }
    return counts, texts.select((~seen).nonzero()[0]), texts.select(seen.nonzero()[0])


def _describe_seen(model: str, counts: Mapping[str, int] | None) -> str:
    """Say how many of the texts a checkpoint has seen."""
    from glove_lstm.training.training_texts import TRAINING_TEXTS_NAME

    if counts is None:
        return (
            f"It is unknown which texts {model} has seen: it has no record of them ({TRAINING_TEXTS_NAME}). Figures on "
            "texts of its training say nothing of new texts."
        )
    seen, unseen = counts["trained"] + counts["validated"], counts["unseen"]
    roles = f"(trained on {counts['trained']:,}, validated on {counts['validated']:,})"
    if not unseen:
        return f"All {seen:,} texts were seen {roles}."
    said = f"{seen:,} of the {seen + unseen:,} texts were seen {roles}"
    said += f"; the figures are of the other {unseen:,}." if seen else "."
    if not counts["complete"]:
        said += " It is unknown which other texts it has seen: the checkpoint that it was trained from has no record."
    return said


def _parser() -> argparse.ArgumentParser:
    from glove_lstm.training.arguments import DataArguments

    parser = argparse.ArgumentParser(
        prog="glove-lstm evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="a checkpoint's folder, or a repository's id on the Hub; default: the one that ships",
    )
    parser.add_argument("--revision", help="commit, tag or branch of a model on the Hub")
    fields = {field.name: field for field in dataclasses.fields(DataArguments)}
    for name in _DATA:
        parser.add_argument(f"--{name}", default=fields[name].default, help=fields[name].metadata["help"])
    parser.add_argument("--dataset_revision", help=fields["revision"].metadata["help"])
    cut = fields["validation_fraction"]
    parser.add_argument("--validation_fraction", type=float, default=cut.default, help=cut.metadata["help"])
    parser.add_argument(
        "--seed", type=int, default=42, help="of that cut, as given to train.py; default: %(default)s"
    )
    empty = fields["on_empty"]
    parser.add_argument(
        "--on_empty", default=empty.default, choices=empty.metadata["choices"], help=empty.metadata["help"]
    )
    parser.add_argument(
        "--split",
        default="test",
        choices=["train", "validation", "test"],
        help="the texts to measure on; default: test. Where data have no validation split, it is the part of train "
        "that train.py keeps for one.",
    )
    parser.add_argument(
        "--include_seen",
        action="store_true",
        help="measure on the texts that the checkpoint was trained or validated on, too, apart from the others",
    )
    parser.add_argument(
        "--robustness",
        action="store_true",
        help="measure on mistyped, lower-cased, unpunctuated and shortened texts, too",
    )
    parser.add_argument(
        "--leaks",
        action="store_true",
        help="look for overlap of train and the other splits, and for columns and boilerplate that give labels "
        "away",
    )
    parser.add_argument("--output_dir", metavar="DIR", help="write eval.json and plots there, too")
    return parser
