"""The arguments of a training, named as in transformers' `run_classification.py`.

recipe = make_recipe("default", glove="6B.50d", num_train_epochs=4)
"""

import copy
import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from math import inf
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase, TrainingArguments

from glove_lstm.errors import DataError
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.training.presets import PRESETS, copies_of_each, schedule


def option(default: Any, help: str, **more: Any) -> Any:
    """Return a field of a dataclass of arguments, with its help text."""
    return field(default=default, metadata={"help": help, **more})


def check_choices(arguments: Any) -> None:
    """Raise a ValueError unless each argument with choices is one of them."""
    for checked in fields(arguments):
        choices = checked.metadata.get("choices")
        value = getattr(arguments, checked.name)
        if choices and value not in choices:
            raise ValueError(f"{checked.name} must be {' or '.join(choices)}, not {value!r}")


def check_booleans(arguments: Any) -> None:
    """Raise a ValueError if the value of a boolean argument is not a boolean, for instance the string "False"."""
    for checked in fields(arguments):
        if checked.type not in (bool, bool | None):
            continue
        value = getattr(arguments, checked.name)
        # The default may be None or, in transformers' `include_num_input_tokens_seen`, a string.
        if not isinstance(value, bool) and value != checked.default:
            raise ValueError(f"{checked.name} must be True or False, not {value!r}")


@dataclass
class TokenizerArguments:
    """How text becomes tokens, and where the word vectors come from.

    Word shapes and characters are read if the network has embeddings for them. The variant `article` (of the preset
    `article`) drops stop words and punctuation.
    """

    glove: str = option("6B.100d", "A name such as 6B.50d, or a file (.txt, .gz, .zip).")
    tokenizer_variant: str = option(
        "default", "How text is cleaned: default or article.", choices=["default", "article"]
    )
    vocab_size: int | None = option(None, "Maximal number of rows of the word embedding.")
    max_seq_length: int | None = option(None, "Maximal number of tokens of a text.")
    truncation_side: str = option(
        "right", "Side on which long texts are cut.", choices=["right", "left"]
    )

    def __post_init__(self) -> None:
        check_booleans(self)
        check_number(self, "max_seq_length", least=1)
        check_number(self, "vocab_size", least=3)
        check_choices(self)


@dataclass
class ModelArguments:
    """The shape of the network, by the arguments of `GloveLstmConfig`; or a checkpoint to start from.

    None: the argument is not given.
    """

    model_name_or_path: str | None = option(None, "A checkpoint to fine-tune.")
    type_embedding_size: int | None = option(
        None, "Width of the learned embedding of word shapes; 0: shapes are not read."
    )
    character_buckets: int | None = option(
        None,
        "Rows of the table of character n-gram vectors, whose mean is added to the vector of an unknown word; 0: "
        "characters are not read.",
    )
    hidden_size: int | None = option(None, "Units of the LSTM.")
    lstm_length: int | None = option(None, "Leading tokens that the LSTM reads; 0: all.")
    classifier_hidden_size: int | None = option(None, "Units of the dense layer before the logits.")
    ngram_buckets: int | None = option(
        None, "Rows of the table of the linear n-gram classifier; 0: there is none."
    )
    embedding_dropout: float | None = option(None, "Dropout of the LSTM's input.")
    dropout: float | None = option(None, "Dropout of the pooled vector, and after the dense layer.")
    freeze_embeddings: bool | None = option(
        None, "Whether training leaves word vectors as they are."
    )

    def __post_init__(self) -> None:
        check_booleans(self)
        GloveLstmConfig(**self.config_values())  # checks the values

    def config_values(self) -> dict[str, Any]:
        """Return the arguments of `GloveLstmConfig` that were given."""
        values = asdict(self)
        del values["model_name_or_path"]
        return {name: value for name, value in values.items() if value is not None}


# Arguments of the Trainer with which the results would be wrong or missing, and the only value that is accepted.
_FIXED: dict[str, Any] = {
    "bf16_full_eval": False,  # would convert the model that is saved
    "fp16_full_eval": False,
    "dataloader_drop_last": False,
    "dataloader_persistent_workers": False,  # would repeat the copies of the first epoch
    "eval_do_concat_batches": True,
    "eval_on_start": False,
    "group_by_length": False,
    "label_names": None,
    "prediction_loss_only": False,
    "remove_unused_columns": False,
    "train_sampling_strategy": "random",
}
_LOWER_IS_BETTER = {"ece", "brier", "eval_ece", "eval_brier"}
_NEED_VALIDATION = "reduce_lr_on_plateau", "greedy"  # schedulers of the learning rate
_POSITIVE = (
    "num_train_epochs",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "ngram_c",
)
_NOT_NEGATIVE = (
    "learning_rate",
    "embedding_learning_rate",
    "weight_decay",
    "max_grad_norm",
    "data_seed",
    "dataloader_num_workers",
)
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
    "ngram_c",
    "refit",
    "load_best_model_at_end",
    "early_stopping_patience",
    "metric_for_best_model",
    "seed",
    "data_seed",
    "bf16",
    "fp16",
)


