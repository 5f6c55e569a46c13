"""Serve the page in page/ on this machine, and answer it: the server of `glove-lstm demo`.

    curl -d '{"texts": ["A headline"], "explain": true}' http://127.0.0.1:7860/predict

It is made of the standard library, and reads the same light.onnx as LightClassifier.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import CARD_NAME, CONFIG_NAME, METRICS_NAME
from glove_lstm.errors import DataError
from glove_lstm.inference.bulk import label_rows
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.output_formats import UNSURE, word_effects
from glove_lstm.processors import processor_count
from glove_lstm.tables.columns import Row

_HOST = "127.0.0.1"  # other machines cannot reach it
# Another name that a browser sends may be of a page of the internet, whose owner lets it point to this machine.
_HOST_NAMES = (_HOST, "localhost")
_SECONDS = 60  # without a byte of a request, until it is given up
_PAGE = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/plain",
}


class PageServer(ThreadingHTTPServer):
    """The page of a checkpoint, and `POST /predict`, on this machine.

    Args:
        checkpoint: The checkpoint, with a light.onnx.
        name: What the page calls it.
        port: From 1 to 65535.

    Raises:
        DataError: The port is taken, or the checkpoint cannot be read.
    """

    def __init__(self, checkpoint: Checkpoint, name: str, port: int) -> None:
        self.classifier = LightClassifier.from_checkpoint(checkpoint, threads=processor_count())
        held_out = self.classifier.held_out_scores
        self.unsure_below = None if held_out is None else held_out["sure_from"]
        self.files = {f"/{path.name}": path for path in _PAGE.iterdir()}
        self.files["/"] = _PAGE / "index.html"
        checkpoint.fetch(METRICS_NAME)
        for name_in_folder in (CONFIG_NAME, METRICS_NAME, CARD_NAME):
            self.files[f"/model/{name_in_folder}"] = checkpoint.folder / name_in_folder
        card = f"model/{CARD_NAME}"
        if checkpoint.repo_id is not None:
            card = f"{constants.ENDPOINT}/{checkpoint.repo_id}"
        self.about = {"title": name, "base": "model/", "card": card, "server": True}
        try:
            super().__init__((_HOST, port), _Handler)
        except OSError as error:
            raise DataError(
                f"Port {port} cannot be used ({error.strerror}); choose another --port."
            ) from None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{_HOST}:{self.server_port}"

    def predict(self, request: Any) -> dict[str, Any]:
        """Return labels, scores by label, whether a label is unsure, and on request the effects of words.

        Args:
            request: {"texts": [...]}, perhaps with "explain": true.

        Raises:
            DataError: The request is of another form.
        """
        texts = request.get("texts") if isinstance(request, dict) else None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DataError('Send {"texts": [...]} with a list of texts.')
        rows = [Row("request", number, text) for number, text in enumerate(texts, 1)]
        labelled = label_rows(self.classifier, rows, self.unsure_below)
        names = self.classifier.label_names
        scores = [dict(zip(names, row, strict=True)) for row in labelled.scores.tolist()]
        answer: dict[str, Any] = {"labels": labelled.labels, "scores": scores}
        if labelled.unsure is not None:
            answer[UNSURE] = labelled.unsure.tolist()
        if request.get("explain"):
            answer["effects"] = [word_effects(self.classifier.explain(text)) for text in texts]
        return answer


class _Handler(BaseHTTPRequestHandler):
    """Answer one request. Errors are JSON: {"error": sentence}."""

    server: PageServer
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Send a file of the page, or what it reads of the model."""
        if not self._is_from_here():
            return
        address = urlsplit(self.path).path
        path = self.server.files.get(address)
        if address == "/model.json":
            self._send_json(200, self.server.about)
        elif path is None or not path.is_file():
            self.send_error(404, "There is no such file.")
        else:
            self._send(200, path.read_bytes(), _TYPES[path.suffix])

    def do_POST(self) -> None:
        """Answer `POST /predict`."""
        if not self._is_from_here():
            return
        length = self.headers.get("Content-Length", "")
        if urlsplit(self.path).path != "/predict":
            self.send_error(404, "POST goes to /predict.")
        elif not length.isdecimal():
            self.send_error(411, "The request has no Content-Length.")
        else:
            self._predict(self.rfile.read(int(length)))

    def _predict(self, body: bytes) -> None:
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            self.send_error(400, f"The request is not JSON: {error}.")
            return
        try:
            self._send_json(200, self.server.predict(request))
        except DataError as error:
            self.send_error(400, str(error))

    def _is_from_here(self) -> bool:
        """Return whether a request was sent to this machine, by no page of another server; else answer it."""
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        is_from_here = urlsplit(f"//{host}").hostname in _HOST_NAMES
        if origin is not None:
            is_from_here &= origin == f"http://{host}"
        if not is_from_here:
            self.send_error(403, "Only this machine's own page may ask; use the printed address.")
        return is_from_here

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error, also those of http.server, such as that of another method."""
        self._send_json(code, {"error": message or explain or "This cannot be answered."})

    def _send_json(self, code: int, value: Any) -> None:
        self._send(code, json.dumps(value).encode(), "application/json")

    def _send(self, code: int, content: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Keep no record of requests."""
