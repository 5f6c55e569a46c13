"""A tokenizer of a few words, tokenised texts, articles, and a small transformer that tells these apart."""

import inspect

import pytest
import torch
from estimator_news import arguments
from support import QUICK, SMALL
from tides import WORDS, make_texts, tokenized
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from glove_lstm.data.load import load_splits
from glove_lstm.text.build import build_tokenizer
from glove_lstm.training.fit import fit
from glove_lstm.training.recipe import make_recipe


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
        options = {**arguments(QUICK), "num_train_epochs": 2, "save_strategy": "no"}
        if "model_name_or_path" not in values:  # a checkpoint has its own vectors and shape
            options |= {**arguments(SMALL), "glove": str(glove_file)}
        if "output_dir" not in values:
            options["output_dir"] = str(tmp_path_factory.mktemp("out"))
        return make_recipe(**{**options, **values})

    return small_recipe


@pytest.fixture(scope="session")
def train(small_recipe):
    """`fit` with the small recipe; it takes arguments of `fit` and of the recipe."""
    of_fit = set(inspect.signature(fit).parameters) - {"glove"}  # its name is in the recipe

    def train(texts, labels, validation=None, **values):
        given = {name: values.pop(name) for name in of_fit & values.keys()}
        return fit(texts, labels, validation, recipe=small_recipe(**values), **given)

    return train


@pytest.fixture
def beside_the_vectors(glove_file, monkeypatch):
    """Work in the folder of the vectors, so that their file's name alone finds them."""
    monkeypatch.chdir(glove_file.parent)


@pytest.fixture(scope="session")
def news(articles):
    """160 articles: texts and labels."""
    return load_splits(train_file=articles).splits["train"]


@pytest.fixture(scope="session")
def transformer(news, tmp_path_factory):
    """The folder of a small BERT with the labels REAL and FAKE, in this order, that tells the articles apart."""
    folder = tmp_path_factory.mktemp("teachers") / "transformer"
    folder.mkdir()
    words = set(" ".join(news.texts).lower().split())
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words), "!", "."]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        id2label={0: "REAL", 1: "FAKE"},
        label2id={"REAL": 0, "FAKE": 1},
    )
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    inputs = tokenizer(news.texts, padding=True, truncation=True, return_tensors="pt")
    labels = torch.tensor([config.label2id[label] for label in news.labels])
    for _ in range(30):
        model(**inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    return folder
