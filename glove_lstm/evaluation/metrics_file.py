"""metrics.json: how a model was made, and how it measures; and what must be said beside these measures."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint.names import METRICS_NAME
from glove_lstm.errors import DataError, counted, shown
from glove_lstm.files import read_checkpoint_json
from glove_lstm.training.record import TrainingRecord

Measures = dict[str, Any]  # of a split; see `evaluation.metrics`

_SECTIONS = ("validation", "test", "baselines", "robustness")
# Datasets whose labels FAKE and REAL name the source of a news text. classifier.js has the same pattern.
_NEWS_DATA = re.compile(r"\bfake_or_real_news\b|\bliar \(two\)")
_SKEWED = 0.8  # from this share of the largest class on, accuracy hides the other classes


@dataclass
class MetricsFile:
    """The contents of metrics.json.

    Attributes:
        training: How the model was made.
        data: The files or the dataset, in words.
        language: Language of the texts, as a code of the Hub; None: not given.
        license: Licence of the model, as an id of the Hub; None: not given.
        validation: Measures of the validation texts; None: there are none.
        test: Measures of the test texts; None: there are none.
        baselines: Linear model -> split -> its accuracy with an interval.
        robustness: Alteration -> measures of the altered test texts.
        others: Further sections, which only `hub/` has.
    """

    training: TrainingRecord
    data: str
    language: str | None = None
    license: str | None = None
    validation: Measures | None = None
    test: Measures | None = None
    baselines: Measures | None = None
    robustness: Measures | None = None
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, Measures]:
        """The measured splits, the most trustworthy one first."""
        measured = {"test": self.test, "validation": self.validation}
        return {split: measures for split, measures in measured.items() if measures is not None}

    def write(self, folder: Path) -> None:
        """Write the file into the folder of a checkpoint. Sections without a value are left out."""
        values: dict[str, Any] = {}
        for name in _SECTIONS:
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        values["data"] = {
            "description": self.data,
            "language": self.language,
            "license": self.license,
        }
        values["training"] = self.training.to_json()
        values |= self.others
        text = json.dumps(values, indent=2, ensure_ascii=False)
        (folder / METRICS_NAME).write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "MetricsFile | None":
        """Read the file of a checkpoint; None if it has none, as one that transformers' Trainer saved.

        Raises:
            DataError: The file is damaged, or is not from a training of this package.
        """
        path = folder / METRICS_NAME
        if not path.is_file():
            return None
        values = read_checkpoint_json(path)
        sections = {name: values.pop(name, None) for name in _SECTIONS}
        try:
            training = TrainingRecord.from_json(values.pop("training"))
            data = values.pop("data")
            return cls(
                training,
                data["description"],
                data["language"],
                data["license"],
                **sections,
                others=values,
            )
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{path} is not from a training of this version ({error}): get the checkpoint again, or remove it."
            ) from None


def describes_news(description: str) -> bool:
    """Return whether a description of data, `MetricsFile.data`, names a dataset of fake and real news."""
    return _NEWS_DATA.search(description) is not None


def remarks(measures: Mapping[str, Any], *, advise: bool) -> list[str]:
    """Return sentences about the measures of a split; none if classes are even and the model beats the largest one.

    Args:
        measures: See `evaluation.metrics.measure`.
        advise: Whether to advise to weigh the classes in training; not if they were, or if that is unknown.
    """
    sentences = []
    majority = measures["majority_share"]
    rarest = measures.get("rarest")
    if rarest is not None and _SKEWED < majority < 1:
        sentence = (
            f"The largest class has {majority:.1%} of the texts, which hides the others in the accuracy: macro F1 is "
            f"{measures['f1']:.4f}, and the recall of the rarest label, {shown(rarest['label'])} "
            f"({counted(rarest['rows'], 'text')}), is {rarest['recall']:.4f}."
        )
        if advise:
            sentence += " A training with --class_weight balanced finds more of its texts."
        sentences.append(sentence)
    lowest, _ = measures["accuracy_interval"]
    if lowest <= majority:
        sentences.append(
            "The accuracy is not better than that of always answering the largest class, "
            f"{majority:.4f}: its interval begins at {lowest:.4f}."
        )
    return sentences
