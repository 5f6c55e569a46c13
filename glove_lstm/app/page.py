"""The page: a tab for each task, whose buttons call the endpoints."""

import json
from typing import Any

import gradio as gr
from gradio.events import api as endpoint
from gradio_client import utils as client_utils

from glove_lstm.app import limits
from glove_lstm.app.api import TABLE_FORMATS, Api
from glove_lstm.errors import DataError
from glove_lstm.inference.output_formats import ABSTAIN

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


class _Page(gr.Blocks):
    """Blocks that answer bad requests with a message; gradio would log a traceback and send no reason."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        try:
            client_utils.traverse(inputs, _reject_address, client_utils.is_file_obj)
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except gr.Error as error:
            raise _message(error.message) from None
        except Exception:
            raise _message("The inputs do not fit the endpoint; see /gradio_api/info.") from None

    async def call_function(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().call_function(*args, **kwargs)
        except DataError as error:
            raise _message(str(error)) from None


def _message(text: str) -> gr.Error:
    # The page shows messages as HTML, and they may quote a request; API clients need plain text.
    text = text.translate({ord("<"): "\u2039", ord(">"): "\u203a", ord("&"): "+"})
    return gr.Error(text, print_exception=False)


def _reject_address(file: dict[str, Any]) -> dict[str, Any]:
    if client_utils.is_http_url_like(file["path"]):  # gradio would download it
        raise gr.Error("Only uploaded files are read. Upload the file first.")
    return file


def build_page(api: Api) -> gr.Blocks:
    """Lay out the page and declare the endpoints."""
    with _Page(title="Text classification", analytics_enabled=False) as page:
        gr.Markdown(
            f"# Text classification\n\nThe model is `{api.name}`.\n\n> Labels say what kind of source a "
            "text **resembles**, not whether its claims are true."
        )
        with gr.Tab("Classify"):
            _classify_tab(api)
        with gr.Tab("Many"):
            _table_tab(api)
        for name in ("classify", "explain", "about"):
            endpoint(getattr(api, name), api_name=name, **_COMPUTE)
    page.queue(max_size=limits.QUEUE, default_concurrency_limit=limits.WORKERS, api_open=False)
    return page


def _classify_tab(api: Api) -> None:
    def show_label(title: str, text: str, threshold: float) -> Any:
        # Reached when the slider moves; after a click, `show_words` asks for a text.
        if not f"{title}{text}".strip():
            return None
        answer = api.classify(title, text, threshold)
        scores = sorted(answer["scores"].items(), key=lambda pair: -pair[1])
        return {
            "label": "Not sure" if answer["label"] == ABSTAIN else answer["label"],
            # The score is in the label, too, because gr.Label rounds 0.995 to 100 %.
            "confidences": [
                {"label": f"{label} {score:.3f}", "confidence": score} for label, score in scores
            ],
        }

    def show_words(title: str, text: str) -> str:
        return api.explanation(title, text).to_html()

    # One character more than the limit, so that longer texts are rejected with a message instead of being cut.
    most = limits.CHARACTERS + 1
    boxes = [
        gr.Textbox(label="Title", max_lines=2, max_length=most),
        gr.Textbox(label="Text", lines=6, max_lines=14, max_length=most),
    ]
    with gr.Row():
        for name, values in EXAMPLES.items():
            # Runs in the browser, so that an example does not wait in the queue.
            gr.Button(name, size="sm").click(None, outputs=boxes, js=f"() => {json.dumps(values)}")
    threshold, effect = api.threshold
    slider = gr.Slider(0, 1, threshold, step=0.0001, label="Not sure below", info=effect)
    go = gr.Button("Classify", variant="primary")
    label = gr.Label(label="Label", elem_id="verdict")
    words = gr.HTML(elem_id="words", elem_classes="words-of")
    with gr.Accordion("What this does and does not mean", open=False):
        gr.Markdown(_MEANING)
    inputs = [*boxes, slider]
    triggers = [go.click, boxes[0].submit, boxes[1].submit]
    shown = gr.on(triggers, show_label, inputs, label, postprocess=False, **_PRIVATE)
    shown.success(show_words, boxes, words, **_PRIVATE)
    # The keyboard triggers `change`, but not `release`.
    slider.change(show_label, inputs, label, postprocess=False, show_progress="hidden", **_PRIVATE)


def _table_tab(api: Api) -> None:
    file = gr.File(
        label=f"A table of at most {limits.FILE_ROWS:,} rows ({', '.join(TABLE_FORMATS)})",
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
    go.click(api.label_file, [file, columns], [download, summary], concurrency_limit=1)
