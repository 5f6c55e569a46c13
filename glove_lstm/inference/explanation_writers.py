"""Write labels with what each word contributed, row by row: `glove-lstm predict --explain`."""

from collections.abc import Callable, Iterator
from typing import Any, TextIO

from rich.console import Console

from glove_lstm.data.streaming import TextRow
from glove_lstm.inference.explanation import Explanation
from glove_lstm.inference.explanation_views import PAGE_BEGIN, PAGE_END, html_fragment, rich_text
from glove_lstm.inference.label_writers import JsonlWriter, Labelled, LabelWriter, Layout

Explain = Callable[[str, str | None], Explanation]  # of a text and its second part


class ExplainedJsonl(JsonlWriter):
    """Lines as without explanations, with `Explanation.to_dict` under "explanation"."""

    def __init__(self, file: TextIO, layout: Layout, explain: Explain) -> None:
        super().__init__(file, layout)
        self._explain = explain

    def more(self, row: TextRow) -> dict[str, Any]:
        """See `JsonlWriter`."""
        return {"explanation": self._explain(row.text, row.pair).to_dict()}


class ExplainedTerminal:
    """For people: in colour where the file is a terminal, and in words anywhere."""

    def __init__(self, file: TextIO, _layout: Layout, explain: Explain) -> None:
        self._explain = explain
        self._console = Console(file=file, highlight=False)

    def write(self, labelled: Labelled) -> None:
        """See `LabelWriter`."""
        for heading, explanation in _explained(labelled, self._explain):
            # Lines are broken for people, not for files.
            wrap = self._console.is_terminal
            self._console.print(rich_text(explanation, heading), soft_wrap=not wrap)

    def close(self) -> None:
        """See `LabelWriter`."""


class ExplainedHtml:
    """One page, for any browser."""

    def __init__(self, file: TextIO, _layout: Layout, explain: Explain) -> None:
        self._file, self._explain = file, explain
        file.write(PAGE_BEGIN)

    def write(self, labelled: Labelled) -> None:
        """See `LabelWriter`."""
        for heading, explanation in _explained(labelled, self._explain):
            self._file.write(html_fragment(explanation, heading))

    def close(self) -> None:
        """See `LabelWriter`."""
        self._file.write(PAGE_END)


EXPLAINED_WRITERS: dict[str, Callable[[TextIO, Layout, Explain], LabelWriter]] = {
    "html": ExplainedHtml,
    "jsonl": ExplainedJsonl,
    "table": ExplainedTerminal,
}


def _explained(labelled: Labelled, explain: Explain) -> Iterator[tuple[str, Explanation]]:
    """The heading and the explanation of each row."""
    for row, label in zip(labelled.rows, labelled.labels, strict=True):
        explanation = explain(row.text, row.pair)
        best = explanation.label
        yield (best if label == best else f"{label} (best: {best})"), explanation
