"""Progress bars on standard error, for stages that take more than two seconds."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_SECONDS = 2.0  # a shorter stage shows no bar
_IS_HIDDEN = ContextVar("is_hidden", default=False)  # whether `hidden_progress` hides our bars


def progress(
    stage: str,
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    unit: str = " texts",
    shown: bool = True,
) -> Any:
    """Return a progress bar of tqdm.

    for text in progress("Reading", texts): ...

    with progress("Reading", total=len(texts)) as bar:
        bar.update(10)

    Args:
        stage: Name of the stage.
        items: What to iterate over, if the bar does.
        total: Number of steps; None: that of the items, if it is known.
        unit: What a step is.
        shown: False hides the bar.
    """
    from tqdm.auto import tqdm  # takes 150 ms, which the first label of a process does not need

    is_hidden = _IS_HIDDEN.get() or not shown
    return tqdm(
        items,
        desc=stage,
        total=total,
        unit=unit,
        unit_scale=unit == "B",  # 1.2MB
        delay=_SECONDS,
        disable=is_hidden,
    )


@contextmanager
def hidden_progress(hidden: bool = True) -> Iterator[None]:
    """Show no bars inside the block: neither ours nor those of huggingface_hub, `datasets` and transformers."""
    if not hidden:
        yield
        return
    from datasets.utils import logging as datasets_logging
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging as transformers_logging

    libraries = (datasets_logging, transformers_logging)
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    hub_was_hidden = are_progress_bars_disabled()
    before = _IS_HIDDEN.set(True)
    disable_progress_bars()
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()
        # transformers hides and shows the bars of huggingface_hub together with its own.
        if hub_was_hidden:
            disable_progress_bars()
        else:
            enable_progress_bars()
        _IS_HIDDEN.reset(before)
