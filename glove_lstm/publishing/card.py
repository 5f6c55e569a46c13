"""Render the model card: `model_card.md` with the facts of a checkpoint."""

import hashlib
import logging
import re
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from glove_lstm.checkpoint import CARD_NAME, package_resource
from glove_lstm.publishing.card_facts import PLACEHOLDER_ID, CardFacts

logger = logging.getLogger(__name__)

# The last line of a rendered card starts with these words and holds the hash of the text above it. A push compares the
# hash to find out whether somebody edited the card. Keep the words: cards that other versions rendered have them.
_SEAL = "<!-- Rendered by glove-lstm. A push renders it again, unless the text above was edited. SHA-256: "


def write_card(folder: Path, repo_id: str = PLACEHOLDER_ID) -> None:
    """Render the card of a checkpoint into its folder."""
    (folder / CARD_NAME).write_text(render_card(folder, repo_id), encoding="utf-8")


def keeps_card(folder: Path) -> bool:
    """Return whether a folder has a card that somebody has edited, which is then kept; the log says so."""
    path = folder / CARD_NAME
    if not path.is_file():
        return False
    card = path.read_bytes().decode("utf-8", errors="replace")
    if is_rendered(card):
        return False
    logger.warning("%s was edited and is kept; delete it to get a new card.", path)
    return True


def render_card(folder: Path, repo_id: str = PLACEHOLDER_ID) -> str:
    """Return the card of the checkpoint in `folder` for the repository `repo_id`.

    Raises:
        DataError: metrics.json or config.json cannot be read.
    """
    facts = CardFacts.of(folder, repo_id)
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = package_resource("model_card.md").read_text(encoding="utf-8")
    text = environment.from_string(template).render(vars(facts))
    # Sections that are left out leave blank lines.
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return _sealed(f"{text}\n\n")


def is_rendered(card: str) -> bool:
    """Return whether a card is exactly as `render_card` made it, in this or another version."""
    text, _, _ = card.rpartition(_SEAL)
    return card == _sealed(text)


def _sealed(text: str) -> str:
    """Append the line with the hash."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return f"{text}{_SEAL}{digest} -->\n"
