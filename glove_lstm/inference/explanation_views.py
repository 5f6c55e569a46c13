"""Explanations for people: in a terminal, and as HTML.

Words for the label are blue and underlined, words for its rival vermilion and in italics. The strongest of both are
listed below the text, for files and readers without colours.
An explanation is a `glove_lstm.inference.explanation.Explanation`, whose module imports this one.
"""

import io
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from glove_lstm.inference.label_writers import (
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
_DEEPEST = (
    0.7  # share of the colour behind the strongest word: black letters need a contrast of 4.5 to 1
)
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
            shown = _heading(explanation, heading) + _marked_words(explanation)
            # Wrap lines in a terminal only.
            console.print(shown, soft_wrap=not console.is_terminal)

    return write


def html_fragment(explanation: Any, heading: bool = True) -> str:
    """Return a `<section>` in the colours of the page around it; it needs no style sheet and no script.

    Without `heading` it lacks the line with the label and its score.
    """
    shown = _marked_words(explanation)
    if heading:
        shown = _heading(explanation, explanation.label) + shown
    console = Console(file=io.StringIO(), record=True, highlight=False)
    console.print(shown, soft_wrap=True)
    return console.export_html(code_format=_SECTION, inline_styles=True)


def _heading(explanation: Any, label: str) -> Text:
    """Return the first line: a label and the score."""
    return Text.assemble((one_line(label), "bold"), f"  {explanation.score:.3f}\n")


def _marked_words(explanation: Any) -> Text:
    """Return the text with marked words, the strongest words for each label, and their sums."""
    shown = Text()
    strongest = max((abs(word.contribution) for word in explanation.words), default=0) or 1
    for field, text in (("text", explanation.text), ("text_pair", explanation.text_pair)):
        if text is not None:
            begin = len(shown)
            shown.append(f"{printable(text)}\n")
            for word in explanation.words:
                if word.field == field:
                    style = _style(word.contribution / strongest)
                    shown.stylize(style, begin + word.start, begin + word.end)
    for name, sign in ((explanation.label, 1), (explanation.rival, -1)):
        ordered = sorted(explanation.words, key=lambda word: -sign * word.contribution)
        words = [f"{w.text} {w.contribution:+.2f}" for w in ordered if sign * w.contribution > 0]
        listed = ", ".join(words[:_LISTED]) or "no word"
        shown.append(one_line(f"for {name}"), style=_style(sign))
        shown.append(printable(f": {listed}")).append("\n")
    total, bias = explanation.logit_difference, explanation.baseline_difference
    sums = (
        f"Logit of {explanation.label} minus logit of {explanation.rival}: {total:+.2f} "
        f"({total - bias:+.2f} from the words, {bias:+.2f} from the biases)."
    )
    if explanation.unread:
        sums += f" The text was cut: {explanation.unread:,} of its tokens were not read."
    return shown.append(one_line(sums))


def _style(weight: float) -> str:
    """Return a style of rich with both colours, independent of the colours of the terminal or page."""
    if abs(weight) < _FAINTEST:
        return ""
    hue = _FOR if weight > 0 else _AGAINST
    pale = ",".join(str(round(255 - (255 - part) * _DEEPEST * abs(weight))) for part in hue)
    return f"{'underline' if weight > 0 else 'italic'} #000000 on rgb({pale})"
