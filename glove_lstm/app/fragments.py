"""Pieces of HTML for the page. Whatever comes from a text, a file or a checkpoint is escaped here."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from glove_lstm.inference.label_writers import ABSTAIN

_ARC = "10 60 A50 50 0 0 1 110 60"  # the gauge's half circle


def heading(title: str) -> str:
    """The page's name, and the one thing that everybody must know."""
    return (
        f"<h1>{escape(title)}</h1><p class='warning'>Its labels say what kind of source a text "
        "<strong>resembles</strong>, not whether its claims are true.</p>"
    )


def verdict(found: Mapping[str, Any], threshold: float, heading: str = "") -> str:
    """A label, its score as a gauge, and the scores of all labels.

    Args:
        found: As `Service.classify` gives it.
        threshold: Below which the model is not sure; marked on the gauge.
        heading: Whose verdict it is, where there are several.
    """
    best = max(found["scores"], key=lambda name: found["scores"][name])
    score, sure = found["score"], found["label"] != ABSTAIN
    label = escape(best) if sure else "Not sure"
    said = f"{score:.1%} {escape(best)}" + ("" if sure else f", below the threshold of {threshold:.0%}")
    mark = (
        f'<path class="mark" d="M{_ARC}" pathLength="100" style="stroke-dashoffset:-{threshold * 100:.1f}"/>'
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><span class="bar" style="width:{value:.1%}"></span></td>'
        f"<td>{value:.1%}</td></tr>"
        for name, value in found["scores"].items()
    )
    head = f"<h3>{escape(heading)}</h3>" if heading else ""
    gauge = (
        f'<svg class="gauge" viewBox="0 0 120 68" role="meter" aria-label="score" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{score * 100:.1f}" aria-valuetext="{said}">'
        f'<path class="track" d="M{_ARC}"/>'
        f'<path class="fill" d="M{_ARC}" pathLength="100" style="stroke-dasharray:{score * 100:.1f} 100"/>'
        f'{mark if threshold else ""}<text x="60" y="58">{score:.1%}</text></svg>'
    )
    return (
        f'<section class="verdict{"" if sure else " unsure"}" aria-live="polite">{head}{gauge}'
        f'<div><p class="label">{label}</p>{"" if sure else f"<p>{said}</p>"}</div>'
        f"<table><caption>Scores of all labels</caption><tbody>{rows}</tbody></table></section>"
    )


def meaning(labels: Sequence[str], coverage: Sequence[Mapping[str, float]]) -> str:
    """What the labels and the score mean, and what they do not."""
    names = ", ".join(f"<strong>{escape(name)}</strong>" for name in labels)
    likely = "".join(
        f"<tr><td>{row['threshold']:.2f}</td><td>{row['coverage']:.0%}</td><td>{row['accuracy']:.1%}</td></tr>"
        for row in coverage
    )
    table = (
        "<table><caption>On the validation texts, which are like the training texts</caption><thead><tr>"
        '<th scope="col">label only from this score on</th><th scope="col">texts that get one</th>'
        f'<th scope="col">of these right</th></tr></thead><tbody>{likely}</tbody></table>'
    )
    return (
        f'<div class="meaning"><p>{names}: a label means that the text is written like the training texts that had '
        "this label. They got it from where they were published; nobody checked what they say.</p><ul>"
        "<li>It does <strong>not</strong> mean that the text is true or false. A false story in an agency's style "
        "looks like an agency's; a true one in a loud style does not.</li>"
        "<li>The score is a probability on texts like the training texts: of those with a score of 80%, about "
        "80% have the label. On other sources, years and topics it is too high.</li>"
        "<li>Do not use it to judge people or publishers, or to remove texts that nobody has read.</li></ul>"
        f"{table if coverage else ''}</div>"
    )


def words(found: Mapping[str, Any] | None, missing: str = "") -> str:
    """Words and their similarity, as `Service.nearest_words` gives them for one kind of vectors."""
    if found is None:
        return f'<p class="note">{escape(missing)}</p>'
    head = f'<p class="note">From {escape(found["source"])}</p>'
    if "error" in found:
        return f'{head}<p class="note">{escape(found["error"])}</p>'
    rows = "".join(
        f'<tr><th scope="row"><bdi>{escape(word)}</bdi></th><td><span class="bar" '
        f'style="width:{max(similarity, 0):.0%}"></span></td><td>{similarity:.3f}</td></tr>'
        for word, similarity in found["found"]
    )
    return f'{head}<table class="words"><caption>Cosine similarity</caption><tbody>{rows}</tbody></table>'


def word_map(found: Mapping[str, Any] | None, missing: str = "") -> str:
    """A plane with words on it, as `Service.word_map` gives it for one kind of vectors."""
    if found is None or "error" in found:
        return words(found, missing)
    width, height, edge = 480, 360, 40
    marks: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for word, (x, y) in found["found"].items():
        left = edge + (x + 1) / 2 * (width - 2 * edge)
        top = 20 + (1 - y) / 2 * (height - 40)
        corner = _place(word, left, top, width, taken)
        marks.append(
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3"/>'
            f'<text x="{corner[0]:.1f}" y="{corner[1]:.1f}">{escape(word)}</text>'
        )
    names = escape(", ".join(found["found"]))
    return (
        f'<p class="note">From {escape(found["source"])}; first two principal components</p>'
        f'<svg class="map" viewBox="0 0 {width} {height}" role="img" aria-label="Map of the words {names}">'
        f"{''.join(marks)}</svg>"
    )


def _place(
    word: str, left: float, top: float, width: float, taken: list[tuple[float, float, float]]
) -> tuple[float, float]:
    """Where a word's label begins: the first place around its point that no other label covers, if there is one."""
    size = 8.0 * len(word)  # in the map's units, about
    places = [
        (x, top + shift)
        for shift in (5, -9, 19, -23, 33)
        for x in (left + 6, left - 6 - size)
        if 0 <= x <= width - size
    ] or [(max(0.0, width - size), top + 5)]
    free = (
        (x, y)
        for x, y in places
        if all(x > end or x + size < start or abs(y - at) >= 14 for start, end, at in taken)
    )
    x, y = next(free, places[0])
    taken.append((x, x + size, y))
    return x, y


def card(markdown: str, pictures: Sequence[Path] = ()) -> str:
    """A model card as HTML: HTML in it is shown as text, and nothing is fetched.

    Args:
        markdown: Its text.
        pictures: Files whose images it may show, where it names them as plots/NAME; of others, their descriptions.
    """
    reader = MarkdownIt("js-default", {"html": False, "linkify": False})
    reader.add_render_rule("image", _image)
    named = {f"plots/{path.name}": path for path in pictures}
    return f'<article class="card">{reader.render(markdown, {"pictures": named})}</article>'


def plots(paths: Sequence[Path]) -> str:
    """Pictures beside each other, named by their files."""
    figures = "".join(
        f"<figure>{_picture(path, name)}<figcaption>{escape(name)}</figcaption></figure>"
        for path, name in ((path, path.stem.replace("_", " ")) for path in paths)
    )
    return f'<div class="plots">{figures}</div>' if figures else ""


def _image(_: RendererHTML, tokens: Sequence[Token], index: int, __: Any, env: Any) -> str:
    token = tokens[index]
    path = env["pictures"].get(token.attrs.get("src"))
    return _picture(path, token.content) if path else f"[{escape(token.content)}]"


def _picture(path: Path, description: str) -> str:
    """An image inside the page itself."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(description)}">'
