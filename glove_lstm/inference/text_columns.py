"""The text columns that a checkpoint was trained on, as its config.json names them. No heavy imports."""

from collections.abc import Sequence
from pathlib import Path

from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.errors import DataError
from glove_lstm.inference.checkpoint_files import CONFIG_NAME, local_folder


def trained_columns(model: str | Path, revision: str | None = None) -> list[str] | None:
    """Return the text columns that a checkpoint was trained on, title before body; None if it does not name them.

    Args:
        model: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.

    Raises:
        DataError: There is no such checkpoint, or its config.json is damaged.
    """
    path = local_folder(model, revision) / CONFIG_NAME
    names = read_checkpoint_json(path).get("text_column_names")
    if names is None:
        return None
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        problem = f"{path}: text_column_names must be a list of strings or null, not {names!r}"
        raise DataError(f"{problem}: get the checkpoint again.")
    return names


def other_columns(trained: Sequence[str] | None, read: Sequence[str]) -> str:
    """Return a clause, to warn that a table is read by other text columns than in training; "" if it is not."""
    if trained is None or list(trained) == list(read):
        return ""
    columns = "columns" if len(trained) > 1 else "column"
    return (
        f"The model was trained on the text {columns} {', '.join(trained)}, "
        f"but this reads {', '.join(read)}"
    )
