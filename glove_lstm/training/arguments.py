"""The arguments of `glove-lstm train`, named as in transformers' `run_classification.py`."""

import argparse
import difflib
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from math import inf
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers import HfArgumentParser, TrainingArguments

from glove_lstm.data.files import DataError, read_json_object
from glove_lstm.modeling.configuration_glove_lstm import FITTED, GloveLstmConfig
from glove_lstm.training.presets import PRESETS


def _option(default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help, **more})


@dataclass
class DataArguments:
    """Where the texts come from."""

    dataset_name: str | None = _option(None, "fake_or_real_news, liar, a Hub id or a folder.")
    dataset_config_name: str | None = _option(None, "Config of the dataset, such as `article`.")
    data_files: str | None = _option(None, "A local file of the dataset, instead of a download.")
    data_dir: str | None = _option(None, "A local folder with the files of the dataset.")
    train_file: list[str] | None = _option(
        None, "One or more files: CSV, TSV, JSON or JSONL, perhaps .gz; or Parquet."
    )
    validation_file: list[str] | None = _option(None, "As --train_file.")
    test_file: list[str] | None = _option(None, "As --train_file.")
    text_column_names: str | None = _option(
        None, "Columns of text; default: title,text, else text, title, or the only text column."
    )
    label_column_name: str = _option("label", "The column of labels.")
    source_column_name: str | None = _option(None, "The column of publishers or other sources.")
    validation_fraction: float = _option(
        0.1, "Share of train that is held out where there is no validation split."
    )
    validation_by: str = _option(
        "text",
        "What that split keeps on one side: near duplicates, or sources too, of the column `source` "
        "unless --source_column_name names another.",
        choices=["text", "source"],
    )
    min_validation: int = _option(
        10, "If that share has fewer texts, hold out half; the final model trains on all."
    )
    on_empty: str = _option(
        "error", "A row without any text: error, drop or keep.", choices=["error", "drop", "keep"]
    )
    revision: str | None = _option(None, "Commit, tag or branch of the dataset on the Hub.")
    with_baselines: bool = _option(False, "Whether to measure TF-IDF + linear SVC, too.")


@dataclass
class TokenizerArguments:
    """How text becomes tokens, and where the word vectors come from."""

    glove: str = _option("6B.100d", "A name such as 6B.50d, or a file (.txt, .gz, .zip).")
    tokenizer_variant: str = _option(
        "default", "How text is cleaned: default or article.", choices=["default", "article"]
    )
    vocab_size: int = _option(60_000, "Rows of the embedding at the most.")
    max_seq_length: int | None = _option(None, "Tokens that a text is cut to.")
    truncation_side: str = _option("right", "Where long texts are cut.", choices=["right", "left"])
    token_types: bool = _option(True, "Whether the model may see shapes and characters of words.")
    remove_stop_words: bool = _option(False, "Whether the article variant drops stop words.")

    def __post_init__(self) -> None:
        if self.max_seq_length is not None and self.max_seq_length < 1:
            raise ValueError(f"max_seq_length must be at least 1, not {self.max_seq_length}")


_OF_NEW_TOKENIZER = [f.name for f in fields(TokenizerArguments) if f.name != "max_seq_length"]

# Arguments of the config that follow from the data and the vectors, or are fitted.
_NOT_OPTIONS = {"vocab_size", "embedding_size", "pad_token_id", "unk_token_id", "kwargs", *FITTED}
_NOT_OPTIONS |= {"text_column_names", "label_type"}
SHAPE = {
    name: parameter.annotation
    for name, parameter in inspect.signature(GloveLstmConfig).parameters.items()
    if name not in _NOT_OPTIONS
}


