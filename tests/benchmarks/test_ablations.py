"""Models that leave a part of the default preset out."""

from pathlib import Path

import pytest
from support import SMALL

from benchmarks.folds import make_folds
from benchmarks.models import Settings, train_preset

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True"]


@pytest.mark.parametrize(
    ("ablation", "empty"),
    [("without_shape_ngrams", {"shape_weights"}), ("ngrams_alone", set()), ("lstm_alone", None)],
)
def test_an_ablation_leaves_a_part_out(
    news: Path, glove_file: Path, ablation: str, empty: set[str] | None
) -> None:
    [fold] = make_folds("recovery", news, 1)
    model = train_preset(ablation, fold.data, 42, Settings(str(glove_file), TINY)).model
    if empty is None:
        assert model.ngrams is None
        return
    tables = model.ngrams.named_parameters()
    assert {name for name, weights in tables if not weights.any()} == empty
    assert model.classifier.weight.any() == (ablation != "ngrams_alone")
