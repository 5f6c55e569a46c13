"""The one error that bad input raises, so that a command can show it without a traceback."""


class DataError(ValueError):
    """Input that cannot be used: one sentence that names the file, row, argument or value, and what to do."""
