"""Progress bars on standard error, for stages that take more than two seconds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import datasets
from datasets.utils import tqdm
from transformers.utils import logging as transformers_logging

_SECONDS = 2.0  # a shorter stage shows no bar


def progress(stage: str, *, total: int, unit: str = " texts") -> Any:
    """Return a bar to be used as a context manager, with the method `update(n)`.

    Args:
        stage: Name of the stage.
        total: Number of steps.
        unit: What a step is.
    """
    return tqdm(desc=stage, total=total, unit=unit, delay=_SECONDS)


def with_progress(texts: Sequence[Any], stage: str) -> Any:
    """Iterate over texts and show how many are done."""
    return tqdm(texts, desc=stage, unit=" texts", delay=_SECONDS)


@contextmanager
def hidden_progress(hidden: bool = True) -> Iterator[None]:
    """Show no bars inside the block, neither ours nor those of `datasets` and transformers."""
    shown = []  # the modules that show bars outside the block
    if hidden:
        modules = (datasets.utils.logging, transformers_logging)
        shown = [module for module in modules if module.is_progress_bar_enabled()]
    for module in shown:
        module.disable_progress_bar()
    try:
        yield
    finally:
        for module in shown:
            module.enable_progress_bar()
