"""Show a checkpoint in a browser: classify and explain texts and label tables.

glove-lstm demo
glove-lstm demo out
glove-lstm demo user/glove-lstm-fake-news --revision COMMIT --host 0.0.0.0

Needs pip install 'glove-lstm[demo]', and the network only to download a model from the Hub.
"""

from collections.abc import Sequence

from glove_lstm.app.serve import serve
from glove_lstm.checkpoint import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import add_model, new_parser


def main(argv: Sequence[str]) -> None:
    """Parse the arguments and serve until interrupted."""
    parser = new_parser("glove-lstm demo", __doc__)
    add_model(parser, str(DEFAULT_CHECKPOINT))
    parser.add_argument("--host", help="address to listen at; default: this machine only")
    parser.add_argument("--port", type=int, default=7860, help="default: %(default)s")
    args = parser.parse_args(argv)
    if not 0 < args.port < 1 << 16:
        parser.error(f"--port {args.port} must be from 1 to 65535")
    serve(**vars(args))
