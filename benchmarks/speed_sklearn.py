"""The benchmark's scikit-learn peer, which goes from one process to the next without pickle: it runs what it holds."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

_WORDS, _ARRAYS = "vocabulary.json", "arrays.npz"
_PAIRS = (1, 2)


def fit_linear(folder: Path, texts: Sequence[str], labels: Sequence[int]) -> None:
    """Fit TF-IDF of words and pairs with a linear SVC, and write into a new folder what it has learned."""
    vectorizer, model = TfidfVectorizer(ngram_range=_PAIRS), LinearSVC(random_state=0)
    model.fit(vectorizer.fit_transform(texts), labels)
    folder.mkdir()
    (folder / _WORDS).write_text(json.dumps(list(vectorizer.get_feature_names_out())), encoding="utf-8")
    learned = {name: getattr(model, name) for name in ("coef_", "intercept_", "classes_")}
    np.savez(folder / _ARRAYS, idf_=vectorizer.idf_, **learned)


def load_linear(folder: Path) -> Any:
    """The fitted pipeline again: texts -> `predict` -> labels."""
    words = json.loads((folder / _WORDS).read_text(encoding="utf-8"))
    vectorizer, model = TfidfVectorizer(ngram_range=_PAIRS, vocabulary=words), LinearSVC()
    with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
        vectorizer.idf_ = arrays["idf_"]
        for name in ("coef_", "intercept_", "classes_"):
            setattr(model, name, arrays[name])
    return make_pipeline(vectorizer, model)
