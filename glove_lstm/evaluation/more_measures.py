"""Measures beyond a run's own splits: other data, baselines, robustness, the recipe's benchmark."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.baselines import BASELINES, DESCRIPTIONS, predict_with_baseline
from glove_lstm.evaluation.metrics import accuracy_with_interval, measure_with_intervals
from glove_lstm.evaluation.robustness import measure_model_robustness, summarize
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import softmax
from glove_lstm.training.experiment import Experiment, joined_texts

if TYPE_CHECKING:
    from benchmarks.corpora import Texts

logger = logging.getLogger(__name__)


def add_other_data(experiment: Experiment, others: "Mapping[str, Texts]") -> None:
    """Measure the model on data of other kinds, into `metrics["other_data"]`."""
    found = {}
    for name, texts in others.items():
        logits = predict_logits(experiment.model, experiment.tokenizer, texts.titles, texts.bodies)
        found[name] = measure_with_intervals(softmax(logits), np.array(texts.labels))
    experiment.metrics["other_data"] = found


def add_baselines(experiment: Experiment, others: "Mapping[str, Texts] | None" = None) -> None:
    """Measure the linear models on the same splits (and on other data), into `metrics["baselines"]`."""
    tests = {name: list(joined_texts(experiment.splits[name])) for name in experiment.labels}
    labels = dict(experiment.labels)
    for name, other in (others or {}).items():
        tests[name], labels[name] = other.joined(), np.array(other.labels)
    train = experiment.splits["train"]
    texts, numbers = list(joined_texts(train)), train["label"][:]
    found: dict[str, Any] = {}
    for baseline in ("majority", *BASELINES):
        logger.info("Fitting a baseline: %s", DESCRIPTIONS[baseline])
        predicted = predict_with_baseline(baseline, texts, numbers, tests)
        found[baseline] = {
            name: accuracy_with_interval(rows == labels[name]) for name, rows in predicted.items()
        }
    experiment.metrics["baselines"] = found


def add_robustness(experiment: Experiment, split: str) -> None:
    """Measure the model on perturbed texts of a split, into `metrics["robustness"]`."""
    texts = list(joined_texts(experiment.splits[split]))
    found = measure_model_robustness(experiment.model, experiment.tokenizer, texts, experiment.labels[split])
    experiment.metrics["robustness"] = {**found, "summary": f"on the {split} texts, {summarize(found)}"}


def add_recipe(metrics: dict[str, Any], benchmark: Path | None) -> None:
    """Put what `python -m benchmarks.benchmark accuracy --json` wrote into `metrics["recipe"]`.

    Raises:
        DataError: The file cannot be read, or holds no results.
    """
    if benchmark is None:
        return
    try:
        recipe = json.loads(benchmark.read_text(encoding="utf-8"))
        complete = all("accuracy" in found for models in recipe.values() for found in models.values())
    except (OSError, ValueError, AttributeError, TypeError):
        complete = False
    if not complete:
        raise DataError(f"{benchmark} is not a file that benchmark.py accuracy --json wrote.")
    metrics["recipe"] = recipe
