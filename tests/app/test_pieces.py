"""Parts of the app without a server: words as points, pieces of HTML, the upload folder, unusual checkpoints."""

import json
import os
import re
import shutil
import time
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from app_server import run_demo
from gradio_client import Client
from gradio_client.exceptions import AppError
from hub_server import HubServer
from support import assert_refused, run_script

from glove_lstm.app import fragments
from glove_lstm.app.handlers import Handlers
from glove_lstm.app.limits import Limits
from glove_lstm.app.opened import open_checkpoint
from glove_lstm.app.service import Service
from glove_lstm.app.uploads import UploadFolder
from glove_lstm.app.word_space import WordSpace
from glove_lstm.data.errors import DataError
from glove_lstm.inference.backends import open_model

HOSTILE = "<script>alert(1)</script>\"'>&"


@pytest.fixture(scope="module")
def space():
    generator = np.random.default_rng(0)
    words = [f"w{number}" for number in range(500)]
    return WordSpace(words, generator.standard_normal((500, 6)).astype(np.float32) * 3, "a test")


def test_nearest_words_are_those_of_a_slow_search(space):
    unit = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    similar = unit @ unit[7]
    expected = [number for number in np.argsort(-similar) if number != 7][:5]
    found = space.nearest("W7", 5)  # lower-cased where that is what there is
    assert [word for word, _ in found] == [f"w{number}" for number in expected]
    assert [value for _, value in found] == pytest.approx(similar[expected], abs=1e-6)
    aim = unit[2] - unit[1] + unit[3]
    best = max((n for n in range(500) if n not in (1, 2, 3)), key=lambda n: unit[n] @ aim)
    assert space.analogy("w1", "w2", "w3", 1)[0][0] == f"w{best}"
    assert len(space.nearest("w1", 499)) == 499


def test_a_map_keeps_the_widest_directions_and_its_signs(space):
    places = space.plane(["w1", "w2", "w3", "w4", "none", "w1"])
    assert list(places) == ["w1", "w2", "w3", "w4"]
    assert places == space.plane(["w1", "w2", "w3", "w4"])
    points = np.array(list(places.values()))
    assert np.abs(points).max() == pytest.approx(1)
    assert points[:, 0].var() >= points[:, 1].var()
    with pytest.raises(DataError, match="three words"):
        space.plane(["w1", "none", "w2"])


def test_whatever_comes_from_others_is_escaped():
    found = {"label": HOSTILE, "score": 0.6, "scores": {HOSTILE: 0.6, "b": 0.4}}
    pieces = [
        fragments.heading(HOSTILE),
        fragments.verdict(found, 0.5, HOSTILE),
        fragments.verdict({**found, "label": "ABSTAIN"}, 0.9),
        fragments.meaning([HOSTILE], [{"threshold": 0.5, "coverage": 1, "accuracy": 0.9}]),
        fragments.words({"source": HOSTILE, "found": [(HOSTILE, -0.5)]}),
        fragments.words({"source": HOSTILE, "error": HOSTILE}),
        fragments.words(None, HOSTILE),
        fragments.word_map({"source": HOSTILE, "found": {HOSTILE: [1, -1], "b": [1, -1], "c": [0, 0]}}),
        fragments.card(
            f"# T\n\n{HOSTILE}\n\n![a](http://example.com/x.png) [b](javascript:alert(1))\n\n<b>c</b>"
        ),
    ]
    for piece in pieces:
        assert "<script" not in piece
        assert "<img" not in piece
        assert "<b>" not in piece
        assert 'href="javascript' not in piece
        assert "alert(1)" in piece or "b" in piece
    assert "Not sure" in pieces[2]


