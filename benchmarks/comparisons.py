"""Paired tests of stored results, corrected for their number."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.evaluation.paired import holm, paired_difference

Floats = NDArray[np.float64]


def pack(right: NDArray[np.bool_]) -> str:
    """Write n truth values in hexadecimal digits."""
    return np.packbits(right).tobytes().hex()


def compare(results: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Add "versus_default" to the rows of models that were measured on the same texts as `default`.

    "p" is of one paired test (`paired_difference`), "p_holm" is corrected for all tests of the results (Holm 1979).
    """
    found = []
    for rows in results.values():
        for model, row in rows.items():
            row.pop("versus_default", None)
            default = rows.get("default")
            if (
                model == "default"
                or not default
                or row["made_of"]["data"] != default["made_of"]["data"]
            ):
                continue
            row["versus_default"] = paired_difference(_right(row), _right(default))
            found.append(row["versus_default"])
    for versus, p in zip(found, holm([versus["p"] for versus in found]), strict=True):
        versus["p_holm"] = p


def _right(row: Mapping[str, Any]) -> list[Floats]:
    """Return the share of seeds that are right, for each text, by cell."""
    return [
        np.mean(
            [np.unpackbits(np.frombuffer(bytes.fromhex(run), np.uint8), count=n) for run in runs],
            axis=0,
        )
        for n, runs in zip(row["cells"].values(), row["right"].values(), strict=True)
    ]
