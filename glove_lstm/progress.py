"""How far a stage is that takes long: a bar in a terminal, lines of the log elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import nullcontext
from math import ceil
from typing import Any

logger = logging.getLogger(__name__)

_SECONDS = 2.0  # a shorter stage shows no bar
_SECONDS_TO_LINE = 10.0  # until the first line of the log
_SECONDS_BETWEEN = 60.0  # lines


def progress(
    stage: str,
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    unit: str = " texts",
    shown: bool = True,
) -> Any:
    """Return a progress bar of tqdm; or what counts as it does, and logs a line each minute.

    for text in progress("Reading", texts): ...

    with progress("Reading", total=len(texts)) as bar:
        bar.update(10)

    Both are shown where the logger "glove_lstm" says what happens, as in commands.

    Args:
        stage: Name of the stage.
        items: What to iterate over, if the bar does.
        total: Number of steps; None: that of the items, if it is known.
        unit: What a step is.
        shown: False hides it.
    """
    if shown and shows_bars():
        from tqdm.auto import tqdm  # takes 60 ms, which a label in a script does not need

        return tqdm(
            items,
            desc=stage,
            total=total,
            unit=unit,
            unit_scale=unit == "B",  # 1.2MB
            delay=_SECONDS,
        )
    if items is None:
        return nullcontext(_Lines(stage, total, unit, shown=shown))
    if total is None and isinstance(items, Sized):
        total = len(items)
    return _counted(items, _Lines(stage, total, unit, shown=shown))


def shows_bars() -> bool:
    """Return whether a person sees bars, and wants them."""
    is_seen = "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return is_seen and logger.isEnabledFor(logging.INFO)


class _Lines:
    """Logs how far a stage is, and from its speed until then how long it still takes."""

    def __init__(self, stage: str, total: int | None, unit: str, *, shown: bool) -> None:
        self.total = total  # pooch sets it, and calls `reset` and `close`
        self._stage = stage
        self._unit = unit
        self._shown = shown
        self._done = 0
        self._began = time.monotonic()
        self._next = self._began + _SECONDS_TO_LINE

    def update(self, count: int = 1) -> None:
        """Count steps."""
        self._done += count
        now = time.monotonic()
        if not self._shown or now < self._next or self._done == self.total:
            return
        self._next = now + _SECONDS_BETWEEN
        if not self.total:
            logger.info("%s: %s%s", self._stage, f"{self._done:,}", self._unit)
            return
        seconds_left = (now - self._began) * (self.total / self._done - 1)
        logger.info(
            "%s: %s of %s%s, about %d min left",
            self._stage,
            f"{self._done:,}",
            f"{self.total:,}",
            self._unit,
            ceil(seconds_left / 60),
        )

    def reset(self) -> None:
        """Count from the start."""
        self._done = 0

    def close(self) -> None:
        """Do nothing."""


def _counted(items: Iterable[Any], lines: _Lines) -> Iterator[Any]:
    for item in items:
        yield item
        lines.update()
