"""The browser app: a title and a text in; the label, its scores and the words that matter out.

The static page in publishing/page/ shows the same, in the same order.
"""

import html
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import METRICS_NAME
from glove_lstm.errors import DataError
from glove_lstm.files import read_checkpoint_json
from glove_lstm.inference.classifier import Classifier
from glove_lstm.inference.decisions import are_unsure, decide, suggested_threshold
from glove_lstm.inference.explain import Explanation
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.processors import processors

# Of a title and a text together. An explanation of so many takes some seconds, and in a script without spaces more than
# a minute.
MOST_CHARACTERS = 20_000
# Words of a longer text are marked only at a click: marking takes a classification of the text for each word.
MOST_WHILE_TYPING = 1_000
# publishing/page/page.js has the same examples and colours.
EXAMPLES = {
    "Agency style": (
        "Harbour council approves new ferry timetable",
        "The harbour council voted 7 to 2 on Tuesday to add an early ferry from the northern islands, its clerk said "
        "in a statement.",
    ),
    "Loud style": (
        "You WON'T BELIEVE what the ferry company is HIDING!!!",
        "They told you the new timetable was for YOUR benefit. Wake up! Share this before they delete it!!!",
    ),
    "Loud title, dull event": ("SHOCK at the pier: early ferry delayed by one hour!", ""),
}
_MEANING = (
    "A score is the probability of a label on texts like the training texts; on other texts it may be too high or too "
    "low. A marked word changes the score: underlined words speak for the label, words in italics against it, and "
    "deeper colours change it more."
)
_MARKED_AT_A_CLICK = "<p>Classify marks the words of a text as long as this one.</p>"
_NEWS_MEANING = (
    "A label says what kind of source a text **resembles**, not whether its claims are true."
)
# Blue and vermilion of Okabe and Ito 2008, as in the plots.
_COLOUR_FOR = "0 114 178"
_COLOUR_AGAINST = "213 94 0"
_DEEPEST = 0.6  # opacity behind the strongest word
_MOST_SCORES = 5  # of many labels
# Visitors see texts in any script and of any length.
_STYLE = """
.gradio-container { max-width: 44rem !important; margin: 0 auto !important; }
#words { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
#words mark { color: inherit; border-radius: 0.2rem; }
#words mark.for { text-decoration: underline; }
#words mark.against { font-style: italic; }
#verdict p { font-size: 1.2rem; font-weight: 600; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--color-accent) !important; outline-offset: 2px; }
"""


