"""The rows of `python -m benchmarks.benchmark speed`: what is to be reached, the table, and the JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glove_lstm.data.whole_files import whole_file


@dataclass(frozen=True)
class Goal:
    """What a ratio must be.

    Attributes:
        floor: What must be held.
        reach: Where we want to stand.
        larger: Whether a larger ratio is the better one.
    """

    floor: float
    reach: float
    larger: bool = False

    def holds(self, ratio: float, limit: float) -> bool:
        """Whether a ratio is on the good side of the floor or of the reach."""
        return ratio >= limit if self.larger else ratio <= limit


GOALS = {
    "train": Goal(0.8, 0.5),
    "bulk_article": Goal(1.3, 2, larger=True),
    "bulk_default": Goal(0.6, 1, larger=True),
    "bulk_transformer": Goal(100, 200, larger=True),
    "single_article": Goal(1, 0.7),
    "single_default": Goal(3, 1),
    "cold_start_seconds": Goal(0.08, 0.05),
    "cold_start_memory": Goal(0.2, 0.15),
    "growth_time": Goal(17, 17),
    "growth_memory": Goal(1.5, 1.5),
}
WORKS = tuple(GOALS)


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        work: Of `WORKS`.
        ours: Our value, in `unit`.
        peer: What it is compared with, in words.
        peer_value: Its value, in `unit`; None where the peer is not installed.
        unit: Of both values.
        note: What else there is to say, such as the accuracies.
        reach_allowed: Whether what the reach asks for beside the ratio is there.
    """

    work: str
    ours: float
    peer: str
    peer_value: float | None
    unit: str
    note: str = ""
    reach_allowed: bool = True

    @property
    def ratio(self) -> float | None:
        """Our value over the peer's."""
        return None if self.peer_value is None else self.ours / self.peer_value

    @property
    def verdict(self) -> str:
        """Whether floor and reach are held."""
        goal, ratio = GOALS[self.work], self.ratio
        if ratio is None:
            return "not measured"
        if goal.holds(ratio, goal.reach) and self.reach_allowed:
            return "reached"
        return "held" if goal.holds(ratio, goal.floor) else "MISSED"

    def as_json(self) -> dict[str, Any]:
        """The values that `--json` writes."""
        names = ("work", "ours", "peer", "peer_value", "ratio", "unit")
        return {name: getattr(self, name) for name in names}


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| work | ours | peer | its value | unit | ratio | floor | reach | verdict | |",
        "|" + "---|" * 10,
    ]
    for row in rows:
        goal = GOALS[row.work]
        sign = "≥" if goal.larger else "≤"
        cells = [
            row.work,
            _figure(row.ours),
            row.peer,
            _figure(row.peer_value),
            row.unit,
            _figure(row.ratio),
            f"{sign} {goal.floor:g}",
            f"{sign} {goal.reach:g}",
            row.verdict,
            row.note,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as a list of objects; the file is whole or not there."""
    with whole_file(path) as part:
        part.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n", encoding="utf-8")


def _figure(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
