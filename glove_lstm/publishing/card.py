"""The model card: the template `model_card.md`, filled from metrics.json and config.json."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from glove_lstm.checkpoint.checkpoint import read_label_names
from glove_lstm.checkpoint.names import (
    CARD_NAME,
    CONFIG_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    PLACEHOLDER_ID,
    PLOT_NAMES,
    TOKENIZER_CONFIG_NAME,
)
from glove_lstm.evaluation.metrics import results_table
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.robustness import robustness_table
from glove_lstm.files import package_resource, read_checkpoint_json
from glove_lstm.inference.promise import DEFAULT_ACCURACY, promise

NAME = "GloVe+LSTM text classifier"  # the title

_HUB_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}
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
    max_length = tokenizer.get("model_max_length") or _NO_TRUNCATION
    loaded = [folder / loaded_name for loaded_name in LOADED_NAMES]
    size = sum(path.stat().st_size for path in loaded if path.is_file())
    card = ModelCard.from_template(
        ModelCardData(**_metadata(metrics, repo_id)),
        template_str=package_resource("model_card.md").read_text(encoding="utf-8"),
        name=NAME,
        repo_id=repo_id,
        labels=_listed_labels(read_label_names(folder, config)),
        config=config,
        sure=_sure(config.get("held_out_scores")),
        max_length=max_length if max_length < _NO_TRUNCATION else None,
        truncation_side=tokenizer.get("truncation_side"),
        megabytes=f"{size / 1e6:.1f}",
        plots=[plot for plot in PLOT_NAMES if (folder / plot).is_file()],
        metrics=metrics,
        data="" if metrics is None else _plain(metrics.data),
        **_measured(metrics),
    )
    # Sections that are left out leave blank lines.
    return re.sub(r"\n{3,}", "\n\n", str(card)).strip() + "\n"


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
    if metrics.is_news:
        tags.append("fake-news")
    if metrics.training.teacher is not None:
        tags.append("distilled")
    start = metrics.training.fine_tuned_from or ""
    metadata |= {
        "language": metrics.language,
        "license": metrics.license,
        "base_model": start if "/" in start else None,  # a folder is recorded without its parents
        "datasets": [metrics.dataset_id] if metrics.dataset_id else None,
    }
    results = []
    for split, measures in metrics.splits.items():
        for name, hub_name in _HUB_METRICS.items():
            value = getattr(measures, name)
            if value is None:
                continue
            result = EvalResult(
                task_type="text-classification",
                dataset_type=metrics.dataset_id or "unknown",
                dataset_name=metrics.data,
                dataset_split=split,
                metric_type=hub_name,
                metric_value=round(value, 4),
                source_name=METRICS_NAME,
                source_url=f"https://huggingface.co/{repo_id}/blob/main/{METRICS_NAME}",
            )
            results.append(result)
    if results:
        metric_names = dict.fromkeys(result.metric_type for result in results)
        metadata |= {"model_name": NAME, "eval_results": results, "metrics": list(metric_names)}
    return metadata


def _measured(metrics: MetricsFile | None) -> dict[str, Any]:
    """Return what the template has of the measures."""
    if metrics is None or not metrics.splits:
        return {"results": "Not measured."}
    first, *_ = metrics.splits.values()
    return {
        "results": results_table(metrics.splits, metrics.baseline or {}),
        "remarks": [_plain(remark) for remark in first.remarks()],
        "robustness": robustness_table(metrics.robustness or {}),
    }


def _sure(held_out: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what the template says of the held-out labels that are not unsure; None if all or none of them are."""
    if held_out is None or held_out["sure_from"] is None:
        return None
    *_, [_, all_texts, _] = held_out["rows"]
    [(score, texts, mistakes)] = [
        row for row in held_out["rows"] if row[0] == held_out["sure_from"]
    ]
    return {
        "score": f"{score:.4f}",
        "coverage": f"{100 * texts / all_texts:.1f} %",
        "accuracy": f"{100 * (1 - mistakes / texts):.1f} %",
        "promise": promise(held_out, DEFAULT_ACCURACY),
    }


def _listed_labels(labels: Sequence[str]) -> str:
    listed = ", ".join(_plain(label) for label in labels[:_MOST_LABELS])
    if len(labels) > _MOST_LABELS:
        return f"{len(labels)} labels: {listed}, ..."
    return listed


def _plain(text: str) -> str:
    """Escape a text of the user, such as a label, that must not be read as Markdown or HTML."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]])", r"\\\1", one_line).replace("<", "&lt;")
