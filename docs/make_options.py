"""Write the tables of docs/options.md from the options of `glove-lstm train`.

python docs/make_options.py

A test compares the page with the options.
"""

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from glove_lstm.commands.data_arguments import TrainArguments
from glove_lstm.training.settings import PRESETS, Settings

PAGE = Path(__file__).with_name("options.md")


def fill(page: str) -> str:
    """Replace the text between `<!-- NAME -->` and `<!-- end -->` by a table of options."""
    for name, table in {"texts": _texts(), "settings": _settings()}.items():
        text = f"<!-- {name} -->\n{table}<!-- end -->"
        page = re.sub(f"<!-- {name} -->.*?<!-- end -->", lambda _, new=text: new, page, flags=re.S)
    return page


def _texts() -> str:
    rows = [
        [f"`--{option.name}`", _shown(option.default), option.metadata["help"]]
        for option in fields(TrainArguments)
    ]
    return _table(["option", "default", "meaning"], rows)


def _settings() -> str:
    """List the settings, with their values in each preset."""
    rows = []
    for option in fields(Settings):
        values = [_shown(PRESETS[name].get(option.name, option.default)) for name in PRESETS]
        rows.append([f"`--{option.name}`", *values, option.metadata["help"]])
    return _table(["option", *(f"`{name}`" for name in PRESETS), "meaning"], rows)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
