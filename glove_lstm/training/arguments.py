"""What `glove-lstm train` understands, named as transformers' `run_classification.py` names it."""

import argparse
import difflib
import inspect
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import HfArgumentParser

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import read_json_object
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.training.presets import PRESETS, Preset
from glove_lstm.training.trainer import GloveLstmTrainingArguments


@dataclass
class DataArguments:
    """Where the texts come from."""

    dataset_name: str | None = field(
        default=None,
        metadata={"help": "fake_or_real_news, liar, or a dataset's id on the Hub, or a folder."},
    )
    dataset_config_name: str | None = field(
        default=None, metadata={"help": "Config of the dataset, such as `article` of fake_or_real_news."}
    )
    data_files: str | None = field(
        default=None,
        metadata={"help": "A local file in the format of --dataset_name, read instead of a download."},
    )
    data_dir: str | None = field(
        default=None,
        metadata={"help": "A local folder with the files of --dataset_name, such as liar's three."},
    )
    train_file: str | None = field(
        default=None, metadata={"help": "CSV, TSV, JSON, JSONL or Parquet; text formats may end in .gz."}
    )
    validation_file: str | None = field(default=None, metadata={"help": "As --train_file."})
    test_file: str | None = field(default=None, metadata={"help": "As --train_file."})
    text_column_names: str | None = field(
        default=None,
        metadata={
            "help": "Columns of text, separated by commas; default: title,text, or text, or title, or the only one."
        },
    )
    label_column_name: str = field(default="label", metadata={"help": "The column of labels."})
    validation_fraction: float = field(
        default=0.1, metadata={"help": "Share of train that is cut for a missing validation split."}
    )
    on_empty: str = field(
        default="error",
        metadata={
            "help": "A row without any text: error, drop or keep.",
            "choices": ["error", "drop", "keep"],
        },
    )
    revision: str | None = field(
        default=None, metadata={"help": "Commit, tag or branch of the dataset on the Hub."}
    )
    with_baselines: bool = field(
        default=False, metadata={"help": "Whether to measure TF-IDF + linear SVC on the same split, too."}
    )
    max_train_samples: int | None = field(default=None, metadata={"help": "Use only so many training texts."})
    preprocessing_num_workers: int | None = field(
        default=None, metadata={"help": "Processes that tokenise, a thousand texts at least for each."}
    )

    def __post_init__(self) -> None:
        for name in ("max_train_samples", "preprocessing_num_workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")


@dataclass
class TokenizerArguments:
    """How text becomes tokens, and where the word vectors come from."""

    glove: str = field(
        default="6B.100d",
        metadata={"help": "6B.50d, 6B.100d, 6B.200d, 6B.300d, or a file (.txt, .gz, .zip, .npy)."},
    )
    tokenizer_variant: str = field(
        default="default",
        metadata={"help": "How text is cleaned: default or article.", "choices": ["default", "article"]},
    )
    vocab_size: int = field(default=60_000, metadata={"help": "Rows of the embedding at the most."})
    max_seq_length: int | None = field(default=None, metadata={"help": "Tokens that a text is cut to."})
    num_pieces: int = field(
        default=0,
        metadata={
            "help": "Pieces that words without a vector are read in (default variant); 0: they are the unknown word."
        },
    )
    correct_spelling: bool = field(
        default=False,
        metadata={"help": "Whether unknown words are read as known ones where one mistake explains them."},
    )
    truncation_side: str = field(
        default="right",
        metadata={"help": "The side where long texts are cut: right or left.", "choices": ["right", "left"]},
    )
    token_types: bool = field(
        default=True, metadata={"help": "Whether the model sees the shape of each word."}
    )
    remove_stop_words: bool = field(
        default=False, metadata={"help": "Whether the article variant removes NLTK's English stop words."}
    )
    unknown_vectors: str = field(
        default="normal",
        metadata={
            "help": "Vectors of words that GloVe lacks: normal or uniform.",
            "choices": ["normal", "uniform"],
        },
    )


_OF_NEW_TOKENIZER = [f.name for f in fields(TokenizerArguments) if f.name != "max_seq_length"]


# Fields of `GloveLstmConfig` that a command line sets; None is what was not given.
_SHAPE_TYPES: dict[str, Any] = {
    "type_embedding_size": int,
    "hidden_size": int,
    "num_hidden_layers": int,
    "bidirectional": bool,
    "window_size": int,
    "lstm_length": int,
    "pooling": list[str],
    "classifier_hidden_size": int,
    "ngram_buckets": int,
    "ngram_opening": int,
    "character_ngrams": int,
    "character_buckets": int,
    "shape_buckets": int,
    "word_dropout": float,
    "embedding_dropout": float,
    "hidden_dropout": float,
    "classifier_dropout": float,
    "ngram_weight": float,
    "freeze_embeddings": bool,
    "half_precision_embeddings": bool,
}


