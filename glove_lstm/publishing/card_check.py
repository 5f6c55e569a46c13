"""Check that a card is complete and that its figures agree with `metrics.json`."""

import re
from pathlib import Path

from huggingface_hub import ModelCard
from yaml import YAMLError

from glove_lstm.errors import DataError
from glove_lstm.publishing.card import render_card

_METADATA = ("license", "language", "library_name", "pipeline_tag", "tags", "metrics")
_PLACEHOLDER = re.compile(
    r"\{[{%].*?[%}]\}|\bCOMMIT\b|\bTODO\b|\[More Information Needed\]|\buser/glove-lstm[\w-]*"
)
_OWN_ID = re.compile(r'LightClassifier\.from_pretrained\("([\w.-]+/[\w.-]+)"')
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
# Sections without measurements, free to edit.
_PROSE = ("How to use", "Intended use and misuse", "Training data", "Plots", "Limits", "Citation")
_ANEW = "delete README.md and run again to get a new one"


def put_repo_id(card: str, repo_id: str) -> str:
    """Return the card with another repository id in its examples of use and its model index."""
    own = "|".join([r"user/glove-lstm[\w-]*", *map(re.escape, _OWN_ID.findall(card))])
    before, after = r'(?:model=|from_pretrained\()"|https://huggingface\.co/', r'"|/blob/main/'
    return re.sub(f"({before})(?:{own})(?={after})", rf"\g<1>{repo_id}", card)


def check_card(folder: Path, repo_id: str) -> None:
    """Check README.md of a checkpoint's folder against `metrics.json`; it must show how to load `repo_id`.

    Raises:
        DataError: A part is missing, a placeholder is left, or a figure differs.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    try:
        data = ModelCard(text).data
    except (ValueError, TypeError, KeyError, YAMLError) as error:
        reason = " ".join(str(error).split())
        message = f"The metadata of README.md cannot be read ({reason}); correct them, or {_ANEW}."
        raise DataError(message) from None
    expected = render_card(folder, repo_id=repo_id)
    values = data.to_dict()
    missing = [f"the metadata {name}" for name in _METADATA if not values.get(name)]
    headings = _HEADING.findall(text)
    needed = _HEADING.findall(expected)
    missing += [f"the section {name!r}" for name in needed if name not in headings]
    if missing:
        raise DataError(f"README.md lacks {', '.join(missing)}; add it, or {_ANEW}.")
    allowed = {repo_id, *_PLACEHOLDER.findall(expected)}
    left = next((one for one in _PLACEHOLDER.findall(text) if one not in allowed), None)
    if left:
        raise DataError(f"README.md holds the placeholder {left}; fill it in, or {_ANEW}.")
    if f'"{repo_id}"' not in text:
        raise DataError(f"README.md does not show how to load {repo_id}; add it, or {_ANEW}.")
    _check_figures(text, expected)
    claimed = data.get("eval_results") or []
    measured = ModelCard(expected).data.get("eval_results") or []
    for result in (*claimed, *measured):
        if result not in claimed or result not in measured:
            figure = f"{result.metric_type} {result.metric_value} on {result.dataset_name}"
            message = f"README.md and metrics.json differ in the model index ({figure}); {_ANEW}."
            raise DataError(message)


def _check_figures(text: str, expected: str) -> None:
    """Check that every measured line with a figure is in the text; a line may have additions."""
    _, *parts = _HEADING.split(expected)
    for heading, section in zip(parts[::2], parts[1::2], strict=True):
        for line in [] if heading in _PROSE else section.splitlines():
            if re.search(r"\d", line) and not any(line in other for other in text.splitlines()):
                raise DataError(f"README.md differs from metrics.json: {line} ({_ANEW}).")
