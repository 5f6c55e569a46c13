"""The settings of a training: a preset, the values that differ from it, and the schedule by the number of texts.

settings = make_settings("default", glove="6B.50d", num_train_epochs=4)
"""

import copy
import difflib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from math import ceil
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase
from transformers.trainer_utils import IntervalStrategy

from glove_lstm.errors import DataError, first_line
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.training.arguments import (
    REFUSED,
    GloveLstmTrainingArguments,
    ModelArguments,
    TokenizerArguments,
)

logger = logging.getLogger(__name__)

PRESETS: dict[str, dict[str, Any]] = {
    # The recipe that was published with 91.79 % validation accuracy on fake_or_real_news, for articles; the tokenizer
    # variant without stop words and punctuation is named after it. Two things differ: padding is masked (the published
    # network pools over it), and the loss is softmax cross-entropy (the published network has independent sigmoids).
    "article": {
        "tokenizer_variant": "article",
        "vocab_size": 100_000,
        "max_seq_length": 1000,
        "truncation_side": "left",
        "hidden_size": 60,
        "classifier_hidden_size": 50,
        "dropout": 0.1,
        "freeze_embeddings": True,
        "validation_fraction": 0.2,
        "num_train_epochs": 10,
        "per_device_train_batch_size": 128,
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "embedding_learning_rate": 1e-3,
        "adam_epsilon": 1e-7,
        "weight_decay": 0.0,
    },
    "default": {
        "vocab_size": 50_000,
        "max_seq_length": 2048,
        "type_embedding_size": 16,
        "character_buckets": 8192,
        "hidden_size": 64,
        "lstm_length": 128,
        "classifier_hidden_size": 50,
        "ngram_buckets": 1_048_576,
        "embedding_dropout": 0.3,
        "dropout": 0.3,
        "freeze_embeddings": False,
        "corrupted_share": 0.5,
        "warmup_steps": 0.1,  # of all steps
        "weight_decay": 0.01,
        "label_smoothing_factor": 0.1,
        # Epochs, batch size and learning rates follow from the number of texts; see `default_hyperparameters`.
    },
}

# Defaults that differ from the Trainer's.
_DEFAULTS: dict[str, Any] = {
    "report_to": "none",
    "remove_unused_columns": False,  # our batches are not rows of columns
    "dataloader_pin_memory": torch.cuda.is_available(),
    # Without it, torchrun without a GPU would train a separate model in each process.
    "use_cpu": not torch.accelerator.is_available(),
    "logging_strategy": "epoch",
    "eval_strategy": "epoch",
    "save_strategy": "no",
    "per_device_eval_batch_size": 64,
    "output_dir": "out",  # of the command; the Trainer works in a temporary folder
}

_DESCRIBED = (  # in metrics.json and on the card
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "learning_rate",
    "embedding_learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "optim",
    "weight_decay",
    "adam_epsilon",
    "label_smoothing_factor",
    "max_grad_norm",
    "corrupted_share",
    "seed",
    "data_seed",
)
_DESCRIBED_IF_GIVEN = (  # there, too, if they were asked for
    "validation_fraction",
    "adam_beta1",
    "adam_beta2",
    "optim_args",
    "lr_scheduler_kwargs",
    "neftune_noise_alpha",
    "dataloader_drop_last",
)

GROUPS = (TokenizerArguments, ModelArguments, GloveLstmTrainingArguments)


def _names_of(group: type[Any]) -> list[str]:
    return [argument.name for argument in fields(group)]


SETTING_NAMES = [name for group in GROUPS for name in _names_of(group)]


