"""The error that a user can mend, and words for messages."""


class DataError(ValueError):
    """Invalid input, which commands show without a traceback; the message names the file or value, and the remedy."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, to quote inside a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 text", "1,200 texts"."""
    ending = "" if number == 1 else "s"
    return f"{number:,} {noun}{ending}"
