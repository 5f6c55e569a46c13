"""Progress bars on standard error, for stages that take more than two seconds."""

import logging
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

_SECONDS = 2.0  # a shorter stage shows no bar


def progress(
    stage: str,
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    unit: str = " texts",
    shown: bool = True,
) -> Any:
    """Return a progress bar of tqdm, or what does the same in silence.

    for text in progress("Reading", texts): ...

    with progress("Reading", total=len(texts)) as bar:
        bar.update(10)

    A bar is shown in a terminal or a notebook, and where the logger "glove_lstm" says what happens, as in commands.

    Args:
        stage: Name of the stage.
        items: What to iterate over, if the bar does.
        total: Number of steps; None: that of the items, if it is known.
        unit: What a step is.
        shown: False hides the bar.
    """
    if not (shown and _is_watched()):
        return nullcontext(_SILENT) if items is None else items
    from tqdm.auto import tqdm  # takes 60 ms, which a label in a script does not need

    return tqdm(
        items,
        desc=stage,
        total=total,
        unit=unit,
        unit_scale=unit == "B",  # 1.2MB
        delay=_SECONDS,
    )


def _ignore(*_: object) -> None:
    pass


_SILENT = SimpleNamespace(update=_ignore, reset=_ignore, close=_ignore)  # as pooch uses a bar


def _is_watched() -> bool:
    """Return whether a person sees the bar, and wants it."""
    is_seen = "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return is_seen and logging.getLogger("glove_lstm").isEnabledFor(logging.INFO)
