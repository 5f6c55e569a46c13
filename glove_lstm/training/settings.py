"""The settings of a training: a preset, and the values that differ from it.

settings = make_settings("default", glove="6B.50d", num_train_epochs=4)
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from glove_lstm.errors import DataError
from glove_lstm.options import check_names, check_options, option

# Values that differ from the defaults of `Settings`.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # The recipe that was published with 91.79 % validation accuracy on fake_or_real_news, for articles; the tokenizer
    # variant without stop words and punctuation is named after it. Two things differ: padding is masked (the published
    # network pools over it), and the loss is softmax cross-entropy (the published network has independent sigmoids).
    "article": {
        "glove": "6B.100d",
        "tokenizer_variant": "article",
        "vocab_size": 100_000,
        "max_seq_length": 1000,
        "truncation_side": "left",
        "type_embedding_size": 0,
        "character_buckets": 0,
        "hidden_size": 60,
        "lstm_length": 0,
        "ngram_buckets": 0,
        "embedding_dropout": 0.0,
        "dropout": 0.1,
        "freeze_embeddings": True,
        "num_train_epochs": 10.0,
        "per_device_train_batch_size": 128,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "adam_epsilon": 1e-7,
        "weight_decay": 0.0,
        "label_smoothing_factor": 0.0,
        "validation_fraction": 0.2,
        "corrupted_share": 0.0,
    },
}
_OF_TOKENIZER = ("glove", "tokenizer_variant", "vocab_size", "max_seq_length", "truncation_side")
_OF_NETWORK = (
    "type_embedding_size",
    "character_buckets",
    "hidden_size",
    "lstm_length",
    "classifier_hidden_size",
    "ngram_buckets",
)
_OF_TRAINED_NETWORK = ("embedding_dropout", "dropout", "freeze_embeddings")
# These do not decide what a model learns, or a record says them elsewhere.
_NOT_RECORDED = ("preset", "glove", "model_name_or_path", "revision", "use_cpu", "report_to")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a training. Those that are None follow from the texts, from a teacher or from a checkpoint."""

    preset: str = option(
        "default",
        "The preset whose values stand in for those that are not given.",
        choices=list(PRESETS),
    )
    glove: str = option(
        "6B.50d",
        "A name such as 6B.50d, a file (.txt, .vec, .gz, .zip), or none: vectors are drawn at random.",
    )
    tokenizer_variant: str = option(
        "default",
        "How text is cleaned; article drops stop words and punctuation.",
        choices=["default", "article"],
    )
    vocab_size: int = option(
        50_000,
        "Maximal number of rows of the word embedding; above 125 classes it shrinks, to no fewer than 10,000, because "
        "the n-gram classifier has a weight for each word and class.",
        least=3,
    )
    max_seq_length: int = option(2048, "Maximal number of tokens of a text.", least=1)
    truncation_side: str = option(
        "right", "Side on which long texts are cut.", choices=["right", "left"]
    )
    model_name_or_path: str | None = option(
        None, "A checkpoint to fine-tune, a folder or an id on the Hub."
    )
    revision: str | None = option(
        None, "Commit, tag or branch of the checkpoint to fine-tune, on the Hub."
    )
    type_embedding_size: int | None = option(
        None,
        "Width of the learned embedding of word shapes; 0: shapes are not read; default: 16, but 0 in scripts without "
        "upper case.",
        least=0,
    )
    character_buckets: int = option(
        8192,
        "Rows of the table of character n-gram vectors, whose mean is added to the vector of an unknown word; 0: "
        "characters are not read.",
        least=0,
    )
    hidden_size: int = option(64, "Units of the LSTM.", least=1)
    lstm_length: int = option(128, "Leading tokens that the LSTM reads; 0: all.", least=0)
    classifier_hidden_size: int = option(50, "Units of the dense layer before the logits.", least=1)
    ngram_buckets: int | None = option(
        None,
        "Rows of the table of the linear n-gram classifier, before those of words; 0: there is none; default: as many "
        "as 12 MB hold with the words and classes, at most 1,048,576.",
        least=0,
    )
    embedding_dropout: float | None = option(
        None,
        "Dropout of the LSTM's input; default: 0.3, but 0.1 where a teacher's logits are learned.",
        least=0,
        below=1,
    )
    dropout: float | None = option(
        None,
        "Dropout of the pooled vector, and after the dense layer; default: as --embedding_dropout.",
        least=0,
        below=1,
    )
    freeze_embeddings: bool | None = option(
        None, "Whether training leaves word vectors as they are; default: False."
    )
    num_train_epochs: float | None = option(
        None, "Passes over the texts; default: by the numbers of texts and classes.", above=0
    )
    per_device_train_batch_size: int | None = option(
        None, "Texts in a batch; default: by the number of texts.", least=1
    )
    learning_rate: float | None = option(
        None,
        "Learning rate after the warm-up; default: grows with the root of the batch size.",
        least=0,
    )
    embedding_learning_rate: float | None = option(
        None,
        "Learning rate of the word vectors; default: a fraction of --learning_rate.",
        least=0,
    )
    lr_scheduler_type: str = option(
        "linear",
        "linear: the learning rates warm up in a tenth of the steps, then fall to 0; constant: they stay.",
        choices=["linear", "constant"],
    )
    weight_decay: float = option(
        0.01, "Weight decay of AdamW, of matrices but for word vectors.", least=0
    )
    adam_epsilon: float = option(1e-8, "Epsilon of AdamW.", least=0)
    label_smoothing_factor: float = option(
        0.1, "Smoothing of the labels of texts that have one label each.", least=0, most=1
    )
    validation_fraction: float | None = option(
        None,
        "Share of the training texts that is held out to calibrate the scores, if no validation texts are given; 0: "
        "none; default: a twentieth, at least 50 and at most 2,000 texts, but never more than a tenth; where classes "
        "have fewer than 100 texts on average, a fifth, and the calibrated model is trained anew on all texts. With a "
        "teacher, fewer than 2,000 labelled texts (100, if it learns no labels) and more unlabelled ones, the share, "
        "by default a tenth and at most 1,000 texts, is of the unlabelled ones.",
        least=0,
        below=1,
    )
    corrupted_share: float = option(
        0.5,
        "Share of the texts that each epoch replaces by a corrupted copy: typing errors, another case, no punctuation, "
        "dropped words, cut ends, or a passage of one to five sentences. If it is not 0, the n-grams also learn from a "
        "copy of each text; of more than 25,000 texts, from copies of 25,000. If the model learns a teacher's logits, "
        "only the n-grams and the calibration use copies.",
        least=0,
        most=1,
    )
    ngram_c: float | None = option(
        None,
        "C of the n-grams' SVM; default: chosen on 75 or more held-out texts, else 1.",
        above=0,
    )
    seed: int = option(42, "Seed of all that is random.", least=0, most=(1 << 32) - 1)
    use_cpu: bool = option(False, "Whether to train on the CPU where there is a GPU, too.")
    report_to: str = option(
        "none", "Where the Trainer logs, too, such as wandb or tensorboard, if it is installed."
    )

    def __post_init__(self) -> None:
        check_options(self)

    def recorded(self, config: Any) -> dict[str, Any]:
        """Return the settings that decide what a model learns, those of the network as its config has them."""
        values = asdict(self)
        for name in (*_OF_NETWORK, *_OF_TRAINED_NETWORK):
            values[name] = getattr(config, name)
        left_out = set(_NOT_RECORDED)
        if self.model_name_or_path is not None:  # the checkpoint has its own tokenizer
            left_out.update(_OF_TOKENIZER)
        return {
            name: value
            for name, value in values.items()
            if value is not None and name not in left_out
        }


SETTING_NAMES = [setting.name for setting in fields(Settings)]


def make_settings(preset: str = "default", **values: Any) -> Settings:
    """Make settings from a preset and the values that differ from it.

    Args:
        preset: "default" or "article".
        **values: Fields of `Settings`; None keeps the value of the preset.

    Raises:
        DataError: An unknown preset or argument, or a value that is refused.
    """
    check_names(values, SETTING_NAMES)
    given = {}
    for name, value in values.items():
        if value is not None:
            given[name] = value.item() if isinstance(value, np.generic) else value
    if "model_name_or_path" in given:
        for name in (*_OF_TOKENIZER, *_OF_NETWORK):
            if name in given:
                raise DataError(
                    f"With model_name_or_path, leave {name} out: the checkpoint has its own tokenizer and network."
                )
    elif "revision" in given:
        raise DataError(
            "revision is of the checkpoint to fine-tune, model_name_or_path; name it, or give the revision of the "
            "data as dataset_revision."
        )
    of_preset = dict(PRESETS.get(str(preset), {}))
    if "learning_rate" in given and "embedding_learning_rate" in of_preset:
        of_preset["embedding_learning_rate"] = given["learning_rate"]  # in a preset, they are equal
    return Settings(preset=preset, **(of_preset | given))
