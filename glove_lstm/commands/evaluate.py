r"""Measure a checkpoint on labelled texts, find wrong labels, or list the phrases that tell most of a label.

glove-lstm evaluate --test_file labelled.csv --output_dir report
glove-lstm evaluate out --dataset_name fake_or_real_news --robustness
glove-lstm evaluate --train_file mine.csv --folds 5 --glove 6B.50d --output_dir report
glove-lstm evaluate --train_file train.csv --test_file test.csv --leaks

The default MODEL is the checkpoint that ships with the package. OUTPUT_DIR, a new or empty folder, gets eval.json;
predictions.csv, the surest mistakes first; and for a model of one label a text, confusion.png and reliability.png.
--robustness repeats the measurement on corrupted texts.

A checkpoint records its training and validation texts. Only other texts are measured.

--folds measures the data instead of a checkpoint. It divides the texts into so many parts, and labels each part by a
model that it trains on the others: the first rows of predictions.csv are those whose labels are most likely wrong.

--leaks measures no model. It reads the texts of all splits, also rows without text.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT, MULTI_LABEL
from glove_lstm.checkpoint.new_folder import check_new_folder
from glove_lstm.commands.command import add_model, check_given, new_parser
from glove_lstm.commands.data_arguments import DataArguments
from glove_lstm.errors import DataError, counted, shown
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.output_formats import kept_text
from glove_lstm.options import add_options
from glove_lstm.tables.columns import columns_warning
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.load import Data, Rows, load_splits
from glove_lstm.training.settings import SETTING_NAMES, Settings, make_settings

# scikit-learn, matplotlib and torch take seconds to import: not before arguments and files are checked.
if TYPE_CHECKING:
    from glove_lstm.evaluation.report import Report

_OF_PREDICTIONS = ("file", "row", "text", "label", "predicted", "score")  # columns
_OF_CHECKPOINT = ("model_name_or_path", "revision")  # which may have seen the texts
_OF_DATA = {known.name for known in fields(DataArguments)}
_OF_TRAINING = set(SETTING_NAMES) - set(_OF_CHECKPOINT)
_MODES = {  # what the errors say of each, and the arguments that it allows
    "leaks": ("--leaks prints phrases and measures no model", {"leaks", *_OF_DATA}),
    "folds": (
        "--folds trains and tests models on the training texts",
        {"folds", "group_column_name", "keep_columns", "output_dir", *_OF_TRAINING, *_OF_DATA}
        - {"validation_file", "test_file"},
    ),
    "model": (
        "Without --folds, a checkpoint is measured",
        {"model", "revision", "split", "robustness", "keep_columns", "output_dir", *_OF_DATA},
    ),
}


def main(argv: Sequence[str]) -> None:
    """Parse, then measure a model or the data, or look for leaks."""
    args = _parser().parse_args(argv)
    mode = "leaks" if args.leaks else "model" if args.folds is None else "folds"
    check_given(args, *_MODES[mode])
    if mode == "leaks":
        _print_leaks(args)
        return
    if args.output_dir:
        check_new_folder(args.output_dir)
    report = _measure_model(args) if mode == "model" else _measure_folds(args)
    sys.stdout.write(report.text())
    if args.output_dir:
        report.save(args.output_dir)
        sys.stdout.write(f"\nSaved to {args.output_dir}\n")


def _print_leaks(args: argparse.Namespace) -> None:
    """Print the phrases that tell most of a label, in all splits together."""
    arguments = _data_arguments(args)
    arguments["on_empty"] = "keep"  # that a text is empty may itself tell the label
    data = load_splits(**arguments)
    if data.is_multi_label:
        raise DataError(f"{data.description} has lists of labels; --leaks is for one label a text.")
    from glove_lstm.evaluation.leaks import describe_leaks, find_leaks

    texts: list[str] = []
    labels: list[str] = []
    for rows in data.splits.values():
        texts += rows.texts
        labels += rows.labels
    sys.stdout.write(f"{describe_leaks(find_leaks(texts, labels))}\n")


def _measure_folds(args: argparse.Namespace) -> "Report":
    """Measure models that are trained on all parts of the training texts but one, each on that part."""
    if args.folds < 2:
        raise DataError(f"--folds must be at least 2, not {args.folds}.")
    given = {name: value for name, value in vars(args).items() if name in _OF_TRAINING}
    settings = make_settings(**given)
    data = load_splits(**_data_arguments(args), group_column_name=args.group_column_name)
    rows = _rows(data, "train")
    places = _places(rows)
    from glove_lstm.evaluation.folds import predict_in_folds
    from glove_lstm.evaluation.report import make_report

    texts = Examples.from_names(rows.texts, rows.labels, data.label_names)
    scores, thresholds = predict_in_folds(texts, rows.labels, rows.groups, args.folds, settings)
    introduction = (
        f"{counted(len(rows), 'text')} ({data.description}) in {args.folds} parts: each is labelled by a model that "
        "was trained on the others. Near duplicates are in one part."
    )
    source = {"data": data.description, "folds": args.folds, "settings": given}
    return make_report(introduction, source, texts, places, scores, thresholds)


def _measure_model(args: argparse.Namespace) -> "Report":
    """Measure a checkpoint on the unseen texts of a split."""
    if not args.model:
        sys.stderr.write("The model is the shipped one, of fake and real news; name another.\n")
    model_name = args.model or str(DEFAULT_CHECKPOINT)
    checkpoint = Checkpoint.open(model_name, args.revision)
    data = load_splits(
        **_data_arguments(args),
        trained_columns=checkpoint.text_column_names,
        trained_label_column=checkpoint.label_column_name,
        label_names=list(checkpoint.label_names),
        is_multi_label=checkpoint.problem_type == MULTI_LABEL,
    )
    split = args.split or "test"
    rows = _rows(data, split)
    places = _places(rows)
    clause = columns_warning(checkpoint.text_column_names, data.text_column_names)
    if clause:
        sys.stderr.write(f"warning: {clause}; texts of its training may count as unseen.\n")
    from glove_lstm.evaluation.unseen import measure_unseen

    classifier = LightClassifier.from_checkpoint(checkpoint)
    sys.stdout.write(
        f"{model_name}: {counted(len(rows), 'text')} ({data.description}; split {split})\n"
    )
    source = {
        "data": data.description,
        "split": split,
        "model": model_name,
        "revision": args.revision,
        "text_column_names": data.text_column_names,
        "label_column_name": data.label_column_name,
    }
    return measure_unseen(
        classifier,
        Examples.from_names(rows.texts, rows.labels, classifier.label_names),
        checkpoint.training_texts(),
        places=places,
        source=source,
        robustness=args.robustness,
    )


def _rows(data: Data, split: str) -> Rows:
    if split not in data.splits:
        splits = " and ".join(data.splits)
        raise DataError(
            f"{data.description} has no split {split}, only {splits}; give such texts, or choose by --split."
        )
    return data.splits[split]


def _places(rows: Rows) -> list[dict[str, Any]]:
    """Return the columns of predictions.csv that say where each text is from."""
    for name in rows.kept[0]:
        if name in _OF_PREDICTIONS:
            raise DataError(
                f"predictions.csv has a column {shown(name)} of its own; leave it out of --keep_columns."
            )
    several_files = len(set(rows.files)) > 1
    places = []
    for file, number, kept in zip(rows.files, rows.numbers, rows.kept, strict=True):
        place: dict[str, Any] = {"file": file} if several_files else {}
        place["row"] = number
        place |= {name: kept_text(cell) for name, cell in kept.items()}
        places.append(place)
    return places


def _data_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of the command that `load_splits` has, too."""
    options = vars(args)
    arguments = {
        known.name: options.get(known.name, known.default) for known in fields(DataArguments)
    }
    return {**arguments, "keep_columns": args.keep_columns}


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("glove-lstm evaluate", __doc__)
    add_model(parser)
    add_options(parser, DataArguments)
    parser.add_argument(
        "--split",
        choices=["train", "validation", "test"],
        help="the texts to measure on; default: test",
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
    parser.add_argument(
        "--keep_columns",
        metavar="A,B",
        help="columns that predictions.csv repeats beside the labels, such as id",
    )
    parser.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="measure no checkpoint, but train on all of N parts but one and label that one, in turn",
    )
    parser.add_argument(
        "--group_column_name",
        metavar="COLUMN",
        help="with --folds: a column, such as a publisher, whose rows are in one part",
    )
    settings = parser.add_argument_group("settings of the trainings of --folds")
    add_options(settings, Settings, without=_OF_CHECKPOINT)
    return parser
