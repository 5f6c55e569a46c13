"""Show a checkpoint in a browser: it classifies a text and marks the words that matter.

glove-lstm demo
glove-lstm demo out
glove-lstm demo user/glove-lstm-fake-news --revision COMMIT --port 8000

It needs the extra demo, and the network only to download a model from the Hub.
"""

from collections.abc import Sequence
from pathlib import Path

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import add_model, new_parser


def main(argv: Sequence[str]) -> None:
    """Parse the arguments, and serve until interrupted."""
    parser = new_parser("glove-lstm demo", __doc__)
    add_model(parser, str(DEFAULT_CHECKPOINT))
    parser.add_argument(
        "--host", default="127.0.0.1", help="default: %(default)s, this machine only"
    )
    parser.add_argument("--port", type=int, default=7860, help="default: %(default)s")
    args = parser.parse_args(argv)
    if not 0 < args.port < 1 << 16:
        parser.error(f"--port {args.port} must be from 1 to 65535")
    checkpoint = Checkpoint.open(args.model, args.revision)

    from glove_lstm.app import build_app, launch_app  # gradio takes seconds to import

    name = checkpoint.repo_id or Path(args.model).resolve().name
    app = build_app(checkpoint, name)
    launch_app(app, args.host, args.port)
