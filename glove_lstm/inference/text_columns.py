"""Compare the text columns of a table with those that a model was trained on."""

from collections.abc import Sequence


def columns_warning(trained: Sequence[str] | None, read: Sequence[str]) -> str:
    """Return a clause that warns if the text columns differ from those of the training; "" if they are the same."""
    if trained is None or list(trained) == list(read):
        return ""
    columns = "columns" if len(trained) > 1 else "column"
    return (
        f"The model was trained on the text {columns} {', '.join(trained)}, "
        f"but this reads {', '.join(read)}"
    )