def test_uploads_are_kept_for_a_while_and_no_longer(tmp_path):
    (tmp_path / "old").mkdir()
    for name in ("old/a.csv", "b.csv"):
        (tmp_path / name).write_bytes(b"a" * 10)
    for old in ("old/a.csv", "old"):
        os.utime(tmp_path / old, (1, 1))
    uploads = UploadFolder(tmp_path, Limits(stored_bytes=5, file_bytes=9))
    assert uploads.full()
    assert not (tmp_path / "old" / "a.csv").exists()
    with pytest.raises(DataError, match="more than 9 bytes"):
        uploads.check(tmp_path / "b.csv")
    with pytest.raises(DataError, match="uploaded here"):
        uploads.check(tmp_path / ".." / "secret")
    os.utime(tmp_path / "b.csv", (1, time.time() - 3600))
    assert not UploadFolder(tmp_path, Limits(stored_bytes=5)).full()


def test_checkpoints_of_one_name_are_told_apart(checkpoint):
    main, same = open_checkpoint(checkpoint), open_checkpoint(checkpoint)
    service = Service(main, [same, open_checkpoint(checkpoint)], limits=Limits())
    names = [f"{checkpoint.name} (2)", f"{checkpoint.name} (3)"]
    assert list(service.others) == names
    assert [one["model"] for one in service.compare("a", "", names[1])] == [checkpoint.name, names[1]]


def test_the_command_refuses_in_a_sentence(tmp_path):
    assert_refused(run_script("demo", tmp_path), "config.json is missing")
    assert_refused(run_script("demo", tmp_path, "--revision", "v1"), "has no revision 'v1'")


def test_scores_of_several_labels_stand_for_themselves_as_in_predict(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "several", ignore=shutil.ignore_patterns("checkpoint-*"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["problem_type"] = "multi_label_classification"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = open_checkpoint(folder).scores(["council votes", "a hoax"])
    assert found.sum(axis=1) != pytest.approx([1, 1], abs=1e-5)
    wanted = open_model(folder, backend="torch").predict(["council votes", "a hoax"], None)
    assert found == pytest.approx(wanted, abs=1e-6)


def test_from_the_hub_and_with_models_that_visitors_name(checkpoint, tmp_path):
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir() if path.is_file()}
    other = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x" * 1000}
    with HubServer() as hub:
        hub.add_repo("user/ours", files)
        hub.add_repo("user/second", files)
        hub.add_repo("user/bert", other)
        env = {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "*",
        }
        options = ("user/ours", "--revision", "main", "--allow_any_model")
        with run_demo(tmp_path / "log.txt", *options, **env) as running:
            client = Client(running.address, verbose=False)
            both = client.predict("council", "", "user/second", api_name="/compare")
            assert [one["model"] for one in both] == ["user/ours", "user/second"]
            assert both[0]["scores"] == both[1]["scores"]
            for name, said in (
                ("user/bert", "model of type 'bert'"),
                ("user/none", "cannot be read"),
                ("/etc", "such as user/name"),
                ("../tests", "such as user/name"),
                (str(checkpoint), "such as user/name"),
            ):
                with pytest.raises(AppError, match=re.escape(said)):
                    client.predict("council", "", name, api_name="/compare")
            # Nothing of a model that is not ours was fetched but its config.
            assert not [
                path
                for path in (tmp_path / "hf").rglob("*")
                if "user--bert" in str(path) and path.name == "model.safetensors"
            ]
            assert httpx.get(running.address).status_code == 200
    shutil.rmtree(tmp_path / "hf")


@pytest.mark.parametrize(("kept", "shown"), [(0.99999, 0.99), (0.777, 0.77), (0.5, 0.5)])
def test_the_slider_stands_where_texts_still_get_a_label(kept: float, shown: float) -> None:
    rows = [{"threshold": value, "coverage": 0.9, "accuracy": 0.95} for value in (0.0, kept)]
    service = SimpleNamespace(main=SimpleNamespace(coverage=rows))
    threshold, said = Handlers(service, None).first_threshold()
    assert threshold == shown
    assert f"At {shown:.2f}, 90%" in said
