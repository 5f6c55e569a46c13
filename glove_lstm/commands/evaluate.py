r"""Measure a checkpoint on labelled texts, and look for phrases that give a label away.

glove-lstm evaluate --test_file labelled.csv --output_dir report
glove-lstm evaluate out --dataset_name fake_or_real_news --robustness
glove-lstm evaluate out --test_file labelled.csv --teacher user/transformer
glove-lstm evaluate --train_file train.csv --test_file test.csv --leaks

The default MODEL is the checkpoint that ships with the package. With --leaks and without MODEL, only the phrases are
looked for, in all splits together. OUTPUT_DIR gets eval.json; for a model, predictions.csv, the surest mistakes first;
and for a model of one label a text, confusion.png and reliability.png. --robustness repeats the measurement on
corrupted texts. --leaks keeps rows without text; for a MODEL, --on_empty says what happens to them.

A checkpoint records its training and validation texts. Only other texts are measured.
"""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT, MULTI_LABEL
from glove_lstm.commands.command import add_model, new_parser
from glove_lstm.commands.data_arguments import DataArguments
from glove_lstm.distillation.pretrained import TeacherModel
from glove_lstm.distillation.teacher import open_teacher
from glove_lstm.errors import DataError, counted
from glove_lstm.evaluation.leaks import find_leaks
from glove_lstm.evaluation.report import Report, check_report_folder
from glove_lstm.inference.torch_classifier import TorchClassifier
from glove_lstm.progress import hidden_progress
from glove_lstm.tables.columns import columns_warning
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.labels import number_labels
from glove_lstm.tables.load import load_splits

_DATA_FIELDS = dataclasses.fields(DataArguments)


def main(argv: Sequence[str]) -> None:
    """Parse, load, measure, print, save."""
    args = _parser().parse_args(argv)
    if args.output_dir:
        check_report_folder(args.output_dir)
    measures_model = bool(args.model) or not args.leaks
    if not measures_model and (args.robustness or args.revision or args.teacher):
        raise DataError(
            "--robustness, --revision and --teacher need a MODEL, also with --leaks; name it."
        )
    for option in ("teacher_revision", "trust_remote_code"):
        if getattr(args, option) and not args.teacher:
            raise DataError(f"--{option} needs a --teacher; name it.")
    transformers.utils.logging.disable_progress_bar()
    load_arguments = {}
    for field in _DATA_FIELDS:
        load_arguments[field.name] = getattr(args, field.name)
    report = Report()
    with hidden_progress(not sys.stderr.isatty()):
        if measures_model:
            model_name = args.model or str(DEFAULT_CHECKPOINT)
            checkpoint = Checkpoint.open(model_name, args.revision)
            load_arguments["trained_columns"] = checkpoint.text_column_names
            load_arguments["trained_label_column"] = checkpoint.label_column_name
            _measure_model(report, args, model_name, checkpoint, load_arguments)
        if args.leaks:
            report.figures["leaks"] = _find_leaks(load_arguments)
    sys.stdout.write(report.text())
    if args.output_dir:
        report.save(args.output_dir)
        sys.stdout.write(f"\nSaved to {args.output_dir}\n")