def _described(name: str) -> str:
    """The config's own description of an argument."""
    text = inspect.getdoc(GloveLstmConfig) or ""
    entry = re.search(rf"^    {name}: (.+?)(?=^    \w+: |^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert entry, f"GloveLstmConfig does not describe {name}"
    return " ".join(entry[1].split()).replace("%", "%%")


# None: the argument is not given.
_Shape = make_dataclass(
    "_Shape",
    [(name, kind | None, _option(None, _described(name))) for name, kind in SHAPE.items()],
)


@dataclass
class ModelArguments(_Shape):  # type: ignore[misc, valid-type]
    """The shape of the network, by the arguments of `GloveLstmConfig`; or a checkpoint to start from."""

    model_name_or_path: str | None = _option(None, "A checkpoint to fine-tune.")

    def __post_init__(self) -> None:
        GloveLstmConfig(**self.config_values())  # checks the values

    def config_values(self) -> dict[str, Any]:
        """The arguments of `GloveLstmConfig` that were given."""
        values = {name: getattr(self, name) for name in SHAPE}
        return {name: value for name, value in values.items() if value is not None}


_ABOVE_0 = {"num_train_epochs", "gradient_accumulation_steps", "ngram_c"}
_ABOVE_0 |= {"per_device_train_batch_size", "per_device_eval_batch_size"}
_AT_LEAST_0 = {"learning_rate", "embedding_learning_rate", "weight_decay", "data_seed"}
_AT_LEAST_0 |= {"min_steps", "max_grad_norm", "dataloader_num_workers"}
_SHARES = "corrupted_share", "label_smoothing_factor"  # from 0 to 1
# Arguments of the Trainer that would give wrong results or none, and their only values.
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


@dataclass
class GloveLstmTrainingArguments(TrainingArguments):
    """`TrainingArguments`, a rate for word vectors, the share of corrupted copies, and weights of the labels.

    The temperature is fitted to the validation texts as they are, whatever the weights. It corrects over- and
    underconfidence, but not the shift due to weights: scores of a heavily weighted label stay above its frequency.
    """

    embedding_learning_rate: float | None = _option(None, "Learning rate of the word vectors.")
    corrupted_share: float = _option(
        0.0,
        "Share of the texts that each epoch replaces by a corrupted copy: typing errors, another case, no punctuation, "
        "dropped words, cut ends, or a passage of one to five sentences; 0: no copies for the n-grams, either.",
    )
    ngram_c: float | None = _option(
        None, "C of the n-grams' SVM; default: chosen on 100 or more validation texts, else 1."
    )
    refit: bool = _option(
        False,
        "Whether to train twice: held-out validation texts calibrate a first model, and the final model trains on all "
        "texts.",
    )
    min_steps: int = _option(0, "Optimizer steps at least; adds epochs where the texts are few.")
    class_weight: str | None = _option(
        None, "balanced, or a JSON file {label: weight}: how much the texts of each label count."
    )
    training_texts: bool = _option(
        True, "Whether --push_to_hub sends the hashes of the training texts."
    )

    def __post_init__(self) -> None:
        if self.greater_is_better is None and self.metric_for_best_model in _LOWER_IS_BETTER:
            self.greater_is_better = False
        super().__post_init__()
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"seed must be from 0 to {(1 << 32) - 1}, not {self.seed}")
        for name, value in _FIXED.items():
            if getattr(self, name, value) != value:
                raise ValueError(f"{name} must be left out")
        for name in (*_ABOVE_0, *_AT_LEAST_0):
            value, least = getattr(self, name), "above" if name in _ABOVE_0 else "at least"
            if value is not None and not (0 < value < inf or (value == 0 and least == "at least")):
                raise ValueError(f"{name} must be {least} 0, not {value}")


@dataclass(frozen=True)
class TrainingRun:
    """All arguments of one training run."""

    preset: str
    data: DataArguments
    tokenizer: TokenizerArguments
    model: ModelArguments
    training: GloveLstmTrainingArguments


# Defaults that differ from the Trainer's.
_ALWAYS = {
    "report_to": "none",
    "remove_unused_columns": False,  # our batches are Arrow tables, not rows of columns
    "dataloader_pin_memory": torch.cuda.is_available(),
    "use_cpu": not torch.accelerator.is_available(),  # else each of several processes trains a model
    "save_total_limit": 1,
    "logging_strategy": "epoch",
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "per_device_eval_batch_size": 32,
    "output_dir": "out",
}


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DataError(f"{message[:1].upper()}{message[1:].rstrip('.')}.")


