"""The explanation of a label, as values, in colours for a terminal, and as HTML.

Words for the label are blue and underlined, words for its rival vermilion and in italics. The strongest of both are
listed below the text, for files and readers without colours.
"""

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from glove_lstm.inference.printable import one_line, printable

if TYPE_CHECKING:
    from rich.text import Text

Field = Literal["text", "text_pair"]

# Blue and vermilion of Okabe and Ito 2008, as in the plots.
_COLOUR_FOR = (0, 114, 178)
_COLOUR_AGAINST = (213, 94, 0)
_FAINTEST = 0.05  # words below this share of the largest contribution are not marked
_DEEPEST = 0.7  # opacity behind the strongest word: black letters need a contrast of 4.5 to 1
_LISTED = 5  # words for each label

_SECTION = (
    '<section class="explanation"><pre dir="auto" style="font:inherit;white-space:pre-wrap;'
    'overflow-wrap:anywhere">{code}</pre></section>\n'
)


@dataclass(frozen=True, slots=True)
class WordContribution:
    """A word and its contribution to the difference of the logits.

    Attributes:
        start: First character in the field.
        end: Last character, exclusive.
        field: "text", or "text_pair" for the second part.
        text: The characters from start to end.
        contribution: Positive for the label, negative for the rival.
    """

    start: int
    end: int
    field: Field
    text: str
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """The reasons for a label against its strongest rival.

    `baseline_difference` and the contributions of the words add up to `logit_difference`, except for rounding.

    Attributes:
        text: The text, with each lone surrogate replaced by U+FFFD.
        text_pair: The second part, or None.
        label: The explained label.
        rival: The other label with the highest logit.
        score: The label's probability, at the model's temperature.
        logit_difference: The label's logit minus the rival's.
        baseline_difference: Contribution of the network's biases, with the LSTM's gates fixed at their values for this
            text. Without words, it is the whole difference.
        words: All words in the model's input, in order. They lack what the tokenizer drops: white space, stop words in
            some presets, and everything beyond the maximal length.
        unread: Number of tokens beyond the tokenizer's maximal length; their contribution is unknown.
    """

    text: str
    text_pair: str | None
    label: str
    rival: str
    score: float
    logit_difference: float
    baseline_difference: float
    words: tuple[WordContribution, ...]
    unread: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)

    def to_html(self, heading: bool = True) -> str:
        """Return a `<section>` with marked words and escaped texts.

        It takes the colours of the page around it, and needs no style sheet and no script. Without `heading` it lacks
        the line with the label and its score.
        """
        from rich.console import Console

        shown = self.marked_text(self.label if heading else None)
        console = Console(file=io.StringIO(), record=True, highlight=False)
        console.print(shown, soft_wrap=True)
        return console.export_html(code_format=_SECTION, inline_styles=True)

    def marked_text(self, heading: str | None) -> "Text":
        """Return a heading with the score, the text with marked words, and the strongest words for each label.

        Args:
            heading: The label to show; None: no heading.
        """
        from rich.text import Text

        shown = Text()
        if heading is not None:
            shown.append(one_line(heading), style="bold")
            shown.append(f"  {self.score:.3f}\n")
        self._append_part(shown, "text", self.text)
        if self.text_pair is not None:
            self._append_part(shown, "text_pair", self.text_pair)
        self._append_strongest(shown, self.label, sign=1)
        self._append_strongest(shown, self.rival, sign=-1)
        shown.append(one_line(self._sums()))
        return shown

    def _append_part(self, shown: "Text", field: Field, text: str) -> None:
        """Append the text or its second part, with marked words."""
        begin = len(shown)
        shown.append(f"{printable(text)}\n")
        sizes = [abs(word.contribution) for word in self.words]
        largest = max(sizes, default=0) or 1  # all contributions may be 0
        for word in self.words:
            if word.field == field:
                style = _style(word.contribution / largest)
                shown.stylize(style, begin + word.start, begin + word.end)

    def _append_strongest(self, shown: "Text", label: str, *, sign: int) -> None:
        """Append a line with the words that count most for a label, whose contributions have this sign."""
        words = [word for word in self.words if sign * word.contribution > 0]
        words.sort(key=lambda word: -abs(word.contribution))
        listed = [f"{word.text} {word.contribution:+.2f}" for word in words[:_LISTED]]
        shown.append(one_line(f"for {label}"), style=_style(sign))
        shown.append(printable(f": {', '.join(listed) or 'no word'}\n"))

    def _sums(self) -> str:
        """Return the sums of the contributions as a sentence."""
        difference = self.logit_difference
        from_biases = self.baseline_difference
        from_words = difference - from_biases
        sums = (
            f"Logit of {self.label} minus logit of {self.rival}: {difference:+.2f} "
            f"({from_words:+.2f} from the words, {from_biases:+.2f} from the biases)."
        )
        if self.unread:
            sums += f" The text was cut: {self.unread:,} of its tokens were not read."
        return sums


def _style(weight: float) -> str:
    """Return the style of a word for rich, which looks the same in any terminal and on any page.

    Args:
        weight: From -1, the strongest for the rival, to 1, the strongest for the label.
    """
    if abs(weight) < _FAINTEST:
        return ""
    colour = _COLOUR_FOR if weight > 0 else _COLOUR_AGAINST
    line = "underline" if weight > 0 else "italic"
    opacity = _DEEPEST * abs(weight)
    mixed_with_white = [str(round(255 - (255 - part) * opacity)) for part in colour]
    return f"{line} #000000 on rgb({','.join(mixed_with_white)})"
