"""The metrics of this package as a metric of the library `evaluate`."""

from typing import Any

import datasets
import evaluate

from glove_lstm.evaluation.metrics import basic_measures


class ClassificationMetrics(evaluate.Metric):
    """`basic_measures` as a metric of `evaluate`. It needs no network.

    `predictions` are rows of class probabilities, `references` are class indices.
    """

    def _info(self) -> evaluate.MetricInfo:
        scores = datasets.Sequence(datasets.Value("float64"))
        return evaluate.MetricInfo(
            description=type(self).__doc__ or "",
            citation="",
            inputs_description="class probabilities (n, classes) and class indices (n,)",
            features=datasets.Features(predictions=scores, references=datasets.Value("int64")),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float | None]:
        return basic_measures(predictions, references)