def parse_training_run(argv: Sequence[str], description: str | None = None) -> TrainingRun:
    """Read a command line: `[FILE.json] [--preset NAME] [--name value ...]`.

    Raises:
        DataError: An unknown preset or argument, a refused value, or a JSON file that cannot be used.
    """
    argv = list(argv)
    _check_once(argv)
    from_json: dict[str, Any] = {}
    if argv and argv[0].endswith(".json"):
        advice = "give one object of argument names and values"
        from_json = read_json_object(Path(argv.pop(0)), advice)
    words = [*as_words(from_json), *argv]
    # These decide the other defaults.
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", default="default")
    first.add_argument("--model_name_or_path", "--model-name-or-path")
    lengths = "--num_train_epochs", "--num-train-epochs", "--max_steps", "--max-steps"
    first.add_argument(*lengths, dest="length")
    chosen, _ = first.parse_known_args(words)
    if chosen.preset not in PRESETS:
        names = ", ".join(sorted(PRESETS))
        raise DataError(f"--preset must be one of {names}, not {chosen.preset!r}.")
    fine_tuning = bool(chosen.model_name_or_path)
    defaults = {**_ALWAYS, **PRESETS[chosen.preset]}
    defaults |= {"min_steps": 0} if chosen.length else {}
    if fine_tuning:  # the checkpoint brings its tokenizer and its shape
        training = {field.name for field in fields(GloveLstmTrainingArguments)}
        defaults = {name: value for name, value in defaults.items() if name in training}
    groups: Any = (DataArguments, TokenizerArguments, ModelArguments, GloveLstmTrainingArguments)
    layout = argparse.RawDescriptionHelpFormatter
    options: Any = {"formatter_class": layout, "allow_abbrev": False}
    parser = _Parser(groups, prog="glove-lstm train", description=description, **options)
    parser.add_argument("--preset", help=f"The recipe to start from: {' or '.join(PRESETS)}.")
    if fine_tuning:
        parser.set_defaults(**dict.fromkeys(_OF_NEW_TOKENIZER))
    try:
        parsed: Any = parser.parse_args_into_dataclasses(
            [*as_words(defaults), *words],
            return_remaining_strings=True,
            look_for_args_file=False,
        )
    except (ValueError, ImportError) as error:  # from the checks of the dataclasses
        raise DataError(f"{str(error).rstrip('.')}.") from None
    data, tokenizer, model, trainer, _, unknown = parsed
    if unknown:
        options = [option for action in parser._actions for option in action.option_strings]
        close = difflib.get_close_matches(unknown[0].partition("=")[0], options, n=1)
        hint = f"did you mean {close[0]}?" if close else "see --help."
        raise DataError(f"There is no argument {unknown[0]}; {hint}")
    if fine_tuning:
        for name in _OF_NEW_TOKENIZER:
            if getattr(tokenizer, name) is not None:
                problem = f"--{name} is of a new tokenizer, and --model_name_or_path brings one"
                raise DataError(f"{problem}: leave it out.")
        tokenizer = TokenizerArguments(max_seq_length=tokenizer.max_seq_length)
    return TrainingRun(chosen.preset, data, tokenizer, model, trainer)


def _check_once(argv: Sequence[str]) -> None:
    """Refuse a second list of files, which would replace the first one."""
    options = [word.partition("=")[0] for word in argv if word.startswith("--")]
    names = [option.replace("-", "_") for option in options]
    for name in names:
        if name.endswith("_file") and names.count(name) > 1:
            raise DataError(f"--{name[2:]} is given twice; name all files after one.")


def shaping_arguments(training: TrainingArguments) -> dict[str, Any]:
    """Return the arguments that shape the result, as plain values, without paths and tokens."""
    names = {name: None for preset in PRESETS.values() for name in preset}
    more = ("gradient_accumulation_steps", "warmup_steps", "seed", "bf16", "ngram_c")
    values = {name: getattr(training, name) for name in (*names, *more) if hasattr(training, name)}
    return {name: getattr(value, "value", value) for name, value in values.items()}  # enums


def as_words(values: Mapping[str, Any]) -> list[str]:
    """Write values as a command line, so that one parser checks them all and the last one wins."""
    words: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            words += [f"--{name}", json.dumps(value)]
        elif value is not None:
            items = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name}", *map(str, items)]
    return words
