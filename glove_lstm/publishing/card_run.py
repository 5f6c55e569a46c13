"""The training that a model card describes: metrics.json and config.json of its checkpoint."""

from pathlib import Path
from typing import Any

from glove_lstm.checkpoint import THUMBNAIL_NAME, read_label_names
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.publishing.card_markdown import listed
from glove_lstm.training.ngrams import FEWEST_FOR_C


class CardRun:
    """metrics.json and config.json of a checkpoint, and the values that several sections of the card need.

    With `refit`, a training has two models. The first model was measured on the validation texts. The final model was
    then trained on all texts, the validation texts included, and is the model of the checkpoint.

    Only the shipped checkpoint has `other_data` (measures on other corpora), `robustness` and `card` in its
    metrics.json; benchmarks/make_hub.py adds them.
    """

    def __init__(self, folder: Path) -> None:
        """Read the files.

        Raises:
            DataError: A file cannot be read.
        """
        self.folder = folder
        self.metrics = read_checkpoint_json(folder / "metrics.json")
        self.config = read_checkpoint_json(folder / "config.json")
        self.labels = read_label_names(folder, self.config)
        self.news = set(self.labels) == {"FAKE", "REAL"}
        self.about = self.metrics["about"]
        self.arguments = self.about["arguments"]
        self.baselines = self.metrics.get("baselines") or {}
        self.other_data = self.metrics.get("other_data") or {}
        self.distillation = self.about.get("distillation")
        self.validated = "validation" in self.metrics
        # There are a first and a final model.
        self.refitted = "all" in self.about["rows"]
        # No source of the validation texts was among the training texts.
        self.has_unseen_sources = self.validated and self.about.get("validation_by") == "source"
        self.unseen_sources_phrase = "sources unseen in training"
        if self.refitted:
            self.unseen_sources_phrase = "sources unseen by the first model"

        # Name of a split or of other data -> its measures.
        self.measured: dict[str, dict[str, Any]] = {}
        for split in ("validation", "test"):
            if split in self.metrics:
                self.measured[split] = self.metrics[split]
        self.measured |= self.other_data

        # The split in the first table of the card.
        self.split = ""
        if "test" in self.metrics:
            self.split = "test"
        elif self.validated:
            self.split = "validation"
        # The calibration error of this split is the reference for the other texts. Validation texts of unseen sources
        # are preferred, because they are most like new data.
        self.reference_split = self.split
        if self.has_unseen_sources:
            self.reference_split = "validation"

        self.has_thumbnail = (folder / THUMBNAIL_NAME).is_file()

    def title(self, name: str) -> str:
        """Return a name of `measured`, with a remark on validation texts of unseen sources or of the first model."""
        if name == "validation" and self.has_unseen_sources:
            return f"validation ({self.unseen_sources_phrase})"
        if name == "validation" and self.refitted:
            return "validation (first model)"
        return name

    @property
    def chosen_on_validation(self) -> str:
        """Return what was chosen on the validation texts. Figures on them are optimistic because of these choices."""
        chosen = []
        if self.distillation:
            chosen.append("the weights of the teachers")
        if self.about.get("best_step") is not None:
            chosen.append("the epoch")
        has_ngrams = bool(self.about.get("ngram_weight"))
        is_c_given = bool(self.arguments.get("ngram_c"))
        has_enough_texts = self.about["rows"].get("validation", 0) >= FEWEST_FOR_C
        if has_ngrams and not is_c_given and has_enough_texts:
            chosen.append("C of the n-gram classifier")
        chosen.append("the calibration")
        return listed(chosen)
