"""Save a training: the checkpoint, its metrics, plots and card."""

import json
from pathlib import Path

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import METRICS_NAME
from glove_lstm.evaluation.run_metrics import Metrics, plot_run
from glove_lstm.output_folder import check_output_folder
from glove_lstm.publishing.card import keeps_card, write_card
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult


def save_result(
    result: TrainingResult, metrics: Metrics, folder: Path, test: LabelledTexts | None = None
) -> None:
    """Write the checkpoint of a training with its metrics, plots and card: all files, or none if one fails.

    Args:
        result: The training.
        metrics: Its measures; see `run_metrics`.
        folder: The folder of the checkpoint. The files of an earlier model are replaced or removed, but a card that
            somebody has edited is kept.
        test: Texts for the plots; None: the validation texts.

    Raises:
        DataError: A file that would be overwritten or removed is not from a training of this package.
    """
    check_output_folder(folder)
    saving = Checkpoint.saving(folder, result.model, result.tokenizer, result.training_texts)
    with saving as unfinished_folder:
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (unfinished_folder / METRICS_NAME).write_text(f"{text}\n", encoding="utf-8")
        plot_run(result, unfinished_folder / "plots", test)
        if not keeps_card(folder):
            write_card(unfinished_folder)
