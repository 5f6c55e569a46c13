"""Compare the text columns of a table with those that a model was trained on."""

from collections.abc import Sequence


def other_columns(trained: Sequence[str] | None, read: Sequence[str]) -> str:
    """Return a clause that says that a table is read by other text columns than in training; "" if it is not."""
    if trained is None or list(trained) == list(read):
        return ""
    plural = "s" if len(trained) > 1 else ""
    names = ", ".join(trained)
    return f"The model was trained on the text column{plural} {names}, but this reads {', '.join(read)}"
