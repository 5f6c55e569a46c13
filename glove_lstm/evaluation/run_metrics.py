"""Measures of one training: the contents of metrics.json."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.dummy import DummyClassifier

from glove_lstm.errors import first_line
from glove_lstm.evaluation.baselines import BASELINES, DESCRIPTIONS
from glove_lstm.evaluation.metrics import accuracy_with_interval, measure, suggest_threshold
from glove_lstm.evaluation.plots import plot_curves, plot_measured
from glove_lstm.evaluation.speed import measure_speed
from glove_lstm.inference.classifier import Classifier
from glove_lstm.inference.decisions import scores_of
from glove_lstm.inference.torch_classifier import TorchClassifier
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult

logger = logging.getLogger(__name__)

Metrics = dict[str, Any]


def run_metrics(result: TrainingResult, test: LabelledTexts | None = None) -> Metrics:
    """Measure a training on its validation texts and on test texts, and measure the speed.

    `seen` is the number of measured texts that were used in training; it is missing for test texts if the texts of an
    earlier training are unknown.
    """
    classifier = TorchClassifier.of(result.model, result.tokenizer)
    metrics: Metrics = {}
    if result.validation is not None and result.validation_logits is not None:
        measures = _measure(classifier, result.validation, result.validation_logits)
        measures["seen"] = result.validation_seen
        if classifier.thresholds is None:
            scores = scores_of(result.validation_logits, classifier.problem_type)
            measures["suggested_threshold"] = suggest_threshold(scores, result.validation.labels)
        metrics["validation"] = measures
    about = dict(result.about)
    if test is not None:
        metrics["test"] = _measure(classifier, test, classifier.predict_logits(test.texts))
        about["rows"] = about["rows"] | {"test": len(test.texts)}
        if result.training_texts.complete:
            is_trained, is_validated = result.training_texts.find(test.texts)
            metrics["test"]["seen"] = int((is_trained | is_validated).sum())
    about["speed"] = measure_speed(classifier)
    metrics["about"] = about
    return metrics


def _measure(classifier: Classifier, texts: LabelledTexts, logits: Any) -> Metrics:
    scores = scores_of(logits, classifier.problem_type)
    return measure(scores, texts.labels, classifier.label_names, classifier.thresholds)


def plot_run(result: TrainingResult, folder: Path, test: LabelledTexts | None = None) -> None:
    """Plot the curves of a training and, if its texts have one label each, its scores.

    The scores are those of the test texts, or without test texts those of the validation texts.
    """
    training_loss = "cross-entropy"
    if "distillation" in result.about:
        training_loss = "squared difference"
    plot_curves(result.history, folder / "curves.png", training_loss)
    classifier = TorchClassifier.of(result.model, result.tokenizer)
    if classifier.thresholds is not None:
        return
    measured = result.validation
    logits = result.validation_logits
    if test is not None:
        measured = test
        logits = classifier.predict_logits(test.texts)
    if measured is None or logits is None:
        return
    scores = scores_of(logits, classifier.problem_type)
    plot_measured(scores, measured.labels, classifier.label_names, folder)


def add_baselines(
    metrics: Metrics,
    result: TrainingResult,
    test: LabelledTexts | None = None,
    others: Mapping[str, LabelledTexts] | None = None,
) -> None:
    """Fit linear models to the training texts, and store their accuracies in `metrics["baselines"]`.

    Args:
        metrics: The result of `run_metrics`, which is changed.
        result: The training.
        test: Texts to measure them on; None: the validation texts.
        others: Name -> other texts to measure them on.
    """
    measured = dict(others or {})
    if test is not None:
        measured["test"] = test
    elif result.validation is not None:
        measured["validation"] = result.validation
    if not measured:
        logger.warning("There are no texts to measure baselines on.")
        return
    metrics["baselines"] = {}
    for baseline, make in {"majority": DummyClassifier, **BASELINES}.items():
        logger.info("Fitting a baseline: %s", DESCRIPTIONS[baseline])
        try:
            model = make().fit(result.train.texts, result.train.labels)
        except ValueError as error:  # such as texts without words
            logger.warning("This baseline is left out: %s.", first_line(error))
            continue
        accuracies = {}
        for name, texts in measured.items():
            is_correct = model.predict(texts.texts) == texts.labels
            accuracies[name] = accuracy_with_interval(is_correct)
        metrics["baselines"][baseline] = accuracies
