"""benchmarks.few_labels: the texts that are drawn. Nothing is trained."""

import numpy as np

from benchmarks.corpora import joined_texts
from benchmarks.few_labels import draw
from benchmarks.folds import make_folds


def test_a_drawing(data_dir):
    [fold] = make_folds("titles", data_dir, 1)
    drawing = draw(fold, 20, 1)
    every = joined_texts(fold.every)
    label_of = dict(zip(every, fold.every["label"], strict=True))
    # Disjoint, and nothing is lost.
    assert len(drawing.texts) == len(set(drawing.texts)) == 20
    assert sorted([*drawing.texts, *drawing.unlabelled]) == sorted(every)
    assert not set(every) & set(drawing.test_texts)
    assert drawing.test_texts == joined_texts(fold.test)
    assert drawing.test_labels == fold.test["label"].tolist()
    # The labels are those of the texts, in the mix of all of them.
    assert drawing.labels == [label_of[text] for text in drawing.texts]
    shares = np.bincount(fold.every["label"]) / len(every)
    np.testing.assert_allclose(np.bincount(drawing.labels), 20 * shares, atol=1)
    assert len(drawing.label_names) == len(shares)
    # A seed repeats it; another draws others.
    assert draw(fold, 20, 1) == drawing
    assert set(draw(fold, 20, 2).texts) != set(drawing.texts)
    # All of them may be drawn.
    whole = draw(fold, len(every), 1)
    assert (sorted(whole.texts), whole.unlabelled) == (sorted(every), [])
