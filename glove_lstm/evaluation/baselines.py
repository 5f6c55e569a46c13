"""The strongest simple models, to stand beside ours on the same split."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC


def _words(*, lowercase: bool, pattern: str) -> TfidfVectorizer:
    return TfidfVectorizer(lowercase=lowercase, token_pattern=pattern, ngram_range=(1, 2), sublinear_tf=True)


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char", lowercase=False, ngram_range=(2, 5), sublinear_tf=True)


_WORDS, _WORDS_AND_MARKS = r"(?u)\b\w\w+\b", r"\w+|[^\w\s]"

BASELINES: dict[str, Callable[[], Pipeline]] = {
    "tfidf_svc": lambda: make_pipeline(_words(lowercase=True, pattern=_WORDS), _svc()),
    "tfidf_svc_cased": lambda: make_pipeline(_words(lowercase=False, pattern=_WORDS_AND_MARKS), _svc()),
    "tfidf_svc_cased_chars": lambda: make_pipeline(
        make_union(_words(lowercase=False, pattern=_WORDS_AND_MARKS), _characters()), _svc()
    ),
}
DESCRIPTIONS = {
    "majority": "majority class of the training texts",
    "tfidf_svc": "TF-IDF of lower-cased words, 1-2-grams, linear SVC",
    "tfidf_svc_cased": "TF-IDF of cased words and punctuation, 1-2-grams, linear SVC",
    "tfidf_svc_cased_chars": "the same and character 2-5-grams, linear SVC",
}


DESCRIPTIONS |= {
    f"{name}_copies": f"{DESCRIPTIONS[name]}, trained with mistyped copies" for name in BASELINES
}


def predict_with_baseline(
    name: str, texts: Sequence[str], labels: Sequence[int], tests: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Fit a baseline once and classify several sets of texts with it.

    Args:
        name: "majority", or one of `BASELINES`.
        texts: To fit on.
        labels: Their class indices.
        tests: Texts by name.

    Returns:
        Class indices by name.
    """
    if name == "majority":
        most = int(np.bincount(labels).argmax())
        return {test: np.full(len(rows), most) for test, rows in tests.items()}
    fitted = BASELINES[name]().fit(texts, labels)
    return {test: fitted.predict(rows) for test, rows in tests.items()}


def _svc() -> LinearSVC:
    return LinearSVC(random_state=0)  # its solver shuffles
