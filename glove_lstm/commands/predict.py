"""Classify texts: on the command line, on standard input (one a line), or in files.

glove-lstm predict "A headline" "Another one"
glove-lstm predict --input articles.csv --format csv --output labels.csv
head -5 headlines.txt | glove-lstm predict --format jsonl
glove-lstm predict "A headline" --explain
glove-lstm predict --input "news/*.parquet" --format parquet --output_dir labels

Without --model it uses the checkpoint that ships with the package, and needs no network. A
checkpoint's light.onnx is used if there is one, and PyTorch otherwise.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from glove_lstm.commands.command import new_parser
from glove_lstm.data.reading import checked_lines
from glove_lstm.data.streaming import TextSource, open_files, open_stream, open_texts
from glove_lstm.data.whole_files import whole_file
from glove_lstm.errors import DataError
from glove_lstm.inference.backends import open_model
from glove_lstm.inference.bulk import Labeller, Summary, chunks, label_to_folder
from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT, LIGHT_NAME
from glove_lstm.inference.output_formats import ABSTAIN, Layout, open_writer, table_writer
from glove_lstm.inference.text_columns import other_columns, trained_columns

_FORMATS = ("csv", "jsonl", "parquet", "table")
_STREAMED = ("csv", "tsv", "jsonl")


def main(argv: Sequence[str]) -> None:
    """Parse, read, classify, write."""
    args = _parser().parse_args(argv)
    _check(args)
    trained = trained_columns(args.model, args.revision) if args.input else None
    source = _source(args, trained)  # before the model loads, to report mistakes in the input first
    paths = [one["path"] for one in source.identity() or ()]
    if args.output and str(args.output.resolve()) in paths:
        raise DataError(f"--output {args.output} is an input; choose another name.")
    clause = other_columns(trained, source.columns)
    if clause:
        sys.stderr.write(f"warning: {clause}.\n")
    model = open_model(
        args.model, revision=args.revision, backend="torch" if args.explain else args.backend
    )
    labeller = Labeller(model, args.abstain_below)
    bulk = bool(args.input)
    options = {"rows_per_part": args.rows_per_part, "progress": bulk and sys.stderr.isatty()}
    if args.output_dir:
        summary = label_to_folder(source, labeller, args.output_dir, args.format, **options)
    else:
        summary = _write(args, source, labeller, **options)
    if bulk and (args.output or args.output_dir):
        sys.stderr.write(f"{summary}\n")
    if summary.empty:
        sys.stderr.write(f"warning: {summary.empty} rows without any text were labelled, too\n")


def _write(
    args: argparse.Namespace, source: TextSource, labeller: Labeller, **options: Any
) -> Summary:
    """Write to standard output part by part, or to a file that appears when it is complete."""
    names = labeller.model.label_names
    explain = labeller.model.explain if args.explain else None
    layout, summary = Layout(names, source.named), Summary()
    with ExitStack() as stack:
        target: Any = stack.enter_context(whole_file(args.output)) if args.output else sys.stdout
        if args.output and args.format != "parquet":
            target = stack.enter_context(target.open("w", encoding="utf-8", newline=""))
        if args.format != "table":
            write = stack.enter_context(open_writer(target, args.format, layout, explain))
        elif not explain:
            write = table_writer(target, names if args.abstain_below is None else [*names, ABSTAIN])
        else:
            from glove_lstm.inference.explanation_views import explanation_writer

            write = explanation_writer(target, explain)
        for rows in chunks(source, **options):
            write(labeller(rows))
            summary.add(rows)
    return summary


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("glove-lstm predict", __doc__)
    inputs = parser.add_mutually_exclusive_group()
    inputs.add_argument(
        "texts", nargs="*", metavar="TEXT", default=[], help="without any, standard input is read"
    )
    inputs.add_argument(
        "--input",
        action="extend",
        nargs="+",
        metavar="FILE",
        help="CSV, TSV, JSON, JSONL (or .gz) or Parquet files, or quoted globs; -: standard input",
    )
    parser.add_argument(
        "--input_format", choices=_STREAMED, help="format of --input -, which is read as UTF-8"
    )
    parser.add_argument(
        "--text_column_names",
        metavar="A,B",
        help="columns to read; default: those of the model's training, where the input has them; else "
        "title,text, or text, or title, or the only column of text",
    )
    parser.add_argument(
        "--model",
        metavar="FOLDER_OR_ID",
        default=str(DEFAULT_CHECKPOINT),
        help="a checkpoint's folder, or a repository's id on the Hub",
    )
    parser.add_argument("--revision", help="commit, tag or branch of a model on the Hub")
    parser.add_argument(
        "--backend", choices=["onnx", "torch"], help=f"default: onnx if there is a {LIGHT_NAME}"
    )
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="default: that of the name of --output, csv with --output_dir, or else table",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show what each word contributes; in colour on a terminal, or --format jsonl",
    )
    parser.add_argument(
        "--abstain_below",
        type=float,
        metavar="P",
        help="write ABSTAIN instead of a label whose score is below P, 0 to 1; see the model card",
    )
    outputs = parser.add_mutually_exclusive_group()
    outputs.add_argument(
        "--output", type=Path, metavar="FILE", help="the file appears when it is complete"
    )
    outputs.add_argument(
        "--output_dir",
        type=Path,
        metavar="FOLDER",
        help="write part-00000, part-00001, ... there; run the same command again to resume",
    )
    parser.add_argument(
        "--rows_per_part",
        type=int,
        default=4096,
        metavar="N",
        help="rows of a part of the output, which are classified together; default: 4096",
    )
    return parser


def _check(args: argparse.Namespace) -> None:
    """Reject invalid combinations of options, and choose the format."""
    if not args.format:
        suffix = args.output.suffix[1:].lower() if args.output else ""
        if suffix not in ("", "txt", *_FORMATS):
            raise DataError(f"--output {args.output} names no format; give --format.")
        default = "csv" if args.output_dir else "table"
        args.format = suffix if suffix in _FORMATS else default
    if args.abstain_below is not None and not 0 <= args.abstain_below <= 1:
        raise DataError("--abstain_below must be from 0 to 1.")
    if args.rows_per_part < 1:
        raise DataError("--rows_per_part must be at least 1.")
    _check_input(args)
    if args.output_dir and (args.format == "table" or args.explain):
        raise DataError("--output_dir takes the formats csv, jsonl and parquet, and no --explain.")
    if args.explain and args.format not in ("jsonl", "table"):
        raise DataError("--explain takes the formats jsonl and table.")
    if args.explain and args.backend == "onnx":
        raise DataError("--explain needs torch; leave --backend out.")
    if args.format == "parquet" and not args.output and not args.output_dir:
        raise DataError("Parquet needs a file; give --output or --output_dir.")


def _check_input(args: argparse.Namespace) -> None:
    """Reject invalid combinations of options of the input."""
    piped = "-" in (args.input or ())
    if piped and len(args.input) > 1:
        raise DataError("--input - cannot be combined with files.")
    if piped and not args.input_format:
        raise DataError(f"--input - needs --input_format: {', '.join(_STREAMED)}.")
    if args.input_format and not piped:
        raise DataError("--input_format applies only to --input -.")
    if args.text_column_names and not args.input:
        raise DataError("--text_column_names applies only to --input.")


def _source(args: argparse.Namespace, trained: Sequence[str] | None) -> TextSource:
    """Open the input: files, texts of the command line, or standard input."""
    columns = args.text_column_names
    if args.input and args.input != ["-"]:
        return open_files(args.input, columns, trained)
    if args.texts:
        if files := list(filter(os.path.isfile, args.texts)):
            raise DataError(f"{files[0]} is a file, not a text; give it with --input.")
        return open_texts(args.texts, "the command line")
    if sys.stdin is None:
        raise DataError("Standard input is closed; give texts, or files with --input.")
    if args.input:
        return open_stream(sys.stdin.buffer, args.input_format, columns, trained)
    lines = checked_lines(sys.stdin, "standard input")
    return open_texts((line.rstrip("\r\n") for line in lines), "standard input")
