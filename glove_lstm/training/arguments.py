"""The arguments of a training, in three groups, named as in transformers' `run_classification.py`."""

import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields
from math import inf
from typing import Any, cast

import torch
from transformers import SchedulerType, Trainer, TrainingArguments, get_scheduler
from transformers.integrations.integration_utils import get_available_reporting_integrations

from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig


def option(default: Any, help: str, **more: Any) -> Any:
    """Return a field of a dataclass of arguments, with its help text."""
    return field(default=default, metadata={"help": help, **more})


@dataclass
class TokenizerArguments:
    """How text becomes tokens, and where the word vectors come from.

    Word shapes and characters are read if the network has embeddings for them. The variant `article` (of the preset
    `article`) drops stop words and punctuation.
    """

    glove: str = option(
        "6B.100d",
        "A name such as 6B.50d, a file (.txt, .vec, .gz, .zip), or none: vectors are drawn at random.",
    )
    tokenizer_variant: str = option(
        "default", "How text is cleaned: default or article.", choices=["default", "article"]
    )
    vocab_size: int | None = option(None, "Maximal number of rows of the word embedding.")
    max_seq_length: int | None = option(None, "Maximal number of tokens of a text.")
    truncation_side: str = option(
        "right", "Side on which long texts are cut.", choices=["right", "left"]
    )

    def __post_init__(self) -> None:
        check_types(self)
        check_number(self, "max_seq_length", least=1)
        check_number(self, "vocab_size", least=3)
        check_choices(self)


