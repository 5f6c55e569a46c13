"""Explanations for people: in a terminal, and as HTML.

Two hues that the colour-blind tell apart, and a second sign beside each: what speaks for the label is underlined, what
speaks for the rival is in italics.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.text import Text

from glove_lstm.inference.explanation import Explanation
from glove_lstm.inference.label_writers import Explain, Labelled, Write

# Blue and vermilion of Okabe and Ito 2008, as the plots have them.
_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)
# Words below this share of the strongest one's contribution are left unmarked, or nothing would stand out.
_FAINTEST = 0.05

_PAGE_BEGIN = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>Why these labels</title>
"""
_SECTION = (
    '<section class="explanation"><pre dir="auto" style="font:inherit;white-space:pre-wrap;'
    'overflow-wrap:anywhere">{code}</pre></section>\n'
)


@contextmanager
def open_html(file: TextIO, explain: Explain) -> Iterator[Write]:
    """Write one page with a section for each row."""

    def write(labelled: Labelled) -> None:
        for heading, explanation in _explained(labelled, explain):
            file.write(html_fragment(explanation, heading))

    file.write(_PAGE_BEGIN)
    yield write
    file.write("</html>\n")


def write_terminal(file: TextIO, explain: Explain) -> Write:
    """Write in colour where the file is a terminal, and in words anywhere."""
    console = Console(file=file, highlight=False)

    def write(labelled: Labelled) -> None:
        for heading, explanation in _explained(labelled, explain):
            # Lines are broken for people, not for files.
            console.print(rich_text(explanation, heading), soft_wrap=not console.is_terminal)

    return write


def _explained(labelled: Labelled, explain: Explain) -> Iterator[tuple[str, Explanation]]:
    """The heading and the explanation of each row."""
    for row, label in zip(labelled.rows, labelled.labels, strict=True):
        explanation = explain(row.text, row.pair)
        best = explanation.label
        yield (best if label == best else f"{label} (best: {best})"), explanation


def html_fragment(explanation: Explanation, heading: str) -> str:
    """A `<section>` that takes its colours from the page around it; needs no style sheet and no script.

    Args:
        explanation: What is shown.
        heading: Stands before the score.
    """
    console = Console(file=io.StringIO(), record=True, highlight=False)
    console.print(rich_text(explanation, heading), soft_wrap=True)
    return console.export_html(code_format=_SECTION, inline_styles=True)


def rich_text(explanation: Explanation, heading: str) -> Text:
    """The same for a terminal."""
    shown = Text()
    shown.append(_harmless(heading), style="bold")
    shown.append(f"  {explanation.score:.3f}")
    for _, pieces in groupby(_pieces(explanation), key=lambda piece: piece[0]):
        shown.append("\n")
        for _, piece, weight in pieces:
            shown.append(_harmless(piece), style=_style(weight))
    shown.append("\n")
    for name, weight in ((explanation.label, 1), (explanation.rival, -1)):
        shown.append(_harmless(f"for {name}"), style=_style(weight)).append(" ")
    shown.append("\n").append(_harmless(_sum(explanation)), style="dim")
    return shown


def _pieces(explanation: Explanation) -> Iterator[tuple[str, str, float]]:
    """Both fields in pieces: (field, characters, weight from -1 to 1); 0 between words and where nothing was read."""
    strongest = max((abs(word.contribution) for word in explanation.words), default=0) or 1
    for field, text in (("text", explanation.text), ("text_pair", explanation.text_pair)):
        if text is None:
            continue
        end = 0
        for word in explanation.words:
            if word.field == field:
                yield field, text[end : word.start], 0
                yield field, word.text, word.contribution / strongest
                end = word.end
        yield field, text[end:], 0


def _style(weight: float) -> str:
    """Of rich. Both colours are given, so that those of the terminal or the page do not matter."""
    if abs(weight) < _FAINTEST:
        return ""
    hue = _FOR if weight > 0 else _AGAINST
    pale = ",".join(str(round(255 - (255 - part) * abs(weight))) for part in hue)
    ink = "white" if weight > 0.8 else "black"  # black is readable on any shade of vermilion
    return f"{'underline' if weight > 0 else 'italic'} {ink} on rgb({pale})"


def _sum(explanation: Explanation) -> str:
    words = explanation.logit_difference - explanation.baseline_difference
    cut = (
        f" The text was cut: {explanation.unread:,} of its tokens were not read."
        if explanation.unread
        else ""
    )
    return (
        f"Logit of {explanation.label} less that of {explanation.rival}: {explanation.logit_difference:+.2f}, of which "
        f"{words:+.2f} comes from the words and {explanation.baseline_difference:+.2f} from none.{cut}"
    )


def _harmless(text: str) -> str:
    """A terminal obeys control characters; nobody's article may."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
