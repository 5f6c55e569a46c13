"""Write what hub/ has beside a model: remote code, model card, handler, its requirements and the notebook.

python -m benchmarks.hub.hub_code

It copies files and renders the card, without torch. Only this card has examples with their scores, and the paragraphs
of hub_card.md.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from glove_lstm.checkpoint.names import (
    CARD_NAME,
    DEFAULT_CHECKPOINT,
    PLACEHOLDER_ID,
    remote_code,
)
from glove_lstm.evaluation.metrics import Measures, results_table
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.publishing.card import NAME as TITLE
from glove_lstm.publishing.card import render_card
from glove_lstm.publishing.stage import write_hub_files

NAME = "glove-lstm-fake-news"
HUB_CARD = Path(__file__).parent / "hub_card.md"


def main(argv: Sequence[str]) -> None:
    """Update a folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output_dir", type=Path, default=DEFAULT_CHECKPOINT)
    write_hub_code(parser.parse_args(argv).output_dir)


def write_hub_code(folder: Path) -> None:
    """Write code, card, handler, requirements and notebook into a checkpoint."""
    for path in remote_code():
        shutil.copyfile(path, folder / path.name)
    write_hub_files(folder, PLACEHOLDER_ID)
    card = render_card(folder).replace(TITLE, NAME)
    card = _insert(card, before="model-index:", text=_more_metadata(folder))
    own_paragraphs = re.sub(r"<!-- .* -->\n", "", HUB_CARD.read_text(encoding="utf-8"))
    card = _insert(card, before="## Limits", text=f"{own_paragraphs.strip()}\n\n")
    (folder / CARD_NAME).write_text(card, encoding="utf-8")


def _insert(card: str, *, before: str, text: str) -> str:
    """Insert a text before a line of the card."""
    beginning, line, rest = card.partition(f"\n{before}")
    assert line, before
    return f"{beginning}\n{text}{before}{rest}"


def _more_metadata(folder: Path) -> str:
    """Return the examples with their scores, which the Hub's page shows beside the model, as YAML."""
    widget = _widget(MetricsFile.read(folder).others["examples"])
    return str(yaml.safe_dump({"widget": widget}, sort_keys=False, allow_unicode=True))


def _widget(examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the first example of each style and the first error, with their scores."""
    labels = {example["style"] for example in examples}
    widget: dict[str, dict[str, Any]] = {}
    for example in examples:
        title = f"In the style of {example['style']}"
        if example["label"] != example["style"]:
            title += ", labelled wrongly"
        [other] = labels - {example["label"]}
        score = round(example["score"], 4)
        output = [
            {"label": example["label"], "score": score},
            {"label": other, "score": round(1 - score, 4)},
        ]
        widget.setdefault(
            title, {"example_title": title, "text": example["text"], "output": output}
        )
    return list(widget.values())


def fill_other_corpora(
    corpora: Mapping[str, Measures], baseline: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the measures on corpora that the training did not use into hub_card.md.

    Args:
        corpora: Name -> measures.
        baseline: Corpus -> accuracy of the linear model.
    """
    rows = results_table(corpora, baseline)
    table = f"<!-- other_corpora -->\n{rows}\n<!-- end -->"
    card = HUB_CARD.read_text(encoding="utf-8")
    card = re.sub(r"<!-- other_corpora -->.*?<!-- end -->", lambda _: table, card, flags=re.DOTALL)
    HUB_CARD.write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
