"""Serve the model of this repository on a Hugging Face Inference Endpoint, without torch.

The endpoint installs requirements.txt, makes one `EndpointHandler`, and calls it for each request.
"""

from typing import Any

from glove_lstm import LightClassifier


class EndpointHandler:
    """The classifier of a repository that lies in the folder `path`."""

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
        texts, parameters = data.get("inputs"), data.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise ValueError("parameters must be an object.")
        if isinstance(texts, str):
            texts = [texts]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("inputs must be a text or a list of texts.")
        top_k = parameters.get("top_k")
        if top_k is not None and (type(top_k) is not int or top_k < 1):
            raise ValueError(f"top_k is {top_k!r}, but must be a whole number of at least 1.")
        if others := parameters.keys() - {"top_k"}:
            raise ValueError(f"top_k is the only parameter; leave out {', '.join(sorted(others))}.")
        names = self.classifier.label_names
        answer = []
        for scores in self.classifier.predict_proba(texts):
            best = (-scores).argsort(kind="stable")[:top_k]
            answer.append([{"label": names[n], "score": float(scores[n])} for n in best])
        return answer
