"""The API endpoints, which take and return plain values; the page shows the results."""

import os
import tempfile
from pathlib import Path
from typing import Any

from glove_lstm.app import limits
from glove_lstm.app.checkpoint import AppCheckpoint
from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import FORMATS
from glove_lstm.data.streaming import TextRow, open_files
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.label_writers import Layout, open_writer

Texts = tuple[str, str | None]  # a text, or a title and a body

# A few kilobytes of gzip or Parquet can decompress to more than the machine's memory.
TABLE_FORMATS = [name for name in FORMATS if name != ".parquet"]


class Api:
    """The endpoints of an app that shows one checkpoint."""

    def __init__(self, checkpoint: AppCheckpoint) -> None:
        """Serve a checkpoint."""
        self.checkpoint = checkpoint

    def classify(self, title: str = "", text: str = "", threshold: float = 0.0) -> dict[str, Any]:
        """Label a text. The label is ABSTAIN if the best score is below the threshold, from 0 to 1."""
        names, texts = self.checkpoint.label_names, check_texts(title, text)
        labelled = self._labeller(threshold)([TextRow("", 1, *texts)])
        best, *scores = labelled.rounded[0]
        by_label = dict(zip(names, scores, strict=True))
        return {"label": labelled.labels[0], "score": best, "scores": by_label}

    def explain(self, title: str = "", text: str = "") -> dict[str, Any]:
        """Return the contribution of each word to the label, by character offsets."""
        return self.checkpoint.explain(*check_texts(title, text)).to_dict()

    def about(self) -> dict[str, Any]:
        """Return the model's name and labels."""
        return {"model": self.checkpoint.name, "labels": list(self.checkpoint.label_names)}

    def label_file(self, file: str | None, columns: str = "") -> tuple[str, str]:
        """Label the rows of an uploaded CSV, TSV, JSON or JSONL file; the answer is a CSV file and a summary."""
        if not file:
            raise DataError("There is no file. Upload one.")
        labeller = self._labeller(0)
        rows = _read_table(Path(file), _text(columns, "columns"))
        path = Path(tempfile.mkdtemp(dir=Path(file).parent)) / "labels.csv"
        with open_writer(path, "csv", Layout(labeller.label_names)) as write:
            write(labeller(rows))
        return str(path), f"{len(rows):,} rows labelled."

    def _labeller(self, threshold: Any) -> Labeller:
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise DataError("The threshold must be a number from 0 to 1.")
        return Labeller(self.checkpoint.scores, self.checkpoint.label_names, threshold or None)


def check_texts(title: Any, text: Any) -> Texts:
    """Return a title and a text as (text, pair) for the model.

    Raises:
        DataError: Both are empty, or together too long.
    """
    title, text = _text(title, "title"), _text(text, "text")
    if len(title) + len(text) > limits.CHARACTERS:
        raise DataError(limits.TEXT_TOO_LONG)
    if not (title.strip() or text.strip()):
        raise DataError("There is nothing to classify. Type or paste a title or a text.")
    texts = [part for part in (title, text) if part.strip()]
    return texts[0], texts[1] if len(texts) > 1 else None


def _read_table(path: Path, columns: str) -> list[TextRow]:
    """Return the rows of an uploaded table."""
    if path.suffix.lower() not in TABLE_FORMATS:
        raise DataError(f"A table must be a file of {', '.join(TABLE_FORMATS)}.")
    rows = []
    try:
        for row in open_files([path], columns or None):
            if row.number > limits.FILE_ROWS:
                raise DataError(f"{path} has more than {limits.FILE_ROWS:,} rows. Send a part.")
            if len(row.text) + len(row.pair or "") > limits.CHARACTERS:
                raise DataError(
                    f"{path}, row {row.number} has more than {limits.CHARACTERS:,} characters."
                )
            rows.append(row)
    except DataError as error:  # messages name the file as the visitor does
        raise DataError(str(error).replace(f"{path.parent}{os.sep}", "")) from None
    return rows


def _text(value: Any, name: str) -> str:
    """Return a text in which lone surrogates, which JSON can spell, are U+FFFD."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{name} must be a text.")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
