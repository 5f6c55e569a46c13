"""Show a checkpoint in a browser: classify and explain texts, label tables, compare models, look at words.

glove-lstm demo
glove-lstm demo out --compare hub --glove 6B.50d
glove-lstm demo user/glove-lstm-fake-news --revision COMMIT --host 0.0.0.0

Needs pip install 'glove-lstm[demo]'. Without MODEL it shows the checkpoint that ships with the package. It listens on
this machine alone unless --host says otherwise, and asks nothing of the network once the models are there.
"""

import argparse
from collections.abc import Sequence

from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT


def main(argv: Sequence[str]) -> None:
    """Parse, and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="glove-lstm demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        default=str(DEFAULT_CHECKPOINT),
        help="a checkpoint's folder, or a repository's id on the Hub; default: the one that ships",
    )
    parser.add_argument("--revision", help="commit, tag or branch of a model on the Hub")
    parser.add_argument(
        "--compare", nargs="+", default=[], metavar="OTHER", help="checkpoints to set beside it"
    )
    parser.add_argument(
        "--glove",
        metavar="NAME_OR_PATH",
        help="GloVe vectors to show beside the trained ones, such as 6B.50d",
    )
    parser.add_argument("--host", help="address to listen at; 0.0.0.0 is every one of this machine's")
    parser.add_argument("--port", type=int, default=7860, help="default: %(default)s")
    parser.add_argument(
        "--allow_any_model",
        action="store_true",
        help="let visitors name repositories on the Hub, which are then downloaded, however large, and loaded; none "
        "runs its own code",
    )
    args = parser.parse_args(argv)
    from glove_lstm.app.serve import serve

    serve(
        args.model,
        revision=args.revision,
        compare=args.compare,
        glove=args.glove,
        host=args.host,
        port=args.port,
        allow_any_model=args.allow_any_model,
    )
