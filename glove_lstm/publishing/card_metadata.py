"""The YAML at the top of the model card, from which the Hub makes tags, examples and a table of results."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from huggingface_hub import EvalResult, ModelCardData

from glove_lstm.checkpoint import THUMBNAIL_NAME
from glove_lstm.evaluation.examples import WIDGET
from glove_lstm.publishing.card_run import CardRun
from glove_lstm.publishing.data_notes import DATA_NOTES, title_of_data
from glove_lstm.publishing.hub_upload import HUB_ID

_HUB_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}


def metadata(run: CardRun, name: str, license: str, repo_id: str) -> str:
    """Return the YAML.

    Args:
        run: The training.
        name: Name of the model.
        license: An id of the Hub's list of licences.
        repo_id: Repository of the card.
    """
    values: dict[str, Any] = {
        "language": "en",
        "license": license,
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["glove", "lstm", "custom_code"],
    }
    if run.news:
        values["tags"].insert(2, "fake-news")
    widget = _widget(run)
    if widget:
        values["widget"] = widget
    if run.has_thumbnail:
        values["thumbnail"] = f"https://huggingface.co/{repo_id}/resolve/main/{THUMBNAIL_NAME}"
    hub_id = _id_on_hub(run.about["data"])
    if hub_id:
        values["datasets"] = [hub_id]
    origin = run.about.get("fine_tuned_from", "")
    if re.fullmatch(HUB_ID, origin):
        values["base_model"] = origin
    results = _eval_results(run, repo_id)
    if results:
        values["model_name"] = name
        values["eval_results"] = results
        values["metrics"] = list(_HUB_METRICS.values())
    return str(ModelCardData(**values).to_yaml())


def _widget(run: CardRun) -> list[dict[str, Any]]:
    """Return titles with their scores. The Hub shows them if no inference provider serves the model.

    Only models with the labels FAKE and REAL have examples.
    """
    widget = []
    for example in run.metrics.get("examples", []):
        text = example["text"]
        if run.news and text in WIDGET:
            [other_label] = [label for label in run.labels if label != example["label"]]
            score = round(example["score"], 4)
            output = [
                {"label": example["label"], "score": score},
                {"label": other_label, "score": round(1 - score, 4)},
            ]
            widget.append({"example_title": WIDGET[text], "text": text, "output": output})
    return widget


def _id_on_hub(description: str) -> str | None:
    """Return the id by which a dataset was loaded from the Hub, or None if it came from elsewhere.

    `open_dataset` describes a dataset of the Hub as "user/data" or "user/data (CONFIG)", and a folder as "./folder".
    Descriptions of files have no slash.
    """
    name = description.partition(" (")[0]
    is_folder = name.startswith("./")
    if is_folder or not re.fullmatch(HUB_ID, name):
        return None
    return name


class _Dataset(NamedTuple):
    """A dataset in the table of results."""

    type: str
    name: str


def _dataset(description: str) -> _Dataset:
    """Return the dataset of a description or of a name in `other_data`, without names of local files and folders.

    The type is an id on the Hub, from the description or from the notes of a built-in dataset, or else a single word:

        description                      type               name
        "user/data (en)"                 "user/data"        "user/data (en)"
        "liar (two) from train.tsv"      "ucsbnlp/liar"     "liar (two)"
        "veritas"                        "veritas"          "veritas"
        "Titles and headlines"           "unknown"          "Titles and headlines"
        "train a.csv, test b.csv"        "unknown"          "Unknown"
    """
    hub_id = _id_on_hub(description)
    if hub_id:
        return _Dataset(hub_id, description)
    title = title_of_data(description)
    if not title:
        return _Dataset("unknown", "Unknown")
    name = title.partition(" (")[0].lower()
    notes = DATA_NOTES.get(name)
    if notes is not None and notes.hub_id:
        return _Dataset(notes.hub_id, title)
    is_one_word = re.fullmatch(r"[\w-]+", name)
    if is_one_word:
        return _Dataset(name, title)
    return _Dataset("unknown", title)


def _eval_results(run: CardRun, repo_id: str) -> list[EvalResult]:
    """Return the measures of the model of the checkpoint."""
    splits = ["validation", "test"]
    if run.refitted:
        splits = ["test"]  # only the first model was measured on the validation texts
    results = []
    for split in splits:
        if split in run.metrics:
            results += _results_on(run.about["data"], split, run.metrics[split], repo_id)
    for data, measures in run.other_data.items():
        results += _results_on(data, None, measures, repo_id)
    return results


def _results_on(
    data: str, split: str | None, measures: Mapping[str, Any], repo_id: str
) -> list[EvalResult]:
    dataset = _dataset(data)
    results = []
    for measure, hub_name in _HUB_METRICS.items():
        value = measures.get(measure)
        if value is not None:
            result = EvalResult(
                task_type="text-classification",
                dataset_type=dataset.type,
                dataset_name=dataset.name,
                dataset_split=split,
                metric_type=hub_name,
                metric_value=round(value, 4),
                source_name="metrics.json",
                source_url=f"https://huggingface.co/{repo_id}/blob/main/metrics.json",
            )
            results.append(result)
    return results
