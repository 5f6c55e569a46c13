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
        requested_range = self.headers.get("Range")
        server.requests.append((self.path, requested_range))
        status = server.status.get(self.path)
        if status is None and self.path not in server.files:
            status = 404
        if status is not None:
            self.send_error(status)
            return

        content = server.files[self.path]
        start = 0
        if requested_range:
            start = int(requested_range.removeprefix("bytes=").rstrip("-"))
        if requested_range and start >= len(content):
            self.send_error(416)
            return
        rest = content[start:]
        self.send_response(206 if requested_range else 200)
        if requested_range:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if server.cuts:
            rest = rest[: server.cuts.pop(0)]
        self.wfile.write(rest)

    def log_message(self, *args):
        pass
