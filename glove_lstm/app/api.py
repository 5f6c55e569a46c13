"""The API endpoints, which take and return plain values; the page shows the results."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint import CARD_NAME, Checkpoint
from glove_lstm.data.columns import columns_warning
from glove_lstm.data.tables import FORMATS
from glove_lstm.data.text_rows import TextRow, open_files
from glove_lstm.errors import DataError
from glove_lstm.inference.backends import open_model
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.explanation import Explanation
from glove_lstm.inference.output_formats import open_writer
from glove_lstm.inference.scores import chooses_one_label
from glove_lstm.inference.unsure import suggested_threshold
from glove_lstm.version import __version__

# Title and text together; ten times what the model reads, which is about 2,048 tokens.
MAX_CHARACTERS = 100_000
MAX_ROWS = 5_000  # of a table

# A few kilobytes of gzip or Parquet can decompress to more than the machine's memory.
TABLE_FORMATS = [name for name in FORMATS if name != ".parquet"]

_TEXT_TOO_LONG = f"A text may have at most {MAX_CHARACTERS:,} characters. Send a part of it."


class Api:
    """The endpoints of an app that shows one checkpoint, which threads may share.

    Attributes:
        name: The repository's id on the Hub; for a folder, the title of its model card, or else the folder's name.
        commit: The commit of the repository; None for a folder.
        card: The text of the model card, without metadata and pictures; empty if there is none.
    """

    def __init__(self, model: str | Path, revision: str | None = None) -> None:
        """Load a checkpoint, as `open_model` does.

        Raises:
            DataError: The checkpoint is missing, damaged, or does not choose one label for a text.
        """
        checkpoint = Checkpoint.open(model, revision)
        # Other models are rejected before their weights are downloaded.
        if not chooses_one_label(checkpoint.config):
            raise DataError(
                f"{model} does not choose one of several labels for a text, and the app shows only models that do; "
                "use glove-lstm predict."
            )
        checkpoint.fetch(CARD_NAME)

        self.card = _read_card(checkpoint.folder / CARD_NAME)
        if checkpoint.repo_id is None:
            self.name = _title(self.card) or checkpoint.folder.resolve().name
            self.commit = None
        else:
            self.name = checkpoint.repo_id
            self.commit = checkpoint.folder.name  # the Hub's cache has a folder for each commit
        self.model = open_model(checkpoint, backend="torch")
        self.trained_columns = checkpoint.text_column_names

    def threshold_and_effect(self) -> tuple[float, str]:
        """Return the score below which a label is unsure, and its effect in a sentence; 0 if it was not measured."""
        suggested = suggested_threshold(self.model.checkpoint)
        if suggested is None:
            return 0.0, "The effect of a threshold has not been measured for this checkpoint."
        effect = (
            f"{100 * suggested['coverage']:.0f} % of the validation texts score at least "
            f"{100 * suggested['threshold']:.0f} %; {100 * suggested['accuracy']:.0f} % of their labels are right."
        )
        return suggested["threshold"], effect

    def classify(self, title: str = "", text: str = "", threshold: float = 0.0) -> dict[str, Any]:
        """Label a text. The label is unsure if its score is below the threshold, from 0 to 1."""
        first, pair = _read_texts(title, text)
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise DataError("The threshold must be a number from 0 to 1.")
        labeller = Labeller(self.model, threshold)
        labelled = labeller([TextRow("", 1, first, pair)])
        scores = labelled.rounded_scores[0].tolist()
        by_label = dict(zip(self.model.label_names, scores, strict=True))
        assert labelled.unsure is not None
        return {
            "label": labelled.labels[0],
            "score": max(scores),
            "unsure": bool(labelled.unsure[0]),
            "scores": by_label,
        }

    def explain(self, title: str = "", text: str = "") -> dict[str, Any]:
        """Return the contribution of each word to the label, by character offsets."""
        return self.explanation(title, text).to_dict()

    def explanation(self, title: str, text: str) -> Explanation:
        """Explain the label of a text; for the page, which shows it as HTML."""
        # None only with ONNX Runtime; this model was opened with PyTorch.
        assert self.model.explain
        return self.model.explain(*_read_texts(title, text))

    def about(self) -> dict[str, Any]:
        """Return the model's name, commit and labels, and the version of glove-lstm."""
        return {
            "model": self.name,
            "commit": self.commit,
            "labels": list(self.model.label_names),
            "version": __version__,
        }

    def label_file(self, file: str | None, columns: str = "") -> tuple[str, str]:
        """Label the rows of an uploaded CSV, TSV, JSON or JSONL file; the answer is a CSV file and a summary."""
        if not file:
            raise DataError("There is no file. Upload one.")
        if not Path(file).is_file():
            raise DataError("The file has been removed after some time. Upload it again.")
        asked_columns = _read_text(columns, "columns")
        rows, read_columns = _read_table(Path(file), asked_columns, self.trained_columns)

        # Beside the upload, in gradio's folder, so that gradio removes both. Nobody else can guess the folder's name.
        path = Path(tempfile.mkdtemp(dir=Path(file).parent)) / "labels.csv"
        labeller = Labeller(self.model)
        with open_writer(path, "csv", labeller.layout()) as write:
            write(labeller(rows))

        summary = f"{len(rows):,} rows labelled."
        empty = sum(row.empty for row in rows)
        if empty:
            summary += f" {empty:,} have no text."
        clause = columns_warning(self.trained_columns, read_columns)
        if clause:
            summary += f" {clause}."
        return str(path), summary


def _read_card(path: Path) -> str:
    """Return a model card without its metadata and its pictures, whose files the page does not serve."""
    if not path.is_file():
        return ""
    card = path.read_text(encoding="utf-8", errors="replace")
    if card.startswith("---\n"):
        _, _, card = card.removeprefix("---\n").partition("\n---\n")
    card = re.sub(r"<details>\n<summary>Plots</summary>.*?</details>\n", "", card, flags=re.DOTALL)
    lines = [line for line in card.splitlines() if not line.startswith("![")]
    return "\n".join(lines).strip()


def _title(card: str) -> str:
    """Return the heading with which a model card begins; empty if it has none."""
    first_line = card.partition("\n")[0]
    if not first_line.startswith("# "):
        return ""
    return first_line.removeprefix("# ").strip()


def _read_texts(title: Any, text: Any) -> tuple[str, str | None]:
    """Return the title and the text of a request; if one of them is blank, the other one and None.

    Raises:
        DataError: Both are blank, or they are too long.
    """
    title = _read_text(title, "title")
    text = _read_text(text, "text")
    if len(title) + len(text) > MAX_CHARACTERS:
        raise DataError(_TEXT_TOO_LONG)
    if not title.strip() and not text.strip():
        raise DataError("There is nothing to classify. Type or paste a title or a text.")
    if not title.strip():
        return text, None
    if not text.strip():
        return title, None
    return title, text


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
            if row.number > MAX_ROWS:
                raise DataError(f"{path} has more than {MAX_ROWS:,} rows. Send a part.")
            if len(row.text) + len(row.pair or "") > MAX_CHARACTERS:
                raise DataError(f"{path}, row {row.number}: {_TEXT_TOO_LONG}")
            rows.append(row)
    except DataError as error:
        # The visitor knows the file by its name, and not the folder of uploads.
        raise DataError(str(error).replace(f"{path.parent}{os.sep}", "")) from None
    return rows, source.columns


def _read_text(value: Any, name: str) -> str:
    """Return the text of a request; null is an empty one."""
    if value is not None and not isinstance(value, str):
        raise DataError(f"{name} must be a text.")
    return value or ""
