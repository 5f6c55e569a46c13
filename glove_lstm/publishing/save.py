"""Save a trained model into a folder that can be served."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError

from glove_lstm.checkpoint.names import (
    CARD_NAME,
    LIGHT_NAME,
    METRICS_NAME,
    TRAINING_TEXTS_NAME,
    WEIGHTS_NAME,
)
from glove_lstm.checkpoint.new_folder import new_folder
from glove_lstm.errors import DataError, first_line
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.run_metrics import plot_run
from glove_lstm.files import digest
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.publishing.card import write_card
from glove_lstm.tables.examples import Examples
from glove_lstm.training.fit import Trained

logger = logging.getLogger(__name__)


def save(
    trained: Trained,
    folder: Path,
    metrics: MetricsFile,
    test: Examples | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write a model, its ONNX file, metrics, plots and card. The folder is complete, or not there at all.

    If one of the others cannot be written, a warning says so, and the model is saved without it.
    Callers check the folder with `check_target` before the work.

    Args:
        trained: The model.
        folder: A new or empty folder.
        metrics: Its measures.
        test: Test texts for the plots; None: the validation texts.
        overwrite: Whether a checkpoint in the folder is replaced. A folder with anything else is never replaced.

    Raises:
        DataError: The folder cannot be written. If it has changed since the check, the model stays beside it.
    """
    try:
        with new_folder(folder, overwrite=overwrite) as unfinished:
            _write_model(trained, unfinished)
            _write_rest(trained, metrics, test, unfinished)
    except (OSError, SafetensorError) as error:
        problem = f"{folder} cannot be written ({first_line(error)})"
        raise DataError(f"{problem}; free some space, or give another folder.") from error


def _write_model(trained: Trained, folder: Path) -> None:
    trained.model.save_pretrained(folder)
    trained.tokenizer.save_pretrained(folder)
    trained.text_record.save(folder / TRAINING_TEXTS_NAME, digest(folder / WEIGHTS_NAME))
    mode = folder.stat().st_mode & 0o666
    for path in folder.iterdir():  # safetensors makes files readable by their owner only
        path.chmod(mode)


def _write_rest(
    trained: Trained, metrics: MetricsFile, test: Examples | None, folder: Path
) -> None:
    """Write what a model can do without. Nothing stays of a step that fails."""
    plots = folder / "plots"
    steps: dict[Path, Callable[[], object]] = {
        folder / LIGHT_NAME: lambda: export_onnx(folder),
        folder / METRICS_NAME: lambda: metrics.write(folder),
        plots: lambda: plot_run(trained, plots, test),
        folder / CARD_NAME: lambda: write_card(folder),
    }
    for path, write in steps.items():
        try:
            write()
        except Exception as error:  # whatever it is, the training was worth more
            logger.warning("%s could not be written: %s.", path.name, first_line(error))
            if path == plots:
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
