"""What stands before gradio: an allow list of its routes, bounded bodies, and a policy that keeps the page offline.

gradio has forty more routes. Some fetch addresses that a visitor names, some write files, none is needed here.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from glove_lstm.app.uploads import NO_ROOM, UploadFolder

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_GET = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|login_check)/?|/(assets|static|svelte)/.+"
    r"|/gradio_api/(info|openapi\.json|startup-events|app_id|theme\.css|upload_progress|login_check)/?"
    r"|/gradio_api/queue/(data|status)|/gradio_api/heartbeat/\w+|/gradio_api/call/\w+/\w+|/gradio_api/file=(?!\w+:).+"
)
_POST = re.compile(r"/gradio_api/(queue/join|cancel|reset|call/\w+)/?")
_STATIC = re.compile(r"/(assets|static|svelte)/")
_UPLOAD = "/gradio_api/upload"
# The page may run what it brings along (gradio compiles its templates in the browser), and ask nobody else.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class RefusedError(Exception):
    """An answer in words instead of what was asked for: the status, and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """ASGI middleware around a gradio app."""

    def __init__(self, app: App, uploads: UploadFolder) -> None:
        """Let through what the page and its API need.

        Args:
            app: What answers.
            uploads: Where gradio keeps files; its limits are those of bodies, too.
        """
        self._app, self._limits, self._uploads = app, uploads.limits, uploads
        self._receiving = 0  # bytes of bodies in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *_HEADERS]
                if not _STATIC.match(scope["path"]):
                    # A busy server may close an idle connection just as a client uses it again: that request is lost.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            if scope["type"] != "http":
                raise RefusedError(404, "There is nothing here.")
            await self._answer(scope, receive, send_guarded)
        except RefusedError as refused:
            if not started:
                await _say(send_guarded, refused)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method in ("GET", "HEAD") and _GET.fullmatch(path):
            if path.startswith("/gradio_api/file="):
                self._check_file(path.removeprefix("/gradio_api/file="))
            await self._app(scope, receive, send)
        elif method == "POST" and path.rstrip("/") == _UPLOAD:
            await self._app(scope, self._counted(scope, receive), send)
        elif method == "POST" and _POST.fullmatch(path):
            await self._with_body(scope, receive, send)
        else:
            raise RefusedError(404, "There is nothing here.")

    def _check_file(self, path: str) -> None:
        """Refuse files from elsewhere; gradio does it too."""
        if not self._kept(unquote(path)):
            raise RefusedError(403, "Only files that were uploaded or made here can be read.")

    def _kept(self, path: str) -> bool:
        try:
            return Path(path).resolve().is_relative_to(self._uploads.path.resolve())
        except (OSError, ValueError):  # no path at all: a NUL, a name of a megabyte
            return False

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """An upload goes to a file as it comes, so it is only counted."""
        limit = self._limits.file_bytes + (1 << 16)  # what is around the file
        sentence = f"The file has more than {self._limits.file_bytes:,} bytes, the most that is taken here."
        if _length(scope) > limit:
            raise RefusedError(413, sentence)
        if self._uploads.full():
            raise RefusedError(507, NO_ROOM)
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise RefusedError(413, sentence)
            return message

        return count

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request as JSON is read whole, and looked at, before gradio sees it."""
        parts: list[bytes] = []
        size = 0
        try:
            if _length(scope) > self._limits.body_bytes:
                raise RefusedError(413, self._limits.too_long)
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                part = message.get("body", b"")
                size, self._receiving = size + len(part), self._receiving + len(part)
                if size > self._limits.body_bytes:
                    raise RefusedError(413, self._limits.too_long)
                if self._receiving > self._limits.reading_bytes:
                    raise RefusedError(
                        429, "Too many requests are coming in just now; try again in a minute."
                    )
                parts.append(part)
                if not message.get("more_body"):
                    break
            body = b"".join(parts)
            self._check_body(body)
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._receiving -= size

    def _check_body(self, body: bytes) -> None:
        """Refuse what is no JSON, and files that were not uploaded: gradio would fetch an address given as a path."""
        try:
            waiting = [json.loads(body)]
        except (ValueError, RecursionError):
            raise RefusedError(400, "The request is no JSON.") from None
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                path = value.get("path")
                if path is not None and not (isinstance(path, str) and self._kept(path)):
                    raise RefusedError(400, "Only files that were uploaded here are read; upload it first.")
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value


def _length(scope: Scope) -> int:
    """What the request says of its body's size; 0 where it says nothing."""
    found = dict(scope["headers"]).get(b"content-length", b"0")
    return int(found) if found.isdigit() else 0


def _replay(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, once; then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _say(send: Send, refused: RefusedError) -> None:
    # gradio's page shows what stands under "detail".
    body = json.dumps({"detail": refused.sentence, "error": refused.sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
