"""Example titles for the card, and a measurement of speed."""

import statistics
import timeit
from typing import Any

from transformers import PreTrainedTokenizerBase

from glove_lstm.inference.prediction import predict_logits, predict_probabilities
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification

# Invented titles, each with the label of sources that write in this style.
EXAMPLES = (
    ("Senate passes budget bill after late-night vote", "REAL"),
    ("Mayor answers questions about the new bridge", "REAL"),
    ("Central bank leaves interest rates unchanged as inflation slows", "REAL"),
    ("Court hears arguments in dispute over voting districts", "REAL"),
    ("Two ministers resign ahead of Thursday's confidence vote", "REAL"),
    ("Council cuts library hours; residents object", "REAL"),
    ("You won't BELIEVE what they are hiding from you!!!", "FAKE"),
    ("BREAKING: Secret emails PROVE the election was stolen", "FAKE"),
    ("Doctors stunned: kitchen spice cures cancer overnight", "FAKE"),
    ("The globalists' plan for your town, and why the media stay silent", "FAKE"),
    ("Pope endorses candidate, WikiLeaks confirms", "FAKE"),
    ("Scientists admit that the moon landing was filmed in a desert", "FAKE"),
)
# Examples on the model's page on the Hub: text -> title.
WIDGET = {
    "Senate passes budget bill after late-night vote": "In the style of a news agency",
    "You won't BELIEVE what they are hiding from you!!!": "In the style of a conspiracy site",
    "Doctors stunned: kitchen spice cures cancer overnight": "A miracle cure",
}
_WORDS = 400  # about the length of an article
_TEXTS = 64  # for the measurement of texts a second


def classify_examples(
    model: GloveLstmForSequenceClassification, tokenizer: PreTrainedTokenizerBase
) -> list[dict[str, Any]]:
    """Label the examples; the list is empty if the model has other labels than FAKE and REAL."""
    names: list[str] = model.config.label_names
    if set(names) != {"FAKE", "REAL"}:
        return []
    probabilities = predict_probabilities(model, tokenizer, [text for text, _ in EXAMPLES])
    labelled = []
    for (text, style), scores in zip(EXAMPLES, probabilities, strict=True):
        best = int(scores.argmax())
        labelled.append(
            {"text": text, "style": style, "label": names[best], "score": float(scores[best])}
        )
    return labelled


def measure_speed(
    model: GloveLstmForSequenceClassification, tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """Measure the time from strings to logits for one text of 400 words, and the texts a second for 64 such texts.

    Both are computed from the median time of five calls.
    """
    words = " ".join(text for text, _ in EXAMPLES).split()
    repetitions = _WORDS // len(words) + 1
    text = " ".join((words * repetitions)[:_WORDS])

    def median_seconds(texts: list[str]) -> float:
        predict_logits(model, tokenizer, texts)  # warm up
        times = timeit.repeat(lambda: predict_logits(model, tokenizer, texts), number=1, repeat=5)
        return statistics.median(times)

    seconds_of_one = median_seconds([text])
    seconds_of_all = median_seconds([text] * _TEXTS)
    return {
        "words": _WORDS,
        "one_text_ms": round(seconds_of_one * 1e3, 2),
        "texts_per_second": round(_TEXTS / seconds_of_all, 1),
    }
