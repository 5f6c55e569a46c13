"""Read and check the values of a safetensors file without torch and safetensors."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError

_LABEL_BIAS = "classifier.bias"  # one value for each label
_BLOCK = 1 << 16  # values tested at a time; fits a processor's cache


class _FloatFormat(NamedTuple):
    """A type of floating-point numbers in a safetensors file that the network reads."""

    integer: str  # numpy's integer of as many bits
    exponent: int  # mask of the exponent, whose bits are all set only in infinity and NaN


_FORMATS = {
    "F16": _FloatFormat("<u2", 0x7C00),
    "BF16": _FloatFormat("<u2", 0x7F80),
    "F32": _FloatFormat("<u4", 0x7F800000),
    "F64": _FloatFormat("<u8", 0x7FF0000000000000),
}


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the entries of a safetensors file by the name of their tensor, and the position of the first value.

    Raises:
        OSError: The file cannot be read.
        ValueError: The header is no JSON.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        # The size in a damaged file may be larger than the memory.
        header = json.loads(file.read(min(size, path.stat().st_size)))
    header.pop("__metadata__", None)
    return header, 8 + size


def check_weights(path: Path, label_count: int) -> None:
    """Check the values of a `model.safetensors`; about 2 ms for 12.5 MB.

    Args:
        path: The file.
        label_count: Number of labels in the config.json beside it.

    Raises:
        DataError: The file is damaged, holds NaN, infinity or values of a type that the network does not read, or its
            weights are of another number of labels.
    """
    try:
        stored_labels = _check_values(path)
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
        raise DataError(f"{problem}: get the checkpoint again.") from None
    except DataError:  # a ValueError, too
        raise
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise DataError(f"{path} is damaged: get the checkpoint again.") from None
    if stored_labels not in (None, label_count):
        raise DataError(
            f"{path.with_name('config.json')} has {label_count} labels, but the weights are of {stored_labels}: "
            "the files belong to different checkpoints."
        )


def _check_values(path: Path) -> int | None:
    """Refuse values that are no finite floating-point numbers; return the number of labels if there is a last layer."""
    header, start = read_header(path)
    content = np.memmap(path, np.uint8, mode="r")[start:]
    label_count = None
    for name, tensor in header.items():
        if tensor["dtype"] not in _FORMATS:
            types = ", ".join(_FORMATS)
            problem = f"{path}: {name} has the type {tensor['dtype']!r}, not one of {types}"
            raise DataError(
                f"{problem}: get the checkpoint again, or save it in one of these types."
            )
        number_format = _FORMATS[tensor["dtype"]]
        begin, end = tensor["data_offsets"]
        if not 0 <= begin <= end <= len(content):
            raise ValueError("the file is cut short")
        bits = content[begin:end].view(number_format.integer)
        if not _all_finite(bits, number_format.exponent):
            problem = f"{path}: {name} holds values that are not finite numbers"
            raise DataError(f"{problem}: get the checkpoint again, or train it again.")
        if name == _LABEL_BIAS:
            label_count = len(bits)
    return label_count


def _all_finite(bits: NDArray[np.unsignedinteger], exponent: int) -> bool:
    """Whether no value is NaN or infinite. `np.isfinite` takes five times as long, and numpy has no bfloat16."""
    for start in range(0, len(bits), _BLOCK):
        block = bits[start : start + _BLOCK]
        not_finite = (block & exponent) == exponent
        if not_finite.any():
            return False
    return True
