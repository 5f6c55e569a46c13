"""`glove-lstm push` as a file."""

import sys

from glove_lstm.commands.main import main

if __name__ == "__main__":
    sys.exit(main(["push", *sys.argv[1:]]))
