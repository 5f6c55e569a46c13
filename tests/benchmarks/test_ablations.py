"""Models that leave a part of the default preset out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support import SMALL

from benchmarks.folds import Fold, make_folds
from benchmarks.models import ABLATIONS, MODELS, Settings, train_preset
from glove_lstm.commands.train import parse_words
from glove_lstm.inference.torch_classifier import TorchClassifier
from glove_lstm.training.result import TrainingResult

TINY = parse_words([*SMALL, "--num_train_epochs", "1", "--use_cpu", "True", "--refit", "False"])
TINY["ngram_buckets"] = 65_536  # so many that words and shapes rarely share a row


@pytest.fixture(scope="module")
def fold(data_dir: Path) -> Fold:
    [fold] = make_folds("recovery", data_dir, 1)
    return fold


@pytest.fixture(scope="module")
def settings(glove_file: Path) -> Settings:
    return Settings(str(glove_file), TINY)


@pytest.fixture(scope="module")
def results(fold: Fold, settings: Settings) -> dict[str, TrainingResult]:
    """The default preset and all ablations."""
    return {name: train_preset(name, fold, 42, settings) for name in ("default", *ABLATIONS)}


def test_an_ablation_leaves_a_part_out(results: dict[str, TrainingResult]) -> None:
    models = {name: result.model for name, result in results.items()}
    default = models["default"]
    assert models["lstm_alone"].ngrams is None
    assert models["without_characters"].encoder.embeddings.character_embeddings is None
    # Training changes the LSTM alone.
    assert not models["ngrams_alone"].classifier.weight.any()
    assert torch.equal(models["ngrams_alone"].ngrams.weights, default.ngrams.weights)
    for name in ("without_mean_ratio", "without_corrupted_copies"):
        assert not torch.equal(models[name].ngrams.weights, default.ngrams.weights)


def test_shapes_teach_nothing_where_they_are_left_out(
    fold: Fold, results: dict[str, TrainingResult]
) -> None:
    texts = fold.training["text"][:20]
    encoded = results["default"].tokenizer(texts, padding=True, return_tensors="pt")
    default = results["default"].model
    inputs = default.encoder.prepare_inputs(**encoded, inputs_embeds=None)
    _, shapes = default.ngrams.groups(inputs.ids, inputs.shapes, inputs.mask)
    rows = shapes.rows[shapes.present]

    def share_with_weight(name: str) -> float:
        weights = results[name].model.ngrams.weights[rows]
        return weights.any(dim=1).float().mean().item()

    assert share_with_weight("default") > 0.5
    assert share_with_weight("without_shape_ngrams") < 0.01  # but for equal hashes


def test_a_part_is_left_out_at_prediction_too(
    fold: Fold, settings: Settings, results: dict[str, TrainingResult]
) -> None:
    rows = fold.tests["1"]
    predict = MODELS["without_shape_ngrams"](fold, 42, settings)
    result = results["without_shape_ngrams"]
    classifier = TorchClassifier.of(result.model, result.tokenizer)
    with_shapes = classifier.predict_proba(rows["text"][:], rows["text_pair"][:])
    assert not np.allclose(predict(rows), with_shapes)
