"""benchmarks.models: which texts our presets are trained on, and the copies of the SVCs. Nothing is trained."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import models
from benchmarks.corpora import joined_texts
from benchmarks.folds import Fold, make_folds
from benchmarks.models import ABLATIONS, FIRST_SEED, MODELS, Settings, with_copies
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import corrupt


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


def names_of(fold: Fold, rows) -> list[str]:
    return [fold.label_names[label] for label in rows["label"]]


def test_default_learns_from_training_and_validation_texts(
    data_dir: Path, glove_file: Path, fitted: Fit
) -> None:
    [fold] = make_folds("recovery", data_dir, 1)
    MODELS["default"](fold, 7, Settings(str(glove_file)))
    assert fitted.texts == joined_texts(fold.train) + joined_texts(fold.validation)
    assert fitted.labels == names_of(fold, fold.train) + names_of(fold, fold.validation)
    assert fitted.validation is None
    assert fitted.recipe.training.seed == 7


@pytest.mark.parametrize(("task", "model"), [("left_out", "default"), ("recovery", "article")])
def test_validation_texts_are_given(
    data_dir: Path, glove_file: Path, fitted: Fit, task: str, model: str
) -> None:
    fold, *_ = make_folds(task, data_dir, 1)
    MODELS[model](fold, 7, Settings(str(glove_file)))
    assert fitted.texts == joined_texts(fold.train)
    texts = joined_texts(fold.validation)
    assert fitted.validation == (texts, names_of(fold, fold.validation))
    assert fitted.recipe.preset == model


@pytest.mark.parametrize("model", sorted(ABLATIONS.keys() - {"ngrams_alone"}))
def test_an_ablation_is_default_with_another_argument(
    data_dir: Path, glove_file: Path, fitted: Fit, model: str
) -> None:
    [fold] = make_folds("recovery", data_dir, 1)
    settings = Settings(str(glove_file), {"hidden_size": 6})
    MODELS[model](fold, 7, settings)
    recipe = fitted.recipe
    assert recipe.model.hidden_size == 6
    [(name, value)] = ABLATIONS[model].items()
    values = vars(recipe.model) | vars(recipe.training)
    default = settings.recipe("default", 7, "out")
    assert values[name] == value != (vars(default.model) | vars(default.training))[name]


def test_svcs_can_learn_from_the_copies_of_our_presets(data_dir: Path) -> None:
    [fold] = make_folds("recovery", data_dir, 1)
    texts, labels = joined_texts(fold.every), fold.every["label"].tolist()
    more_texts, more_labels = with_copies((texts, labels))
    # The n-gram classifier of a preset sees the same copies.
    tokenizer = build_tokenizer(lambda: more_texts, vocab_size=50_000, model_max_length=512)
    copies = corrupt(texts, LightTokenizer.of(tokenizer), seed=FIRST_SEED)
    assert more_texts == [*texts, *copies]
    assert more_labels == labels * 2
