"""metrics.json: how a model was made, and how it measures."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint.names import METRICS_NAME
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import Measures
from glove_lstm.files import read_checkpoint_json
from glove_lstm.training.record import TrainingRecord

_SPLITS = ("test", "validation")
_OF_TEXTS = ("baseline", "robustness")
_FACTS = ("language", "license", "dataset_id", "is_news")


@dataclass
class MetricsFile:
    """The contents of metrics.json."""

    training: TrainingRecord
    data: str  # the files or the dataset, in words
    language: str | None = None  # of the texts, as a code of the Hub
    license: str | None = None  # of the model, as an id of the Hub
    dataset_id: str | None = None  # on the Hub
    is_news: bool = False  # whether they are FakeOrRealNews, whose labels name the kind of source
    validation: Measures | None = None
    test: Measures | None = None
    baseline: dict[str, Any] | None = None  # name of texts -> accuracy of a linear model
    robustness: dict[str, Any] | None = None  # alteration of the test texts -> accuracy
    others: dict[str, Any] = field(default_factory=dict)  # sections that only hub/ has

    @property
    def splits(self) -> dict[str, Measures]:
        """The measured splits, the most trustworthy one first."""
        measured = {split: getattr(self, split) for split in _SPLITS}
        return {split: measures for split, measures in measured.items() if measures is not None}

    def write(self, folder: Path) -> None:
        """Write the file into the folder of a checkpoint. Sections without a value are left out."""
        values: dict[str, Any] = {
            split: measures.to_json() for split, measures in self.splits.items()
        }
        for section in _OF_TEXTS:
            if getattr(self, section) is not None:
                values[section] = getattr(self, section)
        facts = {name: getattr(self, name) for name in _FACTS}
        values["data"] = {"description": self.data, **facts}
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
        try:
            facts = values.pop("data")
            facts["data"] = facts.pop("description")
            for split in _SPLITS:
                if split in values:
                    facts[split] = Measures(**values.pop(split))
            for section in _OF_TEXTS:
                facts[section] = values.pop(section, None)
            training = TrainingRecord.from_json(values.pop("training"))
            return cls(training, others=values, **facts)
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is not from a training of this version ({error}): get the checkpoint again, or remove it."
            ) from None
