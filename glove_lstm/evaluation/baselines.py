"""The strongest simple models, to stand beside ours on the same split."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors


def _words(*, lowercase: bool, pattern: str) -> TfidfVectorizer:
    return TfidfVectorizer(lowercase=lowercase, token_pattern=pattern, ngram_range=(1, 2), sublinear_tf=True)


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char", lowercase=False, ngram_range=(2, 5), sublinear_tf=True)


def _mean_vector(glove: GloveVectors, *, distinct: bool) -> Pipeline:
    """Each text's mean GloVe vector: its words' shares of it, times the vectors; weights of IDF did worse."""
    shares = TfidfVectorizer(
        vocabulary=glove.words, token_pattern=_WORDS_AND_MARKS, use_idf=False, norm="l1", binary=distinct
    )
    return make_pipeline(shares, FunctionTransformer(partial(_times, glove.vectors)))


def _times(vectors: NDArray[np.float32], shares: csr_matrix) -> NDArray[np.float64]:
    return np.asarray(shares @ vectors)


_WORDS, _WORDS_AND_MARKS = r"(?u)\b\w\w+\b", r"\w+|[^\w\s]"

BASELINES: dict[str, Callable[[], Pipeline]] = {
    "tfidf_svc": lambda: make_pipeline(_words(lowercase=True, pattern=_WORDS), _svc()),
    "tfidf_svc_cased": lambda: make_pipeline(_words(lowercase=False, pattern=_WORDS_AND_MARKS), _svc()),
    "tfidf_svc_cased_chars": lambda: make_pipeline(
        make_union(_words(lowercase=False, pattern=_WORDS_AND_MARKS), _characters()), _svc()
    ),
}
# These need word vectors, which not everybody who compares with the others has at hand.
GLOVE_BASELINES: dict[str, Callable[[GloveVectors], Pipeline]] = {
    "glove_mean_svc": lambda glove: make_pipeline(
        make_union(_mean_vector(glove, distinct=False), _mean_vector(glove, distinct=True)),
        StandardScaler(),
        _svc(strength=0.01),
    ),
}
DESCRIPTIONS = {
    "majority": "majority class of the training texts",
    "tfidf_svc": "TF-IDF of lower-cased words, 1-2-grams, linear SVC",
    "tfidf_svc_cased": "TF-IDF of cased words and punctuation, 1-2-grams, linear SVC",
    "tfidf_svc_cased_chars": "the same and character 2-5-grams, linear SVC",
    "glove_mean_svc": "mean GloVe vectors of all and of the distinct words, linear SVC",
}

COPIES = "_copies"  # what a baseline's name ends with where it also learns from mistyped copies
DESCRIPTIONS |= {
    f"{name}{COPIES}": f"{DESCRIPTIONS[name]}, trained with mistyped copies"
    for name in (*BASELINES, *GLOVE_BASELINES)
}


def predict_with_baseline(
    name: str,
    texts: Sequence[str],
    labels: Sequence[int],
    tests: Mapping[str, Sequence[str]],
    glove: GloveVectors | None = None,
) -> dict[str, NDArray[np.int64]]:
    """Fit a baseline once and classify several sets of texts with it.

    Args:
        name: "majority", or one of `BASELINES` or `GLOVE_BASELINES`.
        texts: To fit on.
        labels: Their class indices.
        tests: Texts by name.
        glove: What `GLOVE_BASELINES` need.

    Returns:
        Class indices by name.

    Raises:
        DataError: The baseline needs vectors and got none.
    """
    if name == "majority":
        most = int(np.bincount(labels).argmax())
        return {test: np.full(len(rows), most) for test, rows in tests.items()}
    if name not in GLOVE_BASELINES:
        model = BASELINES[name]()
    elif glove is None:
        raise DataError(f"The baseline {name} needs GloVe vectors; give them.")
    else:
        model = GLOVE_BASELINES[name](glove)
    fitted = model.fit(texts, labels)
    return {test: fitted.predict(rows) for test, rows in tests.items()}


def _svc(*, strength: float = 1.0) -> LinearSVC:
    return LinearSVC(C=strength, random_state=0)  # its solver shuffles
