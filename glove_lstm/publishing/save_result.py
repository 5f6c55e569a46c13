"""Save a training: the checkpoint, its metrics, plots and card."""

import json
from pathlib import Path

from glove_lstm.checkpoint import METRICS_NAME, Checkpoint
from glove_lstm.evaluation.run_metrics import Metrics, plot_run
from glove_lstm.publishing.card import write_card
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult


def save_result(
    result: TrainingResult, metrics: Metrics, folder: Path, test: LabelledTexts | None = None
) -> None:
    """Write the checkpoint of a training with its metrics, plots and card, whole or not at all.

    Args:
        result: The training.
        metrics: Its measures; see `run_metrics`.
        folder: Where the files appear; those of an earlier model are replaced or removed.
        test: Texts for the plots; None: the validation texts.
    """
    with Checkpoint.saving(folder, result.model, result.tokenizer, result.training_texts) as part:
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (part / METRICS_NAME).write_text(f"{text}\n", encoding="utf-8")
        plot_run(result, part / "plots", test)
        write_card(part)
