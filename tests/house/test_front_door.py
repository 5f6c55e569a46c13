"""What people meet first: README, sample and its script, the command's own help, and the public names."""

import json
import re
import runpy
import shlex
import shutil
import sys
from collections import Counter
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import sentence_transformers
from golden import make_hub_scores
from support import ROOT, read_csv

import glove_lstm
from benchmarks.hub.hub_code import write_hub_code
from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.commands.main import main
from glove_lstm.commands.train import parse

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_command_prints_what_the_readme_shows(capsys, monkeypatch):
    pattern = r"```sh\npip install -e \. && glove-lstm (.+?)\n```\n\n```text\n(.+?)```"
    [(command, shown)] = re.findall(pattern, README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == shown


def test_the_snippets_of_the_readme_run(tmp_path, monkeypatch):
    light, pipeline, estimator = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(light, {})
    exec(pipeline, {})
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(estimator, names)
    call, label = re.search(r"(clf.predict\(.+\))  # \[\"(.+)\"\]", estimator).groups()
    assert list(eval(call, names)) == [label]
    assert (tmp_path / "from_python" / "model.safetensors").is_file()


def test_the_trainings_of_the_readme_run_as_pasted(tmp_path, monkeypatch, capsys):
    """The one with a teacher is only parsed: its encoder is a download."""
    commands = re.findall(r"^glove-lstm (.+)$", README.replace("\\\n", ""), re.MULTILINE)
    trained, evaluated, predicted, _pushed, taught = [shlex.split(line, True) for line in commands]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    assert main(trained) == main(evaluated) == main(predicted) == 0
    shown = capsys.readouterr().out
    accuracy = float(re.search(r"\| accuracy +\| +(0\.\d+)", shown).group(1))
    assert accuracy > 0.55  # .74 on the machine of the README
    arguments, _ = parse(taught[1:])
    for files in (arguments.train_file, arguments.unlabelled_file, arguments.test_file):
        assert Path(files[0]).is_file()


def test_the_command_tells_what_it_can_do(capsys, monkeypatch):
    assert main([]) == main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: glove-lstm COMMAND")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"glove-lstm {version('glove-lstm')}\n"
    monkeypatch.setattr(sys, "argv", ["glove_lstm", "--version"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("glove_lstm", run_name="__main__")
    assert main(["classify"]) == 2
    assert capsys.readouterr().err.startswith("error: 'classify' is not a command")


def test_every_public_name_is_there():
    for name in glove_lstm.__all__:
        assert getattr(glove_lstm, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = glove_lstm.nothing_such


# The sample that ships, and the script that trains on it without labels

EXAMPLES = ROOT / "examples"


def test_the_sample_has_eight_intents_and_no_text_twice():
    names = ("messages.csv", "test_messages.csv", "more_messages.csv")
    labelled, test, more = [read_csv(EXAMPLES / name) for name in names]
    assert list(Counter(row["label"] for row in labelled).values()) == [25] * 8
    texts = [row["text"].lower() for row in [*labelled, *test, *more]]
    assert len(texts) == len(set(texts)) == 720


class WordEncoder:
    """Embeds a text as the counts of a few words."""

    WORDS = ("order", "cancel", "return", "refund", "address", "payment", "damaged", "account")

    def __init__(self, name):
        pass

    def encode(self, texts, normalize_embeddings):
        counts = [[text.lower().count(word) for word in self.WORDS] for text in texts]
        return np.array(counts, dtype=np.float64)


def test_a_model_is_trained_without_labels(tmp_path, monkeypatch, capsys):
    """For two epochs."""
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", WordEncoder)
    short = partial(GloveLstmClassifier, num_train_epochs=2)
    monkeypatch.setattr(glove_lstm, "GloveLstmClassifier", short)
    script = runpy.run_path(str(EXAMPLES / "no_labels.py"))
    monkeypatch.chdir(tmp_path)
    names = ("intents.json", "more_messages.csv", "test_messages.csv")
    script["main"](*[EXAMPLES / name for name in names])
    teacher, student = map(float, re.findall(r": (0\.\d+)", capsys.readouterr().out))
    assert teacher > 0.3
    assert student > 0.3
    assert (tmp_path / "no_labels" / "light.onnx").is_file()


# The shipped checkpoint: golden scores, doubts about plain sentences, and files that its command writes

KEPT = json.loads((make_hub_scores.HERE / "hub_scores.json").read_text(encoding="utf-8"))
AGAIN = "run `python tests/golden/make_hub_scores.py`"
HUB = ROOT / "hub"
SURE = 0.8


@pytest.fixture(scope="module")
def found():
    assert KEPT["weights_sha256"] == make_hub_scores.weights_sha256(), AGAIN
    assert KEPT["tolerances"] == make_hub_scores.TOLERANCES, AGAIN
    return make_hub_scores.scores()


@pytest.mark.parametrize("way", ["float32", "onnx", "bfloat16"])
def test_scores_are_the_golden_ones(found, way):
    wanted = KEPT["scores"][way]
    assert len(set(wanted)) > 10
    np.testing.assert_allclose(found[way], wanted, rtol=0, atol=KEPT["tolerances"][way])


@pytest.mark.parametrize("change", [str, str.lower], ids=["cased", "lower-cased"])
@pytest.mark.parametrize(
    ("file", "wrong_label", "largest_share"), [("plain", "FAKE", 0.03), ("absurd", "REAL", 0.08)]
)
def test_few_statements_are_confidently_mistaken(change, file, wrong_label, largest_share):
    statements = (ROOT / "tests" / "statements" / f"{file}.txt").read_text("utf-8").splitlines()
    assert len(set(statements)) == len(statements) >= 200
    classifier = LightClassifier.from_pretrained(DEFAULT_CHECKPOINT)
    mistakes = 0
    for answer in classifier([change(text) for text in statements]):
        if answer["label"] == wrong_label and answer["score"] >= SURE:
            mistakes += 1
    assert mistakes / len(statements) <= largest_share


def test_hub_has_what_its_command_writes(tmp_path):
    folder = tmp_path / "hub"
    written = shutil.ignore_patterns("*.py", "README.md", "*.ipynb", "*.txt")
    shutil.copytree(HUB, folder, ignore=written)
    write_hub_code(folder)
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert {"README.md", "handler.py", "modeling_glove_lstm.py", "requirements.txt"} <= names
    for name in names:
        assert (folder / name).read_bytes() == (HUB / name).read_bytes(), f"{name}: make hub-code"


def test_hub_is_small_whole_and_without_pickle():
    total = 0
    kinds = set()
    for path in HUB.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            total += path.stat().st_size
            kinds.add(path.suffix)
    assert total <= 20_000_000
    assert kinds == {".py", ".json", ".safetensors", ".md", ".png", ".onnx", ".txt", ".ipynb"}
