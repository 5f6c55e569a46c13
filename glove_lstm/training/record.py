"""What a training records: metrics.json, the model card, the log and the benchmarks read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class CalibrationRecord:
    """How the scores were calibrated.

    Attributes:
        texts: Number of texts; the model that was calibrated did not learn from them.
        labels_of: Whose labels the texts have: "people", or "teacher" if unlabelled texts calibrate.
        temperature: The logits are divided by it.
        shrinkage: Known tokens at which the logits of a text are halved; 0: short texts are not shrunk.
        ngram_weight: Weight of the n-grams' logits beside those of the LSTM; None: the model has no n-grams.
    """

    texts: int
    labels_of: str
    temperature: float
    shrinkage: float
    ngram_weight: float | None


@dataclass(frozen=True)
class TeacherRecord:
    """What a model learned from a teacher.

    Attributes:
        name: Id on the Hub, the name of its folder, or the name of a function.
        kind: "classifier", "encoder" or "function".
        revision: Commit on the Hub; None: it is not from the Hub.
        license: Licence that its model card states.
        learned: What the model learned of it: "logits" or "best labels".
        temperature: The teacher's logits were divided by it.
        texts: Number of texts from which the LSTM learned.
        copies: Altered copies among them.
        unlabelled: Texts without labels among them.
        agreement: Share of the calibration texts that model and teacher give the same label; None: there are none.
        settings: Of a teacher that learned the labels, such as the C of its regression.
    """

    name: str
    kind: str
    revision: str | None
    license: str | None
    learned: str
    temperature: float
    texts: int
    copies: int
    unlabelled: int
    agreement: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRecord:
    """How a model was made.

    Attributes:
        preset: Name of the preset.
        options: Arguments that decide the result; those that follow from the number of texts as they were used.
        train_texts: Number of labelled texts that the model learned from.
        validation_texts: Number of labelled texts that were held out or given, to calibrate and measure it.
        glove: Name of the word vectors; None: the model was fine-tuned.
        vocabulary_with_vectors: Share of the vocabulary that has a word vector.
        fine_tuned_from: Checkpoint where training started.
        label_weights: Weight of each label in the loss; None: 1.
        ngram_c: C of the n-grams' SVM; None: the model has no n-grams, or they learned nothing.
        epochs: Passes over the texts.
        history: The Trainer's log: loss, learning rate and measures, by epoch; of the first model, if it was refitted.
        calibration: None: the scores are not calibrated.
        teacher: None: the model learned labels alone.
        parameters: Number of parameters.
        hardware: What it was trained on.
        versions: Of glove_lstm, torch and transformers.
        seconds: Time of the whole training, with that of the teacher.
        refitted: Whether a first model was calibrated and measured on the validation texts, and the model then trained
            anew on all texts, these included.
    """

    preset: str
    options: dict[str, Any]
    train_texts: int
    validation_texts: int
    glove: str | None
    vocabulary_with_vectors: float | None
    fine_tuned_from: str | None
    label_weights: dict[str, float] | None
    ngram_c: float | None
    epochs: float
    history: list[dict[str, Any]]
    calibration: CalibrationRecord | None
    teacher: TeacherRecord | None
    parameters: int
    hardware: str
    versions: dict[str, str]
    seconds: float
    refitted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the record as metrics.json holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TrainingRecord":
        """Return the record that `to_json` wrote.

        Raises:
            TypeError: A field is missing, or unknown.
        """
        nested = dict(values)
        for name, kind in (("calibration", CalibrationRecord), ("teacher", TeacherRecord)):
            if nested.get(name) is not None:
                nested[name] = kind(**nested[name])
        return cls(**nested)
