"""Save a trained checkpoint."""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from glove_lstm import __version__
from glove_lstm.data.whole_files import whole_files
from glove_lstm.evaluation.run_metrics import Metrics, plot_run
from glove_lstm.inference.checkpoint_files import LIGHT_NAME, ONNX_NAME, WEIGHTS_NAME
from glove_lstm.publishing.card import write_card
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult


def save_result(
    result: TrainingResult, metrics: Metrics, folder: Path, test: LabelledTexts | None = None
) -> None:
    """Write weights, tokenizer, remote code, record of texts, metrics, plots and card, each complete or absent."""
    with whole_files(folder) as part:
        result.model.save_pretrained(part)
        weights = part / WEIGHTS_NAME
        metadata = {"format": "pt", "glove_lstm_version": __version__}
        save_file(load_file(weights), weights, metadata)
        result.tokenizer.save_pretrained(part)
        result.training_texts.save(part)
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (part / "metrics.json").write_text(text + "\n", encoding="utf-8")
        plot_run(result, part / "plots", test)
        write_card(part)
        # An earlier model's.
        plots = ("plots/curves.png", "plots/confusion.png", "plots/reliability.png")
        for name in (LIGHT_NAME, ONNX_NAME, *plots):
            (folder / name).unlink(missing_ok=True)