@dataclass(frozen=True)
class Settings:
    """All arguments of a training, except the texts and their weights."""

    preset: str
    tokenizer: TokenizerArguments
    model: ModelArguments
    training: GloveLstmTrainingArguments
    given: frozenset[str] = frozenset()  # names of the values that were asked for

    def for_targets(
        self,
        text_count: int,
        *,
        kind: str,
        has_validation: bool,
        new_labels: bool,
    ) -> "Settings":
        """Return settings with the values that follow from what a model learns.

        Args:
            text_count: Number of texts that the LSTM learns from.
            kind: Kind of the targets; see `Targets`. Only labels are smoothed.
            has_validation: Whether validation texts are measured after each epoch.
            new_labels: Whether it is a checkpoint that is fine-tuned on other labels.
        """
        training = copy.copy(self.training)
        # A Trainer changes the config of its Accelerator; settings must not share it.
        training.accelerator_config = copy.deepcopy(training.accelerator_config)
        devices = training.world_size * max(1, training.n_gpu)
        values = default_hyperparameters(
            text_count,
            devices * training.gradient_accumulation_steps,
            training.per_device_train_batch_size,
            on_logits=kind == "logits",
            new_labels=new_labels,
        )
        if training.learning_rate is not None:
            # The learning rate of the word vectors keeps its ratio to the learning rate of the LSTM.
            ratio = values["embedding_learning_rate"] / values["learning_rate"]
            values["embedding_learning_rate"] = training.learning_rate * ratio
        for name, value in values.items():
            if getattr(training, name) is None:
                setattr(training, name, value)
        if kind != "labels":
            if "label_smoothing_factor" in self.given and training.label_smoothing_factor:
                logger.warning(
                    "Only single labels are smoothed: label_smoothing_factor has no effect here."
                )
            training.label_smoothing_factor = 0.0
        if not has_validation:
            training.eval_strategy = IntervalStrategy.NO
            training.eval_on_start = False
        return replace(self, training=training)

    def described(
        self, tokenizer: PreTrainedTokenizerBase, config: GloveLstmConfig
    ) -> dict[str, Any]:
        """Return the arguments that decide the result, as plain values, with those that the model has in the end."""
        options: dict[str, Any] = {}
        given = [name for name in _DESCRIBED_IF_GIVEN if name in self.given]
        for name in (*_DESCRIBED, *given):
            value = getattr(self.training, name)
            if isinstance(value, Enum):
                value = value.value
            options[name] = value
        if self.model.model_name_or_path is None:
            options |= asdict(self.tokenizer)
            # The record names the vectors elsewhere, without the folders of this machine.
            del options["glove"]
        options["max_seq_length"] = tokenizer.model_max_length
        options["truncation_side"] = tokenizer.truncation_side
        options |= self.model.config_values()
        if "type_embedding_size" in options:
            options["type_embedding_size"] = config.type_embedding_size
        if config.freeze_embeddings:
            del options["embedding_learning_rate"]
        options["dropout"] = config.dropout
        options["embedding_dropout"] = config.embedding_dropout
        return options


def make_settings(preset: str = "default", **values: Any) -> Settings:
    """Make settings from a preset and the values that differ from it.

    Args:
        preset: "default" or "article".
        **values: Fields of `TokenizerArguments`, `ModelArguments` and `GloveLstmTrainingArguments`; None keeps the
            value of the preset.

    Raises:
        DataError: An unknown preset or argument, or a value that is refused.
    """
    if not isinstance(preset, str) or preset not in PRESETS:
        names = ", ".join(sorted(PRESETS))
        raise DataError(f"preset must be one of {names}, not {preset!r}.")
    check_names(values, SETTING_NAMES)
    given = {}
    for name, value in values.items():
        if value is not None:
            given[name] = value.item() if isinstance(value, np.generic) else value
    _check_given(given)
    defaults = _DEFAULTS | PRESETS[preset] | _strategies(given)
    if "learning_rate" in given:  # that of the word vectors follows from it
        defaults.pop("embedding_learning_rate", None)
    if "model_name_or_path" in given:  # the checkpoint has its own tokenizer and shape
        kept = _names_of(GloveLstmTrainingArguments)
        defaults = {name: value for name, value in defaults.items() if name in kept}
    chosen = defaults | given
    if "embedding_learning_rate" in given and chosen.get("freeze_embeddings"):
        raise DataError(
            "embedding_learning_rate is for word vectors that are trained; leave it out."
        )
    return Settings(
        preset,
        _make_group(TokenizerArguments, chosen),
        _make_group(ModelArguments, chosen),
        _make_group(GloveLstmTrainingArguments, chosen),
        frozenset(given),
    )


