"""The arguments of `glove-lstm train`, named as in transformers' `run_classification.py`."""

import argparse
import difflib
import inspect
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from math import inf
from pathlib import Path
from typing import Any

import torch
from transformers import HfArgumentParser, TrainingArguments

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import read_json_object
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.training.presets import PRESETS


def _option(default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help, **more})


@dataclass
class DataArguments:
    """Where the texts come from."""

    dataset_name: str | None = _option(
        None, "fake_or_real_news, liar, or a dataset's id on the Hub, or a folder."
    )
    dataset_config_name: str | None = _option(
        None, "Config of the dataset, such as `article` of fake_or_real_news."
    )
    data_files: str | None = _option(
        None, "A local file in the format of --dataset_name, read instead of a download."
    )
    data_dir: str | None = _option(
        None, "A local folder with the files of --dataset_name, such as liar's three."
    )
    train_file: str | None = _option(
        None, "CSV, TSV, JSON, JSONL or Parquet; text formats may end in .gz."
    )
    validation_file: str | None = _option(None, "As --train_file.")
    test_file: str | None = _option(None, "As --train_file.")
    text_column_names: str | None = _option(
        None,
        "Columns of text, separated by commas; default: title,text, or text, or title, or the only one.",
    )
    label_column_name: str = _option("label", "The column of labels.")
    validation_fraction: float = _option(
        0.1, "Share of train that is cut for a missing validation split."
    )
    on_empty: str = _option(
        "error", "A row without any text: error, drop or keep.", choices=["error", "drop", "keep"]
    )
    revision: str | None = _option(None, "Commit, tag or branch of the dataset on the Hub.")
    with_baselines: bool = _option(
        False, "Whether to measure TF-IDF + linear SVC on the same split, too."
    )
    max_train_samples: int | None = _option(None, "Use only so many training texts.")
    preprocessing_num_workers: int | None = _option(
        None, "Processes that tokenise, a thousand texts at least for each."
    )

    def __post_init__(self) -> None:
        for name in ("max_train_samples", "preprocessing_num_workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")


@dataclass
class TokenizerArguments:
    """How text becomes tokens, and where the word vectors come from."""

    glove: str = _option(
        "6B.100d", "6B.50d, 6B.100d, 6B.200d, 6B.300d, or a file (.txt, .gz, .zip, .npy)."
    )
    tokenizer_variant: str = _option(
        "default", "How text is cleaned: default or article.", choices=["default", "article"]
    )
    vocab_size: int = _option(60_000, "Rows of the embedding at the most.")
    max_seq_length: int | None = _option(None, "Tokens that a text is cut to.")
    num_pieces: int = _option(
        0,
        "Pieces that words without a vector are read in (default variant); 0: they are the unknown word.",
    )
    correct_spelling: bool = _option(
        False, "Whether unknown words are read as known ones where one mistake explains them."
    )
    truncation_side: str = _option(
        "right", "The side where long texts are cut: right or left.", choices=["right", "left"]
    )
    token_types: bool = _option(True, "Whether the model sees the shape of each word.")
    remove_stop_words: bool = _option(
        False, "Whether the article variant removes NLTK's English stop words."
    )
    unknown_vectors: str = _option(
        "normal",
        "Vectors of words that GloVe lacks: normal or uniform.",
        choices=["normal", "uniform"],
    )


_OF_NEW_TOKENIZER = [f.name for f in fields(TokenizerArguments) if f.name != "max_seq_length"]

# Arguments of the config that follow from the data and the vectors, or are fitted.
_NOT_OPTIONS = {
    "vocab_size",
    "embedding_size",
    "type_vocab_size",
    "temperature",
    "pad_token_id",
    "unk_token_id",
    "kwargs",
}
_SHAPE = {
    name: list[str] if name == "pooling" else parameter.annotation
    for name, parameter in inspect.signature(GloveLstmConfig).parameters.items()
    if name not in _NOT_OPTIONS
}


def _described(name: str) -> str:
    """The config's own description of an argument."""
    described = inspect.getdoc(GloveLstmConfig) or ""
    found = re.search(
        rf"^    {name}: (.+?)(?=^    \w+: |^\S|\Z)", described, re.MULTILINE | re.DOTALL
    )
    assert found, f"GloveLstmConfig does not describe {name}"
    return " ".join(found[1].split()).replace("%", "%%")


# None: the argument is not given.
_Shape = make_dataclass(
    "_Shape",
    [(name, kind | None, _option(None, _described(name))) for name, kind in _SHAPE.items()],
)


@dataclass
class ModelArguments(_Shape):  # type: ignore[misc, valid-type]
    """The shape of the network, by the arguments of `GloveLstmConfig`; or a checkpoint to start from."""

    model_name_or_path: str | None = _option(
        None, "Start from this checkpoint, with its tokenizer and its shape."
    )

    def config_values(self) -> dict[str, Any]:
        """The arguments of `GloveLstmConfig` that were given."""
        values = {name: getattr(self, name) for name in _SHAPE}
        return {name: value for name, value in values.items() if value is not None}


