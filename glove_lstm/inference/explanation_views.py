"""Explanations for people: in a terminal, and as HTML.

Two hues that the colour-blind tell apart, and a second sign beside each: what speaks for the label is underlined, what
speaks for the rival is in italics.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
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
def open_explanations(file: TextIO, explain: Explain, *, html: bool) -> Iterator[Write]:
    """Write a page with a section for each row, or text, in colour where the file is a terminal."""
    console = Console(file=file, highlight=False)

    def write(labelled: Labelled) -> None:
        for row, label in zip(labelled.rows, labelled.labels, strict=True):
            explanation = explain(row.text, row.pair)
            best = explanation.label
            heading = best if label == best else f"{label} (best: {best})"
            if html:
                file.write(html_fragment(explanation, heading))
            else:  # lines are broken for people, not for files
                console.print(rich_text(explanation, heading), soft_wrap=not console.is_terminal)

    file.write(_PAGE_BEGIN if html else "")
    yield write
    file.write("</html>\n" if html else "")


def html_fragment(explanation: Explanation, heading: str) -> str:
    """A `<section>` that takes its colours from the page around it; needs no style sheet and no script."""
    console = Console(file=io.StringIO(), record=True, highlight=False)
    console.print(rich_text(explanation, heading), soft_wrap=True)
    return console.export_html(code_format=_SECTION, inline_styles=True)


def rich_text(explanation: Explanation, heading: str) -> Text:
    """The same for a terminal."""
    shown = Text()
    shown.append(_harmless(heading), style="bold")
    shown.append(f"  {explanation.score:.3f}")
    strongest = max((abs(word.contribution) for word in explanation.words), default=0) or 1
    for field, text in (("text", explanation.text), ("text_pair", explanation.text_pair)):
        if text is not None:
            begin = len(shown) + 1
            shown.append(f"\n{_harmless(text)}")
            for word in explanation.words:
                if word.field == field:
                    style = _style(word.contribution / strongest)
                    shown.stylize(style, begin + word.start, begin + word.end)
    shown.append("\n")
    for name, weight in ((explanation.label, 1), (explanation.rival, -1)):
        shown.append(_harmless(f"for {name}"), style=_style(weight)).append(" ")
    words = explanation.logit_difference - explanation.baseline_difference
    parts = (
        f"Logit of {explanation.label} less that of {explanation.rival}: {explanation.logit_difference:+.2f}, of which "
        f"{words:+.2f} comes from the words and {explanation.baseline_difference:+.2f} from none."
    )
    if explanation.unread:
        parts += f" The text was cut: {explanation.unread:,} of its tokens were not read."
    shown.append("\n").append(_harmless(parts), style="dim")
    return shown


def _style(weight: float) -> str:
    """Of rich. Both colours are given, so that those of the terminal or the page do not matter."""
    if abs(weight) < _FAINTEST:
        return ""
    hue = _FOR if weight > 0 else _AGAINST
    pale = ",".join(str(round(255 - (255 - part) * abs(weight))) for part in hue)
    ink = "white" if weight > 0.8 else "black"  # black is readable on any shade of vermilion
    return f"{'underline' if weight > 0 else 'italic'} {ink} on rgb({pale})"


def _harmless(text: str) -> str:
    """Replace control characters, which a terminal obeys, one for one."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
