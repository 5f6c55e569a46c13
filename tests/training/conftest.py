"""A tokenizer of a few words, tokenised texts, and short trainings."""

import inspect
import shutil

import pytest
from support import QUICK_VALUES, SMALL_VALUES
from tides import WORDS, make_texts, tokenized
from transformers import BertForSequenceClassification

from glove_lstm.text.build import build_tokenizer
from glove_lstm.training.fit import fit
from glove_lstm.training.settings import make_settings


@pytest.fixture(scope="module", autouse=True)
def _tokenizers_with_one_thread():
    """The batches are small: several threads would mostly wait for each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKENIZERS_PARALLELISM", "false")
        yield


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(lambda: [" ".join(WORDS)], min_frequency=1, model_max_length=20)


@pytest.fixture(scope="module")
def texts(tokenizer):
    texts, labels = make_texts(97)
    return tokenized(texts, tokenizer, labels)


@pytest.fixture(scope="session")
def small_recipe(glove_file, tmp_path_factory):
    """A function of arguments: the recipe of a small network and a short training."""

    def small_recipe(**values):
        options = {**QUICK_VALUES, "num_train_epochs": 2, "save_strategy": "no"}
        if "model_name_or_path" not in values:  # a checkpoint has its own vectors and shape
            options |= {**SMALL_VALUES, "glove": str(glove_file)}
        if "output_dir" not in values:
            options["output_dir"] = str(tmp_path_factory.mktemp("out"))
        return make_settings(**{**options, **values})

    return small_recipe


@pytest.fixture(scope="session")
def train(small_recipe):
    """`fit` with the small recipe; it takes arguments of `fit` and of the recipe."""
    of_fit = set(inspect.signature(fit).parameters) - {"glove"}  # its name is in the recipe

    def train(texts, labels, validation=None, **values):
        given = {name: values.pop(name) for name in of_fit & values.keys()}
        return fit(texts, labels, validation, recipe=small_recipe(**values), **given)

    return train


@pytest.fixture(scope="session")
def encoder(transformer, tmp_path_factory):
    """The folder of the small BERT without its head."""
    folder = tmp_path_factory.mktemp("encoders") / "encoder"
    shutil.copytree(transformer, folder)
    BertForSequenceClassification.from_pretrained(transformer).bert.save_pretrained(folder)
    return folder
