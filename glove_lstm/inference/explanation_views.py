"""Explanations for people: in a terminal, and as HTML.

Two hues that the colour-blind tell apart, and a second sign beside each: what speaks for the label has a plain line
below it, what speaks for the rival a dotted (HTML) or a double one (terminal).
"""

from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from glove_lstm.inference.explanation import Explanation

# Blue and vermilion of Okabe and Ito 2008, as the plots have them.
_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)
# Words below this share of the strongest one's contribution are left unmarked, or nothing would stand out.
_FAINTEST = 0.05
_LISTED = 8  # words that stand for themselves below the text, for either label

PAGE_BEGIN = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Why these labels</title>
<style>body{font:1rem/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}</style>
</head>
<body>
"""
PAGE_END = "</body>\n</html>\n"


def html_fragment(explanation: "Explanation", heading: str | None = None) -> str:
    """A `<section>` that takes its colours from the page around it; needs no style sheet and no script.

    Args:
        explanation: What is shown.
        heading: Stands for the label before the score.
    """
    head, label, rival = map(
        escape, (heading or explanation.label, explanation.label, explanation.rival)
    )
    lines = "".join(
        f"<p>{_key(side, name)}: {escape(_listed(words))}</p>" if words else ""
        for side, name, words in zip((1, -1), (label, rival), _strongest(explanation), strict=True)
    )
    fields = "".join(
        f'<p dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere">{"".join(_marked(pieces))}</p>'
        for _, pieces in groupby(_pieces(explanation), key=lambda piece: piece[0])
    )
    return (
        f'<section class="explanation"><p><strong>{head}</strong> {explanation.score:.3f}</p>{fields}{lines}'
        f"<p><small>{escape(_sum(explanation))}</small></p></section>\n"
    )


def rich_text(explanation: "Explanation", heading: str | None = None) -> "Text":
    """The same for a terminal."""
    from rich.text import Text

    shown = Text()
    shown.append(_harmless(heading or explanation.label), style="bold")
    shown.append(f"  {explanation.score:.3f}\n")
    before = "text"
    for field, piece, weight in _pieces(explanation):
        if field != before:
            shown.append("\n")
            before = field
        shown.append(_harmless(piece), style=_style(weight))
    shown.append("\n")
    for side, name, words in zip(
        (1, -1), (explanation.label, explanation.rival), _strongest(explanation), strict=True
    ):
        if words:
            shown.append(f"for {name}", style=_style(side))
            shown.append(f": {_harmless(_listed(words))}\n")
    shown.append(_sum(explanation), style="dim")
    shown.append("\n")
    return shown


def _pieces(explanation: "Explanation") -> Iterator[tuple[str, str, float]]:
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


def _marked(pieces: Iterator[tuple[str, str, float]]) -> Iterator[str]:
    for _, piece, weight in pieces:
        if abs(weight) < _FAINTEST:
            yield escape(piece)
        else:
            yield f'<mark style="{_css(weight)}">{escape(piece)}</mark>'


def _key(side: int, name: str) -> str:
    """`name` is escaped already."""
    return f'<mark style="{_css(side)}">for {name}</mark>'


def _css(weight: float) -> str:
    """Half transparent at most: the page's own colour of text stays readable, dark on light or light on dark."""
    red, green, blue = _FOR if weight > 0 else _AGAINST
    line = "solid" if weight > 0 else "dotted"
    return (
        f"color:inherit;background:rgba({red},{green},{blue},{abs(weight) / 2:.2f});"
        f"text-decoration:underline {line} rgb({red},{green},{blue})"
    )


def _style(weight: float) -> str:
    """Of rich. Both colours are given, so that the terminal's own do not matter."""
    if abs(weight) < _FAINTEST:
        return ""
    hue = _FOR if weight > 0 else _AGAINST
    share = min(abs(weight), 1)
    pale = ",".join(str(round(255 - (255 - part) * share)) for part in hue)
    ink = "white" if weight > 0.8 else "black"  # black is readable on any shade of vermilion
    return f"{'underline' if weight > 0 else 'underline2'} {ink} on rgb({pale})"


def _strongest(
    explanation: "Explanation",
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """The words that speak most for the label, and for the rival."""
    totals = list(explanation.by_word().items())
    return (
        [item for item in totals if item[1] > 0][:_LISTED],
        [item for item in totals if item[1] < 0][:_LISTED],
    )


def _listed(words: list[tuple[str, float]]) -> str:
    return ", ".join(f"{word} {abs(value):.2f}" for word, value in words)


def _sum(explanation: "Explanation") -> str:
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
