"""Check that a card is complete and that its figures are those of `metrics.json`."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard
from yaml import YAMLError

from glove_lstm.data.errors import DataError
from glove_lstm.publishing.card import eval_results, find_template, measured_sections

_NEEDED = ("license", "language", "library_name", "pipeline_tag", "tags", "metrics")
_PLACEHOLDER = re.compile(
    r"\{[{%].*?[%}]\}|\bCOMMIT\b|\bTODO\b|\[More Information Needed\]|\buser/glove-lstm[\w-]*"
)
# The places in which a card says where the model is found.
_ADDRESS = re.compile(r'((?:model=|from_pretrained\()")[\w.-]+/[\w.-]+(")')
_ANEW = "delete README.md, and it is written anew from metrics.json"


def put_repo_id(card: str, repo_id: str) -> str:
    """The card with this repository in its examples of use; the rest stays, perhaps written by hand."""
    return _ADDRESS.sub(lambda found: found[1] + repo_id + found[2], card)


def check_card(folder: Path, repo_id: str) -> None:
    """Refuse a card that lacks a part, still has a placeholder, or has other figures than `metrics.json`.

    Args:
        folder: With README.md and, where anything was measured, metrics.json.
        repo_id: That the card must name.

    Raises:
        DataError: Says what is wrong.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    card = _parse(text)
    values = card.data.to_dict()
    missing = [f"the metadata {name}" for name in _NEEDED if not values.get(name)]
    headings = set(re.findall(r"^## .*$", text, re.MULTILINE))
    template = find_template().read_text(encoding="utf-8")
    missing += [
        f"the section {heading[3:]!r}"
        for heading in re.findall(r"^## .*$", template, re.MULTILINE)
        if heading not in headings
    ]
    if missing:
        raise DataError(f"README.md lacks {', '.join(missing)}: add it, or {_ANEW}.")
    left = next((found[0] for found in _PLACEHOLDER.finditer(text) if found[0] != repo_id), None)
    if left:
        raise DataError(f"README.md still has the placeholder {left}: fill it in, or {_ANEW}.")
    if f'"{repo_id}"' not in text:
        raise DataError(f"README.md does not show how to load {repo_id}: add it, or {_ANEW}.")
    if not (folder / "metrics.json").is_file():
        raise DataError("There is no metrics.json that backs README.md: make the checkpoint with train.py.")
    check_figures(text, json.loads((folder / "metrics.json").read_text(encoding="utf-8")))


def check_figures(text: str, metrics: Mapping[str, Any]) -> None:
    """Refuse a card in which a figure differs from the measurements.

    Raises:
        DataError: Quotes what the measurements say.
    """
    lines = {line.strip() for line in text.splitlines()}
    for section in measured_sections(metrics).values():
        for line in section.splitlines():
            # A line may have been written on at its end, but what was measured stands in it.
            if re.search(r"\d", line) and not any(line.strip() in other for other in lines):
                raise DataError(
                    f"README.md says something else than metrics.json, where it is: {line} ({_ANEW})."
                )
    card = _parse(text)
    claimed = {_key(result) for result in getattr(card.data, "eval_results", None) or []}
    measured = {_key(result) for result in eval_results(metrics)}
    if claimed != measured:
        name, split, metric, value = min(claimed ^ measured, key=str)
        where = "not in metrics.json" if (name, split, metric, value) in claimed else "only in metrics.json"
        raise DataError(
            f"The model-index of README.md differs from metrics.json: {metric} {value} on {name} is {where} ({_ANEW})."
        )


def _parse(text: str) -> ModelCard:
    try:
        return ModelCard(text)
    except (ValueError, TypeError, KeyError, YAMLError) as error:
        raise DataError(
            f"The metadata of README.md cannot be read ({' '.join(str(error).split())}): correct them, or {_ANEW}."
        ) from None


def _key(result: EvalResult) -> tuple[str, str | None, str, float]:
    return result.dataset_name, result.dataset_split, result.metric_type, result.metric_value
