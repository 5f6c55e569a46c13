"""What the base install can do, and what each command says where an extra is missing."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from support import assert_refused

_BASE = """
import contextlib, io, json, sys
from importlib.machinery import PathFinder

class BaseInstall(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = BaseInstall
"""
_RUN = """
from glove_lstm.commands.main import main
for words in json.loads(sys.argv[1]):
    streams = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            code = main(words)
        except SystemExit as stop:  # argparse
            code = stop.code
    print(json.dumps([code, *(stream.getvalue() for stream in streams)]))
"""
NEEDS = {
    "evaluate hub --dataset_name liar": "train",
    "export hub": "train",
    "push hub --repo_id user/name --dry_run": "train",
}
HELP = ["train --help", "predict --help", "export --help", "push --help", "demo --help"]


def normalized(package):
    return package.lower().replace("_", "-")


def dependencies(package):
    """The package and everything that it needs, without extras."""
    found = set()
    waiting = [normalized(package)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            requirements = map(Requirement, requires(name) or ())
        except PackageNotFoundError:
            continue
        for requirement in requirements:
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                waiting.append(normalized(requirement.name))
    return found


@pytest.fixture(scope="module")
def missing():
    """Modules that are installed here, but not by `pip install glove-lstm`."""
    base = dependencies("glove-lstm")
    modules = set()
    for module, owners in packages_distributions().items():
        if not any(normalized(owner) in base for owner in owners):
            modules.add(module)
    return modules


@pytest.fixture(scope="module")
def run(missing):
    """A function that runs commands, one after the other, in one process of the base install."""

    def run_commands(*commands):
        code = _BASE.format(missing=missing) + _RUN
        words = [sys.executable, "-c", code, json.dumps(commands)]
        done = subprocess.run(words, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        answers = map(json.loads, done.stdout.splitlines())
        return [subprocess.CompletedProcess([], *answer) for answer in answers]

    return run_commands


@pytest.fixture(scope="module")
def said(run):
    """What each command of NEEDS and HELP said."""
    lines = [*NEEDS, *HELP]
    return dict(zip(lines, run(*map(str.split, lines)), strict=True))


def test_predict_needs_the_base_install_only(run, missing, tmp_path):
    assert missing >= {"torch", "transformers", "datasets", "pyarrow", "sklearn", "onnx"}
    table = tmp_path / "news.csv"
    table.write_text("title,text\nCouncil votes,On the bridge.\nSHOCKING secret!,\n")
    out = tmp_path / "labels.jsonl"
    for_people, of_words, of_file = run(
        ["predict", "Council votes On the bridge."],  # with the threshold of the checkpoint
        ["predict", "Council votes On the bridge.", "SHOCKING secret!", "--format", "jsonl"],
        ["predict", "--input", str(table), "--output", str(out)],
    )
    for done in (for_people, of_words, of_file):
        assert done.returncode == 0, done.stderr
    assert for_people.stdout.endswith("Council votes On the bridge.\n")
    assert len(of_words.stdout.splitlines()) == 2
    assert out.read_text() == of_words.stdout


@pytest.mark.parametrize("line", NEEDS)
def test_a_missing_extra_is_one_sentence(said, line):
    assert_refused(said[line], "not installed", f"pip install '.[{NEEDS[line]}]'")


@pytest.mark.parametrize("line", HELP)
def test_help_needs_no_extra(said, line):
    assert said[line].returncode == 0, said[line].stderr
    assert said[line].stdout.startswith(f"usage: glove-lstm {line.split()[0]}")


def test_a_class_that_needs_more_names_the_extra(missing):
    code = _BASE.format(missing=missing) + "from glove_lstm import GloveLstmClassifier"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith("ModuleNotFoundError: GloveLstmClassifier needs ")
    assert "pip install '.[train]'" in last_line
