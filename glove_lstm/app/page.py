"""The page: a tab for each task, whose buttons call the endpoints."""

import html
import json
import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr
from gradio.events import api as endpoint

from glove_lstm.app.api import MAX_CHARACTERS, MAX_ROWS, TABLE_FORMATS, Api
from glove_lstm.errors import DataError
from glove_lstm.processors import processors
from glove_lstm.version import __version__

WORKERS = min(len(processors()), 8)  # requests that compute at the same time
QUEUE = 500  # waiting requests

EXAMPLES = {
    "Agency style": (
        "Harbour council approves new ferry timetable",
        "The harbour council voted 7 to 2 on Tuesday to add an early ferry from the northern islands, its clerk said "
        "in a statement. The change takes effect in April and costs 40,000 a year.",
    ),
    "Loud style": (
        "You WON'T BELIEVE what the ferry company is HIDING!!!",
        "They told you the new timetable was for YOUR benefit. Wake up! A secret memo that the elites never wanted "
        "you to see proves the whole thing was rigged from the start. Share this before they delete it!!!",
    ),
    "A loud title for a dull event": ("SHOCK at the pier: early ferry delayed by one hour!", ""),
}
_NEWS_LABELS = {"FAKE", "REAL"}
# One queue for all functions that compute; by default each would run WORKERS requests beside the others.
_COMPUTE: dict[str, Any] = {"concurrency_id": "compute"}
_PRIVATE = {"api_visibility": "private", **_COMPUTE}  # for functions that return HTML
_MEANING = """\
A label means that the text is written like the training texts with this label. Most of these have the label of the \
outlet that published them, some that of a fact-checker.

- It does **not** mean that the text is true or false. A false story in the style of a news agency gets the label of \
an agency, and a true one in a loud style does not.
- The score is a probability on texts like those that calibrated it: of those with a score of 80 %, about 80 % have \
the label. On other sources, years and topics it may be too high or too low. A few words get a score near 50 %.
- Do not use it to judge people or publishers, or to remove texts that nobody has read.
"""


def build_page(api: Api, kept_seconds: int) -> gr.Blocks:
    """Lay out the page and declare the endpoints; every `kept_seconds`, files of this age are removed."""
    blocks = gr.Blocks(
        title="Text classification",
        analytics_enabled=False,
        delete_cache=(kept_seconds, kept_seconds),
    )
    with blocks as page:
        gr.Markdown(_heading(api))
        with gr.Tab("A text"):
            _text_tab(api)
        with gr.Tab("A file"):
            _file_tab(api)
        if api.card:
            with gr.Tab("Model card"):
                gr.Markdown(api.card, latex_delimiters=[])
        # The endpoint `label_file` is declared by its button.
        for name in ("classify", "explain", "about"):
            endpoint(_with_messages(getattr(api, name)), api_name=name, **_COMPUTE)
    page.queue(max_size=QUEUE, default_concurrency_limit=WORKERS, api_open=False)
    return page


