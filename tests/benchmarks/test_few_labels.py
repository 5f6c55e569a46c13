"""benchmarks.few_labels: what is drawn, and what is stored of it. Nothing is trained."""

import json
from pathlib import Path

import numpy as np
import pytest
from support import succeed

from benchmarks import few_labels
from benchmarks.corpora import joined_texts
from benchmarks.few_labels import Drawing, Fitted, draw
from benchmarks.folds import make_folds


@pytest.mark.parametrize("task", ["trec", "titles"])
def test_a_drawing(data_dir: Path, task: str) -> None:
    drawing = draw(data_dir, task, 20, 1)
    fold, *_ = make_folds(task, data_dir, 1)
    every = joined_texts(fold.every)
    label_of = dict(zip(every, fold.every["label"], strict=True))
    # Disjoint, and nothing is lost.
    assert len(drawing.texts) == len(set(drawing.texts)) == 20
    assert sorted([*drawing.texts, *drawing.unlabelled]) == sorted(every)
    assert not set(every) & set(drawing.test_texts)
    [test] = fold.tests.values()
    assert drawing.test_texts == joined_texts(test)
    assert drawing.test_labels == test["label"].tolist()
    # The labels are those of the texts, in the mix of all of them.
    assert drawing.labels == [label_of[text] for text in drawing.texts]
    shares = np.bincount(fold.every["label"]) / len(every)
    np.testing.assert_allclose(np.bincount(drawing.labels), 20 * shares, atol=1)
    assert len(drawing.label_names) == len(shares)
    # A seed repeats it; another draws others.
    assert draw(data_dir, task, 20, 1) == drawing
    assert set(draw(data_dir, task, 20, 2).texts) != set(drawing.texts)


def test_a_row_is_measured_once(
    data_dir: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model gives all texts the same scores; half of the test texts have the first label."""
    fitted = []

    def fit(drawing: Drawing, settings: few_labels.Settings, folder: Path) -> Fitted:
        assert settings.kept.is_dir()
        fitted.append((len(drawing.texts), drawing.seed))
        (folder / "model").write_bytes(b" " * 2_000_000)
        return Fitted(lambda texts: np.array([[0.75, 0.25]] * len(texts)), [folder / "model"])

    monkeypatch.setitem(few_labels._FITS, "tfidf_svc", fit)
    file = tmp_path / "few_labels.json"
    command = ["--data_dir", data_dir, "--glove", glove_file, "--json", file, "--task", "trec"]
    command += ["--models", "tfidf_svc", "--labels", 20, 30]
    succeed(few_labels.main, *command, "--drawings", 1)
    succeed(few_labels.main, *command, "--drawings", 2)
    assert fitted == [(20, 0), (30, 0), (20, 1), (30, 1)]

    results = json.loads(file.read_text())
    assert set(results["record"]) == {"sources", "versions", "machine", "glove"}
    assert results.keys() - {"record"} == {"trec-20", "trec-30"}
    row = results["trec-20"]["1"]["tfidf_svc"]
    assert row["accuracy"] == 0.5
    assert row["right"] == "1010101010"
    assert row["log_loss"] == pytest.approx(-np.log([0.75, 0.25]).mean())
    assert row["megabytes"] == 2
    assert row["texts_a_second"] > 0
    assert row["cpu_seconds"] >= 0
