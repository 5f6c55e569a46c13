"""A loopback HTTP server with the faults of real ones."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}  # path -> bytes
        self.status = {}  # path -> code instead of the file
        self.cuts = []  # for the next requests: close after this many bytes of the body
        self.requests = []  # (path, Range header)

    def put(self, path, content):
        self.files[path] = content
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *args):
        """Say nothing when a client hangs up, as it does on a file that is too large."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requests.append((self.path, asked))
        status = server.status.get(self.path) or (200 if self.path in server.files else 404)
        if status >= 400:
            self.send_error(status)
            return
        body, start = server.files[self.path], 0
        if asked:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        rest = body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: server.cuts.pop(0)] if server.cuts else rest)

    def log_message(self, *args):
        pass
