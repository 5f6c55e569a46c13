"""Strong simple baselines, measured on the same split."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC


def _words(*, lowercase: bool) -> TfidfVectorizer:
    pattern = r"(?u)\b\w\w+\b" if lowercase else r"\w+|[^\w\s]"
    return TfidfVectorizer(
        lowercase=lowercase, token_pattern=pattern, ngram_range=(1, 2), sublinear_tf=True
    )


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char", lowercase=False, ngram_range=(2, 5), sublinear_tf=True)


def _classifier(*features: TfidfVectorizer) -> Pipeline:
    return make_pipeline(make_union(*features), LinearSVC(random_state=0))  # the solver shuffles


BASELINES: dict[str, Callable[[], Pipeline]] = {
    "tfidf_svc": lambda: _classifier(_words(lowercase=True)),
    "tfidf_svc_cased": lambda: _classifier(_words(lowercase=False)),
    "tfidf_svc_cased_chars": lambda: _classifier(_words(lowercase=False), _characters()),
}
DESCRIPTIONS = {
    "majority": "majority class of the training texts",
    "tfidf_svc": "TF-IDF of lower-cased words, 1-2-grams, linear SVC",
    "tfidf_svc_cased": "TF-IDF of cased words and punctuation, 1-2-grams, linear SVC",
    "tfidf_svc_cased_chars": "the same and character 2-5-grams, linear SVC",
}


def predict_with_baseline(
    name: str, texts: Sequence[str], labels: Sequence[int], tests: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Fit a baseline once and classify several sets of texts with it.

    Args:
        name: "majority", or one of `BASELINES`.
        texts: Training texts.
        labels: Class indices of the training texts.
        tests: Sets of texts to classify, by name.

    Returns:
        Predicted class indices, by name.
    """
    if name == "majority":
        most = int(np.bincount(labels).argmax())
        return {test: np.full(len(rows), most) for test, rows in tests.items()}
    fitted = BASELINES[name]().fit(texts, labels)
    return {test: fitted.predict(rows) for test, rows in tests.items()}
