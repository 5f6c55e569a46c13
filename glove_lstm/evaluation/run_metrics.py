"""Measures of one training: the contents of metrics.json."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.dummy import DummyClassifier

from glove_lstm.errors import first_line
from glove_lstm.evaluation.baselines import BASELINES, DESCRIPTIONS
from glove_lstm.evaluation.examples import classify_examples, measure_speed
from glove_lstm.evaluation.metrics import (
    accuracy_with_interval,
    measure_label_sets,
    measure_with_intervals,
    suggest_threshold,
)
from glove_lstm.evaluation.plots import plot_curves, plot_measured
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import decision_thresholds, scores_of
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult

logger = logging.getLogger(__name__)

Metrics = dict[str, Any]


def run_metrics(result: TrainingResult, test: LabelledTexts | None = None) -> Metrics:
    """Measure a training on its validation texts and on test texts, label the examples, and measure the speed.

    If the texts have sources and one label each, `by_source` has the measures of each source. `seen` is the number of
    measured texts that were used in training; it is missing for test texts if the texts of an earlier training are
    unknown.
    """
    metrics: Metrics = {}
    if result.validation is not None and result.validation_logits is not None:
        measures = _measure(result, result.validation, result.validation_logits)
        measures["seen"] = result.validation_seen
        if not result.validation.is_multi_label:
            scores = scores_of(result.validation_logits, result.model.config.problem_type)
            measures["suggested_threshold"] = suggest_threshold(scores, result.validation.labels)
        metrics["validation"] = measures
    about = dict(result.about)
    if test is not None:
        logits = predict_logits(result.model, result.tokenizer, test.texts)
        metrics["test"] = _measure(result, test, logits)
        about["rows"] = about["rows"] | {"test": len(test)}
        if result.training_texts.complete:
            is_trained, is_validated = result.training_texts.find(test.texts)
            metrics["test"]["seen"] = int((is_trained | is_validated).sum())
    about["speed"] = measure_speed(result.model, result.tokenizer)
    metrics["about"] = about
    metrics["examples"] = classify_examples(result.model, result.tokenizer)
    return metrics


def _measure(result: TrainingResult, texts: LabelledTexts, logits: Any) -> Metrics:
    """Measure the scores of texts; only multi-label models have thresholds."""
    config = result.model.config
    scores = scores_of(logits, config.problem_type)
    thresholds = decision_thresholds(config.to_dict())
    if thresholds is not None:
        return measure_label_sets(scores, texts.labels, thresholds, config.label_names)
    return measure_with_intervals(scores, texts.labels)


def plot_run(result: TrainingResult, folder: Path, test: LabelledTexts | None = None) -> None:
    """Plot the curves of a training and, if its texts have one label each, its scores.

    The scores are those of the test texts, or without test texts those of the validation texts.
    """
    training_loss = "cross-entropy"
    if "distillation" in result.about:
        training_loss = "squared difference"
    plot_curves(result.history, folder / "curves.png", training_loss)
    measured = result.validation
    logits = result.validation_logits
    if test is not None:
        measured = test
        logits = predict_logits(result.model, result.tokenizer, test.texts)
    if measured is None or logits is None or measured.is_multi_label:
        return
    config = result.model.config
    scores = scores_of(logits, config.problem_type)
    plot_measured(scores, measured.labels, config.label_names, folder)


def add_other_data(
    metrics: Metrics, result: TrainingResult, others: Mapping[str, LabelledTexts]
) -> None:
    """Measure the model on other data, and store the measures in `metrics["other_data"]`.

    Args:
        metrics: The result of `run_metrics`, which is changed.
        result: The training.
        others: Name of the data -> texts.
    """
    metrics["other_data"] = {}
    for name, texts in others.items():
        logits = predict_logits(result.model, result.tokenizer, texts.texts)
        scores = scores_of(logits, result.model.config.problem_type)
        metrics["other_data"][name] = measure_with_intervals(scores, texts.labels)


def add_baselines(
    metrics: Metrics,
    result: TrainingResult,
    test: LabelledTexts | None = None,
    others: Mapping[str, LabelledTexts] | None = None,
) -> None:
    """Measure linear models, and store their accuracies in `metrics["baselines"]`.

    If they are measured on test texts, they are trained on all training texts, as the final model is; if on validation
    texts, without these.

    Args:
        metrics: The result of `run_metrics`, which is changed.
        result: The training.
        test: Texts to measure them on; None: the validation texts.
        others: Name -> other texts to measure them on, beside test texts.
    """
    measured: dict[str, LabelledTexts] = {}
    train = result.train
    if test is not None:
        measured = {"test": test, **(others or {})}
    elif result.validation is not None:
        measured = {"validation": result.validation}
        train = result.train
    else:
        logger.warning("There are no texts to measure baselines on.")
        return
    metrics["baselines"] = {}
    for baseline, make in {"majority": DummyClassifier, **BASELINES}.items():
        logger.info("Fitting a baseline: %s", DESCRIPTIONS[baseline])
        try:
            model = make().fit(train.texts, train.labels)
        except ValueError as error:  # such as texts without words
            logger.warning("This baseline is left out: %s.", first_line(error))
            continue
        accuracies = {}
        for name, texts in measured.items():
            is_correct = model.predict(texts.texts) == texts.labels
            accuracies[name] = accuracy_with_interval(is_correct)
        metrics["baselines"][baseline] = accuracies
