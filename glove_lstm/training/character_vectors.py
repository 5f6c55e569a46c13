"""Vectors of character n-grams, fitted to word vectors."""

import hashlib
import logging
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import Ridge

from glove_lstm.files import cache_folder, whole_file
from glove_lstm.modeling.characters import character_ngrams
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.vectors.glove import GloveVectors

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

_FIT_VERSION = 2  # of the settings of the fit, in the names of cached files
_FITTED_WORDS = 20_000  # GloVe's most frequent words, to which the vectors are fitted


def character_vectors(glove: GloveVectors, unknown: Vectors, buckets: int) -> Vectors:
    """Return vectors of character n-grams whose mean is the difference between a word's vector and the unknown word's.

    The fit is linear in its targets: it is the fit to GloVe's vectors, minus the fit to the constant 1 times the
    vector of the unknown word. These two depend on the vector file alone, and are kept in the cache folder.

    Args:
        glove: Word vectors of width d.
        unknown: (d,) vector of the unknown word.
        buckets: Rows of the table; n-grams are hashed into them.

    Returns:
        (buckets, d); zeros if there are no word vectors.
    """
    if not glove.words:
        return np.zeros((buckets, len(unknown)), dtype=np.float32)
    lower_case = (row for row, word in enumerate(glove.words) if word == word.lower())
    rows = list(islice(lower_case, _FITTED_WORDS))  # a spelling has no case
    fits = _kept_fit([glove.words[row] for row in rows], glove.vectors[rows], buckets)
    vector_fit = fits[:, :-1]
    constant_fit = fits[:, -1:]
    return vector_fit - constant_fit * unknown


def _kept_fit(words: list[str], vectors: Vectors, buckets: int) -> Vectors:
    """Return the fit from the cache folder; without one, fit and keep it there. See `_fit` for shapes."""
    sha = hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass"))
    sha.update(np.ascontiguousarray(vectors).data)
    name = f"{sha.hexdigest()[:16]}-{buckets}-{_FIT_VERSION}.npy"
    path = cache_folder() / "characters" / name
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError):  # it is missing or damaged
        fits = _fit(words, vectors, buckets)
    try:
        with whole_file(path) as part, part.open("wb") as file:
            np.save(file, fits)
    except OSError as error:
        logger.debug("The fit of the character n-grams was not kept: %s.", error)
    return fits


def _fit(words: list[str], vectors: Vectors, buckets: int) -> Vectors:
    """Fit by ridge regression, frequent words with more weight (Zipf's law).

    Returns:
        (buckets, d + 1): the fit to the vectors (n, d), and to the constant 1.
    """
    hashes, present = character_ngrams(torch.tensor([spelling(word) for word in words]))
    rows, ngrams = present.nonzero(as_tuple=True)
    shares = 1 / present.sum(dim=1)[rows]
    columns = hashes[rows, ngrams] % buckets
    entries = (shares.numpy(), (rows.numpy(), columns.numpy()))
    features = csr_matrix(entries, shape=(len(words), buckets))
    frequency = 1 / (np.arange(len(words)) + 20)  # flattened for the first words
    targets = np.hstack([vectors, np.ones((len(words), 1), dtype=np.float32)])
    ridge = Ridge(alpha=0.25, fit_intercept=False, solver="sparse_cg", max_iter=40, tol=1e-3)
    ridge.fit(features, targets, sample_weight=frequency / frequency.mean())
    return ridge.coef_.T.astype(np.float32)
