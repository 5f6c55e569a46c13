"""What the page's buttons call: the service's answers as HTML, and a table labelled row by row."""

import tempfile
from contextlib import closing
from html import escape
from math import floor
from pathlib import Path
from typing import Any

import gradio as gr

from glove_lstm.app import fragments
from glove_lstm.app.service import Service, in_words
from glove_lstm.app.uploads import NO_ROOM, UploadFolder, read_rows, read_text_file
from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import BadRow, TextRow
from glove_lstm.inference.label_writers import WRITERS, Labelled, Layout

_BATCH = 64  # rows between two steps of the progress bar
_SHOWN = 100  # characters of a text in the table
_REASONS = 5  # of rows that could not be read
_NO_GLOVE = (
    "GloVe's own vectors are not loaded: start the app with --glove 6B.50d, or with a file of vectors."
)


class Handlers:
    """Bound to one service; every method takes and gives what gradio's components do."""

    def __init__(self, service: Service, uploads: UploadFolder) -> None:
        self._service, self._uploads = service, uploads

    def first_threshold(self) -> tuple[float, str]:
        """Where the slider stands first, and what is known of that place: nine in ten validation texts get a label."""
        for row in self._service.main.coverage[1:]:
            threshold = floor(100 * row["threshold"]) / 100  # rounded up to 1, it would give no text a label
            said = (
                f"At {threshold:.2f}, {row['coverage']:.0%} of the validation texts get a label, "
                f"{row['accuracy']:.1%} of them the right one."
            )
            return threshold, said
        return 0.0, "How many texts a threshold leaves out is not known of this checkpoint."

    def classify(self, title: str, text: str, threshold: float) -> str:
        """The verdict."""
        return fragments.verdict(self._service.classify(title, text, threshold), threshold)

    def classify_again(self, title: str, text: str, threshold: float) -> str:
        """The verdict at another threshold; nothing where there is no text yet."""
        return self.classify(title, text, threshold) if f"{title}{text}".strip() else ""

    @in_words
    def explain(self, title: str, text: str) -> str:
        """The text with its words marked."""
        return self._service.explanation(self._service.main, *self._service.parts(title, text)).to_html()

    @in_words
    def compare(self, title: str, text: str, other: str | None) -> tuple[str, str]:
        """Two verdicts, each above the text with its words marked."""
        service = self._service
        parts, second = service.parts(title, text), service.other(other or "")
        left, right = (
            fragments.verdict(found, 0.0, one.name) + service.explanation(one, *parts).to_html()
            for one, found in zip(
                (service.main, second), service.compare(title, text, other or ""), strict=True
            )
        )
        return left, right

    def nearest(self, word: str) -> tuple[str, str]:
        """In the trained vectors, and in GloVe's."""
        found = self._service.nearest_words(word)
        return fragments.words(found["trained"]), fragments.words(found["glove"], _NO_GLOVE)

    def analogy(self, one: str, other: str, third: str) -> tuple[str, str]:
        """In the trained vectors, and in GloVe's."""
        found = self._service.analogy(one, other, third)
        return fragments.words(found["trained"]), fragments.words(found["glove"], _NO_GLOVE)

    def word_map(self, words: str) -> tuple[str, str]:
        """Of the trained vectors, and of GloVe's."""
        found = self._service.word_map(words)
        return fragments.word_map(found["trained"]), fragments.word_map(found["glove"], _NO_GLOVE)

    @in_words
    def about(self) -> str:
        """The card with its pictures, and those that it does not show."""
        main = self._service.main
        others = [path for path in main.plots if f"plots/{path.name}" not in main.card]
        card = fragments.card(main.card or "This checkpoint has no card.", main.plots)
        return card + fragments.plots(others)

    @in_words
    def read_text(self, file: str) -> str:
        """Read an uploaded text file in UTF-8."""
        return read_text_file(self._uploads.check(file), self._service.limits)

    @in_words
    def label_file(
        self,
        file: str | None,
        columns: str = "",
        threshold: float = 0.0,
        kind: str = "csv",
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio looks for it there
    ) -> tuple[str, str, dict[str, Any]]:
        """Label the rows of an uploaded CSV, TSV, JSON, JSONL or Parquet file, as predict.py does."""
        if not file:
            raise DataError("There is no file yet: upload one.")
        if kind not in WRITERS:
            raise DataError(f"A download is one of {', '.join(WRITERS)}.")
        if self._uploads.full():
            raise DataError(NO_ROOM)
        labeller = self._service.labeller(threshold)
        limits = self._service.limits
        layout = Layout(labeller.label_names)
        progress(0, desc="reading")
        rows = list(
            read_rows(self._uploads.check(file), columns or "", limits)
        )  # a refusal comes before the work
        good = [row for row in rows if isinstance(row, TextRow)]
        bad = [row.reason for row in rows if isinstance(row, BadRow)]
        path = Path(tempfile.mkdtemp(dir=self._uploads.path)) / f"labels.{kind}"
        shown: list[list[str]] = []
        with closing(WRITERS[kind](path, layout)) as writer:
            for start in range(0, len(good), _BATCH):
                found = labeller(good[start : start + _BATCH])
                writer.write(found)
                shown += _shown(found)[: limits.table_rows - len(shown)]
                progress((start + len(found.rows), len(good)), unit="rows")
        return (
            str(path),
            _summary(len(good), bad),
            {"headers": ["row", "label", "score", "text"], "data": shown},
        )


def _shown(found: Labelled) -> list[list[str]]:
    table = []
    for row, label, scores in zip(found.rows, found.labels, found.rounded, strict=True):
        text = " ".join(f"{row.text[:_SHOWN]} {(row.pair or '')[:_SHOWN]}".split())
        table.append(
            [str(row.number), label, f"{scores[0]:.3f}", text if len(text) < _SHOWN else text[:_SHOWN] + "…"]
        )
    return table


def _summary(count: int, bad: list[str]) -> str:
    skipped = f", {len(bad):,} left out" if bad else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in bad[:_REASONS])
    return f"<p>{count:,} rows labelled{skipped}.</p>" + (f"<ul>{reasons}</ul>" if bad else "")
