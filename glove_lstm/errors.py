"""The error that a user can mend."""


class DataError(ValueError):
    """Invalid input, which commands show without a traceback; the message names the file or value, and the remedy."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, to quote inside a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra of this package, which is not on PyPI yet."""
    return f"pip install '.[{extra}]' in a clone of glove-lstm, or pip install 'WHEEL[{extra}]'"
