"""The error for bad input, which commands show without a traceback."""


class DataError(ValueError):
    """Invalid input; the message names the file, row, argument or value, and the remedy."""
