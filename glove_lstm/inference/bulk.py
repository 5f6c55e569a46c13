"""Label rows, of which some thousand are read, classified and written at a time: in constant memory."""

from collections.abc import Iterable, Iterator, Sequence

from glove_lstm.inference.decisions import are_unsure, decide
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.output_formats import Labelled
from glove_lstm.tables.columns import Row

_MOST_ROWS = 4096  # that are classified together
_MOST_CHARACTERS = 1 << 24  # of these rows, if they are very long


def label_rows(
    classifier: LightClassifier, rows: Sequence[Row], unsure_below: float | None = None
) -> Labelled:
    """Classify rows. Either all or none of them have a second part.

    Args:
        classifier: The classifier.
        rows: n rows.
        unsure_below: The score, from 0 to 1, below which a row is marked as unsure; None: rows are not marked.
    """
    texts = [row.text for row in rows]
    pairs = None
    if rows and rows[0].pair is not None:
        pairs = [row.pair or "" for row in rows]
    truncated_before = classifier.tokenizer.truncated_texts
    scores = classifier.predict_proba(texts, pairs)
    truncated = classifier.tokenizer.truncated_texts - truncated_before
    labels = decide(scores, classifier.label_names, classifier.thresholds)
    unsure = None if unsure_below is None else are_unsure(scores, unsure_below)
    return Labelled(rows, labels, scores, unsure, truncated)


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