@dataclass
class GloveLstmTrainingArguments(TrainingArguments):
    """`TrainingArguments`, and arguments of this package.

    The number of epochs, the batch size and the learning rates follow from the number of training texts if they are
    None.
    """

    num_train_epochs: float | None = option(  # type: ignore[assignment]
        None, "Passes over the texts; default: by the number of texts."
    )
    per_device_train_batch_size: int | None = option(  # type: ignore[assignment]
        None, "Texts in a batch; default: by the number of texts."
    )
    learning_rate: float | None = option(  # type: ignore[assignment]
        None, "Initial learning rate of AdamW; default: grows with the root of the batch size."
    )
    embedding_learning_rate: float | None = option(
        None, "Learning rate of the word vectors; default: in a fixed ratio to --learning_rate."
    )
    max_grad_norm: float = option(
        0.0,
        "Norm to which gradients are clipped; 0: no clipping. The gradients of word vectors are clipped only with "
        "another optim, fp16 or several processes.",
    )
    corrupted_share: float = option(
        0.0,
        "Share of the texts that each epoch replaces by a corrupted copy: typing errors, another case, no punctuation, "
        "dropped words, cut ends, or a passage of one to five sentences. If it is not 0, the n-grams also learn from a "
        "copy of each text, unless there are more than 100,000 texts.",
    )
    augmented_copies: int | None = option(
        None,
        "With a teacher: altered copies of each training text, with words exchanged, dropped or cut off, for which the "
        "model learns the teacher's logits; default: by the number of texts.",
    )
    ngram_c: float | None = option(
        None, "C of the n-grams' SVM; default: chosen on 100 or more validation texts, else 1."
    )
    refit: bool = option(
        False,
        "Whether to train a final model on all texts, with the calibration of a first model that did not see the "
        "validation texts.",
    )
    early_stopping_patience: int | None = option(
        None,
        "Evaluations without improvement after which the training stops; the best model is kept.",
    )

    def __post_init__(self) -> None:
        if self.early_stopping_patience is not None:
            self.load_best_model_at_end = True
        if self.greater_is_better is None and self.metric_for_best_model in _LOWER_IS_BETTER:
            self.greater_is_better = False
        check_booleans(self)
        super().__post_init__()
        for name, value in _FIXED.items():
            if getattr(self, name, value) != value:
                raise ValueError(f"{name} must be left out")
        for name in ("corrupted_share", "label_smoothing_factor"):
            check_number(self, name, least=0, most=1)
        for name in _POSITIVE:
            check_number(self, name, above=0)
        for name in _NOT_NEGATIVE:
            check_number(self, name, least=0)
        check_number(self, "early_stopping_patience", least=1)
        check_number(self, "augmented_copies", least=0)
        check_number(self, "seed", least=0, most=(1 << 32) - 1)

    @property
    def validation_selects_model(self) -> bool:
        """Whether validation texts choose the epoch or the learning rate. If so, they must not train the model."""
        return (
            self.load_best_model_at_end
            or self.save_strategy == "best"
            or self.lr_scheduler_type in _NEED_VALIDATION
        )

    @property
    def writes_checkpoints(self) -> bool:
        """Whether the training writes checkpoints from which it can be resumed."""
        return self.save_strategy != "no"


def check_number(
    arguments: Any, name: str, *, least: float = -inf, above: float = -inf, most: float = inf
) -> None:
    """Raise a ValueError unless an argument is None, or a finite number in a range."""
    value = getattr(arguments, name)
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number:
        is_in_range = least <= value <= most and above < value
        if is_in_range and value < inf:
            return
    expected = f"at least {least}"
    if above > -inf:
        expected = f"above {above}"
    if most < inf:
        expected = f"from {least} to {most}"
    if value == inf:
        expected = "finite"
    raise ValueError(f"{name} must be {expected}, not {value!r}")


