"""Classify news: texts on the command line, on standard input (one a line), or in a file.

glove-lstm predict "A headline" "Another one"
glove-lstm predict --input articles.csv --format csv --output labels.csv
head -5 headlines.txt | glove-lstm predict --format jsonl
glove-lstm predict "A headline" --explain
glove-lstm predict --input articles.csv --explain --format html --output why.html
glove-lstm predict --input "news/*.parquet" --format parquet --output_dir labels

Without --model it uses the checkpoint that ships with the package, and needs no network. A checkpoint's model.onnx is
used where there is one, and PyTorch otherwise.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextSource, open_files, open_stream, open_texts
from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT, ONNX_NAME

if TYPE_CHECKING:
    from glove_lstm.inference.bulk import Labeller, Summary
    from glove_lstm.inference.explanation import Explanation
    from glove_lstm.inference.label_writers import Labelled, Write

_SHOWN = 100  # characters of a text in the table
_FORMATS = ("csv", "html", "jsonl", "parquet", "table")
_EXPLAINED = ("html", "jsonl", "table")
_STREAMED = ("csv", "tsv", "jsonl")


def main(argv: Sequence[str]) -> None:
    """Parse, read, classify, write."""
    args = _parser().parse_args(argv)
    _check(args)
    source = _source(args)  # a mistake in the input is told before the model loads

    from glove_lstm.inference.backends import open_model
    from glove_lstm.inference.bulk import Labeller, label_to_folder

    model = open_model(
        args.model or DEFAULT_CHECKPOINT,
        revision=args.revision,
        backend="torch" if args.explain else args.backend,
        max_length=args.max_length,
    )
    labeller = Labeller(model.predict, model.label_names, args.abstain_below)
    bulk = bool(args.input or args.dataset_name)
    options = {"rows_per_part": args.rows_per_part, "progress": bulk and sys.stderr.isatty()}
    if args.output_dir:
        summary = label_to_folder(
            source, labeller, Path(args.output_dir), args.format, model=model.identity(), **options
        )
    else:
        summary = _write(args, source, labeller, model.explain if args.explain else None, **options)
    if bulk and (args.output or args.output_dir or summary.skipped):
        sys.stderr.write(f"{summary}\n")
    if summary.empty:
        sys.stderr.write(
            f"warning: {summary.empty} rows without any text were labelled too; ignore their labels\n"
        )


def _write(
    args: argparse.Namespace,
    source: TextSource,
    labeller: "Labeller",
    explain: "Callable[[str, str | None], Explanation] | None",
    **options: Any,
) -> "Summary":
    """Write to standard output as the rows come, or to a file that appears when it is whole."""
    from glove_lstm.data.whole_files import whole_file
    from glove_lstm.inference.bulk import label_to
    from glove_lstm.inference.label_writers import ABSTAIN, OUTPUT_FORMATS, Layout, open_writer, write_jsonl

    with ExitStack() as stack:
        path = stack.enter_context(whole_file(Path(args.output))) if args.output else None
        layout = Layout(labeller.label_names, source.named)
        if args.format in OUTPUT_FORMATS and not explain:
            write = stack.enter_context(open_writer(path or sys.stdout, args.format, layout))
            return label_to(source, labeller, write, **options)
        file = stack.enter_context(path.open("w", encoding="utf-8")) if path else sys.stdout
        if not explain:
            names = labeller.label_names
            write = _write_table(file, names if args.abstain_below is None else [*names, ABSTAIN])
        elif args.format == "jsonl":
            write = write_jsonl(file, layout, explain)
        else:
            from glove_lstm.inference.explanation_views import open_html, write_terminal

            html = args.format == "html"
            write = stack.enter_context(open_html(file, explain)) if html else write_terminal(file, explain)
        return label_to(source, labeller, write, **options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glove-lstm predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "texts", nargs="*", metavar="TEXT", help="texts to classify; without any, standard input"
    )
    parser.add_argument(
        "--input",
        nargs="+",
        metavar="FILE",
        help="CSV, TSV, JSON, JSONL or Parquet files, or globs in quotes; text formats may be .gz; - is standard "
        "input, with --input_format. A row has at most 67,108,864 characters",
    )
    parser.add_argument("--input_format", choices=_STREAMED, help="of --input -, in UTF-8")
    parser.add_argument(
        "--dataset_name", metavar="ID", help="a dataset on the Hub, or a folder, read as it comes"
    )
    parser.add_argument("--dataset_config_name", metavar="NAME", help="one of its configs")
    parser.add_argument("--dataset_split", metavar="NAME", help="one of its splits, where it has several")
    parser.add_argument("--dataset_revision", metavar="NAME", help="one of its commits, tags or branches")
    parser.add_argument(
        "--text_column_names",
        metavar="A,B",
        help="columns of the input to read, title before body; default: title,text, or text, or title, or "
        "the only column of text",
    )
    parser.add_argument(
        "--model", metavar="FOLDER_OR_ID", help="a checkpoint's folder, or a repository's id on the Hub"
    )
    parser.add_argument("--revision", help="commit, tag or branch of a model on the Hub")
    parser.add_argument(
        "--backend",
        choices=["onnx", "torch"],
        help=f"what computes; default: onnx where the checkpoint has a {ONNX_NAME}",
    )
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="default: table, or csv with --output_dir; parquet needs a file, html --explain",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say what each word contributes to the label rather than to the strongest other one, with torch; in "
        "colour on a terminal, or with --format jsonl or html",
    )
    parser.add_argument(
        "--abstain_below",
        type=_probability,
        metavar="P",
        help="write ABSTAIN instead of a label where the best label's score is below P, 0 to 1; the card says "
        "how many texts that leaves out and how accurate the others are",
    )
    parser.add_argument(
        "--on_error",
        choices=["fail", "skip"],
        default="fail",
        help="what to do about a row that cannot be read: end there (default), or leave it out, say so on standard "
        "error, and count it",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="write there instead of to standard output; the file appears when it is whole",
    )
    parser.add_argument(
        "--output_dir",
        metavar="FOLDER",
        help="write part-00000, part-00001, ... there, each when it is whole; the same command goes on after a kill, "
        "another one is refused",
    )
    parser.add_argument(
        "--rows_per_part",
        type=_positive,
        default=4096,
        metavar="N",
        help="rows of the input that are sorted by length, classified and written together; default: 4096",
    )
    parser.add_argument(
        "--max_length", type=_positive, help="tokens that a text is cut to; default: the model's own"
    )
    return parser


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return value


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text!r}")
    return value


def _check(args: argparse.Namespace) -> None:
    """Refuse what does not go together, and settle the format."""
    args.format = args.format or ("csv" if args.output_dir else "table")
    bulk, piped = bool(args.input or args.dataset_name), "-" in (args.input or ())
    given = sum(map(bool, (args.texts, args.input, args.dataset_name)))
    mistakes = {
        "Give either texts or --input or --dataset_name.": given > 1,
        "--text_column_names belongs to --input and --dataset_name.": args.text_column_names and not bulk,
        **{
            f"--{name} belongs to --dataset_name.": getattr(args, name) and not args.dataset_name
            for name in ("dataset_config_name", "dataset_split", "dataset_revision")
        },
        "Give either --output or --output_dir, not both.": args.output and args.output_dir,
        "--input - is standard input, and stands alone.": piped and len(args.input) > 1,
        f"--input - needs --input_format: {', '.join(_STREAMED)}.": piped and not args.input_format,
        "--input_format belongs to --input -; a file's name tells its format.": args.input_format
        and not piped,
        "--output_dir takes the formats csv, jsonl and parquet.": args.format == "table" and args.output_dir,
        "--explain does not go with --output_dir; give --output.": args.explain and args.output_dir,
        f"--explain takes the formats {', '.join(_EXPLAINED)}.": args.explain
        and args.format not in _EXPLAINED,
        "--format html needs --explain.": args.format == "html" and not args.explain,
        "--explain needs gradients, which --backend onnx does not have; leave --backend out.": args.explain
        and args.backend not in (None, "torch"),
        "Parquet cannot go to standard output; give --output or --output_dir.": args.format == "parquet"
        and not (args.output or args.output_dir),
    }
    for sentence, made in mistakes.items():
        if made:
            raise DataError(sentence)


def _source(args: argparse.Namespace) -> TextSource:
    skip_bad = args.on_error == "skip"
    if args.dataset_name:
        from glove_lstm.data.hub_streaming import open_hub

        return open_hub(
            args.dataset_name,
            args.dataset_config_name,
            args.dataset_split,
            args.dataset_revision,
            args.text_column_names,
            skip_bad=skip_bad,
        )
    if args.input == ["-"]:
        return open_stream(sys.stdin.buffer, args.input_format, args.text_column_names, skip_bad=skip_bad)
    if args.input:
        return open_files(args.input, args.text_column_names, skip_bad=skip_bad)
    if args.texts:
        return open_texts(args.texts, "the command line")
    lines = sys.stdin
    if hasattr(lines, "reconfigure"):
        lines.reconfigure(encoding="utf-8", errors="replace")
    try:
        return open_texts((line.rstrip("\r\n") for line in lines), "standard input")
    except DataError:
        raise DataError("Standard input is empty; give texts, one a line, or --input FILE.") from None


def _write_table(file: TextIO, labels: Sequence[str]) -> "Write":
    """Write the text beside its label, for people."""
    width = max(len(name) for name in [*labels, "label"])
    file.write(f"{'label':<{width}}  score  text\n")

    def write(labelled: "Labelled") -> None:
        for row, label, scores in zip(labelled.rows, labelled.labels, labelled.rounded, strict=True):
            text = " ".join(f"{row.text} {row.pair or ''}".split())
            # A terminal obeys control characters; nobody's article may.
            text = "".join(c if c.isprintable() else "\ufffd" for c in text)
            shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
            file.write(f"{label:<{width}}  {scores[0]:.3f}  {shown}\n")

    return write
