"""The two programs of docs/scale.md, as people copy them."""

import importlib.util
import pickle
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import ROOT

from glove_lstm import LightClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint

TEXTS = ["SHOCKING secret they hide!!!", "Council votes on the bridge", ""] * 5
PROGRAMS = re.findall(r"```python\n(.+?)```", (ROOT / "docs" / "scale.md").read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hub").symlink_to(ROOT / "hub")
    (tmp_path / "news").mkdir()
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "news" / "a.parquet")
    return tmp_path


def run(program, folder):
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_datasets_in_several_processes(folder):
    run(PROGRAMS[0], folder)
    wanted = LightClassifier.from_pretrained(ROOT / "hub")(TEXTS)
    found = pq.read_table(folder / "labels.parquet", columns=["label", "score"]).to_pylist()
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    scores = [row["score"] for row in wanted]
    assert [row["score"] for row in found] == pytest.approx(scores, abs=1e-5)


@pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs ray: pip install '.[ray]'")
def test_ray_in_actors(folder):
    run(PROGRAMS[1], folder)
    found = pq.read_table(folder / "labels")
    label_of = dict(zip(found["text"].to_pylist(), found["label"].to_pylist(), strict=True))
    light = LightClassifier.from_pretrained(ROOT / "hub")
    assert found.num_rows == len(TEXTS)
    assert label_of == {text: light([text])[0]["label"] for text in set(TEXTS)}


def test_the_model_is_part_of_what_is_pickled(exported):
    """`datasets` keeps results by what is pickled, and another training may stand in the same folder."""
    first = pickle.dumps(LightClassifier.from_pretrained(exported))
    assert pickle.dumps(pickle.loads(first)) == first
    for key in Checkpoint.open(exported).content_hashes().values():
        assert key.encode() in first
