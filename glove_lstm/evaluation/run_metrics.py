"""Measures of one training run, as `metrics.json` holds them."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sklearn.dummy import DummyClassifier

from glove_lstm.data.files import first_line
from glove_lstm.evaluation.baselines import BASELINES, DESCRIPTIONS
from glove_lstm.evaluation.examples import classify_examples, measure_speed
from glove_lstm.evaluation.metrics import (
    accuracy_with_interval,
    measure_label_sets,
    measure_sources,
    measure_with_intervals,
)
from glove_lstm.evaluation.plots import plot_curves, plot_measured
from glove_lstm.inference.prediction import predict_probabilities
from glove_lstm.inference.scores import decision_thresholds, scores_of
from glove_lstm.training.experiment import Experiment
from glove_lstm.training.training_texts import TrainingTexts, joined_texts

logger = logging.getLogger(__name__)

Metrics = dict[str, Any]


def run_metrics(experiment: Experiment) -> Metrics:
    """Measure a run on its own splits, its examples and its speed.

    A split with a column of sources gets the measures of each, `by_source`.
    """
    metrics: Metrics = {}
    config = experiment.model.config
    thresholds = decision_thresholds(config.to_dict())
    for split, logits in experiment.logits.items():
        scores, labels = scores_of(logits, config.problem_type), experiment.labels[split]
        if thresholds:
            metrics[split] = measure_label_sets(scores, labels, thresholds, config.label_names)
            continue
        metrics[split] = measure_with_intervals(scores, labels)
        metrics[split] |= measure_sources(scores, labels, experiment.splits[split])
    if "test" in metrics and experiment.training_texts.complete:
        seen = experiment.training_texts.find(joined_texts(experiment.splits["test"]))
        metrics["test"]["seen"] = int(np.logical_or(*seen).sum())
    if "validation" in metrics and len(experiment.splits["validation"]):
        train = TrainingTexts.of(joined_texts(experiment.splits["train"]), ())
        seen = train.find(joined_texts(experiment.splits["validation"]))
        metrics["validation"]["seen"] = int(seen[0].sum())
    speed = measure_speed(experiment.model, experiment.tokenizer)
    metrics["about"] = {**experiment.record, "speed": speed}
    metrics["examples"] = classify_examples(experiment.model, experiment.tokenizer)
    return metrics


def plot_run(experiment: Experiment, metrics: Metrics, folder: Path) -> None:
    """Draw the curves of training and, if a split was measured, the plots of its scores."""
    plot_curves(experiment.history, folder / "curves.png")
    split = next((split for split in ("test", "validation") if split in metrics), None)
    if split is None or experiment.labels[split].ndim == 2:
        return
    config = experiment.model.config
    scores = scores_of(experiment.logits[split], config.problem_type)
    plot_measured(scores, experiment.labels[split], config.label_names, folder)


def add_other_data(metrics: Metrics, experiment: Experiment, others: Mapping[str, Dataset]) -> None:
    """Measure the model on data of other kinds, into `metrics["other_data"]`."""
    metrics["other_data"] = {}
    for name, rows in others.items():
        texts, labels = list(joined_texts(rows)), np.array(rows["label"][:])
        scores = predict_probabilities(experiment.model, experiment.tokenizer, texts)
        metrics["other_data"][name] = measure_with_intervals(scores, labels)


def add_baselines(
    metrics: Metrics, experiment: Experiment, others: Mapping[str, Dataset] | None = None
) -> None:
    """Measure the linear models on the test texts, else the validation texts, and on other data.

    They learn from the same texts as the model that was measured on these. The result is `metrics["baselines"]`.
    """
    own = experiment.splits
    measured = [name for name in ("test", "validation") if name in experiment.labels][:1]
    train = own["train"] if measured == ["validation"] else own.get("all", own["train"])
    splits = {name: own[name] for name in measured} | dict(others or {})
    tests = {name: list(joined_texts(split)) for name, split in splits.items()}
    labels = {name: np.array(split["label"][:]) for name, split in splits.items()}
    texts, numbers = list(joined_texts(train)), train["label"][:]
    if not tests:
        logger.warning("There are no texts to measure baselines on.")
        return
    metrics["baselines"] = {}
    for baseline, make in {"majority": DummyClassifier, **BASELINES}.items():
        logger.info("Fitting a baseline: %s", DESCRIPTIONS[baseline])
        try:
            classify = make().fit(texts, numbers).predict
        except ValueError as error:  # such as texts without words
            logger.warning("This baseline is left out: %s.", first_line(error))
            continue
        metrics["baselines"][baseline] = {
            name: accuracy_with_interval(classify(rows) == labels[name])
            for name, rows in tests.items()
        }
