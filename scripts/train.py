"""`glove-lstm train` as a file."""

import sys

from glove_lstm.commands.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
