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
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import CONFIG_NAME, DEFAULT_CHECKPOINT
from glove_lstm.commands.command import add_revision, new_parser
from glove_lstm.errors import DataError, counted
from glove_lstm.files import expand_globs, is_glob, whole_file
from glove_lstm.inference.bulk import chunks, label_rows
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.output_formats import Layout, open_writer
from glove_lstm.inference.promise import DEFAULT_ACCURACY, promise
from glove_lstm.processors import processor_count
from glove_lstm.progress import progress
from glove_lstm.tables.columns import Row, columns_warning, open_files, read_rows
from glove_lstm.tables.tables import checked_lines
from glove_lstm.tokenization.word_shapes import replace_surrogates

# An output (None: standard output), the rows that it labels, and the columns of these that it repeats; see `Layout`.
_Task = tuple[Path | None, Iterable[Row], Mapping[str, Any]]
_FORMATS = ("csv", "jsonl", "parquet", "table")
_SHIPPED = "The model is the shipped one, of fake and real news; name another with --model."


def main(argv: Sequence[str]) -> None:
    """Parse, read, classify, write."""
    args = _parse(argv)
    model = DEFAULT_CHECKPOINT if args.model is None else args.model
    checkpoint = Checkpoint.open(model, args.revision)
    # Before the model loads, to report mistakes in the input first.
    if args.input:
        tasks = _tasks_of_files(args, checkpoint.text_column_names)
    else:
        tasks = [(args.output, _read_texts(args.texts), {})]
    classifier = LightClassifier.from_checkpoint(checkpoint, threads=processor_count())
    unsure_below = _unsure_below(args, classifier)
    if args.model is None:
        sys.stderr.write(f"{_SHIPPED}\n")

    start = time.perf_counter()
    counts: Counter[str] = Counter()
    explain = partial(classifier.explain, progress=True) if args.explain else None
    for output, rows, kept in tasks:
        if args.output_dir and output and output.exists():
            counts["kept files"] += 1
            continue
        layout = Layout(
            classifier.label_names,
            has_file_column=_are_several(args.input),
            marks_unsure=unsure_below is not None,
            kept=kept,
        )
        shown_rows = progress("Classifying", rows, unit=" rows", shown=bool(args.input))
        opened = nullcontext(sys.stdout) if output is None else whole_file(output)
        with opened as target, open_writer(target, args.format, layout, explain) as write:
            for chunk in chunks(shown_rows):
                labelled = label_rows(classifier, chunk, unsure_below)
                write(labelled)
                counts["rows"] += len(chunk)
                counts["empty"] += sum(row.empty for row in chunk)
                counts["truncated"] += labelled.truncated
    writes_files = args.output or args.output_dir
    if args.input and writes_files:
        _write_speed(counts, time.perf_counter() - start)
    _warn(counts, classifier)


def _are_several(inputs: Sequence[str]) -> bool:
    """Return whether --input may be several files, so that the output names them."""
    return len(inputs) > 1 or any(map(is_glob, inputs))


def _write_speed(counts: Counter[str], seconds: float) -> None:
    """Write how many rows were labelled, and how fast."""
    rows = counts["rows"]
    line = f"{counted(rows, 'row')} in {seconds:,.1f} s ({rows / seconds:,.0f} rows/s)"
    if counts["kept files"]:
        line += f"; files that were there are kept: {counts['kept files']:,}"
    sys.stderr.write(f"{line}\n")


def _warn(counts: Counter[str], classifier: LightClassifier) -> None:
    """Warn of rows that are longer than the model reads, and of those without any text."""
    clause = classifier.tokenizer.truncation_warning(counts["truncated"], counts["rows"])
    if clause:
        sys.stderr.write(f"warning: {clause}.\n")
    if counts["empty"]:
        sys.stderr.write(
            f"warning: {counted(counts['empty'], 'row')} without any text labelled, too\n"
        )


