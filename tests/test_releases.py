"""What an older version saved loads with the same scores, what it promised is there, and versions follow semver."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from promises import promises
from support import ROOT

import glove_lstm
from glove_lstm.checkpoints import load_checkpoint
from glove_lstm.onnx_export import export_onnx
from glove_lstm.prediction import predict_logits
from glove_lstm.runtime import LightClassifier
from glove_lstm.scores import softmax

RELEASES = sorted(path.parent for path in (ROOT / "tests" / "fixtures").glob("*/promises.json"))
CHECKPOINTS = sorted(path.parent for path in (ROOT / "tests" / "fixtures").glob("*/*/scores.json"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
TOLERANCE = 1e-5


def name_of(folder: Path) -> str:
    return "-".join(folder.parts[-2:])


@pytest.fixture(params=CHECKPOINTS, ids=name_of)
def old(request) -> Path:
    return request.param


def expected(
    folder: Path,
) -> tuple[list[str], list[list[str]], list[dict[str, float]], list[dict[str, float]]]:
    kept = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    texts, pairs = (
        [{row["label"]: row["score"] for row in rows} for rows in kept[name]]
        for name in ("scores", "pair_scores")
    )
    return kept["texts"], kept["pairs"], texts, pairs


def assert_same(found: list[dict[str, float]], wanted: list[dict[str, float]]) -> None:
    assert len(found) == len(wanted)
    for row, (one, other) in enumerate(zip(found, wanted, strict=True)):
        assert one == pytest.approx(other, abs=TOLERANCE), row


def by_label(rows: list[dict[str, object]]) -> dict[str, object]:
    return {str(row["label"]): row["score"] for row in rows}


def check_light(folder: Path, kept: Path) -> None:
    texts, pairs, wanted, wanted_pairs = expected(kept)
    light = LightClassifier.from_pretrained(folder)
    found = light.predict_probabilities(texts).tolist()
    assert_same([dict(zip(light.label_names, row, strict=True)) for row in found], wanted)
    found = light.predict_probabilities(*map(list, zip(*pairs, strict=True))).tolist()
    assert_same([dict(zip(light.label_names, row, strict=True)) for row in found], wanted_pairs)


def test_there_is_one_of_each_preset_and_small() -> None:
    assert {path.name for path in CHECKPOINTS} == {"article", "default"}
    for folder in CHECKPOINTS:
        assert sum(path.stat().st_size for path in folder.iterdir()) < 100_000
        _, _, wanted, pairs = expected(folder)
        assert {max(row, key=row.__getitem__) for row in [*wanted, *pairs]} == {"FAKE", "REAL"}
        assert len({round(row["REAL"], 4) for row in wanted}) >= 5  # scores that say something


def test_the_pipeline_gives_the_same_scores(old: Path) -> None:
    from transformers import pipeline

    assert glove_lstm.GloveLstmTokenizer  # naming it registers our classes
    texts, pairs, wanted, wanted_pairs = expected(old)
    classify = pipeline("text-classification", model=str(old))
    assert type(classify.model).__module__ == "glove_lstm.modeling_glove_lstm"
    assert_same([by_label(rows) for rows in classify(texts, top_k=None)], wanted)
    assert_same(
        [by_label(classify({"text": one, "text_pair": two}, top_k=None)) for one, two in pairs], wanted_pairs
    )


def test_the_old_onnx_file_gives_the_same_scores(old: Path) -> None:
    check_light(old, old)


def test_a_new_export_and_a_new_save_give_the_same_scores(old: Path, tmp_path: Path) -> None:
    model, tokenizer = load_checkpoint(old)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    export_onnx(tmp_path)
    check_light(tmp_path, old)
    texts, _, wanted, _ = expected(old)
    found = softmax(predict_logits(*load_checkpoint(tmp_path), texts))
    assert_same([dict(zip(model.config.label_names, row, strict=True)) for row in found.tolist()], wanted)


def test_other_weights_would_be_noticed(old: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = Path(shutil.copytree(old, tmp_path / "old"))
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("weight_hh_l0"))
    weights[name] = weights[name] + 0.01
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    export_onnx(folder)
    with pytest.raises(AssertionError):
        check_light(folder, old)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_what_was_promised_is_there(release: Path) -> None:
    """A name goes only after it was deprecated for a version, and CHANGELOG.md says under "Removed" that it went."""
    once = json.loads((release / "promises.json").read_text(encoding="utf-8"))
    now = promises()
    removed = set(
        re.findall(r"`([^`]+)`", " ".join(re.findall(r"### Removed\n(.*?)(?=\n##|\Z)", CHANGELOG, re.DOTALL)))
    )
    for kind, names in once.items():
        missing = set(names) - set(now.get(kind, ())) - removed
        assert not missing, f"{kind} of {release.name}: {sorted(missing)}"


def test_the_present_version_keeps_its_promises_and_its_checkpoints() -> None:
    version = glove_lstm.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+|\.dev\d+)?", version)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == version
    assert f"## [{version}]" in CHANGELOG
    kept = ROOT / "tests" / "fixtures" / version / "promises.json"
    again = "run `python tests/fixtures/make_release.py`, with --replace where it is not released yet"
    assert kept.is_file(), again
    assert json.loads(kept.read_text(encoding="utf-8")) == promises(), again
