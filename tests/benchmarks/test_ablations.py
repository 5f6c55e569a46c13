"""Models that leave a part of the default preset out."""

from pathlib import Path

import numpy as np
import torch
from support import SMALL

from benchmarks.folds import make_folds
from benchmarks.models import ABLATIONS, MODELS, Settings, train_preset
from glove_lstm.commands.train import parse_words
from glove_lstm.inference.prediction import predict_probabilities

TINY = parse_words([*SMALL, "--num_train_epochs", "1", "--use_cpu", "True", "--refit", "False"])
TINY = {**TINY, "ngram_buckets": 65_536}  # so many that words and shapes rarely share a row


def test_an_ablation_leaves_a_part_out(news: Path, glove_file: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    trained = {
        name: train_preset(name, fold, 42, Settings(str(glove_file), TINY))
        for name in ("default", *ABLATIONS)
    }
    models = {name: result.model for name, result in trained.items()}
    assert models.pop("lstm_alone").ngrams is None
    assert not models["ngrams_alone"].classifier.weight.any()
    texts = fold.training["text"][:20]
    encoded = trained["default"].tokenizer(texts, padding=True, return_tensors="pt")
    inputs = models["default"].encoder.prepare_inputs(**encoded, inputs_embeds=None)
    _, shapes = models["default"].ngrams.groups(inputs.ids, inputs.shapes, inputs.mask)
    learned = [
        models[name].ngrams.weights[shapes.rows[shapes.present]].any(dim=1).float().mean()
        for name in ("default", "without_shape_ngrams")
    ]
    assert learned[0] > 0.5 > learned[1]
    # Training changes the LSTM alone.
    assert torch.equal(models["ngrams_alone"].ngrams.weights, models["default"].ngrams.weights)
    assert models["without_characters"].encoder.embeddings.character_embeddings is None
    for name in ("without_mean_ratio", "without_corrupted_copies"):
        assert not torch.equal(models[name].ngrams.weights, models["default"].ngrams.weights)


def test_a_part_is_left_out_at_prediction_too(news: Path, glove_file: Path) -> None:
    [fold] = make_folds("recovery", news, 1)
    settings, rows = Settings(str(glove_file), TINY), fold.tests["1"]
    without = MODELS["without_shape_ngrams"](fold, 42, settings)(rows)
    trained = train_preset("without_shape_ngrams", fold, 42, settings)
    texts = rows["text"][:], rows["text_pair"][:]
    assert not np.allclose(without, predict_probabilities(trained.model, trained.tokenizer, *texts))