def _find_leaks(load_arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Look for phrases that give a label away, in all splits together."""
    load_arguments["on_empty"] = "keep"  # that a text is empty may itself tell the label
    data = load_splits(**load_arguments)
    if data.is_multi_label:
        raise DataError(f"{data.description} has lists of labels; --leaks is for one label a text.")
    texts: list[str] = []
    labels: list[str] = []
    for rows in data.splits.values():
        texts += rows.texts
        labels += rows.labels
    return find_leaks(texts, labels)


def _measure_model(
    report: Report,
    args: argparse.Namespace,
    model_name: str,
    checkpoint: Checkpoint,
    load_arguments: Mapping[str, Any],
) -> None:
    """Measure a checkpoint on unseen texts.

    Args:
        report: Gets the figures.
        args: The arguments of the command.
        model_name: The checkpoint's name in messages.
        checkpoint: The checkpoint.
        load_arguments: Arguments of `load_splits`.
    """
    is_multi_label = checkpoint.problem_type == MULTI_LABEL
    if is_multi_label:
        for option in ("robustness", "leaks", "teacher"):
            if getattr(args, option):
                raise DataError(f"--{option} is for models of one label a text; leave it out.")

    label_names = list(checkpoint.label_names)
    data = load_splits(**load_arguments, label_names=label_names, is_multi_label=is_multi_label)
    if args.split not in data.splits:
        splits = " or ".join(data.splits)
        raise DataError(f"{data.description} has no split {args.split}; --split must be {splits}.")
    clause = columns_warning(checkpoint.text_column_names, data.text_column_names)
    if clause:
        sys.stderr.write(f"warning: {clause}; texts of its training may count as unseen.\n")
    rows = data.splits[args.split]
    texts = rows.texts
    labels = number_labels(rows.labels, label_names)
    sys.stdout.write(
        f"{model_name}: {counted(len(texts), 'text')} ({data.description}; split {args.split})\n"
    )
    report.figures |= {
        "data": data.description,
        "split": args.split,
        "model": model_name,
        "revision": args.revision,
        "text_column_names": data.text_column_names,
        "label_column_name": data.label_column_name,
    }

    unseen = report.find_unseen(checkpoint.training_texts(), texts)
    if len(unseen) == 0 and not args.leaks:
        raise DataError(f"{report.describe_seen(model_name)} Give other texts.")
    if len(unseen) == 0:  # --leaks looks at the texts all the same
        return
    unseen_texts = [texts[row] for row in unseen]
    classifier = TorchClassifier.of(*checkpoint.load_model())
    has_several_files = len(set(rows.files)) > 1
    report.add_model(
        classifier,
        unseen_texts,
        labels[unseen],
        rows=[rows.numbers[row] for row in unseen],
        files=[rows.files[row] for row in unseen] if has_several_files else None,
        robustness=args.robustness,
    )
    if args.teacher:
        _add_teacher(report, args, classifier, unseen_texts)


def _add_teacher(
    report: Report, args: argparse.Namespace, classifier: TorchClassifier, texts: Sequence[str]
) -> None:
    """Compare the measured classifier with a teacher on n texts."""
    named = TeacherModel(args.teacher, args.teacher_revision, args.trust_remote_code)
    teacher = open_teacher(named, classifier.model.device)
    if teacher.learns_labels:
        raise DataError(
            f"The teacher {teacher.name} is an encoder, which learns labels in a training only; give a classifier."
        )
    teacher.fit(Examples([], np.zeros(0, dtype=np.int64), list(classifier.label_names)))
    report.add_teacher(teacher.name, teacher.logits(texts))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("glove-lstm evaluate", __doc__)
    add_model(parser)
    for field in _DATA_FIELDS:
        takes_files = field.name in ("train_file", "validation_file", "test_file")
        parser.add_argument(
            f"--{field.name}",
            default=field.default,
            action="extend" if takes_files else "store",
            nargs="+" if takes_files else None,
            choices=field.metadata.get("choices"),
            help=field.metadata["help"],
        )
    parser.add_argument(
        "--split",
        default="test",
        choices=["train", "validation", "test"],
        help="the texts to measure on; default: %(default)s",
    )
    parser.add_argument(
        "--teacher",
        metavar="MODEL",
        help="a classifier to compare with: an id on the Hub, or a folder",
    )
    parser.add_argument(
        "--teacher_revision", help="commit, tag or branch of the teacher on the Hub"
    )
    parser.add_argument(
        "--trust_remote_code",
        action="store_true",
        help="let Python files in the teacher's repository run",
    )
    parser.add_argument("--robustness", action="store_true", help="measure on corrupted texts, too")
    parser.add_argument(
        "--leaks", action="store_true", help="list phrases that alone give a label away"
    )
    parser.add_argument(
        "--output_dir", type=Path, metavar="DIR", help="for eval.json, predictions.csv and plots"
    )
    return parser
