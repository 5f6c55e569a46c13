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


@dataclass
class MetricsFile:
    """The contents of metrics.json."""

    training: TrainingRecord
    data: str = "texts in memory"  # the files or the dataset, in words
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
        measured = {"test": self.test, "validation": self.validation}
        return {split: measures for split, measures in measured.items() if measures is not None}

    def write(self, folder: Path) -> None:
        """Write the file into the folder of a checkpoint. Sections without a value are left out."""
        sections = {
            **{split: measures.to_json() for split, measures in self.splits.items()},
            "baseline": self.baseline,
            "robustness": self.robustness,
            "data": {
                "description": self.data,
                "language": self.language,
                "license": self.license,
                "dataset_id": self.dataset_id,
                "is_news": self.is_news,
            },
            "training": self.training.to_json(),
            **self.others,
        }
        values = {name: section for name, section in sections.items() if section is not None}
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
            for split in values.keys() & {"test", "validation"}:
                facts[split] = Measures(**values.pop(split))
            facts["training"] = TrainingRecord.from_json(values.pop("training"))
            facts |= {name: values.pop(name, None) for name in ("baseline", "robustness")}
            return cls(**facts, others=values)
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is not from a training of this version ({error}): get the checkpoint again, or remove it."
            ) from None
