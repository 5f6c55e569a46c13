"""Write a checkpoint's card: the template `model_card.md`, filled from `metrics.json` and `config.json`."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment

from glove_lstm.evaluation.baselines import DESCRIPTIONS
from glove_lstm.evaluation.examples import WIDGET
from glove_lstm.inference.checkpoint_files import ONNX_NAME, WEIGHTS_NAME
from glove_lstm.publishing.data_notes import DATA_NOTES, GLOVE_BIBTEX

_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}
LOADED_FILES = (WEIGHTS_NAME, "config.json", "tokenizer.json", "tokenizer_config.json")
_HUB_ID = r"[\w.-]+/[\w.-]+"


def write_card(folder: Path, **options: str) -> None:
    """Write README.md into the folder of a checkpoint; see `render_card`."""
    (folder / "README.md").write_text(render_card(folder, **options), encoding="utf-8")


def render_card(
    folder: Path,
    *,
    name: str = "GloVe+LSTM",
    repo_id: str = "user/glove-lstm",
    data_description: str = "",
) -> str:
    """Return the card of a checkpoint.

    Args:
        folder: Holds `metrics.json` and `config.json`.
        name: Title of the card.
        repo_id: Repository in the examples of use; a push replaces it.
        data_description: Training data; empty takes the description in `metrics.json`.
    """
    metrics, config = (
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("metrics.json", "config.json")
    )
    labels = [config["id2label"][key] for key in sorted(config["id2label"], key=int)]
    news = set(labels) == {"FAKE", "REAL"}
    size = sum((folder / name).stat().st_size for name in LOADED_FILES if (folder / name).is_file())
    data = metrics["about"]["data"].lower()
    mentioned = " ".join([data, *metrics.get("other_data", {})]).lower()
    cited = [notes.bibtex for key, notes in DATA_NOTES.items() if key in mentioned]
    values = {
        "card_data": _metadata(metrics, name, news=news).to_yaml(),
        "name": name,
        "repo_id": repo_id,
        "metrics": metrics,
        "config": config,
        "labels": labels,
        "news": news,
        "megabytes": f"{size / 1e6:.1f}",
        "onnx": (folder / ONNX_NAME).is_file(),
        "data_description": data_description,
        "trained_on": [notes for key, notes in DATA_NOTES.items() if key in data],
        "descriptions": DESCRIPTIONS,
        "plots": [path.name for path in folder.glob("plots/*.png")],
        "bibtex": [GLOVE_BIBTEX, *cited],
    }
    environment = Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Markdown, not HTML
    template = Path(__file__).resolve().parents[1] / "model_card.md"
    if not template.is_file():  # in the package in a wheel, beside it in a clone
        template = template.parents[1] / template.name
    text = template.read_text(encoding="utf-8")
    return environment.from_string(text).render(values).strip() + "\n"


def _eval_results(metrics: Mapping[str, Any]) -> list[EvalResult]:
    """Return the metrics for the model index of the Hub, without undefined ones."""
    data = metrics["about"]["data"]
    rows: list[tuple[str | None, str, Any]] = [
        (split, data, metrics[split]) for split in ("validation", "test") if split in metrics
    ]
    rows += [(None, name, measures) for name, measures in metrics.get("other_data", {}).items()]
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=re.sub(r"\W+", "_", name.lower()).strip("_")[:60],
            dataset_name=name,
            dataset_split=split,
            metric_type=hub_name,
            metric_value=round(measures[measure], 4),
        )
        for split, name, measures in rows
        for measure, hub_name in _METRICS.items()
        if math.isfinite(measures.get(measure, math.nan))
    ]


def _metadata(metrics: Mapping[str, Any], name: str, *, news: bool) -> ModelCardData:
    about = metrics["about"]
    dataset = re.match(rf"{_HUB_ID}(?= \(|$)", about["data"])  # descriptions of files have no slash
    origin = about.get("fine_tuned_from", "")
    return ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["glove", "lstm", *(["fake-news"] if news else []), "custom_code"],
        datasets=[dataset[0]] if dataset else None,
        base_model=origin if re.fullmatch(_HUB_ID, origin) else None,
        metrics=list(_METRICS.values()),
        model_name=name,
        eval_results=_eval_results(metrics) or None,
        widget=[{"example_title": title, "text": text} for title, text in WIDGET] if news else None,
    )
