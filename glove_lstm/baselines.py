"""A strong simple baseline, measured on the same split."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from glove_lstm.unicode_scripts import WORD_OR_MARK


def linear_baseline() -> Pipeline:
    """Return a linear SVC on TF-IDF of cased words and marks, alone and in pairs, and of 2 to 5 characters.

    In scripts without spaces, a character is a word.
    """
    words = TfidfVectorizer(
        lowercase=False, token_pattern=WORD_OR_MARK, ngram_range=(1, 2), sublinear_tf=True
    )
    characters = TfidfVectorizer(
        lowercase=False, analyzer="char", ngram_range=(2, 5), sublinear_tf=True
    )
    # The solver shuffles the texts: without a seed, runs would differ.
    return make_pipeline(make_union(words, characters), LinearSVC(random_state=0))
