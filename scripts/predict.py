"""`glove-lstm predict` as a file."""

import sys

from glove_lstm.commands.main import main

sys.exit(main(["predict", *sys.argv[1:]]))