def _strategies(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return when the Trainer logs and evaluates, where that follows from values that are given."""
    strategies: dict[str, Any] = {}
    for kind in ("logging", "eval"):
        if f"{kind}_steps" in given:
            strategies[f"{kind}_strategy"] = "steps"
    return strategies


def _check_given(given: Mapping[str, Any]) -> None:
    """Raise a DataError if a value is of an argument that does not exist here, or does not fit the others."""
    for name, reason in REFUSED.items():
        if given.get(name, False) is not False:
            raise DataError(f"{name} does not exist here: {reason}. Leave it out.")
    if "model_name_or_path" in given:
        for name in _names_of(TokenizerArguments):
            if name in given and name != "max_seq_length":
                raise DataError(
                    f"With model_name_or_path, leave {name} out: the checkpoint has its own tokenizer and vectors."
                )
    elif "revision" in given:
        raise DataError(
            "revision is of the checkpoint to fine-tune, model_name_or_path; name it, or give the revision of the "
            "data as dataset_revision."
        )


def check_names(names: Iterable[str], known: Sequence[str]) -> None:
    """Raise a DataError if an argument is unknown."""
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known, n=1, cutoff=0.65)
            hint = "leave it out."
            if similar:
                hint = f"did you mean {similar[0]}?"
            raise DataError(f"There is no argument {name}; {hint}")


def _make_group(group: type[Any], values: Mapping[str, Any]) -> Any:
    """Make a dataclass of arguments from the values that belong to it."""
    own = {name: values[name] for name in _names_of(group) if name in values}
    try:
        return group(**own)
    except (ValueError, TypeError, ImportError) as error:
        raise DataError(f"{first_line(error)}.") from None


@dataclass(frozen=True)
class _Plan:
    """Epochs and learning rates by the number of texts. The rates warm up, and then fall linearly to 0."""

    texts_read: int  # by all epochs together, if the epochs are within the limits
    most_epochs: int
    fewest_epochs: int
    # For batches of 32 texts. Rates grow with the root of the batch size, as the noise of a gradient falls with it.
    learning_rate: float
    embedding_learning_rate: float


_ON_LABELS = _Plan(
    texts_read=50_000,
    most_epochs=8,
    fewest_epochs=2,
    learning_rate=7e-3,
    embedding_learning_rate=3e-3,
)
# A checkpoint whose labels are replaced has to unlearn what it attended to: the LSTM needs twice the epochs.
_ON_NEW_LABELS = replace(_ON_LABELS, texts_read=100_000, most_epochs=16)
# The logits of a teacher are harder to overfit than labels.
_ON_LOGITS = _Plan(
    texts_read=600_000,
    most_epochs=10,
    fewest_epochs=3,
    learning_rate=2e-3,
    embedding_learning_rate=2e-3,
)
_FEWEST_STEPS = 100
_REFERENCE_BATCH_SIZE = 32  # texts
_SMALL_BATCH = 32  # texts, for up to `_FEW_TEXTS` training texts
_FEW_TEXTS = 5_000
_LARGE_BATCH = 64
_BATCH_ON_LOGITS = 128


def default_hyperparameters(
    text_count: int,
    batches_per_step: int,
    batch_size: int | None,
    *,
    on_logits: bool = False,
    new_labels: bool = False,
) -> dict[str, Any]:
    """Return the epochs, the batch size and the learning rates for a number of training texts.

    Few texts need many steps: at least 100, even if that takes more than the plan's epochs. Many texts need fewer
    passes. DECISIONS.md has the measurements.

    Args:
        text_count: Number of training texts.
        batches_per_step: Devices times accumulated batches.
        batch_size: Texts of a batch; None: by the number of texts.
        on_logits: Whether the model learns the logits of a teacher.
        new_labels: Whether a checkpoint is fine-tuned on other labels than its own.
    """
    plan = _ON_LABELS
    if on_logits:
        plan = _ON_LOGITS
    elif new_labels:
        plan = _ON_NEW_LABELS
    if batch_size is None:
        if on_logits:
            batch_size = _BATCH_ON_LOGITS
        elif text_count <= _FEW_TEXTS:
            batch_size = _SMALL_BATCH
        else:
            batch_size = _LARGE_BATCH
    texts_of_step = batch_size * batches_per_step

    epochs = round(plan.texts_read / text_count)
    epochs = min(max(epochs, plan.fewest_epochs), plan.most_epochs)
    epochs_for_fewest_steps = ceil(_FEWEST_STEPS * texts_of_step / text_count)
    epochs_for_fewest_steps = min(epochs_for_fewest_steps, _FEWEST_STEPS)  # each has a step
    rate_factor = (texts_of_step / _REFERENCE_BATCH_SIZE) ** 0.5
    return {
        "num_train_epochs": max(epochs, epochs_for_fewest_steps),
        "per_device_train_batch_size": batch_size,
        "learning_rate": plan.learning_rate * rate_factor,
        "embedding_learning_rate": plan.embedding_learning_rate * rate_factor,
    }
