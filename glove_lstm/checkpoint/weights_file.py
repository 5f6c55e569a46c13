"""Read the header of a safetensors file without torch and safetensors."""

import json
from pathlib import Path
from typing import Any

from glove_lstm.errors import DataError


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the entries of a safetensors file by the name of their tensor, and the position of the first value.

    Raises:
        DataError: The file is damaged.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            # The size in a damaged file may be larger than the memory.
            header = dict(json.loads(file.read(min(size, path.stat().st_size))))
    except (OSError, RecursionError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}): get the checkpoint again.") from None
    header.pop("__metadata__", None)
    return header, 8 + size


def check_label_count(path: Path, label_count: int) -> None:
    """Raise a DataError unless a `model.safetensors` belongs to a config.json with this number of labels."""
    header, _ = read_header(path)
    last_layer = header.get("classifier.bias")
    if last_layer is not None and last_layer["shape"] != [label_count]:
        raise DataError(
            f"{path.with_name('config.json')} has {label_count} labels, but the weights are of other labels: the files "
            "belong to different checkpoints."
        )