@dataclass(frozen=True)
class Recipe:
    """All arguments of a training, except the texts and their weights."""

    preset: str
    tokenizer: TokenizerArguments
    model: ModelArguments
    training: GloveLstmTrainingArguments

    def with_training(self, **values: Any) -> "Recipe":
        """Return a recipe with other training arguments."""
        training = copy.copy(self.training)
        # A Trainer changes the config of its Accelerator; recipes must not share it.
        training.accelerator_config = copy.deepcopy(training.accelerator_config)
        vars(training).update(values)  # without `__post_init__`: the values are checked already
        return replace(self, training=training)

    def sized(self, texts: int, has_validation: bool, *, distils: bool = False) -> "Recipe":
        """Return a recipe with the values that follow from the number of training texts.

        Args:
            texts: Number of training texts.
            has_validation: Whether validation texts are measured after each epoch.
            distils: Whether the model learns from a teacher's logits; no text is corrupted then.
        """
        training = self.training
        devices = training.world_size * max(1, training.n_gpu)
        batches_per_step = devices * training.gradient_accumulation_steps
        batch_size = training.per_device_train_batch_size
        scheduled = schedule(texts, batches_per_step, batch_size, distils=distils)
        if training.learning_rate is not None:
            # The learning rate of the word vectors keeps its ratio to the learning rate of the LSTM.
            ratio = scheduled["embedding_learning_rate"] / scheduled["learning_rate"]
            scheduled["embedding_learning_rate"] = training.learning_rate * ratio

        missing = [name for name in scheduled if getattr(training, name) is None]
        changes: dict[str, Any] = {name: scheduled[name] for name in missing}
        if not has_validation:
            changes["eval_strategy"] = "no"
        if distils:
            changes["corrupted_share"] = 0.0
        return self.with_training(**changes)

    def copies_of_each(self, texts: int) -> int:
        """Return how many altered copies of each of n training texts a distillation has."""
        if self.training.augmented_copies is not None:
            return self.training.augmented_copies
        return copies_of_each(texts)

    def described(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Return the arguments that decide the result, as plain values, for metrics.json."""
        arguments: dict[str, Any] = {}
        for name in _DESCRIBED:
            value = getattr(self.training, name)
            if isinstance(value, Enum):
                value = value.value
            arguments[name] = value
        if self.model.model_name_or_path is None:
            arguments |= asdict(self.tokenizer)
            # metrics.json names the vectors elsewhere, without the folders of this machine.
            del arguments["glove"]
        arguments["max_seq_length"] = tokenizer.model_max_length
        arguments["truncation_side"] = tokenizer.truncation_side
        return arguments | self.model.config_values()


# Defaults that differ from the Trainer's.
_DEFAULTS: dict[str, Any] = {
    "report_to": "none",
    "remove_unused_columns": False,  # our batches are not rows of columns
    "dataloader_pin_memory": torch.cuda.is_available(),
    # Without it, torchrun without a GPU would train a separate model in each process.
    "use_cpu": not torch.accelerator.is_available(),
    "save_total_limit": 1,
    "logging_strategy": "epoch",
    "eval_strategy": "epoch",
    "save_strategy": "steps",
    "save_steps": 1000,
    "per_device_eval_batch_size": 64,
    "output_dir": "out",
}


def _names_of(group: type[Any]) -> list[str]:
    return [argument.name for argument in fields(group)]


GROUPS = (TokenizerArguments, ModelArguments, GloveLstmTrainingArguments)
RECIPE_ARGUMENTS = [name for group in GROUPS for name in _names_of(group)]


def make_recipe(preset: str = "default", **values: Any) -> Recipe:
    """Make a recipe from a preset and the values that differ from it.

    Args:
        preset: "default" or "article".
        **values: Fields of `TokenizerArguments`, `ModelArguments` and `GloveLstmTrainingArguments`; None keeps the
            value of the preset.

    Raises:
        DataError: An unknown preset or argument, or a value that is refused.
    """
    if preset not in PRESETS:
        names = ", ".join(sorted(PRESETS))
        raise DataError(f"preset must be one of {names}, not {preset!r}.")
    check_names(values, RECIPE_ARGUMENTS)
    given = _plain_values(values)
    defaults = _DEFAULTS | PRESETS[preset]
    if given.get("load_best_model_at_end") or "early_stopping_patience" in given:
        # The Trainer requires a checkpoint as often as the texts are evaluated.
        defaults["save_strategy"] = given.get("eval_strategy", "epoch")
        defaults["save_steps"] = given.get("eval_steps", defaults["save_steps"])
    if "model_name_or_path" in given:  # the checkpoint has its own tokenizer and shape
        _check_fine_tuning(given)
        kept = _names_of(GloveLstmTrainingArguments)
        defaults = {name: value for name, value in defaults.items() if name in kept}
    chosen = defaults | given
    return Recipe(
        preset,
        _make_group(TokenizerArguments, chosen),
        _make_group(ModelArguments, chosen),
        _make_group(GloveLstmTrainingArguments, chosen),
    )


def _make_group(group: type[Any], values: Mapping[str, Any]) -> Any:
    """Make a dataclass of arguments from the values that belong to it."""
    own = {name: values[name] for name in _names_of(group) if name in values}
    try:
        return group(**own)
    except (ValueError, TypeError, ImportError) as error:
        raise DataError(f"{str(error).rstrip('.')}.") from None


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out None, and convert numpy numbers to Python numbers."""
    plain = {}
    for name, value in values.items():
        if isinstance(value, np.generic):
            plain[name] = value.item()
        elif value is not None:
            plain[name] = value
    return plain


def check_names(values: Mapping[str, Any], known: list[str]) -> None:
    """Raise a DataError if an argument is unknown."""
    for name in values:
        if name not in known:
            similar = difflib.get_close_matches(name, known, n=1, cutoff=0.65)
            hint = "leave it out."
            if similar:
                hint = f"did you mean {similar[0]}?"
            raise DataError(f"There is no argument {name}; {hint}")


def _check_fine_tuning(values: Mapping[str, Any]) -> None:
    for argument in fields(TokenizerArguments):
        if argument.name in values and argument.name != "max_seq_length":
            raise DataError(
                f"With model_name_or_path, leave {argument.name} out: the checkpoint has its own tokenizer and vectors."
            )
