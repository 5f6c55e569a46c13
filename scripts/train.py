# /// script
# requires-python = ">=3.11"
# dependencies = ["glove-lstm[train]"]
# ///
"""`glove-lstm train` as a file, which `uv run` and `hf jobs uv run` can run by itself."""

import sys

from glove_lstm.commands.main import main

sys.exit(main(["train", *sys.argv[1:]]))
