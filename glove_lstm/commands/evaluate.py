r"""Measure a checkpoint on labelled texts, or list the phrases that tell most of a label.

glove-lstm evaluate --test_file labelled.csv --output_dir report
glove-lstm evaluate out --dataset_name fake_or_real_news --robustness
glove-lstm evaluate --train_file train.csv --test_file test.csv --leaks

The default MODEL is the checkpoint that ships with the package. OUTPUT_DIR, a new or empty folder, gets eval.json;
predictions.csv, the surest mistakes first; and for a model of one label a text, confusion.png and reliability.png.
--robustness repeats the measurement on corrupted texts.

A checkpoint records its training and validation texts. Only other texts are measured.

--leaks measures no model. It reads the texts of all splits, also rows without text.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT, MULTI_LABEL
from glove_lstm.checkpoint.new_folder import check_new_folder
from glove_lstm.commands.command import add_model, new_parser
from glove_lstm.commands.data_arguments import DataArguments
from glove_lstm.errors import DataError, counted
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.options import add_options
from glove_lstm.tables.columns import columns_warning
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.load import Rows, load_splits


def main(argv: Sequence[str]) -> None:
    """Parse, then measure a model or look for leaks."""
    args = _parser().parse_args(argv)
    if args.leaks:
        _print_leaks(args)
    else:
        _measure_model(args)


def _print_leaks(args: argparse.Namespace) -> None:
    """Print the phrases that tell most of a label, in all splits together."""
    if args.model or args.revision or args.robustness or args.output_dir:
        raise DataError(
            "--leaks prints phrases and measures no model; leave out MODEL, --revision, --robustness and --output_dir."
        )
    arguments = _data_arguments(args)
    arguments["on_empty"] = "keep"  # that a text is empty may itself tell the label
    data = load_splits(**arguments)
    if data.is_multi_label:
        raise DataError(f"{data.description} has lists of labels; --leaks is for one label a text.")
    # scikit-learn takes a second to import: not before arguments and files are checked.
    from glove_lstm.evaluation.leaks import describe_leaks, find_leaks

    texts: list[str] = []
    labels: list[str] = []
    for rows in data.splits.values():
        texts += rows.texts
        labels += rows.labels
    sys.stdout.write(f"{describe_leaks(find_leaks(texts, labels))}\n")


def _measure_model(args: argparse.Namespace) -> None:
    """Measure a checkpoint on the unseen texts of a split; print the report, and save it."""
    if args.output_dir:
        check_new_folder(args.output_dir)
    if not args.model:
        sys.stderr.write("The model is the shipped one, of fake and real news; name another.\n")
    model_name = args.model or str(DEFAULT_CHECKPOINT)
    checkpoint = Checkpoint.open(model_name, args.revision)
    is_multi_label = checkpoint.problem_type == MULTI_LABEL
    if is_multi_label and args.robustness:
        raise DataError("--robustness is for models of one label a text; leave it out.")
    data = load_splits(
        **_data_arguments(args),
        trained_columns=checkpoint.text_column_names,
        trained_label_column=checkpoint.label_column_name,
        label_names=list(checkpoint.label_names),
        is_multi_label=is_multi_label,
    )
    if args.split not in data.splits:
        splits = " or ".join(data.splits)
        raise DataError(f"{data.description} has no split {args.split}; --split must be {splits}.")
    clause = columns_warning(checkpoint.text_column_names, data.text_column_names)
    if clause:
        sys.stderr.write(f"warning: {clause}; texts of its training may count as unseen.\n")
    # matplotlib and scikit-learn take seconds to import: not before arguments and files are checked.
    from glove_lstm.evaluation.report import measure_unseen

    classifier = LightClassifier.from_checkpoint(checkpoint)
    rows = data.splits[args.split]
    sys.stdout.write(
        f"{model_name}: {counted(len(rows), 'text')} ({data.description}; split {args.split})\n"
    )

    source = {
        "data": data.description,
        "split": args.split,
        "model": model_name,
        "revision": args.revision,
        "text_column_names": data.text_column_names,
        "label_column_name": data.label_column_name,
    }
    report = measure_unseen(
        classifier,
        Examples.from_names(rows.texts, rows.labels, classifier.label_names),
        checkpoint.training_texts(),
        places=_places(rows),
        source=source,
        robustness=args.robustness,
    )
    sys.stdout.write(report.text())
    if args.output_dir:
        report.save(args.output_dir)
        sys.stdout.write(f"\nSaved to {args.output_dir}\n")


def _places(rows: Rows) -> list[dict[str, Any]]:
    """Return the columns of predictions.csv that say where each text is from."""
    places: list[dict[str, Any]] = [{"row": number} for number in rows.numbers]
    if len(set(rows.files)) > 1:
        places = [{"file": file, **place} for file, place in zip(rows.files, places, strict=True)]
    return places


def _data_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of the command that `load_splits` has, too."""
    options = vars(args)
    return {known.name: options.get(known.name, known.default) for known in fields(DataArguments)}


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("glove-lstm evaluate", __doc__)
    add_model(parser)
    add_options(parser, DataArguments)
    parser.add_argument(
        "--split",
        default="test",
        choices=["train", "validation", "test"],
        help="the texts to measure on; default: %(default)s",
    )
    parser.add_argument("--robustness", action="store_true", help="measure on corrupted texts, too")
    parser.add_argument(
        "--leaks",
        action="store_true",
        help="measure no model, but list the phrases that tell most of a label",
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        metavar="DIR",
        help="a new or empty folder for eval.json, predictions.csv and plots",
    )
    return parser
