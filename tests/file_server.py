"""A loopback HTTP server with the faults of real ones."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.files = {}  # path -> bytes
        self.status = {}  # path -> code instead of the file
        self.cuts = []  # for the next requests: close after this many bytes of the body
        self.requests = []  # (path, Range header)

    def put(self, path, content):
        self.files[path] = content
        return self.address + path

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
        if requested_range:
            start = int(requested_range.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            content = content[start:]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if server.cuts:
            content = content[: server.cuts.pop(0)]
        self.wfile.write(content)

    def log_message(self, *args):
        pass
