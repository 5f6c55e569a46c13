"""benchmarks.make_hub: a small run to the end."""

import json
from pathlib import Path

import numpy as np
import pytest
from support import SMALL, succeed

from benchmarks import corpora, make_hub
from glove_lstm.checkpoint import Checkpoint
from glove_lstm.inference.light_classifier import LightClassifier


def test_a_checkpoint_is_trained_and_measured(
    data_dir: Path, glove_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "hub"
    command = ["--data_dir", data_dir, "--glove", glove_file, "--output_dir", folder, *SMALL]
    command += ["--max_steps", "2", "--per_device_train_batch_size", "16", "--use_cpu", "True"]
    done = succeed(make_hub.main, *command)
    assert done.stdout == f"Made {folder}\n"

    metrics = json.loads((folder / "metrics.json").read_text())
    corpus = corpora.hub_corpus(data_dir)
    rows = metrics["about"]["rows"]
    assert rows["train"] == len(corpus.train)
    assert metrics["validation"]["rows"] == len(corpus.validation)
    assert metrics["test"]["rows"] == len(corpus.test)
    measured = {"test", "recovery", "liar (two labels)", "veritas"}
    assert measured == set(metrics["baselines"]["tfidf_svc"])
    assert set(metrics["made_by"]) == {"sources", "versions", "machine"}
    # An argument on the command line overrides the benchmark's.
    assert metrics["about"]["arguments"]["per_device_train_batch_size"] == 16
    assert (folder / "plots" / "thumbnail.png").stat().st_size < 60_000

    model, _ = Checkpoint.open(folder).load_model()
    assert model.config.label_names == corpora.NAMES
    assert model.config.text_column_names == ["title", "text"]
    scores = LightClassifier.from_pretrained(folder).predict_proba(corpus.test.texts[:5])
    assert np.sum(scores, axis=1) == pytest.approx(1)