@dataclass
class GloveLstmTrainingArguments(TrainingArguments):
    """`TrainingArguments`, a rate for word vectors, and arguments of n-grams and mistyped copies."""

    embedding_learning_rate: float | None = _option(
        None,
        "Learning rate of the word vectors where they are not frozen; default: --learning_rate.",
    )
    ngram_strength: float = _option(
        5.0, "Largest C of the n-gram classifier's support vector machine that cross-fitting tries."
    )
    refit_ngrams: bool = _option(
        False,
        "Whether the n-gram classifier is fitted once more in the end, with the validation texts among the training "
        "texts. The measures of validation texts are of the model before, and the card says so.",
    )
    typo_share: float = _option(
        0.0, "Letters mistyped in the copies that --consistency_weight is about, on average."
    )
    consistency_weight: float = _option(
        0.0,
        "Weight of the loss between the answers to a text and to its mistyped copy; without copies (--typo_share 0) "
        "it has no effect.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.typo_share <= 0.5:
            raise ValueError(f"typo_share must be 0 to 0.5, not {self.typo_share}")
        if not 0 < self.ngram_strength < inf:
            raise ValueError(f"ngram_strength must be a positive number, not {self.ngram_strength}")
        if not self.consistency_weight >= 0:
            raise ValueError(
                f"consistency_weight must be at least 0, not {self.consistency_weight}"
            )
        # PyTorch without oneDNN has no such function, and its own LSTM supports bfloat16.
        able = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
        if self.bf16 and self.device.type == "cpu" and not able():
            raise ValueError(
                "bf16: this processor cannot train an LSTM in it (on x86 that needs AVX-512): leave it out"
            )


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
    "save_total_limit": 1,
    "logging_strategy": "epoch",
    "per_device_eval_batch_size": 32,
    "output_dir": "out",
}


def parse_training_run(argv: Sequence[str], description: str | None = None) -> TrainingRun:
    """Read a command line: `[FILE.json] [--preset NAME] [--name value ...]`.

    Raises:
        DataError: An unknown preset or argument, a refused value, or a JSON file that cannot be used.
        SystemExit: argparse refuses an argument.
    """
    argv = list(argv)
    from_json: dict[str, Any] = {}
    if argv and argv[0].endswith(".json"):
        from_json = read_json_object(
            Path(argv.pop(0)), "give one object of argument names and values"
        )
    words = [*_as_words(from_json), *argv]
    first = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False
    )  # these two decide the other defaults
    first.add_argument("--preset", default="default")
    first.add_argument("--model_name_or_path", "--model-name-or-path")
    chosen, _ = first.parse_known_args(words)
    fine_tuning = bool(chosen.model_name_or_path)
    words = [*_as_words(preset_values(chosen.preset, fine_tuning=fine_tuning)), *words]
    groups: Any = (DataArguments, TokenizerArguments, ModelArguments, GloveLstmTrainingArguments)
    layout = argparse.RawDescriptionHelpFormatter
    parser = HfArgumentParser(
        groups, description=description, formatter_class=layout, allow_abbrev=False
    )
    if fine_tuning:  # None: the argument is not given
        parser.set_defaults(**dict.fromkeys(_OF_NEW_TOKENIZER))
    names = sorted(PRESETS)
    parser.add_argument(
        "--preset", default=chosen.preset, choices=names, help="The recipe to start from."
    )
    try:
        parsed: Any = parser.parse_args_into_dataclasses(
            words, return_remaining_strings=True, look_for_args_file=False
        )
    except ValueError as error:  # from the checks of the dataclasses
        raise DataError(f"{str(error).rstrip('.')}.") from None
    *parts, rest, unknown = parsed
    if unknown:
        raise DataError(f"There is no argument {unknown[0]}; {_hint(parser, unknown[0])}")
    if fine_tuning:
        parts[1] = _of_loaded_tokenizer(parts[1])
    return TrainingRun(rest.preset, *parts)


def _hint(parser: argparse.ArgumentParser, unknown: str) -> str:
    options = [option for action in parser._actions for option in action.option_strings]
    close = difflib.get_close_matches(unknown.partition("=")[0], options, n=1)
    return f"did you mean {close[0]}?" if close else "see --help."


def _of_loaded_tokenizer(arguments: TokenizerArguments) -> TokenizerArguments:
    """Refuse arguments of a new tokenizer where a checkpoint brings one."""
    for option in _OF_NEW_TOKENIZER:
        if getattr(arguments, option) is not None:
            raise DataError(
                f"--{option} is of a new tokenizer, and --model_name_or_path brings one: leave it out."
            )
    return TokenizerArguments(max_seq_length=arguments.max_seq_length)


def preset_values(name: str, *, fine_tuning: bool = False) -> dict[str, Any]:
    """A preset's values in one dictionary; only its training arguments for fine-tuning.

    Raises:
        DataError: There is no such preset.
    """
    if name not in PRESETS:
        raise DataError(f"--preset must be one of {', '.join(sorted(PRESETS))}, not {name!r}.")
    preset = PRESETS[name]
    shape = {} if fine_tuning else {**preset.tokenizer, **preset.model}
    return {**_ALWAYS, **shape, **preset.training}


def _as_words(values: Mapping[str, Any]) -> list[str]:
    """Write values as a command line, so that one parser checks them all and the last one wins."""
    words: list[str] = []
    for name, value in values.items():
        if value is None:
            continue
        words.append(f"--{name}")
        if isinstance(value, dict):
            words.append(json.dumps(value))
        else:
            words.extend(
                str(item) for item in (value if isinstance(value, list | tuple) else [value])
            )
    return words


def config_from(model: ModelArguments, **values: Any) -> GloveLstmConfig:
    """Build the config from arguments, and from values that follow from the data and the vectors.

    Raises:
        DataError: A value is refused.
    """
    try:
        return GloveLstmConfig(**model.config_values(), **values)
    except ValueError as error:
        raise DataError(f"{error}.") from None


def is_main_process() -> bool:
    """Whether this process writes files: true but for the helpers that `accelerate launch` starts."""
    return int(os.environ.get("RANK", "0")) == 0
