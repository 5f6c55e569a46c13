"""The arguments of `train` and `evaluate` that name the texts, and the arguments of `train` beside the settings."""

from dataclasses import dataclass
from typing import Any

from glove_lstm.errors import DataError
from glove_lstm.options import check_options, option

_LISTS = ("train_file", "validation_file", "test_file", "unlabelled_file")


@dataclass
class DataArguments:
    """Where the texts come from."""

    dataset_name: str | None = option(None, "fake_or_real_news, liar, a Hub id or a folder.")
    dataset_config_name: str | None = option(None, "Config of the dataset, such as `article`.")
    data_files: str | None = option(
        None, "A local copy of the dataset: a file, or the folder of liar."
    )
    train_file: list[str] | None = option(
        None, "One or more files or quoted globs: CSV, TSV, JSON or JSONL, perhaps .gz; or Parquet."
    )
    validation_file: list[str] | None = option(None, "As --train_file.")
    test_file: list[str] | None = option(None, "As --train_file.")
    text_column_names: str | None = option(
        None,
        "Columns of text, separated by commas; default: those that the checkpoint was trained on, if the first table "
        "has them; else title,text, else text, title, or the only text column.",
    )
    label_column_name: str | None = option(
        None,
        "The column of labels; default: that which the checkpoint was trained on, if the first table has it; else "
        "label.",
    )
    on_empty: str = option(
        "error", "A row without any text: error, drop or keep.", choices=["error", "drop", "keep"]
    )
    skip_unknown_labels: bool = option(
        False, "Whether rows are left out whose label no training text has."
    )
    dataset_revision: str | None = option(None, "Commit, tag or branch of the dataset on the Hub.")

    def __post_init__(self) -> None:
        for name in _LISTS:
            value: Any = getattr(self, name, None)
            if isinstance(value, str):  # as in a JSON file
                setattr(self, name, [value])
        check_options(self)


@dataclass
class TrainArguments(DataArguments):
    """What `train` does with the texts, beside the settings."""

    output_dir: str = option("out", "A new or empty folder for the checkpoint.")
    overwrite_output_dir: bool = option(
        False, "Whether a checkpoint in --output_dir is replaced; anything else never is."
    )
    group_column_name: str | None = option(
        None,
        "A column, such as a publisher, whose rows are all held out or all trained on; without effect if validation "
        "texts are given.",
    )
    class_weight: str | None = option(
        None, "balanced, or a JSON file {label: weight}: how much the texts of each label count."
    )
    teacher: str | None = option(
        None,
        "A model of transformers from which this one learns: an id on the Hub, or a folder. A classifier must have the "
        "labels of the texts. An encoder, such as sentence-transformers/all-mpnet-base-v2, learns them from the texts.",
    )
    teacher_revision: str | None = option(None, "Commit, tag or branch of the teacher on the Hub.")
    trust_remote_code: bool = option(
        False, "Whether Python files in the teacher's repository may run."
    )
    unlabelled_file: list[str] | None = option(
        None,
        "As --train_file, without labels: more texts, for which the model learns what the teacher says.",
    )
    with_baselines: bool = option(False, "Whether to measure TF-IDF + linear SVC, too.")
    language: str | None = option(
        None, "Language of the texts for the card, such as en or de; default: not stated."
    )
    license: str | None = option(
        None, "Licence of the checkpoint for the card, such as apache-2.0; default: not stated."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.teacher:
            return
        for name in ("teacher_revision", "trust_remote_code", "unlabelled_file"):
            if getattr(self, name):
                raise DataError(f"{name} needs a teacher; give --teacher.")
