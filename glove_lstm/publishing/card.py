"""Write a checkpoint's card: the template `model_card.md`, filled from `metrics.json` and `config.json`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment

from glove_lstm.checkpoint import (
    LOADED_NAMES,
    TRAINING_TEXTS_NAME,
    label_names,
    package_resource,
)
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.evaluation.baselines import DESCRIPTIONS
from glove_lstm.evaluation.examples import WIDGET
from glove_lstm.publishing.data_notes import DATA_NOTES, GLOVE_BIBTEX, DataNotes
from glove_lstm.publishing.hub_upload import HUB_ID

# In the section "Training data" of a checkpoint with the record.
RECORD_NOTE = (
    f"`{TRAINING_TEXTS_NAME}` holds an unsalted hash of each text that trained or validated the model: "
    "anyone can test whether a given text is among them."
)

_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}


def write_card(folder: Path, **options: str) -> None:
    """Write README.md into the folder of a checkpoint; see `render_card`."""
    (folder / "README.md").write_text(render_card(folder, **options), encoding="utf-8")


def render_card(
    folder: Path,
    *,
    name: str = "GloVe+LSTM",
    repo_id: str = "user/glove-lstm",
    data_description: str = "",
    license: str = "unknown",
) -> str:
    """Return the card of a checkpoint.

    Args:
        folder: Holds `metrics.json` and `config.json`.
        name: Title of the card.
        repo_id: Repository in the examples of use and the model index; a push replaces it.
        data_description: Training data; empty takes the description in `metrics.json`.
        license: Of the weights, by its id on the Hub.
    """
    metrics = read_checkpoint_json(folder / "metrics.json")
    config = read_checkpoint_json(folder / "config.json")
    labels = list(label_names(folder, config))
    news = set(labels) == {"FAKE", "REAL"}
    size = sum((folder / name).stat().st_size for name in LOADED_NAMES if (folder / name).is_file())
    data = metrics["about"]["data"]
    values = {
        "card_data": _metadata(metrics, name, repo_id, license, news=news).to_yaml(),
        "name": name,
        "repo_id": repo_id,
        "metrics": metrics,
        "config": config,
        "labels": labels,
        "news": news,
        "megabytes": f"{size / 1e6:.1f}",
        "data_description": data_description,
        "record_note": RECORD_NOTE if (folder / TRAINING_TEXTS_NAME).is_file() else "",
        "trained_on": _notes(data),
        "descriptions": DESCRIPTIONS,
        "plots": [path.name for path in folder.glob("plots/*.png")],
        "bibtex": [
            GLOVE_BIBTEX,
            *(one.bibtex for one in _notes(data, *metrics.get("other_data", {}))),
        ],
    }
    environment = Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Markdown, not HTML
    text = package_resource("model_card.md").read_text(encoding="utf-8")
    return environment.from_string(text).render(values).strip() + "\n"


def without_record_note(card: str) -> str:
    """Return a card without the note on the record of training texts, for an upload without that file."""
    return card.replace(f"{RECORD_NOTE}\n\n", "")


def _dataset(name: str) -> tuple[str, str]:
    """Return the type and the name of a dataset in the model index, without names of local files.

    The type is an id on the Hub, a name that no other dataset of the card has, or "unknown" for files.
    """
    hub = re.match(rf"({HUB_ID})(?= \(|$)", name)  # descriptions of files have no slash
    if hub:
        return hub[1], name
    title = name.partition(" from ")[0]
    if "." in title:  # files
        return "unknown", "Unknown"
    short = title.partition(" (")[0].lower()
    known = DATA_NOTES.get(short)
    return known.hub_id if known else re.sub(r"\W+", "-", short), title


def _notes(*descriptions: str) -> list[DataNotes]:
    """Return what we know of the datasets that descriptions name; the name of a file tells nothing."""
    titles = [text.partition(" from ")[0].lower() for text in descriptions]
    named = " ".join(title for title in titles if "." not in title)
    whole = r"(?<![\w-]){}(?![\w-])"  # not as in user/liar-detection
    return [notes for key, notes in DATA_NOTES.items() if re.search(whole.format(key), named)]


def _eval_results(metrics: Mapping[str, Any], repo_id: str) -> list[EvalResult]:
    """Return the metrics for the model index of the Hub, without undefined ones."""
    data = metrics["about"]["data"]
    # With a refit the validation texts measured the first model and then trained this one.
    own = ["test"] if "all" in metrics["about"]["rows"] else ["validation", "test"]
    rows: list[tuple[str | None, str, Any]] = [
        (split, data, metrics[split]) for split in own if split in metrics
    ]
    rows += [(None, name, measures) for name, measures in metrics.get("other_data", {}).items()]
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=_dataset(name)[0],
            dataset_name=_dataset(name)[1],
            dataset_split=split,
            metric_type=hub_name,
            metric_value=round(measures[measure], 4),
            source_name="metrics.json",
            source_url=f"https://huggingface.co/{repo_id}/blob/main/metrics.json",
        )
        for split, name, measures in rows
        for measure, hub_name in _METRICS.items()
        if measures.get(measure) is not None
    ]


def _metadata(
    metrics: Mapping[str, Any], name: str, repo_id: str, license: str, *, news: bool
) -> ModelCardData:
    about = metrics["about"]
    dataset = _dataset(about["data"])[0]
    origin = about.get("fine_tuned_from", "")
    return ModelCardData(
        language="en",
        license=license,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["glove", "lstm", *(["fake-news"] if news else []), "custom_code"],
        datasets=[dataset] if "/" in dataset else None,
        base_model=origin if re.fullmatch(HUB_ID, origin) else None,
        metrics=list(_METRICS.values()),
        model_name=name,
        eval_results=_eval_results(metrics, repo_id) or None,
        widget=[{"example_title": title, "text": text} for title, text in WIDGET] if news else None,
    )
