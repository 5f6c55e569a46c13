"""Strong simple baselines, measured on the same split."""

from collections.abc import Callable

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC


def _words(*, lowercase: bool) -> TfidfVectorizer:
    """Weigh words and pairs of words: lower-cased words as scikit-learn does by default, or cased ones with marks."""
    pattern = r"\w+|[^\w\s]"
    if lowercase:
        pattern = r"(?u)\b\w\w+\b"
    return TfidfVectorizer(
        lowercase=lowercase, token_pattern=pattern, ngram_range=(1, 2), sublinear_tf=True
    )


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char", lowercase=False, ngram_range=(2, 5), sublinear_tf=True)


def _classifier(*features: TfidfVectorizer) -> Pipeline:
    # The solver shuffles the texts: without a seed, runs would differ.
    return make_pipeline(make_union(*features), LinearSVC(random_state=0))


BASELINES: dict[str, Callable[[], Pipeline]] = {
    "tfidf_svc": lambda: _classifier(_words(lowercase=True)),
    "tfidf_svc_cased": lambda: _classifier(_words(lowercase=False)),
    "tfidf_svc_cased_chars": lambda: _classifier(_words(lowercase=False), _characters()),
}
DESCRIPTIONS = {
    "majority": "majority class of the training texts",
    "tfidf_svc": "TF-IDF of lower-cased words, 1-2-grams, linear SVC",
    "tfidf_svc_cased": "TF-IDF of cased words and punctuation, 1-2-grams, linear SVC",
    "tfidf_svc_cased_chars": "TF-IDF of cased words and punctuation, 1-2-grams, and of character 2-5-grams, linear SVC",
}
