"""Tables of docs/benchmarks.md, made from the results in benchmarks/results: `python -m benchmarks.tables`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.models import describe
from benchmarks.records import SHOWN, markdown_table

Results = dict[str, dict[str, dict[str, Any]]]

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def accuracy_table(results: Results) -> str:
    """Format accuracy and measures of scores; the name of a model that is ahead of `default` is bold."""
    heads = [
        "task",
        "model",
        "accuracy (95 % interval)",
        "difference to `default`, p, p after Holm",
    ]
    heads += ["balanced accuracy", "AUC", "calibration error", "seeds", "sources"]
    rows = []
    for task, models in results.items():
        best = max((row["accuracy"]["mean"] for row in models.values()), default=0.0)
        for model, row in models.items():
            means = [
                f"{row[name]['mean']:.3f}" if name in row else ""
                for name in ("balanced_accuracy", "auc", "ece")
            ]
            versus = row.get("versus_default")
            found = row["accuracy"]
            ahead = versus["mean"] > 0 if versus else found["mean"] == best
            accuracy = f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
            sources = row["made_by"]["sources"][:SHOWN]
            cells = [f"**{accuracy}**" if ahead else accuracy, _versus(versus), *means]
            rows.append([task, describe(model), *cells, str(row["seeds"]), sources])
    return markdown_table(heads, rows)


def _versus(versus: Mapping[str, Any] | None) -> str:
    return "{mean:+.3f}, {p:.2g}, {p_holm:.2g}".format(**versus) if versus else ""
