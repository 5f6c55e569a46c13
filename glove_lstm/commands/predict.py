"""Classify texts: on the command line, on standard input (one a line), or in files.

glove-lstm predict "A headline" "Another one"
glove-lstm predict --model mine "A headline"
glove-lstm predict --input articles.csv --keep_columns id,title --output labels.csv
head -5 headlines.txt | glove-lstm predict --format jsonl
glove-lstm predict "A headline" --explain
glove-lstm predict --input "news/*.parquet" --format parquet --output_dir labels

Without --model it uses the checkpoint that ships with the package, and needs no network. A checkpoint
needs a light.onnx, which glove-lstm export writes. What follows -- is a text.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import CONFIG_NAME, DEFAULT_CHECKPOINT
from glove_lstm.commands.command import add_revision, new_parser
from glove_lstm.errors import DataError, counted
from glove_lstm.files import check_writable, expand_globs, is_glob, whole_file
from glove_lstm.inference.bulk import Labeller, Source, Summary, chunks, label_to_folder
from glove_lstm.inference.decisions import suggested_threshold
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.output_formats import open_writer
from glove_lstm.processors import processors
from glove_lstm.tables.columns import Columns, Row, columns_warning, open_files
from glove_lstm.tables.tables import checked_lines
from glove_lstm.tokenization.word_shapes import replace_surrogates

_FORMATS = ("csv", "jsonl", "parquet", "table")
_SHIPPED = "The model is the shipped one, of fake and real news; name another with --model."


def main(argv: Sequence[str]) -> None:
    """Parse, read, classify, write."""
    args = _parse(argv)
    if not args.format:
        args.format = _default_format(args)
    _check_output(args)
    _check_input(args)
    model = DEFAULT_CHECKPOINT if args.model is None else args.model
    checkpoint = Checkpoint.open(model, args.revision)
    # Texts of the command line have no columns that could differ from those of the training.
    trained = checkpoint.text_column_names if args.input else None
    # Before the model loads, to report mistakes in the input first.
    source = _open_source(args, trained)
    if args.output:
        _check_is_no_input(args.output, source)
    clause = columns_warning(trained, source.columns.text)
    if clause:
        sys.stderr.write(f"warning: {clause}.\n")
    unsure_below = _unsure_below(args, checkpoint)
    classifier = LightClassifier.from_checkpoint(checkpoint, threads=len(processors()))
    labeller = Labeller(classifier, unsure_below)
    if args.model is None:
        sys.stderr.write(f"{_SHIPPED}\n")

    if args.output_dir:
        summary = label_to_folder(
            source,
            labeller,
            args.output_dir,
            args.format,
            rows_per_part=args.rows_per_part,
            progress=_shows_progress(args),
        )
    elif args.output:
        with whole_file(args.output) as unfinished:
            summary = _label_to_file(unfinished, args, source, labeller)
    else:
        summary = _label_to_file(sys.stdout, args, source, labeller)
    if args.input and (args.output or args.output_dir):
        sys.stderr.write(f"{summary}\n")
    clause = classifier.tokenizer.truncation_warning(summary.truncated, summary.rows)
    if clause:
        sys.stderr.write(f"warning: {clause}.\n")
    if summary.empty:
        sys.stderr.write(
            f"warning: {counted(summary.empty, 'row')} without any text labelled, too\n"
        )


def _label_to_file(
    target: Path | TextIO, args: argparse.Namespace, source: Source, labeller: Labeller
) -> Summary:
    """Label all rows, and write them to a file or a stream, chunk by chunk."""
    layout = labeller.layout(source)
    shows_bar = sys.stderr.isatty()
    explain = partial(labeller.classifier.explain, progress=shows_bar) if args.explain else None
    summary = Summary()
    with open_writer(target, args.format, layout, explain) as write:
        for rows in chunks(source, args.rows_per_part, _shows_progress(args)):
            labelled = labeller(rows)
            write(labelled)
            summary.add(labelled)
    return summary


def _shows_progress(args: argparse.Namespace) -> bool:
    return bool(args.input) and sys.stderr.isatty()


def _unsure_below(args: argparse.Namespace, checkpoint: Checkpoint) -> float | None:
    """Return the score below which labels are unsure. Tables, which people read, use the checkpoint's own threshold."""
    if args.unsure_below is not None or args.format != "table":
        return args.unsure_below
    return suggested_threshold(checkpoint)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse options before, between and behind texts. What follows `--` is a text."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    args = _parser().parse_intermixed_args(words[:end])
    for text in args.texts:
        _check_is_text(text)
    args.texts += words[end + 1 :]
    if args.output == Path("-"):
        args.output = None
    if args.output and args.output.suffix.lower() == ".gz":
        raise DataError(f"--output {args.output}: output is not compressed; leave .gz out.")
    if args.output:
        # A device or a pipe is written in place; a folder is refused later.
        is_no_file = args.output.exists() and not args.output.is_file()
        if not is_no_file:
            check_writable(args.output.resolve().parent)
    return args


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("glove-lstm predict", __doc__)
    parser.add_argument(
        "texts",
        nargs="*",
        metavar="TEXT",
        default=[],
        help="texts; without them, standard input is read",
    )
    parser.add_argument(
        "--input",
        action="extend",
        nargs="+",
        metavar="FILE",
        help="CSV, TSV, JSON, JSONL (or .gz) or Parquet files, or quoted globs",
    )
    parser.add_argument(
        "--text_column_names",
        metavar="A,B",
        help="columns to read; default: the columns of the model's training, if the input has them; else title,text, "
        "or text, or title, or the only column of text",
    )
    parser.add_argument(
        "--keep_columns",
        metavar="A,B",
        help="columns of --input that csv, jsonl and parquet repeat beside the labels, such as id,text",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a checkpoint's folder, or a repository's id on the Hub; default: the one that ships",
    )
    add_revision(parser)
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="default: the suffix of --output, csv with --output_dir, else table",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show how much each word counts for the label; words are marked on a terminal, or --format jsonl",
    )
    parser.add_argument(
        "--unsure_below",
        type=float,
        metavar="P",
        help="add a column that marks scores below P, from 0 to 1, as unsure; default: tables mark them as the "
        "checkpoint's validation texts suggest",
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
        help="rows that are classified together, and written to one file of --output_dir; default: 4096",
    )
    return parser


