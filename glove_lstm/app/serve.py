"""Start the app: load the model, lay out the page and listen."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glove_lstm.errors import DataError

MAX_FILE_BYTES = 10 << 20  # an upload


def serve(model: str | Path, **options: Any) -> None:
    """Run the app until it is interrupted; see `running_app` for the arguments."""
    with running_app(model, **options) as address:
        sys.stdout.write(f"Running at {address}\n")
        sys.stdout.flush()
        while True:
            time.sleep(3600)


@contextmanager
def running_app(
    model: str | Path,
    *,
    revision: str | None = None,
    host: str | None = None,
    port: int | None = 7860,  # gradio's default, and that of a Space
    kept_seconds: int = 900,
) -> Iterator[str]:
    """Start the app in a thread and yield its address; at the end, stop it and remove all uploads.

    Args:
        model: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        host: Address to listen at; None takes $GRADIO_SERVER_NAME (set in a Space), or else this machine only.
        port: None takes the first free one from $GRADIO_SERVER_PORT or 7860 on.
        kept_seconds: Uploads and downloads are removed after this time, and before twice this time.

    Raises:
        DataError: The checkpoint cannot be loaded, or the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="glove-lstm-app-") as folder:
        # By default all gradio apps of a machine share a folder, whose files each of them serves.
        os.environ["GRADIO_TEMP_DIR"] = folder
        # Visitors' texts are not kept in their browsers. Since gradio 6.24 this is also an argument of `launch`.
        os.environ["GRADIO_RUN_HISTORY"] = "False"
        import gradio as gr  # reads GRADIO_TEMP_DIR
        import torch

        from glove_lstm.app.api import Api
        from glove_lstm.app.page import WORKERS, build_page

        torch.set_num_threads(1)  # requests share the processors
        page = build_page(Api(model, revision), kept_seconds)
        style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
        # System fonts need no network.
        fonts, mono_fonts = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
        try:
            _, address, _ = page.launch(
                server_name=host,
                server_port=port,
                max_threads=WORKERS + 1,  # one more for a table
                max_file_size=MAX_FILE_BYTES,
                state_session_capacity=1000,
                enable_monitoring=False,
                theme=gr.themes.Soft(font=fonts, font_mono=mono_fonts),
                head=f"<style>{style}</style>",  # `css` would lose its media queries in gradio
                footer_links=["api", "settings"],
                show_error=True,
                ssr_mode=False,
                quiet=True,
                prevent_thread_lock=True,
            )
        except OSError as error:
            if error.errno is not None:  # gradio's error for a taken port has no errno
                raise
            machine = host or "this machine"
            problem = f"Port {port} of {machine} cannot be used"
            if port is None:
                problem = f"No port of {machine} is free"
            raise DataError(f"{problem}; choose another --host or --port.") from None
        try:
            yield address.rstrip("/")
        finally:
            page.close(verbose=False)
