r"""Train or fine-tune a GloVe+LSTM classifier, and measure it.

glove-lstm train --dataset_name fake_or_real_news --dataset_config_name article \
    --glove 6B.100d --preset article --output_dir out
glove-lstm train --model_name_or_path out --train_file mine.csv --output_dir mine
glove-lstm train settings.json --learning_rate 2e-3
glove-lstm train --train_file mine.csv --teacher user/transformer --unlabelled_file more.csv --output_dir mine

OUTPUT_DIR, a new or empty folder, gets the checkpoint with its remote code, metrics.json, plots and a model card.
--overwrite_output_dir True replaces a checkpoint that is there.
"""

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.new_folder import check_target
from glove_lstm.commands.data_arguments import DataArguments, TrainArguments
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import expand_globs, read_json_object
from glove_lstm.options import add_options, check_names
from glove_lstm.tables.columns import columns_warning, open_files, read_rows
from glove_lstm.tables.load import Data, Rows, load_splits
from glove_lstm.training.settings import SETTING_NAMES, Settings, make_settings

# torch, transformers, scikit-learn and matplotlib are imported where they are needed, after the arguments and the
# texts were checked: a mistake is answered at once.
if TYPE_CHECKING:
    from glove_lstm.evaluation.metrics_file import MetricsFile
    from glove_lstm.tables.examples import ClassWeight, Examples
    from glove_lstm.training.fit import Trained

logger = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> None:
    """Train, measure and save a classifier."""
    arguments, settings = parse(argv)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DataError(
            "glove-lstm train runs in one process; start it without torchrun, or see docs/howto/trainer.md."
        )
    folder = Path(arguments.output_dir)
    check_target(folder, overwrite=arguments.overwrite_output_dir)
    class_weight: ClassWeight | None = arguments.class_weight
    if class_weight not in (None, "balanced"):
        path = Path(str(class_weight))
        class_weight = read_json_object(path, "give balanced, or a JSON file {label: weight}")
    data, unlabelled = _load(arguments, settings)
    trained = _fit(arguments, settings, data, class_weight, unlabelled)
    # predict and evaluate then read these columns by default.
    trained.model.config.text_column_names = data.text_column_names
    trained.model.config.label_column_name = data.label_column_name
    metrics, test = _measure(arguments, data, trained)
    _save(trained, folder, metrics, test, overwrite=arguments.overwrite_output_dir)


# Arguments


def parse(argv: Sequence[str]) -> tuple[TrainArguments, Settings]:
    """Read a command line: `[FILE.json] [--preset NAME] [--name value ...]`.

    The command line overrides the file, the file overrides the preset, and the preset the defaults.

    Raises:
        DataError: An unknown preset or argument, a refused value, or a JSON file that cannot be used.
    """
    argv = list(argv)
    values: dict[str, Any] = {}
    if argv and argv[0].endswith(".json") and not argv[0].startswith("-"):
        path = Path(argv.pop(0))
        values = read_json_object(path, "give one object of argument names and values")
    values |= parse_arguments(argv)
    own_names = [argument.name for argument in fields(TrainArguments)]
    check_names(values, [*own_names, *SETTING_NAMES])
    given = {name: value for name, value in values.items() if value is not None}
    own_values = {name: given.pop(name) for name in own_names if name in given}
    return TrainArguments(**own_values), make_settings(**given)