def _unsure_below(args: argparse.Namespace, classifier: LightClassifier) -> float | None:
    """Return the score below which labels are unsure. Tables, which people read, say what is promised, or why not."""
    is_table = args.format == "table"
    accuracy = args.accuracy
    if accuracy is None:
        if not is_table or classifier.thresholds is not None:
            return None
        accuracy = DEFAULT_ACCURACY
    try:
        least_score = classifier.promised_score(accuracy)
    except DataError as error:
        if args.accuracy is not None:
            raise
        sys.stderr.write(f"No label is marked as unsure. {error}\n")
        return None
    if is_table:
        assert classifier.held_out_scores is not None
        sys.stderr.write(f"{promise(classifier.held_out_scores, accuracy)}\n")
    return least_score


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
    if not args.format:
        args.format = _default_format(args)
    _check_output(args)
    _check_input(args)
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
        default=[],
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
        "--accuracy",
        type=float,
        metavar="P",
        help="add a column that marks labels as unsure, so that at least the share P of the others is right, for texts "
        f"such as the held-out ones of the training; default: tables mark them for {DEFAULT_ACCURACY}, where possible",
    )
    outputs = parser.add_mutually_exclusive_group()
    outputs.add_argument(
        "--output", type=Path, metavar="FILE", help="the file appears when it is complete"
    )
    outputs.add_argument(
        "--output_dir",
        type=Path,
        metavar="FOLDER",
        help="write an output for each file of --input there; those that are there already stay",
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
    for name in ("text_column_names", "keep_columns", "output_dir"):
        if getattr(args, name) is not None and not args.input:
            raise DataError(f"--{name} applies only to --input.")


def _tasks_of_files(args: argparse.Namespace, trained: Sequence[str] | None) -> list[_Task]:
    """Open the files of --input: an output for each with --output_dir, else one for all."""
    paths = expand_globs(args.input)
    outputs = [args.output] if args.output else []
    if args.output_dir:
        outputs = [_output_in(args.output_dir, path, args.format) for path in paths]
    _check_outputs(outputs, paths)
    tables, columns = open_files(
        paths, args.text_column_names, trained=trained, kept=args.keep_columns
    )
    clause = columns_warning(trained, columns.text)
    if clause:
        sys.stderr.write(f"warning: {clause}.\n")
    kept = [_kept_columns(columns.kept, path, args.format) for path in paths]
    rows = [read_rows(table, columns) for table in tables]
    if args.output_dir:
        return list(zip(outputs, rows, kept, strict=True))
    return [(args.output, chain.from_iterable(rows), kept[0])]


def _output_in(folder: Path, path: Path, kind: str) -> Path:
    """Return the output for a file: `news.csv.gz` becomes FOLDER/news.jsonl."""
    return folder / f"{Path(path.name.removesuffix('.gz')).stem}.{kind}"


def _check_outputs(outputs: Sequence[Path], paths: Sequence[Path]) -> None:
    """Raise a DataError if an output is an input, or that of two inputs."""
    inputs = {path.resolve() for path in paths}
    for output, count in Counter(outputs).items():
        if output.resolve() in inputs:
            raise DataError(f"{output} is an input; choose another output.")
        if count > 1:
            raise DataError(
                f"{output} would be the output of {count} files of the same name; label them into several folders."
            )


def _kept_columns(names: Sequence[str], path: Path, kind: str) -> dict[str, Any]:
    """Return columns that are kept, each with its type if Parquet becomes Parquet."""
    if not names or kind != "parquet" or path.suffix.lower() != ".parquet":
        return dict.fromkeys(names)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException):  # the reader of rows says what is wrong
        return dict.fromkeys(names)
    return {name: schema.field(name).type if name in schema.names else None for name in names}


def _read_texts(texts: Iterable[str]) -> Iterator[Row]:
    """Yield the texts of the command line, without them the lines of standard input."""
    name = "the command line"
    if not texts:
        name = "standard input"
        # `run_command` has set its encoding, and bytes that are not UTF-8 become surrogates.
        texts = (line.rstrip("\r\n") for line in checked_lines(sys.stdin, name))
    for number, text in enumerate(texts, 1):
        yield Row(name, number, replace_surrogates(text))
