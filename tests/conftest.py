"""Fixtures for all tests: made-up articles, small vectors, a stored checkpoint. Only `trained` trains a model."""

import atexit
import base64
import gc
import inspect
import json
import os
import runpy
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
os.environ["HF_HUB_OFFLINE"] = "1"
# Before `datasets` is imported: each run of the tests begins with empty caches, which its workers share.
if "PYTEST_XDIST_WORKER" not in os.environ:
    for _name in ("HF_DATASETS_CACHE", "GLOVE_LSTM_CACHE"):
        os.environ[_name] = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, os.environ[_name], ignore_errors=True)

import pytest
from golden.make_tiny_checkpoint import TINY_CHECKPOINT, make_tiny_checkpoint
from hub_server import TOKEN, HubServer
from huggingface_hub import constants
from support import QUICK_VALUES, ROOT, SMALL_VALUES, write_articles, write_glove

_ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)

# No network but loopback, in this process and in its child processes.
_NO_NETWORK = Path(__file__).parent / "no_network"
_python_path = [str(_NO_NETWORK), os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _python_path))
runpy.run_path(str(_NO_NETWORK / "sitecustomize.py"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Answer to `-n auto`: start a pool for all tests, none for some rooms or files, which it would only slow down."""
    all_tests = {Path(config.rootpath), Path(config.rootpath, "tests")}
    asked = {Path(config.invocation_params.dir, argument) for argument in config.args}
    if asked & all_tests:
        return None  # xdist counts the cores
    return 0


# Files with tests of many seconds, which begin first, so that no worker is alone with one at the end.
_LONG = ("test_front_door.py", "test_push.py", "test_trust.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long tests first."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.fixture(scope="session", autouse=True)
def _fast_garbage_collection():
    """Exclude all that is imported from garbage collection.

    Each training ends with a collection, in Accelerate's `free_memory`. With a million imported objects, it would take
    three quarters of the time of the tests of trainings.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _small_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write plots of one pixel: whole ones would take much of the time of a small training.

    Commands in processes of their own, and fixtures of a module or a session, draw them.
    """
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", _save_one_pixel)


def _save_one_pixel(_: object, path: Path, **__: object) -> None:
    path.write_bytes(_ONE_PIXEL)


@pytest.fixture(scope="session")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 made-up articles with the labels FAKE and REAL, on which the checkpoint was trained."""
    return write_articles(tmp_path_factory.mktemp("articles") / "articles.csv", 160)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """30 articles that the checkpoint has not seen."""
    return write_articles(tmp_path / "new.csv", 30, seed=5)


@pytest.fixture(scope="session")
def glove_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors for the words of the articles."""
    return write_glove(tmp_path_factory.mktemp("glove") / "tiny.8d.txt")


@pytest.fixture(scope="session")
def shared_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored checkpoint with its light.onnx and the remote code. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("stored") / "export"
    shutil.copytree(TINY_CHECKPOINT, folder)
    shutil.copytree(ROOT / "hub" / "plots", folder / "plots")  # large, and any will do
    for source in (ROOT / "hub").glob("*.py"):
        shutil.copy(source, folder)
    (folder / "handler.py").unlink()  # only a push writes it
    return folder


@pytest.fixture(scope="session")
def checkpoint(shared_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored checkpoint without its light.onnx, as transformers' Trainer saves one. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("stored") / "checkpoint"
    shutil.copytree(shared_export, folder, ignore=shutil.ignore_patterns("*.onnx"))
    return folder


@pytest.fixture(scope="session")
def trained(articles: Path, glove_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the training that made the stored checkpoint, run now. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("trained") / "trained"
    make_tiny_checkpoint(articles, glove_file, folder)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A Hub on this machine, where this process is logged in as `user`, and whose cache is empty."""
    with HubServer() as server:
        server.add_token(TOKEN)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        url = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
        yield server


@pytest.fixture
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person who is not logged in, on whatever machine the tests run."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def beside_the_vectors(glove_file, monkeypatch):
    """Work in the folder of the vectors, so that their file's name alone finds them."""
    monkeypatch.chdir(glove_file.parent)


@pytest.fixture(scope="session")
def news(articles):
    """The 160 articles: texts and labels."""
    from glove_lstm.tables.load import load_splits

    return load_splits(train_file=articles).splits["train"]


@pytest.fixture(scope="session")
def transformer(news, tmp_path_factory):
    """The folder of a small BERT with the labels REAL and FAKE, in this order, that tells the articles apart."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("teachers") / "transformer"
    folder.mkdir()
    words = set(" ".join(news.texts).lower().split())
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words), "!", "."]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(
        vocab=str(folder / "vocab.txt"), model_max_length=64, do_lower_case=True
    )
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


@pytest.fixture(scope="session")
def encoder(transformer, tmp_path_factory):
    """The folder of the small BERT without its head."""
    from transformers import BertForSequenceClassification

    folder = tmp_path_factory.mktemp("encoders") / "encoder"
    shutil.copytree(transformer, folder)
    BertForSequenceClassification.from_pretrained(transformer).bert.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_settings(glove_file):
    """A function of arguments: the settings of a small network and a short training."""
    from glove_lstm.training.settings import make_settings

    def small_settings(**values):
        options = {**QUICK_VALUES, "num_train_epochs": 2}
        if "model_name_or_path" not in values:  # a checkpoint has its own vectors and shape
            options |= {**SMALL_VALUES, "glove": str(glove_file)}
        return make_settings(**{**options, **values})

    return small_settings


@pytest.fixture(scope="session")
def train(small_settings):
    """`fit` with small settings, whose record comes back from JSON; it takes arguments of `fit` and of the settings."""
    from glove_lstm.training.fit import fit
    from glove_lstm.training.record import TrainingRecord

    of_fit = set(inspect.signature(fit).parameters) - {"glove"}  # its name is in the settings

    def train(texts, labels, validation=None, **values):
        given = {name: values.pop(name) for name in of_fit & values.keys()}
        values = {"validation_fraction": 0.1, **values}  # else so few texts are trained on twice
        trained = fit(texts, labels, validation, settings=small_settings(**values), **given)
        written = json.dumps(trained.record.to_json())
        assert TrainingRecord.from_json(json.loads(written)) == trained.record
        return trained

    return train


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint for one test to spoil."""
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


@pytest.fixture
def exported(shared_export: Path, tmp_path: Path) -> Path:
    """A copy with light.onnx."""
    return Path(shutil.copytree(shared_export, tmp_path / "exported"))