class _Parser(argparse.ArgumentParser):
    """A parser that raises a DataError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise DataError(f"{message[:1].upper()}{message[1:].rstrip('.')}.")


def parse_arguments(argv: Sequence[str]) -> dict[str, Any]:
    """Return the arguments that a command line names, with their values."""
    parser = _Parser(
        prog="glove-lstm train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser, TrainArguments)
    add_options(parser, Settings)
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        word = unknown[0].partition("=")[0]
        if word.startswith("-"):
            names = [*fields(TrainArguments), *fields(Settings)]
            check_names([word], [f"--{known.name}" for known in names])  # suggests a known name
        raise DataError(
            f"{word!r} belongs to no argument; leave it out. A JSON file of arguments comes first."
        )
    return vars(given)


# Texts


def _load(arguments: TrainArguments, settings: Settings) -> tuple[Data, list[str]]:
    """Load the texts with labels and those without; if there are texts without, there may be no others.

    By default, they are read from the columns that the checkpoint to fine-tune was trained on.
    """
    trained_columns = trained_label_column = None
    if settings.model_name_or_path is not None:
        checkpoint = Checkpoint.open(settings.model_name_or_path, settings.revision)
        trained_columns = checkpoint.text_column_names
        trained_label_column = checkpoint.label_column_name
    files = arguments.train_file or arguments.validation_file or arguments.test_file
    if not arguments.unlabelled_file or arguments.dataset_name or files:
        data = _load_labelled(arguments, trained_columns, trained_label_column)
        unlabelled = _more_texts(arguments, data)
    else:
        _check_no_argument_of_labels(arguments)
        unlabelled, columns = _read_unlabelled(
            arguments.unlabelled_file, arguments.text_column_names, trained_columns
        )
        data = Data({}, [], columns, _unlabelled_names(arguments.unlabelled_file))
    clause = columns_warning(trained_columns, data.text_column_names)
    if clause:
        logger.warning("%s.", clause)
    return data, unlabelled


def _load_labelled(
    arguments: TrainArguments,
    trained_columns: Sequence[str] | None,
    trained_label_column: str | None,
) -> Data:
    """Load the texts with labels; see `load_splits`."""
    unlabelled = arguments.unlabelled_file
    options = {known.name: getattr(arguments, known.name) for known in fields(DataArguments)}
    data = load_splits(
        **options,
        group_column_name=arguments.group_column_name,
        trained_columns=trained_columns,
        trained_label_column=trained_label_column,
        may_be_rare=bool(unlabelled),
    )
    has_training_texts = "train" in data.splits
    if arguments.with_baselines and (data.is_multi_label or not has_training_texts):
        raise DataError("--with_baselines needs training texts with one label each; leave it out.")
    if not unlabelled and not has_training_texts:
        raise DataError("There are no training texts: give --train_file or a train split.")
    if arguments.group_column_name and not has_training_texts:
        raise DataError(
            "group_column_name is for training texts with labels; give them, or leave it out."
        )
    if not unlabelled:
        return data
    return replace(data, description=f"{data.description}, {_unlabelled_names(unlabelled)}")


def _check_no_argument_of_labels(arguments: TrainArguments) -> None:
    """Raise a DataError if an argument of texts with labels is given."""
    names = {known.name for known in fields(DataArguments)} - {"text_column_names"}
    names |= {"group_column_name", "class_weight", "with_baselines"}
    for known in fields(arguments):
        if known.name in names and getattr(arguments, known.name) != known.default:
            raise DataError(f"{known.name} is for texts with labels; give them, or leave it out.")


def _more_texts(arguments: TrainArguments, data: Data) -> list[str]:
    """Read the texts without labels beside those with labels, except near duplicates of test texts.

    They choose their own text columns, if they lack those of the others.
    """
    if not arguments.unlabelled_file:
        return []
    texts, columns = _read_unlabelled(arguments.unlabelled_file, None, data.text_column_names)
    if columns != data.text_column_names:
        logger.warning(
            "The texts without labels are read from the columns %s, those with labels from %s.",
            ", ".join(columns),
            ", ".join(data.text_column_names),
        )
    if "test" not in data.splits:
        return texts
    from glove_lstm.splits.splitter import without_near_duplicates

    return without_near_duplicates(texts, data.splits["test"].texts, "test")


def _read_unlabelled(
    files: Sequence[str], requested: str | None, trained: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the texts of files, except blank ones, and the columns that they are read from."""
    tables, columns = open_files(expand_globs(files), requested, trained=trained)
    texts = [row.joined for table in tables for row in read_rows(table, columns) if not row.empty]
    if not texts:
        raise DataError(f"{_unlabelled_names(files)}: all texts are blank; give a file with texts.")
    return texts, columns.text


