"""Serve the page with the repository's checkpoint and a local copy of onnxruntime-web."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from support import ROOT

RUNTIME = os.environ.get("ONNXRUNTIME_WEB")  # the npm package's folder `dist`; .ci/run gets it
PAGE = "glove_lstm/publishing/page"


@contextmanager
def serve_page(site: Path) -> Iterator[str]:
    """Put the page and its files into a new folder, as in a clone, serve it, and yield the page's address."""
    shutil.copytree(ROOT / PAGE, site / PAGE)
    (site / "hub").symlink_to(ROOT / "hub")
    (site / "runtime").symlink_to(RUNTIME or site / "missing")
    script = site / PAGE / "onnx_runtime.js"
    script.write_text(re.sub(r'"https://.*/dist/"', '"/runtime/"', script.read_text()))
    handler = partial(SimpleHTTPRequestHandler, directory=site)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{PAGE}/"
    finally:
        server.shutdown()
