"""Write the tables of docs/options.md from the help texts of `glove-lstm train`.

python docs/make_options.py

A test compares the page with the options.
"""

import re
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from glove_lstm.commands.data_arguments import TrainArguments
from glove_lstm.training.arguments import (
    GloveLstmTrainingArguments,
    ModelArguments,
    TokenizerArguments,
)
from glove_lstm.training.settings import PRESETS

PAGE = Path(__file__).with_name("options.md")
_GROUPS = {  # mark on the page -> dataclass of options
    "texts": TrainArguments,
    "tokenizer": TokenizerArguments,
    "network": ModelArguments,
    "training": GloveLstmTrainingArguments,
}


def fill(page: str) -> str:
    """Replace the text between `<!-- NAME -->` and `<!-- end -->` by the table of that group of options."""
    tables = {name: options_table(group) for name, group in _GROUPS.items()}
    tables["trainer"] = _trainer_table()
    for name, table in tables.items():
        text = f"<!-- {name} -->\n{table}<!-- end -->"
        page = re.sub(f"<!-- {name} -->.*?<!-- end -->", lambda _, new=text: new, page, flags=re.S)
    return page


def options_table(group: type[Any]) -> str:
    """List the options that have a help text of this package: name, value in each preset, meaning."""
    rows = []
    for option in _own_fields(group):
        if "help" not in option.metadata:
            continue
        rows.append([f"`--{option.name}`", *_values(option), option.metadata["help"]])
    if group is TrainArguments:
        rows = [[name, default, meaning] for name, default, _, meaning in rows]
        return _table(["option", "default", "meaning"], rows)
    return _table(["option", *(f"`{preset}`" for preset in _PRESET_NAMES), "meaning"], rows)


_PRESET_NAMES = ("default", "article")


def _own_fields(group: type[Any]) -> Sequence[Field[Any]]:
    """Return the fields of a group, without those of transformers' `TrainingArguments`, which a link documents.

    Of fields that are in both, the order of transformers differs by its version; that of this package does not.
    """
    if group is not GloveLstmTrainingArguments:
        return fields(group)
    by_name = {field.name: field for field in fields(group)}
    return [by_name[name] for name in group.__annotations__ if name in by_name]


def _values(option: Field[Any]) -> list[str]:
    """Return the value of an option in each preset; empty where it is not given."""
    default = None if option.default is MISSING else option.default
    return [_shown(PRESETS[preset].get(option.name, default)) for preset in _PRESET_NAMES]


def _trainer_table() -> str:
    """List the options of transformers' `TrainingArguments` that a preset sets."""
    own = {
        option.name for group in (TokenizerArguments, ModelArguments) for option in fields(group)
    }
    own |= GloveLstmTrainingArguments.__annotations__.keys()
    names = sorted({name for preset in _PRESET_NAMES for name in PRESETS[preset]} - own)
    rows = []
    for name in names:
        values = [_shown(PRESETS[preset].get(name)) for preset in _PRESET_NAMES]
        rows.append([f"`--{name}`", *values])
    return _table(["option", *(f"`{preset}`" for preset in _PRESET_NAMES)], rows)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