def _config_help(name: str) -> str:
    """The config's own description of an argument."""
    described = inspect.getdoc(GloveLstmConfig) or ""
    found = re.search(rf"^    {name}: (.+?)(?=^    \w+: |^\S|\Z)", described, re.MULTILINE | re.DOTALL)
    assert found, f"GloveLstmConfig does not describe {name}"
    return " ".join(found[1].split()).replace("%", "%%")


_Shape = make_dataclass(
    "_Shape",
    [
        (name, kind | None, field(default=None, metadata={"help": _config_help(name)}))
        for name, kind in _SHAPE_TYPES.items()
    ],
)


@dataclass
class ModelArguments(_Shape):  # type: ignore[misc, valid-type]
    """The shape of the network: fields of `GloveLstmConfig`; or a model to go on with."""

    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Go on with this checkpoint, its tokenizer and its shape."}
    )

    def config_values(self) -> dict[str, Any]:
        """The arguments of `GloveLstmConfig` that were given."""
        values = {name: getattr(self, name) for name in _SHAPE_TYPES}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class TrainingRun:
    """All arguments of one training run."""

    preset: str
    data: DataArguments
    tokenizer: TokenizerArguments
    model: ModelArguments
    training: GloveLstmTrainingArguments


# What every run of ours does differently from the Trainer's defaults.
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
        SystemExit: What argparse refuses, with its message.
    """
    argv = list(argv)
    from_json: dict[str, Any] = {}
    if argv and argv[0].endswith(".json"):
        from_json = read_json_object(Path(argv.pop(0)), "give one object of argument names and values")
    words = [*_as_words(from_json), *argv]
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)  # of what decides the other values
    first.add_argument("--preset", default="default")
    first.add_argument("--model_name_or_path", "--model-name-or-path")
    said, _ = first.parse_known_args(words)
    fine_tuning = bool(said.model_name_or_path)
    words = [*_as_words(preset_values(said.preset, fine_tuning=fine_tuning)), *words]
    groups: Any = (DataArguments, TokenizerArguments, ModelArguments, GloveLstmTrainingArguments)
    parser = HfArgumentParser(
        groups,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if fine_tuning:  # None, then, is what was not said
        parser.set_defaults(**dict.fromkeys(_OF_NEW_TOKENIZER))
    parser.add_argument(
        "--preset", default=said.preset, choices=sorted(PRESETS), help="The recipe to start from."
    )
    try:
        parsed: Any = parser.parse_args_into_dataclasses(
            words, return_remaining_strings=True, look_for_args_file=False
        )
    except ValueError as error:  # what the dataclasses refuse
        raise DataError(f"{str(error).rstrip('.')}.") from None
    *parts, rest, unknown = parsed
    if unknown:
        options = [option for action in parser._actions for option in action.option_strings]
        close = difflib.get_close_matches(unknown[0].partition("=")[0], options, n=1)
        hint = f"did you mean {close[0]}?" if close else "see --help."
        raise DataError(f"There is no argument {unknown[0]}; {hint}")
    if fine_tuning:
        for option in _OF_NEW_TOKENIZER:
            if getattr(parts[1], option) is not None:
                raise DataError(
                    f"--{option} is of a new tokenizer; --model_name_or_path brings one: leave it out."
                )
        parts[1] = TokenizerArguments(max_seq_length=parts[1].max_seq_length)
    return TrainingRun(rest.preset, *parts)


def preset_values(name: str, *, fine_tuning: bool = False) -> dict[str, Any]:
    """A preset's values, flat. Fine-tuning takes only those of training: the checkpoint brings the others.

    Raises:
        DataError: There is no such preset.
    """
    if name not in PRESETS:
        raise DataError(f"--preset must be one of {', '.join(sorted(PRESETS))}, not {name!r}.")
    preset: Preset = PRESETS[name]
    shape = {} if fine_tuning else {**preset.tokenizer, **preset.model}
    return {**_ALWAYS, **shape, **preset.training}


def _as_words(values: Mapping[str, Any]) -> list[str]:
    """Values as a command line gives them, so that one parser checks them all and the last one wins."""
    words: list[str] = []
    for name, value in values.items():
        if value is None:
            continue
        words.append(f"--{name}")
        if isinstance(value, dict):
            words.append(json.dumps(value))
        else:
            words.extend(str(item) for item in (value if isinstance(value, list | tuple) else [value]))
    return words


def config_from(model: ModelArguments, **values: Any) -> GloveLstmConfig:
    """A config of what was said, and of what only the data and the vectors know.

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
