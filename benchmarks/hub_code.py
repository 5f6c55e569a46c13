"""Write what hub/ has beside a model: remote code, model card, handler, its requirements and the notebook.

python -m benchmarks.hub_code

It copies files and renders the card, without torch. hub_card.md has the paragraphs that only this checkpoint needs.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT, PLACEHOLDER_ID, remote_code
from glove_lstm.printable import markdown_table
from glove_lstm.publishing.card import write_card
from glove_lstm.publishing.stage import write_hub_files

NAME = "glove-lstm-fake-news"
HUB_CARD = Path(__file__).parent / "hub_card.md"
_COLUMNS = (
    "corpus",
    "number",
    "accuracy",
    "95 % interval",
    "best linear model",
    "largest class",
    "macro F1",
    "calibration error",
)


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
    own_paragraphs = HUB_CARD.read_text(encoding="utf-8")
    own_paragraphs = re.sub(r"<!-- .* -->\n", "", own_paragraphs)
    write_card(folder, name=NAME, own_paragraphs=own_paragraphs)


def fill_other_corpora(
    corpora: Mapping[str, Mapping[str, Any]], baselines: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the measures on corpora that the training did not use into hub_card.md.

    Args:
        corpora: Name -> measures.
        baselines: Name of a baseline -> corpus -> measures.
    """
    rows = []
    for name, measures in corpora.items():
        low, high = measures["accuracy_interval"]
        linear = [
            of[name]["accuracy"] for baseline, of in baselines.items() if baseline != "majority"
        ]
        row = [
            name,
            f"{measures['rows']:,}",
            f"{measures['accuracy']:.4f}",
            f"{low:.4f}-{high:.4f}",
            f"{max(linear):.4f}",
            f"{measures['majority_share']:.4f}",
            f"{measures['f1']:.4f}",
            f"{measures['ece']:.4f}",
        ]
        rows.append(row)
    table = f"<!-- other_corpora -->\n{markdown_table(_COLUMNS, rows)}\n<!-- end -->"
    card = HUB_CARD.read_text(encoding="utf-8")
    card = re.sub(r"<!-- other_corpora -->.*?<!-- end -->", lambda _: table, card, flags=re.DOTALL)
    HUB_CARD.write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