def _with_messages(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with each DataError as a message of gradio, which is not logged."""

    @wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except DataError as error:
            # The page shows messages as HTML, and they may quote a request; API clients need plain text.
            message = str(error).translate({ord("<"): "\u2039", ord(">"): "\u203a", ord("&"): "+"})
            raise gr.Error(message, print_exception=False) from None

    return answer


def _heading(api: Api) -> str:
    """Return the title, the model with its version, and what labels mean, as Markdown."""
    if api.commit is None:
        model = f"`{api.name}`"
    else:
        address = f"https://huggingface.co/{api.name}"
        model = f"[{api.name}]({address}), version [{api.commit[:8]}]({address}/tree/{api.commit})"
    heading = f"# Text classification\n\nModel: {model}. Software: glove-lstm {__version__}."
    if _NEWS_LABELS.issuperset(api.model.label_names):
        heading += "\n\n> Labels say what kind of source a text **resembles**, not whether its claims are true."
    return heading


def verdict(answer: dict[str, Any]) -> str:
    """Return an answer of `Api.classify` as a sentence in HTML, such as "resembles FAKE sources, 59 %"."""
    scores: dict[str, float] = answer["scores"]
    best, second, *others = sorted(scores, key=lambda label: -scores[label])
    is_news = _NEWS_LABELS.issuperset(scores)
    name = f"{best} sources" if is_news else best
    if answer["unsure"]:
        sentence = f"unsure, nearest to {name}, {_percent(scores[best])}"
    elif is_news:
        sentence = f"resembles {name}, {_percent(scores[best])}"
    else:
        sentence = f"{name}, {_percent(scores[best])}"
    if others:  # of two labels, the second follows from the first
        sentence += f"; next {second}, {_percent(scores[second])}"
    return f'<p role="status">{html.escape(sentence)}</p>'


def _percent(score: float) -> str:
    """Return a score in percent, rounded down, so that it never looks as if it reached a threshold, or 100 %."""
    percent = math.floor(round(100 * score, 4))  # 100 * 0.29 is 28.999999999999996
    return f"{percent} %"


def _text_tab(api: Api) -> None:
    def show_verdict(title: str, text: str, percent: float) -> str:
        if not f"{title}{text}".strip():
            return ""  # the slider moves before there is a text
        return verdict(api.classify(title, text, percent / 100))

    def show_all(title: str, text: str, percent: float) -> tuple[str, str]:
        answer = api.classify(title, text, percent / 100)
        explanation = api.explanation(title, text)
        strongest = sorted(explanation.effects, key=lambda word: -abs(word.effect))[:10]
        words = [explanation.text[word.begin : word.end] for word in strongest]
        return verdict(answer), html.escape(", ".join(words))

    # One character more than the limit, so that longer texts are rejected with a message instead of being cut.
    most = MAX_CHARACTERS + 1
    title_box = gr.Textbox(label="Title", max_lines=2, max_length=most)
    text_box = gr.Textbox(label="Text", lines=6, max_lines=14, max_length=most)
    boxes = [title_box, text_box]
    with gr.Row():
        for name, values in EXAMPLES.items():
            # Runs in the browser, so that an example does not wait in the queue.
            example = gr.Button(name, size="sm")
            example.click(None, outputs=boxes, js=f"() => {json.dumps(values)}")
    threshold, effect = api.threshold_and_effect()
    slider = gr.Slider(
        0, 100, round(100 * threshold), step=1, label="Unsure below (%)", info=effect
    )
    go = gr.Button("Classify", variant="primary")
    shown_verdict = gr.HTML(elem_id="verdict", elem_classes="any-text")
    shown_words = gr.HTML(elem_id="words", elem_classes="any-text")
    if _NEWS_LABELS.issuperset(api.model.label_names):
        with gr.Accordion("What this does and does not mean", open=False):
            gr.Markdown(_MEANING)

    inputs = [*boxes, slider]
    triggers = [go.click, title_box.submit, text_box.submit]
    outputs = [shown_verdict, shown_words]
    gr.on(triggers, _with_messages(show_all), inputs, outputs, **_PRIVATE)
    # The keyboard triggers `change`, but not `release`.
    slider.change(
        _with_messages(show_verdict), inputs, shown_verdict, show_progress="hidden", **_PRIVATE
    )


def _file_tab(api: Api) -> None:
    file = gr.File(
        label=f"A table of at most {MAX_ROWS:,} rows ({', '.join(TABLE_FORMATS)})",
        file_types=TABLE_FORMATS,
    )
    columns = gr.Textbox(
        "",
        label="Text columns",
        placeholder="title,text",
        info="Empty: as in training, or else by their names",
    )
    go = gr.Button("Label all rows", variant="primary")
    summary = gr.Markdown()
    download = gr.File(label="Download", interactive=False)
    # One table at a time, so that workers are left for single texts.
    label_file = _with_messages(api.label_file)
    go.click(
        label_file,
        [file, columns],
        [download, summary],
        api_name="label_file",
        concurrency_limit=1,
    )
