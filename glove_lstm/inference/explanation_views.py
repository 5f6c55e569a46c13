"""Explanations for people: in a terminal, and as HTML.

Words for the label are blue and underlined, words for its rival vermilion and in italics. The strongest of both are
listed below the text, for files and readers without colours.
"""

import io
from typing import TextIO

from rich.console import Console
from rich.text import Text

from glove_lstm.inference.explanation import Explanation
from glove_lstm.inference.output_formats import (
    Explain,
    Labelled,
    Write,
    label_cell,
    one_line,
    printable,
)

# Blue and vermilion of Okabe and Ito 2008, as the plots have them.
_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)
_FAINTEST = 0.05  # words below this share of the largest contribution are not marked
_LISTED = 5  # words for each label

_SECTION = (
    '<section class="explanation"><pre dir="auto" style="font:inherit;white-space:pre-wrap;'
    'overflow-wrap:anywhere">{code}</pre></section>\n'
)


def explanation_writer(file: TextIO, explain: Explain) -> Write:
    """Write explanations as text, which has colours if the file is a terminal."""
    console = Console(file=file, highlight=False)

    def write(labelled: Labelled) -> None:
        for row, label in zip(labelled.rows, labelled.labels, strict=True):
            explanation = explain(row.text, row.pair)
            best = explanation.label
            heading = label_cell(label)
            if label not in (best, [best]):
                heading += f" (best: {best})"
            # Wrap lines in a terminal only.
            console.print(rich_text(explanation, heading), soft_wrap=not console.is_terminal)

    return write


def html_fragment(explanation: Explanation) -> str:
    """Return a `<section>` in the colours of the page around it; it needs no style sheet and no script."""
    console = Console(file=io.StringIO(), record=True, highlight=False)
    console.print(rich_text(explanation, explanation.label), soft_wrap=True)
    return console.export_html(code_format=_SECTION, inline_styles=True)


def rich_text(explanation: Explanation, heading: str) -> Text:
    """Return an explanation with marked words, for a terminal."""
    shown = Text.assemble((one_line(heading), "bold"), f"  {explanation.score:.3f}")
    strongest = max((abs(word.contribution) for word in explanation.words), default=0) or 1
    for field, text in (("text", explanation.text), ("text_pair", explanation.text_pair)):
        if text is not None:
            begin = len(shown) + 1
            shown.append(f"\n{printable(text)}")
            for word in explanation.words:
                if word.field == field:
                    style = _style(word.contribution / strongest)
                    shown.stylize(style, begin + word.start, begin + word.end)
    for name, sign in ((explanation.label, 1), (explanation.rival, -1)):
        ordered = sorted(explanation.words, key=lambda word: -sign * word.contribution)
        words = [f"{w.text} {w.contribution:+.2f}" for w in ordered if sign * w.contribution > 0]
        listed = ", ".join(words[:_LISTED]) or "no word"
        shown.append("\n").append(one_line(f"for {name}"), style=_style(sign))
        shown.append(printable(f": {listed}"))
    total, bias = explanation.logit_difference, explanation.baseline_difference
    sums = (
        f"Logit of {explanation.label} minus logit of {explanation.rival}: {total:+.2f} "
        f"({total - bias:+.2f} from the words, {bias:+.2f} from the biases)."
    )
    if explanation.unread:
        sums += f" The text was cut: {explanation.unread:,} of its tokens were not read."
    shown.append("\n").append(one_line(sums), style="dim")
    return shown


def _style(weight: float) -> str:
    """Return a style of rich with both colours, independent of the colours of the terminal or page."""
    if abs(weight) < _FAINTEST:
        return ""
    hue = _FOR if weight > 0 else _AGAINST
    pale = ",".join(str(round(255 - (255 - part) * abs(weight))) for part in hue)
    ink = "white" if weight > 0.8 else "black"  # black is readable on any shade of vermilion
    return f"{'underline' if weight > 0 else 'italic'} {ink} on rgb({pale})"
