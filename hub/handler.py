"""Serve the model of this repository on a Hugging Face Inference Endpoint, by transformers' pipeline.

The endpoint installs requirements.txt, makes one `EndpointHandler`, and calls it for each request.
"""

from typing import Any

from transformers import pipeline


class EndpointHandler:
    """The classifier of this repository, which the endpoint has copied to the folder `path`."""

    def __init__(self, path: str = "") -> None:
        # The code of the repository is in the folder, too; nothing is downloaded.
        self.classify = pipeline("text-classification", model=path, trust_remote_code=True)

    def __call__(self, data: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """Return the labels and scores of each text of a request, best first.

        `inputs` is a text, a pair {"text", "text_pair"}, or a list of these. `parameters` are those of the pipeline,
        such as `top_k`, the number of labels (default: all).

        Raises:
            ValueError: `inputs` is missing, or something else.
        """
        inputs: Any = data.get("inputs")
        texts = inputs if isinstance(inputs, list) else [inputs]
        if not all(map(_is_text, texts)):
            raise ValueError(
                'inputs must be a text, {"text": TEXT}, {"text": TEXT, "text_pair": TEXT}, or a list of these'
            )
        parameters = {"top_k": None, **(data.get("parameters") or {})}
        answers: Any = self.classify(texts, **parameters) if texts else []
        return answers


def _is_text(value: Any) -> bool:
    """Return whether a value is a text, or a text and perhaps a second one by name: the pipeline drops other names."""
    if not isinstance(value, dict):
        return isinstance(value, str)
    is_named = "text" in value and value.keys() <= {"text", "text_pair"}
    return is_named and all(isinstance(part, str) for part in value.values())
