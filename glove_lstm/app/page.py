"""The page: tabs, what they hold, and which function of the service each button calls."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api

from glove_lstm.app import examples, fragments
from glove_lstm.app.handlers import Handlers
from glove_lstm.app.service import Service
from glove_lstm.app.uploads import TABLE_FORMATS, TEXT_FORMATS, UploadFolder
from glove_lstm.inference.label_writers import WRITERS

STYLE = Path(__file__).with_name("style.css")
_MODEL = "model"  # what computes shares this many places, whichever button or endpoint asks


def build_page(service: Service, uploads: UploadFolder) -> gr.Blocks:
    """Lay out the app; nothing runs yet.

    Args:
        service: What answers.
        uploads: Where gradio keeps visitors' files.
    """
    limits = service.limits
    run: dict[str, Any] = {"concurrency_id": _MODEL, "concurrency_limit": limits.at_once}
    handlers = Handlers(service, uploads)
    with gr.Blocks(title=service.main.title, analytics_enabled=False) as page:
        gr.HTML(fragments.heading(service.main.title), elem_classes="glove")
        with gr.Tab("Classify"):
            _classify(service, handlers, run)
        with gr.Tab("Many"):
            _many(handlers, limits.rows)
        with gr.Tab("Compare"):
            _compare(service, handlers, run)
        with gr.Tab("Words"):
            _words(handlers, run)
        with gr.Tab("About") as about:
            shown = gr.HTML("<p>...</p>", elem_classes="glove")
            about.select(**_hidden(handlers.about), outputs=shown, **run)
        for function in (
            service.classify,
            service.explain,
            service.compare,
            service.nearest_words,
            service.analogy,
            service.word_map,
            service.about,
        ):
            api(function, api_name=function.__name__, api_description=function.__doc__, **run)
    page.queue(max_size=limits.waiting, default_concurrency_limit=limits.at_once, api_open=False)
    vars(page)["preprocess_data"] = _refuse_in_words(page.preprocess_data)
    return page


def _refuse_in_words(preprocess: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """What a component cannot take is no fault of ours: gradio would write a traceback of it, and say nothing."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await preprocess(*args, **kwargs)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception:
            sentence = "The request does not fit: /gradio_api/info says what each endpoint takes."
            raise gr.Error(sentence, print_exception=False) from None

    return call


def _hidden(function: Callable[..., Any]) -> dict[str, Any]:
    """What a button calls gives HTML, so it is no endpoint; without a name of its own it would take the endpoint's."""
    return {"fn": function, "api_name": f"page_{function.__name__}", "api_visibility": "private"}


def _text_fields(limit: int) -> tuple[gr.Textbox, gr.Textbox]:
    # One character more than is taken: the browser stays quick, and the refusal comes in words, not as a silent cut.
    title = gr.Textbox(label="Title", max_lines=2, max_length=limit + 1)
    text = gr.Textbox(label="Text", lines=6, max_lines=14, max_length=limit + 1)
    with gr.Row():
        for name, values in examples.TEXTS.items():
            # In the browser alone: an example must not wait for a place.
            button = gr.Button(name, size="sm")
            button.click(
                None, outputs=[title, text], js=f"() => {json.dumps(values)}", api_visibility="private"
            )
    return title, text


def _two_sides() -> list[gr.HTML]:
    """Beside each other, and on a phone below each other."""
    sides = []
    with gr.Row():
        for _ in range(2):
            with gr.Column(min_width=320):
                sides.append(gr.HTML(elem_classes="glove words-of"))
    return sides


def _classify(service: Service, handlers: Handlers, run: dict[str, Any]) -> None:
    title, text = _text_fields(service.limits.characters)
    threshold, info = handlers.first_threshold()
    slider = gr.Slider(0, 1, threshold, step=0.01, label="Not sure below", info=info)
    with gr.Row():
        go = gr.Button("Classify", variant="primary")
        file = gr.UploadButton("Open a text file", file_types=list(TEXT_FORMATS))
    verdict = gr.HTML(elem_classes="glove", elem_id="verdict")
    words = gr.HTML(elem_classes="glove words-of", elem_id="words")
    with gr.Accordion("What this does and does not mean", open=False):
        gr.HTML(fragments.meaning(service.main.label_names, service.main.coverage), elem_classes="glove")
    inputs = [title, text, slider]
    file.upload(handlers.read_text, file, text, api_name="read_text", **run)
    asked = gr.on(
        [go.click, title.submit, text.submit],
        **_hidden(handlers.classify),
        inputs=inputs,
        outputs=verdict,
        **run,
    )
    asked.success(**_hidden(handlers.explain), inputs=[title, text], outputs=words, **run)
    again = _hidden(handlers.classify_again)
    # Not `release`, which is the mouse's alone.
    slider.change(
        **again, inputs=inputs, outputs=verdict, show_progress="hidden", trigger_mode="always_last", **run
    )


def _many(handlers: Handlers, rows: int) -> None:
    kinds = list(TABLE_FORMATS)
    file = gr.File(label=f"A table of at most {rows:,} rows ({', '.join(kinds)})", file_types=kinds)
    with gr.Row():
        columns = gr.Textbox(
            "", label="Text columns", placeholder="title,text", info="Empty: found by their names"
        )
        least = gr.Slider(0, 1, 0, step=0.01, label="Abstain below")
        kind = gr.Dropdown(list(WRITERS), value="csv", label="Download as")
    go = gr.Button("Label all rows", variant="primary")
    said = gr.HTML(elem_classes="glove", elem_id="many")
    download = gr.File(label="Download", interactive=False)
    table = gr.Dataframe(label="The first rows", interactive=False, wrap=True)
    # One at a time: a table must not take all places from those who ask for a single text.
    go.click(
        handlers.label_file,
        [file, columns, least, kind],
        [download, said, table],
        api_name="label_file",
        concurrency_id="file",
        concurrency_limit=1,
    )


def _compare(service: Service, handlers: Handlers, run: dict[str, Any]) -> None:
    if not service.others and not service.any_model:
        gr.HTML(
            "<p class='note'>There is nothing to compare with. Whoever runs this app can name other checkpoints: "
            "<code>demo.py --compare OTHER</code>.</p>",
            elem_classes="glove",
        )
        return
    title, text = _text_fields(service.limits.characters)
    other = gr.Dropdown(
        list(service.others),
        value=next(iter(service.others), None),
        label="Compare with",
        allow_custom_value=service.any_model,
        info="Or any repository's id on the Hub" if service.any_model else None,
    )
    go = gr.Button("Compare", variant="primary")
    sides = _two_sides()
    gr.on(
        [go.click, title.submit, text.submit],
        **_hidden(handlers.compare),
        inputs=[title, text, other],
        outputs=sides,
        **run,
    )


def _words(handlers: Handlers, run: dict[str, Any]) -> None:
    for heading, fields, button, function in (
        ("Nearest words", [("Word", examples.WORD)], "Find", handlers.nearest),
        (
            "Analogy: one is to other as third is to ...",
            list(zip(("one", "other", "third"), examples.ANALOGY, strict=True)),
            "Solve",
            handlers.analogy,
        ),
        ("Map", [("Words", examples.MAP)], "Draw", handlers.word_map),
    ):
        gr.HTML(f"<h2>{heading}</h2>", elem_classes="glove")
        with gr.Row():
            boxes = [gr.Textbox(value, label=label, max_lines=2) for label, value in fields]
        go = gr.Button(button)
        sides = _two_sides()
        asked = [go.click, *(box.submit for box in boxes)]
        gr.on(asked, **_hidden(function), inputs=boxes, outputs=sides, **run)
