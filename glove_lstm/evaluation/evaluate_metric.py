"""The metrics of this package as a metric of the library `evaluate`."""

from typing import Any

import datasets
import evaluate
import numpy as np

from glove_lstm.errors import DataError
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
        scores = np.asarray(predictions, dtype=np.float64)
        sums = scores.sum(axis=1)
        if scores.min() < 0 or not np.allclose(sums, 1, atol=1e-3):
            raise DataError(
                "predictions must be probabilities, whose rows sum to 1; give no logits."
            )
        labels = np.asarray(references)
        last = scores.shape[1] - 1
        if labels.min() < 0 or labels.max() > last:
            raise DataError(f"references must be from 0 to {last}, as predictions have columns.")
        return basic_measures(scores, labels)
