"""Measure a trained model: the contents of metrics.json, and the plots."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.dummy import DummyClassifier

from glove_lstm.baselines import BASELINES, DESCRIPTIONS
from glove_lstm.errors import first_line
from glove_lstm.evaluation.metrics import accuracy_with_interval, measure, suggest_threshold
from glove_lstm.evaluation.metrics_file import Measures, MetricsFile
from glove_lstm.evaluation.plots import plot_curves, plot_measured
from glove_lstm.inference.classifier import Classifier
from glove_lstm.inference.decisions import scores_of
from glove_lstm.tables.examples import Examples
from glove_lstm.training.fit import Trained

logger = logging.getLogger(__name__)


def run_metrics(
    trained: Trained,
    test: Examples | None = None,
    *,
    data: str = "texts in memory",
    language: str | None = None,
    license: str | None = None,
) -> MetricsFile:
    """Measure a model on its validation texts and on test texts.

    `seen` is the number of measured texts that were used in training; it is missing if the texts of an earlier training
    are unknown.

    Args:
        trained: The model.
        test: Test texts; None: there are none.
        data: The files or the dataset, in words.
        language: Language of the texts, as a code of the Hub.
        license: Licence of the model, as an id of the Hub.
    """
    validation = None
    if trained.validation is not None:
        validation = _measure_validation(trained, trained.validation)
    return MetricsFile(
        training=trained.record,
        data=data,
        language=language,
        license=license,
        validation=validation,
        test=None if test is None else _measure_test(trained, test),
    )


def _measure_validation(trained: Trained, validation: Examples) -> Measures:
    measures = _measure(trained.classifier, validation)
    if trained.record.validation_seen is not None:
        measures["seen"] = trained.record.validation_seen
    if not validation.is_multi_label:
        scores = scores_of(validation.logits, trained.classifier.problem_type)
        measures["suggested_threshold"] = suggest_threshold(scores, validation.labels)
    return measures


def _measure_test(trained: Trained, test: Examples) -> Measures:
    measures = _measure(trained.classifier, test)
    if trained.text_record.complete:
        is_trained, is_validated = trained.text_record.find(test.texts)
        measures["seen"] = int((is_trained | is_validated).sum())
    return measures


def _measure(classifier: Classifier, texts: Examples) -> Measures:
    scores = scores_of(texts.logits, classifier.problem_type)
    return measure(scores, texts.labels, classifier.label_names, classifier.thresholds)


def plot_run(trained: Trained, folder: Path, test: Examples | None = None) -> None:
    """Plot the curves of a training and, if its texts have one label each, its scores.

    The scores are those of the test texts, or without test texts those of the validation texts.
    """
    teacher = trained.record.teacher
    learns_logits = teacher is not None and teacher.learned == "logits"
    loss = "squared difference" if learns_logits else "cross-entropy"
    plot_curves(trained.record.history, folder / "curves.png", loss)
    texts = test or trained.validation
    classifier = trained.classifier
    if texts is not None and not texts.is_multi_label:
        scores = scores_of(texts.logits, classifier.problem_type)
        plot_measured(scores, texts.labels, classifier.label_names, folder)


def measure_baselines(
    trained: Trained,
    test: Examples | None = None,
    others: Mapping[str, Examples] | None = None,
) -> Measures | None:
    """Fit linear models to the training texts, and return their accuracies; None if nothing can be measured.

    Args:
        trained: The training.
        test: Texts to measure them on; None: the validation texts.
        others: Name -> other texts to measure them on.
    """
    measured = dict(others or {})
    if test is not None:
        measured["test"] = test
    elif trained.validation is not None:
        measured["validation"] = trained.validation
    if not measured:
        logger.warning("There are no texts to measure baselines on.")
        return None
    baselines: dict[str, Any] = {}
    for baseline, make in {"majority": DummyClassifier, **BASELINES}.items():
        logger.info("Fitting a baseline: %s", DESCRIPTIONS[baseline])
        try:
            model = make().fit(trained.train.texts, trained.train.labels)
        except ValueError as error:  # such as texts without words
            logger.warning("This baseline is left out: %s.", first_line(error))
            continue
        accuracies = {}
        for name, texts in measured.items():
            is_correct = model.predict(texts.texts) == texts.labels
            accuracies[name] = accuracy_with_interval(is_correct)
        baselines[baseline] = accuracies
    return baselines
