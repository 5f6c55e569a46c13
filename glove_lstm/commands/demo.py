"""Show a checkpoint in a browser on this machine: it classifies a text and marks the words that matter.

glove-lstm demo
glove-lstm demo out
glove-lstm demo user/glove-lstm-fake-news --revision COMMIT --port 8000

Programs ask it, too: POST /predict with {"texts": ["A headline"], "explain": true} answers labels, scores and the
effects of words. It needs the network only to download a model from the Hub.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import add_model, new_parser
from glove_lstm.publishing.server import PageServer


def main(argv: Sequence[str]) -> None:
    """Parse the arguments, and serve until interrupted."""
    parser = new_parser("glove-lstm demo", __doc__)
    add_model(parser, str(DEFAULT_CHECKPOINT))
    parser.add_argument("--port", type=int, default=7860, help="default: %(default)s")
    args = parser.parse_args(argv)
    if not 0 < args.port < 1 << 16:
        parser.error(f"--port {args.port} must be from 1 to 65535")
    checkpoint = Checkpoint.open(args.model, args.revision)
    name = checkpoint.repo_id or Path(args.model).resolve().name
    with PageServer(checkpoint, name, args.port) as server:
        sys.stdout.write(f"Running at {server.address}\n")
        sys.stdout.flush()
        server.serve_forever()
