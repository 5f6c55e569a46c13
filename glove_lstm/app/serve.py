"""Start the app: load, lay out, and listen."""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glove_lstm.app.uploads import UploadFolder

if TYPE_CHECKING:
    from gradio import Blocks

    from glove_lstm.app.word_space import WordSpace

PORT = 7860  # gradio's own, and that of a Space


def serve(
    model: str | Path,
    *,
    revision: str | None = None,
    compare: Sequence[str | Path] = (),
    glove: str | None = None,
    host: str | None = None,
    port: int = PORT,
    allow_any_model: bool = False,
) -> None:
    """Run the app until it is interrupted; see `prepare` for the other arguments.

    Args:
        model: A checkpoint's folder, or a repository's id on the Hub.
        revision: Commit, tag or branch of `model` on the Hub.
        compare: Other checkpoints.
        glove: Name or path of GloVe vectors.
        host: Address to listen at; None is this machine alone, or what GRADIO_SERVER_NAME says (a Space sets it).
        port: To listen at.
        allow_any_model: Whether a visitor may name a repository.

    Raises:
        DataError: A checkpoint or the vectors cannot be loaded.
        OSError: The port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="glove-lstm-app-") as scratch:
        uploads = UploadFolder(Path(scratch))
        page = prepare(
            model, uploads, revision=revision, compare=compare, glove=glove, allow_any_model=allow_any_model
        )
        address = launch(page, uploads, host, port)
        sys.stdout.write(f"Running at {address}\n")
        sys.stdout.flush()
        try:
            page.block_thread()
        finally:
            page.close(verbose=False)


def prepare(
    model: str | Path,
    uploads: UploadFolder,
    *,
    revision: str | None = None,
    compare: Sequence[str | Path] = (),
    glove: str | None = None,
    allow_any_model: bool = False,
) -> "Blocks":
    """Load all and lay out the page, for `launch`.

    Args:
        model: A checkpoint's folder, or a repository's id on the Hub.
        uploads: Where visitors' files will be, and how much they may ask for.
        revision: Commit, tag or branch of `model` on the Hub.
        compare: Other checkpoints, to be set beside it.
        glove: Name or path of GloVe vectors, to be shown beside the trained ones.
        allow_any_model: Whether a visitor may name a repository, which is then downloaded and loaded.

    Raises:
        DataError: A checkpoint or the vectors cannot be loaded.
    """
    # gradio reads these when it is imported: files here alone, and nothing told to its makers or kept of requests.
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.path)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import torch

    from glove_lstm.app.opened import open_checkpoint
    from glove_lstm.app.page import build_page
    from glove_lstm.app.service import Service

    torch.set_num_threads(1)  # requests share the processors out among themselves
    copies = uploads.limits.at_once + 1  # a table is labelled beside the others
    service = Service(
        open_checkpoint(model, revision, copies=copies),
        [open_checkpoint(other, copies=copies) for other in compare],
        limits=uploads.limits,
        any_model=allow_any_model,
        glove=_glove(glove) if glove else None,
    )
    return build_page(service, uploads)


def launch(page: "Blocks", uploads: UploadFolder, host: str | None, port: int) -> str:
    """Listen in another thread; the address."""
    import gradio as gr
    from starlette.middleware import Middleware

    from glove_lstm.app.guard import Guard
    from glove_lstm.app.page import STYLE

    guard = Middleware(Guard, uploads=uploads)
    # Not Google's fonts, and not css=, which would be rewritten and lose its @media rules.
    theme = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    style = f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        app_kwargs={"middleware": [guard]},
        theme=theme,
        head=style,
        max_file_size=uploads.limits.file_bytes,
        footer_links=["api", "settings"],
        share=False,
        show_error=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        quiet=True,
        prevent_thread_lock=True,
        state_session_capacity=1000,
    )
    return address.rstrip("/")


def _glove(name_or_path: str) -> "WordSpace":
    """GloVe's vectors, under a name that says nothing of this machine's folders."""
    from glove_lstm.app.word_space import WordSpace
    from glove_lstm.data.glove import load_glove

    glove = load_glove(name_or_path)
    return WordSpace(glove.words, glove.vectors, f"GloVe {Path(name_or_path).name}")
