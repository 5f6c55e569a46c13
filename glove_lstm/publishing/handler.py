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
        """
        inputs = data["inputs"]
        texts = inputs if isinstance(inputs, list) else [inputs]
        parameters = {"top_k": None, **(data.get("parameters") or {})}
        answers: Any = self.classify(texts, **parameters) if texts else []
        return answers
