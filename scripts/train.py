"""`glove-lstm train` as a file."""

import sys

from glove_lstm.commands.main import main

sys.exit(main(["train", *sys.argv[1:]]))