@dataclass
class ModelArguments:
    """The shape of the network, by the arguments of `GloveLstmConfig`; or a checkpoint to start from.

    None: the argument is not given.
    """

    model_name_or_path: str | None = option(None, "A checkpoint to fine-tune.")
    revision: str | None = option(
        None, "Commit, tag or branch of the checkpoint to fine-tune, on the Hub."
    )
    type_embedding_size: int | None = option(
        None,
        "Width of the learned embedding of word shapes; 0: shapes are not read, as by default in scripts without upper "
        "case.",
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
        check_types(self)
        GloveLstmConfig(**self.config_values())  # checks the other values

    def config_values(self) -> dict[str, Any]:
        """Return the arguments of `GloveLstmConfig` that were given."""
        values = asdict(self)
        del values["model_name_or_path"]
        del values["revision"]
        return {name: value for name, value in values.items() if value is not None}


# Arguments of the Trainer that are refused, by the reason that the error gives.
_IN_32_BITS = "training is in 32 bits, because the network is small"
_NO_CHECKPOINTS = (
    "a training keeps no checkpoints beside its result, and starts anew if it is interrupted"
)
_LAST_EPOCH = "the last epoch is kept, because another one is better mostly by chance"
_PUSHED_LATER = "run glove-lstm push FOLDER --repo_id user/name after the training"
_FOR_LARGE_NETWORKS = "it is for large networks"
REFUSED = {
    "bf16": _IN_32_BITS,
    "fp16": _IN_32_BITS,
    "bf16_full_eval": _IN_32_BITS,
    "fp16_full_eval": _IN_32_BITS,
    "resume_from_checkpoint": _NO_CHECKPOINTS,
    "enable_jit_checkpoint": _NO_CHECKPOINTS,  # its handler of SIGTERM would end in an unfinished model
    "ignore_data_skip": _NO_CHECKPOINTS,
    "restore_callback_states_from_checkpoint": _NO_CHECKPOINTS,
    "save_strategy": _NO_CHECKPOINTS,
    "save_steps": _NO_CHECKPOINTS,
    "save_total_limit": _NO_CHECKPOINTS,
    "save_only_model": _NO_CHECKPOINTS,
    "save_on_each_node": _NO_CHECKPOINTS,
    "load_best_model_at_end": _LAST_EPOCH,
    "metric_for_best_model": _LAST_EPOCH,
    "greater_is_better": _LAST_EPOCH,
    "push_to_hub": _PUSHED_LATER,
    "hub_always_push": _PUSHED_LATER,
    "hub_model_id": _PUSHED_LATER,
    "hub_private_repo": _PUSHED_LATER,
    "hub_revision": _PUSHED_LATER,
    "hub_strategy": _PUSHED_LATER,
    "hub_token": _PUSHED_LATER,
    "deepspeed": _FOR_LARGE_NETWORKS,
    "fsdp": _FOR_LARGE_NETWORKS,
    "fsdp_config": _FOR_LARGE_NETWORKS,
    "gradient_checkpointing": _FOR_LARGE_NETWORKS,
    "parallelism_config": _FOR_LARGE_NETWORKS,
    "use_liger_kernel": _FOR_LARGE_NETWORKS,
}
# Arguments with which the results would be wrong or missing, and the only value that is accepted.
_FIXED: dict[str, Any] = {
    "batch_eval_metrics": False,  # metrics are computed from all rows
    "debug": [],  # would fail on numbers that are not of floating point
    "dataloader_multiprocessing_context": None,
    "dataloader_persistent_workers": False,  # would repeat the copies of the first epoch
    "eval_do_concat_batches": True,
    "label_names": None,
    "prediction_loss_only": False,
    "remove_unused_columns": False,  # our batches are not rows of columns
    "torch_compile": False,  # the lengths of texts differ
    "train_sampling_strategy": "random",  # batches are grouped by length in any case
}
_FOLLOW_A_MEASURE = ("reduce_lr_on_plateau", "greedy")  # schedules of the learning rate
# The bounds of numbers; see `check_number`.
_NUMBERS: dict[str, dict[str, Any]] = {
    "num_train_epochs": {"above": 0},
    "per_device_train_batch_size": {"above": 0, "whole": True},
    "per_device_eval_batch_size": {"above": 0, "whole": True},
    "gradient_accumulation_steps": {"above": 0, "whole": True},
    "learning_rate": {"least": 0},
    "embedding_learning_rate": {"least": 0},
    "weight_decay": {"least": 0},
    "adam_beta1": {"least": 0, "below": 1},
    "adam_beta2": {"least": 0, "below": 1},
    "adam_epsilon": {"least": 0},
    "max_grad_norm": {"least": 0},
    "label_smoothing_factor": {"least": 0, "most": 1},
    "validation_fraction": {"least": 0, "below": 1},
    "corrupted_share": {"least": 0, "most": 1},
    "augmented_copies": {"least": 0, "whole": True},
    "ngram_c": {"above": 0},
    "seed": {"least": 0, "most": (1 << 32) - 1, "whole": True},
    "data_seed": {"least": 0, "whole": True},
    "dataloader_num_workers": {"least": 0, "whole": True},
}


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
        "another optim or several processes.",
    )
    validation_fraction: float | None = option(
        None,
        "Share of the training texts that is held out to calibrate the scores, if no validation texts are given; 0: "
        "none; default: a twentieth, at least 50 and at most 2,000 texts, but never more than a tenth; with an encoder "
        "as teacher, fewer than 2,000 labels and more texts without, a tenth of these, at most 1,000. With any "
        "teacher, if the share of the labelled texts is fewer than ten, it is that of the texts without labels, at "
        "most 1,000.",
    )
    corrupted_share: float = option(
        0.0,
        "Share of the texts that each epoch replaces by a corrupted copy: typing errors, another case, no punctuation, "
        "dropped words, cut ends, or a passage of one to five sentences. If it is not 0, the n-grams also learn from a "
        "copy of each text; of more than 25,000 texts, from copies of 25,000. If the model learns a teacher's logits, "
        "only the n-grams and the calibration use copies.",
    )
    augmented_copies: int | None = option(
        None,
        "With a teacher, if most texts have labels: altered copies of each, with words exchanged, dropped or cut off, "
        "for which the model learns the teacher's logits; default: by the number of texts.",
    )
    ngram_c: float | None = option(
        None, "C of the n-grams' SVM; default: chosen on 75 or more held-out texts, else 1."
    )

    def __post_init__(self) -> None:
        check_types(self)
        super().__post_init__()
        for name, value in _FIXED.items():
            if getattr(self, name, value) != value:
                raise ValueError(f"{name} must be left out")
        if "tensorboard" in (self.report_to or ()) and "TENSORBOARD_LOGGING_DIR" not in os.environ:
            raise ValueError(
                "report_to tensorboard needs a folder: set the environment variable TENSORBOARD_LOGGING_DIR"
            )
        for name in self.report_to or ():
            if name not in get_available_reporting_integrations():
                raise ValueError(f"report_to names {name!r}, which is not installed; install it")
        for name, bounds in _NUMBERS.items():
            check_number(self, name, **bounds)
        self._check_optimizer()

    def _check_optimizer(self) -> None:
        """Look the optimizer up and make a schedule, as the Trainer does, but before the data are read.

        Raises:
            ImportError: The optimizer needs a library that is not installed.
            TypeError: The schedule lacks an argument, or does not know one of `lr_scheduler_kwargs`.
            ValueError: One of these, or the schedule follows a measure.
        """
        if self.lr_scheduler_type in _FOLLOW_A_MEASURE:
            schedule = SchedulerType(self.lr_scheduler_type).value
            raise ValueError(
                f"lr_scheduler_type {schedule} does not exist here: no rate depends on the held-out texts; leave it out"
            )
        Trainer.get_optimizer_cls_and_kwargs(self)
        any_parameter = torch.nn.Parameter(torch.zeros(1))
        get_scheduler(
            self.lr_scheduler_type,
            torch.optim.SGD([any_parameter], lr=self.learning_rate or 1.0),
            num_warmup_steps=0,
            num_training_steps=1,
            scheduler_specific_kwargs=cast(dict[str, Any] | None, self.lr_scheduler_kwargs),
        )

    def get_warmup_steps(self, num_training_steps: int) -> int:
        """Return the steps of the warm-up: none for a single step, which would be one of rate 0."""
        return 0 if num_training_steps == 1 else super().get_warmup_steps(num_training_steps)


