"""Save a trained checkpoint: weights, tokenizer, remote code, record of texts, metrics, plots and card."""

import json
from pathlib import Path

from safetensors.torch import load, save

from glove_lstm import __version__
from glove_lstm.data.whole_files import whole_files
from glove_lstm.evaluation.run_metrics import Metrics, plot_run
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME
from glove_lstm.publishing.card import write_card
from glove_lstm.training.experiment import Experiment


def save_experiment(experiment: Experiment, metrics: Metrics, folder: Path) -> None:
    """Write all files that a push needs, each complete or absent."""
    with whole_files(folder) as part:
        experiment.model.save_pretrained(part)
        weights = part / WEIGHTS_NAME
        metadata = {"format": "pt", "glove_lstm_version": __version__}
        weights.write_bytes(save(load(weights.read_bytes()), metadata))
        experiment.tokenizer.save_pretrained(part)
        experiment.training_texts.save(part)
        text = json.dumps(metrics, indent=2, ensure_ascii=False)
        (part / "metrics.json").write_text(text + "\n", encoding="utf-8")
        plot_run(experiment, metrics, part / "plots")
        write_card(part)
