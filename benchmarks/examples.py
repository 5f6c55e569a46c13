"""Example titles for the card and the picture of the shipped checkpoint."""

from typing import Any

from glove_lstm.inference.classifier import Classifier

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


def classify_examples(classifier: Classifier) -> list[dict[str, Any]]:
    """Label the examples."""
    answers = classifier([text for text, _ in EXAMPLES])
    labelled = []
    for (text, style), answer in zip(EXAMPLES, answers, strict=True):
        labelled.append({"text": text, "style": style, **answer})
    return labelled
