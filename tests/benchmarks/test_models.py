"""benchmarks.models: which texts our presets are trained on. Nothing is trained."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import models
from benchmarks.corpora import joined_texts
from benchmarks.folds import make_folds
from benchmarks.models import MODELS, Settings


class Fit:
    """Stands for `fit`, and keeps its arguments."""

    def __call__(self, texts, labels, validation, **arguments):
        self.texts = texts
        self.labels = labels
        self.validation = validation
        self.recipe = arguments["recipe"]
        return SimpleNamespace(model=None, tokenizer=None)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> Fit:
    fit = Fit()
    monkeypatch.setattr(models, "fit", fit)
    return fit


@pytest.mark.parametrize(
    ("task", "model", "learns_from_all"),
    [("recovery", "default", True), ("left_out", "default", False), ("recovery", "article", False)],
)
def test_texts_of_a_fold(
    data_dir: Path, glove_file: Path, fitted: Fit, task: str, model: str, learns_from_all: bool
) -> None:
    """`default` holds texts out itself, unless those of the fold have other sources."""
    fold, *_ = make_folds(task, data_dir, 1)
    MODELS[model](fold, 7, Settings(str(glove_file)))
    texts, labels, held_out_texts, held_out_labels = [], [], [], []
    for rows, texts_of_part, labels_of_part in (
        (fold.train, texts, labels),
        (fold.validation, held_out_texts, held_out_labels),
    ):
        texts_of_part += joined_texts(rows)
        labels_of_part += [fold.label_names[label] for label in rows["label"]]
    if learns_from_all:
        assert fitted.texts == texts + held_out_texts
        assert fitted.labels == labels + held_out_labels
        assert fitted.validation is None
    else:
        assert fitted.texts == texts
        assert fitted.labels == labels
        assert fitted.validation == (held_out_texts, held_out_labels)
    assert fitted.recipe.training.seed == 7
    assert fitted.recipe.preset == model