def build_app(checkpoint: Checkpoint, name: str) -> gr.Blocks:
    """Return the app of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        name: What the app calls it.
    """
    model = LightClassifier.from_checkpoint(checkpoint)
    unsure_below = suggested_threshold(checkpoint) or 0.0
    is_news = _is_about_news(checkpoint)
    has_title = len(checkpoint.text_column_names or ("title", "text")) > 1

    def score(whole: str) -> tuple[str, dict[str, float]]:
        """Return the label, and the score of each label."""
        scores = model.predict_proba([whole])
        by_label = dict(zip(model.label_names, scores[0].tolist(), strict=True))
        return _status(_verdict(scores, model, unsure_below)), by_label

    def classify(title: Any, text: Any) -> tuple[str, dict[str, float], str]:
        """Return the label, the score of each label, and the text with marked words as HTML."""
        try:
            whole = _read(title, text)
            return *score(whole), _marked(model.explain(whole))
        except DataError as error:  # a message to the visitor, which is no error for the log
            raise gr.Error(html.escape(str(error)), print_exception=False) from None

    def classify_while_typing(title: Any, text: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield label and scores, then the words; what cannot be classified is said instead of the label."""
        try:
            whole = _read(title, text)
            yield *score(whole), gr.skip()
            is_short = len(whole) <= MOST_WHILE_TYPING
            words = _marked(model.explain(whole)) if is_short else _MARKED_AT_A_CLICK
            yield gr.skip(), gr.skip(), words
        except DataError as error:
            yield _status(str(error)), None, ""

    with gr.Blocks(title=f"Classify a text with {name}", analytics_enabled=False) as app:
        gr.Markdown(f"# Classify a text with `{name}`\n\n{_NEWS_MEANING if is_news else ''}")
        # Without a title box, requests still have a title, which is empty.
        title = gr.Textbox(label="Title", max_lines=2, visible=has_title)
        text = gr.Textbox(label="Text", lines=5, max_lines=14)
        examples = {}
        if is_news:
            with gr.Row():
                for example in EXAMPLES:
                    examples[example] = gr.Button(example, size="sm")
        button = gr.Button("Classify", variant="primary")
        verdict = gr.HTML(elem_id="verdict")
        scores = gr.Label(label="Scores", show_heading=False, num_top_classes=_MOST_SCORES)
        words = gr.HTML(elem_id="words")
        outputs = [verdict, scores, words]
        gr.Markdown(_MEANING)

        # Without gradio's preprocessing, which would turn values of any type into texts.
        common = {"inputs": [title, text], "outputs": outputs, "preprocess": False}
        common["concurrency_limit"] = len(processors())
        gr.on([button.click, title.submit], classify, api_name="classify", **common)
        gr.on(  # unlike `input`, `change` also comes after a paste
            [title.change, text.change],
            classify_while_typing,
            trigger_mode="always_last",
            show_progress="hidden",
            api_visibility="private",
            **common,
        )
        for example, fill in examples.items():
            parts = EXAMPLES[example] if has_title else ("", " ".join(EXAMPLES[example]).strip())
            fill.click(None, outputs=[title, text], js=f"() => {json.dumps(parts)}")
    return app


def launch_app(app: gr.Blocks, host: str, port: int) -> None:
    """Serve an app until it is interrupted, without any request to other machines.

    Raises:
        DataError: The port is taken.
    """
    os.environ["GRADIO_RUN_HISTORY"] = "False"  # visitors' texts are not kept in their browsers
    # System fonts need no network.
    theme = gr.themes.Soft(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    ).set(input_border_width="1px", input_border_color="*neutral_500")
    try:
        _, address, _ = app.launch(
            server_name=host,
            server_port=port,
            theme=theme,
            css=_STYLE,
            footer_links=["api"],
            share=False,
            ssr_mode=False,
            enable_monitoring=False,
            show_error=True,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        if error.errno is not None:  # gradio's error for a taken port has no errno
            raise
        problem = f"Port {port} of {host} cannot be used"
        raise DataError(f"{problem}; choose another --host or --port.") from None
    sys.stdout.write(f"Running at {address}\n")
    sys.stdout.flush()
    app.block_thread()


def _is_about_news(checkpoint: Checkpoint) -> bool:
    """Return whether the recorded data of a checkpoint are fake and real news, whatever its labels are called."""
    path = checkpoint.folder / METRICS_NAME
    if not path.is_file():  # transformers' Trainer writes none
        return False
    data = read_checkpoint_json(path).get("data")
    return isinstance(data, dict) and bool(data.get("is_news"))


def _read(title: Any, text: Any) -> str:
    """Return title and text of a request as one text.

    Raises:
        DataError: They are no texts, blank, or too long.
    """
    parts = [title or "", text or ""]
    if not all(isinstance(part, str) for part in parts):
        raise DataError("Title and text must be texts.")
    whole = " ".join(part for part in parts if part)
    if not whole.strip():
        raise DataError("There is nothing to classify. Type or paste a title or a text.")
    if len(whole) > MOST_CHARACTERS:
        raise DataError(
            f"A text may have at most {MOST_CHARACTERS:,} characters. Send a part of it."
        )
    return whole


def _status(sentence: str) -> str:
    """Return a sentence as HTML that screen readers announce."""
    return f"<p role='status'>{html.escape(sentence)}</p>"


def _verdict(scores: NDArray[np.floating], model: Classifier, unsure_below: float) -> str:
    """Return the label of a text with scores (1, labels), or all its labels; "unsure" with the best label."""
    [label] = decide(scores, model.label_names, model.thresholds)
    if not isinstance(label, str):
        return ", ".join(label) or "no label"
    [is_unsure] = are_unsure(scores, unsure_below)
    return f"unsure, nearest to {label}" if is_unsure else label


def _marked(explanation: Explanation) -> str:
    """Return the text as HTML, with a colour behind each word that has an effect."""
    text = explanation.text
    parts = []
    end_of_last = 0
    for word, share in explanation.marked:
        shown = html.escape(text[word.begin : word.end])
        kind = "for" if share > 0 else "against"
        parts.append(html.escape(text[end_of_last : word.begin]))
        colour = _COLOUR_FOR if share > 0 else _COLOUR_AGAINST
        style = f"background: rgb({colour} / {_DEEPEST * abs(share):.2f})"
        parts.append(
            f'<mark class="{kind}" title="{word.effect:+.2f}" style="{style}">{shown}</mark>'
        )
        end_of_last = word.end
    parts.append(html.escape(text[end_of_last:]))
    return "".join(parts)
