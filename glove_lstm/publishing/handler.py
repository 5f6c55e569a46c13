"""Serve the model of this repository on a Hugging Face Inference Endpoint, without torch.

The endpoint installs requirements.txt, makes one `EndpointHandler`, and calls it for each request.
"""

from typing import Any

from glove_lstm import LightClassifier


class EndpointHandler:
    """The classifier of this repository, which the endpoint has copied to the folder `path`."""

    def __init__(self, path: str = "") -> None:
        self.classifier = LightClassifier.from_pretrained(path)

    def __call__(self, data: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """Classify the texts of a request.

        Args:
            data: `inputs` is a text or a list of texts; `parameters` may hold `top_k`, the number of labels.

        Returns:
            The labels and scores of each text, best first.

        Raises:
            ValueError: The request is malformed; the endpoint answers with status 400 and the message.
        """
        texts = _read_texts(data.get("inputs"))
        top_k = _read_top_k(data.get("parameters") or {})
        names = self.classifier.label_names
        answers = []
        for scores in self.classifier.predict_proba(texts):
            best_first = (-scores).argsort(kind="stable")[:top_k]
            answer = [{"label": names[row], "score": float(scores[row])} for row in best_first]
            answers.append(answer)
        return answers


def _read_texts(inputs: Any) -> list[str]:
    texts = [inputs] if isinstance(inputs, str) else inputs
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return texts
    raise ValueError("inputs must be a text or a list of texts.")


def _read_top_k(parameters: Any) -> int | None:
    """Return how many labels each text gets; None: all of them."""
    if not isinstance(parameters, dict):
        raise ValueError("parameters must be an object.")
    others = sorted(parameters.keys() - {"top_k"})
    if others:
        raise ValueError(f"top_k is the only parameter; leave out {', '.join(others)}.")
    top_k = parameters.get("top_k")
    if top_k is None:
        return None
    if type(top_k) is not int or top_k < 1:  # isinstance would accept True
        raise ValueError(f"top_k is {top_k!r}, but must be a whole number of at least 1.")
    return top_k
