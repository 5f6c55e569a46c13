"""`python -m glove_lstm COMMAND` does what `glove-lstm COMMAND` does."""

import sys

from glove_lstm.commands.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
