"""Options as fields of a dataclass: default, bounds, choices and help of each stand in one place.

The command line, its help, docs/options.md and the arguments of the estimator follow from them.
"""

import argparse
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import Field, field, fields
from math import inf
from types import NoneType, UnionType
from typing import Any, get_args

from glove_lstm.errors import DataError

_KINDS: dict[Any, str] = {
    str: "a string",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    list[str]: "a list of strings",
}


def option(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    least: float = -inf,
    above: float = -inf,
    most: float = inf,
    below: float = inf,
) -> Any:
    """Return a field of a dataclass of options.

    Args:
        default: Its value if it is not given.
        help: What it does, for the command line and docs/options.md.
        choices: All values of a string.
        least: Smallest value of a number.
        above: A number is larger.
        most: Largest value of a number.
        below: A number is smaller.
    """
    bounds = {"least": least, "above": above, "most": most, "below": below}
    return field(default=default, metadata={"help": help, "choices": choices, "bounds": bounds})


def check_options(options: Any) -> None:
    """Check the values of a dataclass of options.

    Raises:
        DataError: A value is of another type than its field, outside of its bounds, or none of its choices.
    """
    for known in fields(options):
        value = getattr(options, known.name)
        if value is not None or NoneType not in get_args(known.type):
            _check_value(known, value)


def _check_value(known: Field[Any], value: Any) -> None:
    kind = _kind_of(known)
    choices = known.metadata["choices"]
    bounds = known.metadata["bounds"]
    if choices and value not in choices:
        raise DataError(f"{known.name} must be {' or '.join(choices)}, not {value!r}.")
    if not _is_of_kind(value, kind):
        raise DataError(f"{known.name} must be {_KINDS[kind]}, not {value!r}.")
    if kind in (int, float) and not _is_within(value, **bounds):
        words = {"least": "at least", "above": "above", "most": "at most", "below": "below"}
        limits = [f"{words[name]} {limit}" for name, limit in bounds.items() if abs(limit) < inf]
        raise DataError(
            f"{known.name} must be {_KINDS[kind]} {' and '.join(limits) or 'that is finite'}, not {value!r}."
        )


def _kind_of(known: Field[Any]) -> Any:
    """Return the type of a field's values, without None."""
    if not isinstance(known.type, UnionType):
        return known.type
    [kind] = [kind for kind in get_args(known.type) if kind is not NoneType]
    return kind


def _is_of_kind(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float)
    if kind == list[str]:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, kind)


def _is_within(value: float, least: float, above: float, most: float, below: float) -> bool:
    is_finite = abs(value) < inf
    return is_finite and least <= value <= most and above < value < below


def check_names(names: Iterable[str], known: Sequence[str]) -> None:
    """Raise a DataError with the nearest known name if an option is unknown."""
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known, n=1, cutoff=0.65)
            hint = f"did you mean {similar[0]}?" if similar else "leave it out."
            raise DataError(f"There is no argument {name}; {hint}")


def add_options(
    parser: argparse._ActionsContainer, group: type[Any], without: Sequence[str] = ()
) -> None:
    """Add a dataclass of options to a command line. Those that are not given are missing in the namespace."""
    for known in fields(group):
        if known.name in without:
            continue
        kind = _kind_of(known)
        more: dict[str, Any] = {"type": kind}
        if kind is bool:
            more = {"type": _boolean, "nargs": "?", "const": True, "metavar": "True|False"}
        elif kind == list[str]:
            more = {"nargs": "+", "action": "extend", "metavar": known.name.upper()}
        elif known.metadata["choices"]:
            more["choices"] = list(known.metadata["choices"])
        parser.add_argument(
            f"--{known.name}",
            default=argparse.SUPPRESS,
            help=known.metadata["help"].replace("%", "%%"),
            **more,
        )


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return text.lower() == "true"
