"""Label inputs of any size in constant memory: some thousand rows are read, classified and written at a time."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from glove_lstm.errors import DataError, counted, shown
from glove_lstm.inference.classifier import Classifier
from glove_lstm.inference.decisions import are_unsure, decide
from glove_lstm.inference.output_formats import Labelled, Layout
from glove_lstm.tables.columns import Row

_MOST_ROWS = 4096  # that are classified together
_MOST_CHARACTERS = 1 << 24  # of these rows, if they are very long


@dataclass(frozen=True)
class Labeller:
    """A classifier, and the score below which a row is marked as unsure."""

    classifier: Classifier
    unsure_below: float | None = None  # from 0 to 1; None: rows are not marked

    def layout(self, kept: Mapping[str, Any], *, has_file_column: bool = False) -> Layout:
        """Return the columns of an output.

        Args:
            kept: The columns of the input that it repeats; see `Layout`.
            has_file_column: Whether it names the file of each row.

        Raises:
            DataError: A column that is kept has the name of one that is written.
        """
        written = Layout(
            self.classifier.label_names,
            has_file_column=has_file_column,
            marks_unsure=self.unsure_below is not None,
        )
        for name in kept:
            if name in (*written.columns, "scores", "explanation"):
                raise DataError(
                    f"The output has a column {shown(name)} of its own; rename the input's, or leave it out of "
                    "--keep_columns."
                )
        return replace(written, kept=kept)

    def __call__(self, rows: Sequence[Row]) -> Labelled:
        """Classify rows. Either all or none of them have a second part."""
        texts = [row.text for row in rows]
        pairs = None
        if rows and rows[0].pair is not None:
            pairs = [row.pair or "" for row in rows]
        tokenizer = self.classifier.tokenizer
        truncated_before = tokenizer.truncated_texts
        scores = self.classifier.predict_proba(texts, pairs)
        truncated = tokenizer.truncated_texts - truncated_before
        labels = decide(scores, self.classifier.label_names, self.classifier.thresholds)
        unsure = None if self.unsure_below is None else are_unsure(scores, self.unsure_below)
        return Labelled(rows, labels, scores, unsure, truncated)


@dataclass
class Summary:
    """Counts of a run, from its start on."""

    rows: int = 0  # labelled
    empty: int = 0  # labelled rows without any text
    truncated: int = 0  # labelled rows that are longer than the model reads
    kept_files: int = 0  # outputs that were there
    start: float = field(default_factory=time.perf_counter)

    def add(self, labelled: Labelled) -> None:
        """Count labelled rows."""
        self.rows += len(labelled.rows)
        self.empty += sum(row.empty for row in labelled.rows)
        self.truncated += labelled.truncated

    def __str__(self) -> str:
        seconds = time.perf_counter() - self.start
        line = (
            f"{counted(self.rows, 'row')} in {seconds:,.1f} s ({self.rows / seconds:,.0f} rows/s)"
        )
        if self.kept_files:
            line += f"; files that were there are kept: {self.kept_files:,}"
        return line


def chunks(
    rows: Iterable[Row], most_rows: int = _MOST_ROWS, most_characters: int = _MOST_CHARACTERS
) -> Iterator[list[Row]]:
    """Yield rows in chunks of `most_rows`, or of fewer with `most_characters` characters or more."""
    chunk: list[Row] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row.text) + len(row.pair or "")
        if len(chunk) == most_rows or characters >= most_characters:
            yield chunk
            chunk = []
            characters = 0
    if chunk:
        yield chunk
