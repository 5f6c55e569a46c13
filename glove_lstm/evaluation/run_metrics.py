"""Measure a trained model: the contents of metrics.json, and the plots."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.baselines import linear_baseline
from glove_lstm.evaluation.metrics import Measures, accuracy_with_interval
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.plots import plot_curves, plot_measured
from glove_lstm.evaluation.unseen import find_unseen
from glove_lstm.inference.decisions import scores_of
from glove_lstm.tables.examples import Examples
from glove_lstm.training.fit import Trained

logger = logging.getLogger(__name__)


def run_metrics(
    trained: Trained, test: Examples | None = None, metrics: MetricsFile | None = None
) -> MetricsFile:
    """Measure a model on its validation texts and on test texts.

    Args:
        trained: The model.
        test: Test texts with the model's logits; None: there are none.
        metrics: The facts, to which the measures are added; None: of texts in memory.
    """
    metrics = metrics or MetricsFile(trained.record)
    if trained.validation is not None:
        seen = 0  # by the model that was measured
        if not trained.record.refitted:
            is_trained, _ = trained.text_record.find(trained.validation.texts)
            seen = int(is_trained.sum())
        metrics.validation = _measure(trained, trained.validation, seen)
    if test is not None:
        unseen, _ = find_unseen(test.texts, trained.text_record)
        metrics.test = _measure(trained, test, len(test) - len(unseen))
    return metrics


def _measure(trained: Trained, texts: Examples, seen: int) -> Measures:
    classifier = trained.classifier
    scores = _scores(trained, texts)
    measures = Measures.of(scores, texts.labels, classifier.label_names, classifier.thresholds)
    # Of a checkpoint that was fine-tuned, the earlier texts may be unknown.
    return replace(measures, seen=seen if trained.text_record.complete else None)


def _scores(trained: Trained, texts: Examples) -> NDArray[np.float64]:
    assert texts.logits is not None
    return scores_of(texts.logits, trained.classifier.problem_type)


def plot_run(trained: Trained, folder: Path, test: Examples | None = None) -> None:
    """Plot the curves of a training and, if its texts have one label each, its scores.

    The scores are those of the test texts, or without test texts those of the validation texts.
    """
    teacher = trained.record.teacher
    learns_logits = teacher is not None and teacher.learned == "logits"
    loss = "squared difference" if learns_logits else "cross-entropy"
    plot_curves(trained.record.history, folder / "curves.png", loss)
    texts = test or trained.validation
    if texts is not None and not texts.is_multi_label:
        names = trained.classifier.label_names
        plot_measured(_scores(trained, texts), texts.labels, names, folder)


def measure_baseline(
    trained: Trained,
    test: Examples | None = None,
    others: Mapping[str, Examples] | None = None,
) -> dict[str, Any] | None:
    """Fit a linear model to the training texts, and return its accuracies; None if nothing can be measured.

    Args:
        trained: The training.
        test: Texts to measure it on; None: the validation texts.
        others: Name -> other texts to measure it on.
    """
    measured = dict(others or {})
    if test is not None:
        measured["test"] = test
    elif trained.validation is not None:
        measured["validation"] = trained.validation
    if not measured:
        logger.warning("There are no texts to measure the baseline on.")
        return None
    texts_learned = list(trained.train.texts)
    labels_learned = trained.train.labels
    if trained.record.refitted and test is not None:
        # The model that is tested has learned from the validation texts, too.
        assert trained.validation is not None
        texts_learned += trained.validation.texts
        labels_learned = np.concatenate([labels_learned, trained.validation.labels])
    model = linear_baseline().fit(texts_learned, labels_learned)
    accuracies = {}
    for name, texts in measured.items():
        accuracies[name] = accuracy_with_interval(model.predict(texts.texts) == texts.labels)
    return accuracies
