"""`glove-lstm demo` as a file."""

import sys

from glove_lstm.commands.main import main

sys.exit(main(["demo", *sys.argv[1:]]))
