"""The API endpoints, which take and return plain values; the page shows the results."""

import os
import tempfile
from pathlib import Path
from typing import Any

from glove_lstm.app import limits
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.data.reading import FORMATS
from glove_lstm.data.streaming import TextRow, open_files
from glove_lstm.errors import DataError
from glove_lstm.inference.backends import open_model
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME, local_folder
from glove_lstm.inference.checkpoints import load_config
from glove_lstm.inference.explanation import Explanation
from glove_lstm.inference.output_formats import Layout, open_writer
from glove_lstm.inference.scores import MULTI_LABEL
from glove_lstm.inference.text_columns import other_columns

# A few kilobytes of gzip or Parquet can decompress to more than the machine's memory.
TABLE_FORMATS = [name for name in FORMATS if name != ".parquet"]


class Api:
    """The endpoints of an app that shows one checkpoint, which threads may share."""

    def __init__(self, model: str | Path, revision: str | None = None) -> None:
        """Load a checkpoint, as `open_model` does; a DataError if it is missing, damaged or of another kind."""
        config = load_config(model, revision)  # rejects other models before a download of weights
        if config.problem_type == MULTI_LABEL:
            raise DataError(f"{model} gives several labels a text; use glove-lstm predict.")
        self.name = Path(model).resolve().name if Path(model).is_dir() else str(model)
        folder = local_folder(model, revision, WEIGHTS_NAME, "metrics.json")
        self.model = open_model(folder, backend="torch")
        self.trained_columns = config.text_column_names

    @property
    def threshold(self) -> tuple[float, str]:
        """A threshold at which about nine in ten validation texts get a label, and its effect; 0 if not measured."""
        try:
            metrics = read_checkpoint_json(self.model.folder / "metrics.json")
            row = metrics["validation"]["coverage"][1]
            return row["threshold"], (
                f"At {row['threshold']:.4f}, {row['coverage']:.0%} of the validation texts get a label, and "
                f"{row['accuracy']:.1%} of these labels are right."
            )
        except (ValueError, LookupError, TypeError):
            return 0.0, "The effect of a threshold has not been measured for this checkpoint."

    def classify(self, title: str = "", text: str = "", threshold: float = 0.0) -> dict[str, Any]:
        """Label a text. The label is ABSTAIN if the best score is below the threshold, from 0 to 1."""
        texts = _check_texts(title, text)
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise DataError("The threshold must be a number from 0 to 1.")
        labelled = Labeller(self.model, threshold)([TextRow("", 1, *texts)])
        scores = labelled.rounded_scores[0].tolist()
        by_label = dict(zip(self.model.label_names, scores, strict=True))
        return {"label": labelled.labels[0], "score": max(scores), "scores": by_label}

    def explain(self, title: str = "", text: str = "") -> dict[str, Any]:
        """Return the contribution of each word to the label, by character offsets."""
        return self.explanation(title, text).to_dict()

    def explanation(self, title: str, text: str) -> Explanation:
        """Explain the label of a text; for the page, which shows it as HTML."""
        assert self.model.explain  # PyTorch computes
        return self.model.explain(*_check_texts(title, text))

    def about(self) -> dict[str, Any]:
        """Return the model's name and labels."""
        return {"model": self.name, "labels": list(self.model.label_names)}

    def label_file(self, file: str | None, columns: str = "") -> tuple[str, str]:
        """Label the rows of an uploaded CSV, TSV, JSON or JSONL file; the answer is a CSV file and a summary."""
        if not file:
            raise DataError("There is no file. Upload one.")
        rows, read = _read_table(Path(file), _text(columns, "columns"), self.trained_columns)
        path = Path(tempfile.mkdtemp(dir=Path(file).parent)) / "labels.csv"
        with open_writer(path, "csv", Layout(self.model.label_names)) as write:
            write(Labeller(self.model)(rows))
        empty = sum(row.empty for row in rows)
        warning = f" {empty:,} have no text." if empty else ""
        clause = other_columns(self.trained_columns, read)
        if clause:
            warning += f" {clause}."
        return str(path), f"{len(rows):,} rows labelled.{warning}"


def _check_texts(title: Any, text: Any) -> list[str]:
    """Return the title and the text, without an empty one; refuse two empty ones and long ones."""
    texts = [_text(title, "title"), _text(text, "text")]
    if sum(map(len, texts)) > limits.CHARACTERS:
        raise DataError(limits.TEXT_TOO_LONG)
    texts = [part for part in texts if part.strip()]
    if not texts:
        raise DataError("There is nothing to classify. Type or paste a title or a text.")
    return texts


def _read_table(
    path: Path, columns: str, trained: list[str] | None
) -> tuple[list[TextRow], list[str]]:
    """Return the rows of an uploaded table, and the text columns that were read."""
    if path.suffix.lower() not in TABLE_FORMATS:
        raise DataError(f"A table must be a file of {', '.join(TABLE_FORMATS)}.")
    rows = []
    try:
        source = open_files([path], columns or None, trained)
        for row in source:
            if row.number > limits.FILE_ROWS:
                raise DataError(f"{path} has more than {limits.FILE_ROWS:,} rows. Send a part.")
            if len(row.text) + len(row.pair or "") > limits.CHARACTERS:
                raise DataError(f"{path}, row {row.number}: {limits.TEXT_TOO_LONG}")
            rows.append(row)
    except DataError as error:  # messages name the file as the visitor does
        raise DataError(str(error).replace(f"{path.parent}{os.sep}", "")) from None
    return rows, source.columns


def _text(value: Any, name: str) -> str:
    """Return the text of a request; null is an empty one."""
    if value is not None and not isinstance(value, str):
        raise DataError(f"{name} must be a text.")
    return value or ""