def _check_is_text(text: str) -> None:
    """Raise a DataError if a text is the name of a file, or of a checkpoint's folder."""
    # Not by pathlib, which raises errors of its own if a text is too long for a name.
    if os.path.isfile(text):  # noqa: PTH113
        raise DataError(
            f"{text} is a file, not a text: give a table with --input; or texts, one a line, by < {text}."
        )
    if text and os.path.isfile(os.path.join(text, CONFIG_NAME)):  # noqa: PTH113, PTH118
        raise DataError(f"{text!r} is a checkpoint's folder; give it with --model.")


def _default_format(args: argparse.Namespace) -> str:
    """Return the format without --format: csv for a folder; that of the suffix of --output; or else a table."""
    if args.output_dir:
        return "csv"
    suffix = args.output.suffix[1:].lower() if args.output else ""
    if suffix in _FORMATS:
        return suffix
    if suffix not in ("", "txt"):
        raise DataError(f"--output {args.output} names no format; give --format.")
    return "table"


def _check_output(args: argparse.Namespace) -> None:
    """Reject invalid combinations of the options of the output."""
    if args.unsure_below is not None and not 0 <= args.unsure_below <= 1:
        raise DataError("--unsure_below must be from 0 to 1.")
    if args.rows_per_part < 1:
        raise DataError("--rows_per_part must be at least 1.")
    if args.output_dir and (args.format == "table" or args.explain):
        raise DataError("--output_dir takes the formats csv, jsonl and parquet, and no --explain.")
    if args.explain and args.format not in ("jsonl", "table"):
        raise DataError("--explain takes the formats jsonl and table.")
    if args.keep_columns is not None and args.format == "table":
        raise DataError(
            "--keep_columns takes the formats csv, jsonl and parquet; add --format csv, or --output labels.csv."
        )
    if args.format == "parquet" and not args.output and not args.output_dir:
        raise DataError("Parquet needs a file; give --output or --output_dir.")


def _check_input(args: argparse.Namespace) -> None:
    """Reject invalid combinations of texts and the options of the input."""
    if args.input and args.texts:
        raise DataError(
            f"{args.texts[0]!r} is a text, and --input gives texts, too; leave one of them out, or name a model with "
            "--model."
        )
    if args.text_column_names and not args.input:
        raise DataError("--text_column_names applies only to --input.")
    if args.keep_columns is not None and not args.input:
        raise DataError("--keep_columns applies only to --input.")


def _check_is_no_input(output: Path, source: Source) -> None:
    is_file_of_input = output.resolve() in [path.resolve() for path in source.paths]
    if is_file_of_input or (output.is_file() and _is_standard_input(output)):
        raise DataError(f"--output {output} is an input; choose another name.")


def _is_standard_input(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(0), path.stat())
    except OSError:  # standard input is closed
        return False


def _open_source(args: argparse.Namespace, trained: Sequence[str] | None) -> Source:
    """Open the input: texts of the command line, files, or standard input."""
    if args.input:
        paths = expand_globs(args.input)
        several = len(args.input) > 1 or any(map(is_glob, args.input))
        tables, columns = open_files(
            paths, args.text_column_names, trained=trained, kept=args.keep_columns
        )
        return Source(columns, tables, paths=paths, has_file_column=several)
    name = "the command line"
    texts = args.texts
    if not texts:
        if sys.stdin is None:
            raise DataError("Standard input is closed; give texts, or files with --input.")
        name = "standard input"
        # `run_command` has set its encoding, and bytes that are not UTF-8 become surrogates.
        texts = (line.rstrip("\r\n") for line in checked_lines(sys.stdin, name))
    rows = (Row(name, number, replace_surrogates(text)) for number, text in enumerate(texts, 1))
    return Source(Columns(["text"], []), texts=rows)