def check_choices(arguments: Any) -> None:
    """Raise a ValueError unless each argument with choices is one of them."""
    for checked in fields(arguments):
        choices = checked.metadata.get("choices")
        value = getattr(arguments, checked.name)
        if choices and value not in choices:
            raise ValueError(f"{checked.name} must be {' or '.join(choices)}, not {value!r}")


# The types of arguments that are checked, in words.
_TYPES: dict[Any, tuple[Any, str]] = {
    str: (str, "a string"),
    bool: (bool, "True or False"),
    int: (int, "a whole number"),
    float: (int | float, "a number"),
}
_TYPES |= {kind | None: checked for kind, checked in _TYPES.items()}


def check_types(arguments: Any, *, but: Collection[str] = ()) -> None:
    """Raise a ValueError if an argument is of another type, as in a JSON file; those named in `but` are not checked."""
    for checked in fields(arguments):
        value = getattr(arguments, checked.name)
        # The default may be of another type than the field, for instance None.
        if checked.name in but or value is None or value == checked.default:
            continue
        kind, words = _TYPES.get(checked.type, (object, ""))
        is_wrong_boolean = isinstance(value, bool) and kind in (int, int | float)
        if is_wrong_boolean or not isinstance(value, kind):
            raise ValueError(f"{checked.name} must be {words}, not {value!r}")


def check_number(
    arguments: Any,
    name: str,
    *,
    least: float = -inf,
    above: float = -inf,
    most: float = inf,
    below: float = inf,
    whole: bool = False,
) -> None:
    """Raise a ValueError unless an argument is None, or a finite number in a range, perhaps a whole one."""
    value = getattr(arguments, name)
    if value is None:
        return
    kind = int if whole else int | float
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if is_number and abs(value) < inf and least <= value <= most and above < value < below:
        return
    bounds = []
    if least > -inf:
        bounds.append(f"at least {least}")
    if above > -inf:
        bounds.append(f"above {above}")
    if most < inf:
        bounds.append(f"at most {most}")
    if below < inf:
        bounds.append(f"below {below}")
    number = "a whole number" if whole else "a number"
    raise ValueError(f"{name} must be {number} {' and '.join(bounds)}, not {value!r}")
