"""Limits that gradio lacks: allowed routes, sizes of request bodies, and the size and age of stored files.

gradio itself limits the size of a file (`max_file_size`), the queue, and the readable folders.
"""

import re
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glove_lstm.app import limits

# gradio has forty more routes; some fetch addresses from a request, some write files.
_GET = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|login_check)/?|/(assets|static|svelte)/.+"
    r"|/gradio_api/(info|openapi\.json|startup-events|app_id|theme\.css|login_check)/?"
    r"|/gradio_api/upload_progress|/gradio_api/queue/(data|status)|/gradio_api/heartbeat/\w+|/gradio_api/call/\w+/\w+|/gradio_api/file=(?!\w+:).+"
)
_POST = re.compile(r"/gradio_api/(upload|queue/join|cancel|reset|call/\w+)/?")
_UPLOAD = "/gradio_api/upload"
# The page may load nothing from other hosts; gradio compiles templates in the browser, hence 'unsafe-eval'.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class UploadFolder:
    """The folder of uploads and downloads. Old files are removed every few seconds; `stored` is the bytes of the rest.

    gradio's `delete_cache` is not enough: it leaves aborted uploads, and its task stops if an upload arrives while it
    lists the files.
    """

    def __init__(self, path: Path) -> None:
        """Start the thread that removes old files."""
        self.path, self.stored = path, 0
        Thread(target=self._sweep_forever, daemon=True).start()

    def _sweep_forever(self) -> None:
        while self.path.is_dir():
            self.stored = self._sweep(time.time() - limits.STORED_SECONDS)
            time.sleep(5)

    def _sweep(self, oldest: float) -> int:
        kept = 0
        for path in sorted(self.path.rglob("*"), reverse=True):  # files before their folders
            with suppress(OSError):  # gradio moved it, or a folder is in use
                status = path.stat()
                old = status.st_mtime < oldest
                if path.is_dir():
                    if old:
                        path.rmdir()  # fails unless it is empty
                elif old:
                    path.unlink()
                else:
                    kept += status.st_size
        return kept


class RequestLimits:
    """ASGI middleware around a gradio app."""

    def __init__(self, app: ASGIApp, uploads: UploadFolder) -> None:
        """Limit the requests to `app`, whose uploads go to `uploads`."""
        self._app, self._uploads = app, uploads
        self._receiving = 0  # bytes of all requests being received

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        is_upload = path.startswith(_UPLOAD)
        app = self._app
        if not (_POST if method == "POST" else _GET).fullmatch(path):
            app = JSONResponse({"detail": "Not found."}, 404)
        elif is_upload and method == "POST" and self._uploads.stored > limits.STORED_BYTES:
            app = JSONResponse({"detail": "The disk is full. Try again in half an hour."}, 507)
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            self._receiving += size
            # An upload request may hold a thousand files and fields; `max_file_size` limits each file.
            if received > (limits.FILE_BYTES + (1 << 16) if is_upload else limits.BODY_BYTES):
                raise HTTPException(
                    413, limits.FILE_TOO_LARGE if is_upload else limits.TEXT_TOO_LONG
                )
            if self._receiving > limits.RECEIVING_BYTES:
                raise HTTPException(429, "Too many requests are coming in. Try again in a minute.")
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
                if not path.startswith(("/assets/", "/static/", "/svelte/")):
                    # A request is lost if a busy server closes an idle connection just as a client reuses it.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await app(scope, receive_limited, send_with_headers)
        finally:
            self._receiving -= received
