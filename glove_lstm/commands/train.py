r"""Train or fine-tune a GloVe+LSTM classifier, and measure it.

glove-lstm train --dataset_name fake_or_real_news --dataset_config_name article \
    --glove 6B.100d --preset article --output_dir out
glove-lstm train --model_name_or_path out --train_file mine.csv --output_dir mine
glove-lstm train settings.json --learning_rate 2e-3

OUTPUT_DIR gets the checkpoint with its remote code, metrics.json and plots/. Resume a run with
--resume_from_checkpoint OUTPUT_DIR/checkpoint-N (first_model/checkpoint-N of the first of two models), which gives the
same weights. --push_to_hub --hub_model_id user/name sends the result to the Hub, as glove-lstm push does.
"""

import dataclasses
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.data.files import DataError, check_folder
from glove_lstm.data.loading import load_splits
from glove_lstm.evaluation.baselines import DESCRIPTIONS
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.evaluation.run_metrics import add_baselines, run_metrics
from glove_lstm.publishing.checkpoint import stage_checkpoint
from glove_lstm.publishing.checkpoint_folder import save_experiment
from glove_lstm.publishing.hub_upload import loading_example, push_folder, training_destination
from glove_lstm.training.arguments import parse_training_run
from glove_lstm.training.experiment import run_experiment
from glove_lstm.training.resuming import check_resumable


def main(argv: Sequence[str]) -> None:
    """Parse, load, train, save, report."""
    run = parse_training_run(argv, description=__doc__)
    destination = training_destination(run.training)
    if run.training.resume_from_checkpoint:  # checked before the data are loaded
        check_resumable(Path(run.training.resume_from_checkpoint))
    folder = Path(str(run.training.output_dir))
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)  # fails now, not after the training
    if run.training.disable_tqdm:
        datasets.disable_progress_bars()
    options = dataclasses.asdict(run.data)
    with_baselines = options.pop("with_baselines")
    data = load_splits(**options, seed=run.training.seed)
    if with_baselines and data.several_labels:
        raise DataError("--with_baselines is for one label a text; leave it out.")
    experiment = run_experiment(run, data, compute_metrics=compute_metrics)
    if run.training.process_index > 0:  # only the first process writes files
        return
    metrics = run_metrics(experiment)
    if with_baselines:
        add_baselines(metrics, experiment)
    save_experiment(experiment, metrics, folder)
    sys.stdout.write(_summary(metrics) + f"Saved to {folder}\n")
    if destination:
        with tempfile.TemporaryDirectory() as scratch:
            staged = Path(scratch) / "staged"
            training_texts = run.training.training_texts
            stage_checkpoint(folder, staged, destination.repo_id, training_texts=training_texts)
            sys.stdout.write(loading_example(destination, push_folder(staged, destination)))


def _summary(metrics: Mapping[str, Any]) -> str:
    """Return a line for each measured split, and for each baseline on it."""
    lines = []
    for name in ("validation", "test"):
        if name not in metrics:
            continue
        measures = metrics[name]
        low, high = measures["accuracy_interval"]
        seen = f", {measures['seen']} of them used in training" if measures.get("seen") else ""
        is_first = name == "validation" and "all" in metrics["about"]["rows"]
        first = " of the first model" if is_first else ""
        lines.append(
            f"{name}: accuracy{first} {measures['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}, "
            f"{measures['rows']} rows{seen}; majority class {measures['majority_share']:.4f}), "
            f"ECE {measures['ece']:.4f}\n"
        )
        for baseline, measured in metrics.get("baselines", {}).items():
            if name in measured:
                lines.append(f"  {DESCRIPTIONS[baseline]}: {measured[name]['accuracy']:.4f}\n")
    return "".join(lines) or "Not measured: there are no validation or test texts.\n"
