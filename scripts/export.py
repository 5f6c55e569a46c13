"""`glove-lstm export` as a file."""

import sys

from glove_lstm.commands.main import main

sys.exit(main(["export", *sys.argv[1:]]))
