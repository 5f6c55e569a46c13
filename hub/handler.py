"""Serve the model of this repository on a Hugging Face Inference Endpoint, by transformers' pipeline.

The endpoint installs requirements.txt, makes one `EndpointHandler`, and calls it for each request.
"""

from typing import Any

from transformers import pipeline

_FUNCTIONS = ("softmax", "sigmoid", "none")


class EndpointHandler:
    """The classifier of this repository, which the endpoint has copied to the folder `path`."""

    def __init__(self, path: str = "") -> None:
        # The code of the repository is in the folder, too; nothing is downloaded.
        self.classify = pipeline("text-classification", model=path, trust_remote_code=True)

    def __call__(self, data: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """Classify the texts of a request.

        Args:
            data: `inputs` is a text, a pair {"text", "text_pair"}, or a list of these. `parameters` may hold `top_k`,
                the number of labels (default: all), and `function_to_apply` to the logits: "softmax", "sigmoid" or
                "none".

        Returns:
            The labels and scores of each text, best first.

        Raises:
            ValueError: The request is malformed; the endpoint answers with status 400 and the message.
        """
        texts = _read_texts(data.get("inputs"))
        parameters = _read_parameters(data.get("parameters") or {})
        if not texts:
            return []  # the pipeline would fail
        answers: Any = self.classify(texts, **parameters)
        return answers


def _read_texts(inputs: Any) -> list[dict[str, str]]:
    if not isinstance(inputs, list):
        inputs = [inputs]
    texts = []
    for text in inputs:
        pair = {"text": text} if isinstance(text, str) else text
        if not _is_text_or_pair(pair):
            raise ValueError(
                'inputs must be a text, {"text": ..., "text_pair": ...}, or a list of these.'
            )
        texts.append(pair)
    return texts


def _is_text_or_pair(value: Any) -> bool:
    if not isinstance(value, dict) or "text" not in value:
        return False
    has_known_keys = value.keys() <= {"text", "text_pair"}
    return has_known_keys and all(isinstance(part, str) for part in value.values())


def _read_parameters(parameters: Any) -> dict[str, Any]:
    """Check the parameters of a request and return those of the pipeline."""
    if not isinstance(parameters, dict):
        raise ValueError("parameters must be an object.")
    others = sorted(parameters.keys() - {"top_k", "function_to_apply"})
    if others:
        raise ValueError(
            f"The parameters are top_k and function_to_apply; leave out {', '.join(others)}."
        )
    top_k = parameters.get("top_k")
    if top_k is not None and (type(top_k) is not int or top_k < 1):  # isinstance would accept True
        raise ValueError(f"top_k is {top_k!r}, but must be a whole number of at least 1.")
    function = parameters.get("function_to_apply")
    if function is None:
        return {"top_k": top_k}
    if function not in _FUNCTIONS:
        raise ValueError(f"function_to_apply is {function!r}; choose {', '.join(_FUNCTIONS)}.")
    return {"top_k": top_k, "function_to_apply": function}
