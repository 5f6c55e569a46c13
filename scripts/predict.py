"""Classify news: texts on the command line, on standard input (one a line), or in a file.

python scripts/predict.py "A headline" "Another one"
python scripts/predict.py --input articles.csv --format csv --output labels.csv
head -5 headlines.txt | python scripts/predict.py --format jsonl

Without --model it uses the checkpoint that ships with the package, and needs no network.
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from glove_lstm.data.errors import DataError
from glove_lstm.scripts._command import run_command

_WINDOW = 1024  # rows that are sorted by length together: constant memory, little padding
_SHOWN = 100  # characters of a text in the table
ABSTAIN = "ABSTAIN"  # what stands for a label where the score is too low

Row = tuple[int | str, dict[str, str]]


def main(argv: Sequence[str]) -> None:
    """Parse, read, classify, write."""
    args = _parser().parse_args(argv)
    columns, rows = _rows(args)
    first = next(rows, None)  # a mistake in the input is told before the model loads
    if first is None:
        raise DataError("Standard input is empty; give texts, one a line, or --input FILE.")

    import transformers
    from tqdm import tqdm

    from glove_lstm.checkpoints import DEFAULT_CHECKPOINT, load_checkpoint
    from glove_lstm.prediction import predict_logits, softmax
    from glove_lstm.saving import whole_file

    transformers.utils.logging.disable_progress_bar()  # ours tells more
    model, tokenizer = load_checkpoint(args.model or DEFAULT_CHECKPOINT, args.revision)
    if args.max_length:
        tokenizer.model_max_length = args.max_length
    names = model.config.label_names
    if args.abstain_below is not None and ABSTAIN in names:
        raise DataError(
            f"The model has a label {ABSTAIN}, which --abstain_below writes for rows without one; leave it out."
        )
    with whole_file(Path(args.output)) if args.output else nullcontext() as part:
        file = part.open("w", encoding="utf-8", newline="") if part else sys.stdout
        labels = names if args.abstain_below is None else [*names, ABSTAIN]
        write = _WRITERS[args.format](file, names, columns, labels)
        bar = tqdm(unit=" texts", disable=not args.input or not sys.stderr.isatty())
        rest = chain([first], rows)
        empty = 0
        while window := list(islice(rest, _WINDOW)):
            texts = [row[columns[0]] for _, row in window]
            pairs = [" ".join(row[c] for c in columns[1:]) for _, row in window] if columns[1:] else None
            logits = predict_logits(model, tokenizer, texts, pairs, batch_size=args.batch_size)
            for (number, row), scores in zip(window, softmax(logits), strict=True):
                sure = scores.max() >= (args.abstain_below or 0)
                label = names[int(scores.argmax())] if sure else ABSTAIN
                write(number, row, label, [float(score) for score in scores])
            empty += sum(not any(row[column].strip() for column in columns) for _, row in window)
            bar.update(len(window))
        bar.close()
        if empty:
            sys.stderr.write(
                f"warning: {empty} rows without any text were labelled too; ignore their labels\n"
            )
        if part:
            file.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="predict.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "texts", nargs="*", metavar="TEXT", help="texts to classify; without any, standard input"
    )
    parser.add_argument(
        "--input", metavar="FILE", help="CSV, TSV, JSON, JSONL or Parquet; text formats may be .gz"
    )
    parser.add_argument(
        "--text_column_names",
        metavar="A,B",
        help="columns of --input to read, title before body; default: title,text, or text, or title, or "
        "the only column of text",
    )
    parser.add_argument(
        "--model", metavar="FOLDER_OR_ID", help="a checkpoint's folder, or a repository's id on the Hub"
    )
    parser.add_argument("--revision", help="commit, tag or branch of a model on the Hub")
    parser.add_argument("--format", choices=sorted(_WRITERS), default="table", help="default: table")
    parser.add_argument(
        "--abstain_below",
        type=_probability,
        metavar="P",
        help=f"write {ABSTAIN} instead of a label where the best label's score is below P, 0 to 1; the card says "
        "how many texts that leaves out and how accurate the others are",
    )
    parser.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--batch_size", type=_positive, default=32, help="texts at a time; default: 32")
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


def _rows(args: argparse.Namespace) -> tuple[list[str], Iterator[Row]]:
    """The columns of text, and (row number from 1, row) of the input."""
    if args.input and args.texts:
        raise DataError("Give either texts or --input, not both.")
    if args.input:
        from glove_lstm.data.loading import read_texts

        return read_texts(Path(args.input), args.text_column_names)
    if args.text_column_names:
        raise DataError("--text_column_names belongs to --input.")
    if args.texts:
        return ["text"], ((number, {"text": text}) for number, text in enumerate(args.texts, 1))
    lines = sys.stdin
    if hasattr(lines, "reconfigure"):
        lines.reconfigure(encoding="utf-8", errors="replace")
    return ["text"], ((number, {"text": line.rstrip("\r\n")}) for number, line in enumerate(lines, 1))


Write = Callable[[int | str, dict[str, str], str, list[float]], None]  # row number, row, label, scores


def _table(file: TextIO, _names: list[str], columns: list[str], labels: list[str]) -> Write:
    width = max(len(name) for name in [*labels, "label"])
    file.write(f"{'label':<{width}}  score  text\n")

    def write(_number: int | str, row: dict[str, str], label: str, scores: list[float]) -> None:
        text = " ".join(" ".join(row[column] for column in columns).split())
        # A terminal obeys control characters; nobody's article may.
        text = "".join(c if c.isprintable() else "\ufffd" for c in text)
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        file.write(f"{label:<{width}}  {max(scores):.3f}  {shown}\n")

    return write


def _csv(file: TextIO, names: list[str], _columns: list[str], _labels: list[str]) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["row", "label", "score", *(f"score_{name}" for name in names)])

    def write(number: int | str, _row: dict[str, str], label: str, scores: list[float]) -> None:
        writer.writerow([number, label, *(f"{score:.6f}" for score in [max(scores), *scores])])

    return write


def _jsonl(file: TextIO, names: list[str], _columns: list[str], _labels: list[str]) -> Write:
    def write(number: int | str, _row: dict[str, str], label: str, scores: list[float]) -> None:
        found: dict[str, Any] = {"row": number, "label": label, "score": round(max(scores), 6)}
        found["scores"] = {name: round(score, 6) for name, score in zip(names, scores, strict=True)}
        file.write(json.dumps(found, ensure_ascii=False) + "\n")

    return write


_WRITERS: dict[str, Callable[[TextIO, list[str], list[str], list[str]], Write]] = {
    "table": _table,
    "csv": _csv,
    "jsonl": _jsonl,
}


if __name__ == "__main__":
    sys.exit(run_command(main))