def _unlabelled_names(files: Sequence[str]) -> str:
    names = ", ".join(Path(file).name for file in files)
    return f"{names} (without labels)"


# Training


def _fit(
    arguments: TrainArguments,
    settings: Settings,
    data: Data,
    class_weight: "ClassWeight | None",
    unlabelled: Sequence[str],
) -> "Trained":
    from transformers.utils import logging as transformers_logging

    from glove_lstm.distillation.pretrained import TeacherModel
    from glove_lstm.evaluation.metrics import compute_metrics
    from glove_lstm.training.fit import fit

    if not sys.stderr.isatty():
        transformers_logging.disable_progress_bar()  # of loading and saving
    # Exclude the objects of the imported libraries from garbage collection, which Accelerate runs after each training.
    gc.freeze()
    train = data.splits.get("train", Rows())
    validation = None
    if "validation" in data.splits:
        rows = data.splits["validation"]
        validation = rows.texts, rows.labels
    teacher = None
    if arguments.teacher:
        teacher = TeacherModel(
            arguments.teacher, arguments.teacher_revision, arguments.trust_remote_code
        )
    return fit(
        train.texts,
        train.labels,
        validation,
        settings=settings,
        label_names=data.label_names,
        groups=train.groups,
        class_weight=class_weight,
        compute_metrics=compute_metrics,
        teacher=teacher,
        unlabelled=unlabelled,
    )


def _measure(
    arguments: TrainArguments, data: Data, trained: "Trained"
) -> "tuple[MetricsFile, Examples | None]":
    """Measure a model, and return its measures and the test texts.

    A model that cannot be measured is saved without measures, with a warning: the training was worth more.
    """
    from glove_lstm.evaluation.metrics_file import MetricsFile
    from glove_lstm.evaluation.run_metrics import measure_baseline, run_metrics
    from glove_lstm.tables.examples import Examples
    from glove_lstm.tables.named_datasets import id_on_hub

    dataset = arguments.dataset_name
    metrics = MetricsFile(
        trained.record,
        data.description,
        arguments.language,
        arguments.license,
        dataset_id=dataset and id_on_hub(dataset, arguments.data_files),
        is_news=dataset == "fake_or_real_news",
    )
    test = None
    try:
        if "test" in data.splits:
            rows = data.splits["test"]
            names = trained.model.config.label_names
            test = Examples.from_names(rows.texts, rows.labels, names, name="test labels")
            test = replace(test, logits=trained.classifier.predict_logits(test.texts))
        run_metrics(trained, test, metrics)
        if arguments.with_baselines:
            metrics.baseline = measure_baseline(trained, test)
    except Exception as error:
        logger.warning("The model could not be measured: %s.", first_line(error))
    return metrics, test


def _save(
    trained: "Trained",
    folder: Path,
    metrics: "MetricsFile",
    test: "Examples | None",
    *,
    overwrite: bool,
) -> None:
    """Save a model, and print its measures."""
    from glove_lstm.publishing.save import save

    save(trained, folder, metrics, test, overwrite=overwrite)
    sys.stdout.write(_summary(metrics) + f"Saved to {folder}\n")


def _summary(metrics: "MetricsFile") -> str:
    """Return a line for each measured split, for each remark on it, and for the baseline."""
    lines = ""
    for split, measures in reversed(metrics.splits.items()):
        name = split
        if split == "validation" and metrics.training.refitted:
            name = "validation, before the model learned from these texts, too"
        lines += f"{name}: {measures.summary()}\n"
        for sentence in measures.remarks():
            lines += f"  {sentence}\n"
        if metrics.baseline and split in metrics.baseline:
            accuracy = metrics.baseline[split]["accuracy"]
            lines += f"  linear SVC on TF-IDF: accuracy {accuracy:.4f}\n"
    return lines or "Not measured.\n"
