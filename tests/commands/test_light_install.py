"""What the base install can do, and what each command says where an extra is missing."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from subprocess import CompletedProcess

import pytest
from packaging.requirements import Requirement
from support import assert_command_names

_RUN = """
import contextlib, io, json, sys
from importlib.machinery import PathFinder

class BaseInstall(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = BaseInstall
from glove_lstm.commands.main import main
for words in {commands!r}:
    streams = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            code = main(words)
        except SystemExit as stop:  # argparse
            code = stop.code
    print(json.dumps([code, *(stream.getvalue() for stream in streams)]))

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.publishing.server import PageServer
PageServer(Checkpoint.open("hub"), "mine", 0).server_close()  # of `demo`
print(json.dumps("served"))
from glove_lstm import GloveLstmClassifier
"""
NEEDS_TRAIN = ["evaluate hub --dataset_name liar", "export hub", "push hub --repo_id a/b --dry_run"]
HELP = ["train --help", "predict --help", "export --help", "push --help", "demo --help"]
TEXT = "Council votes On the bridge."


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


def not_in_the_base_install():
    """Modules that are installed here, but not by `pip install glove-lstm`."""
    base = dependencies("glove-lstm")
    modules = set()
    for module, owners in packages_distributions().items():
        if not any(normalized(owner) in base for owner in owners):
            modules.add(module)
    return modules


@pytest.fixture(scope="module")
def base_install(tmp_path_factory):
    """What commands say, by their words, and what an import that needs more says; all in one process."""
    table = tmp_path_factory.mktemp("base") / "news.csv"
    table.write_text("title,text\nCouncil votes,On the bridge.\nSHOCKING secret!,\n")
    commands = {line: line.split() for line in (*NEEDS_TRAIN, *HELP)}
    commands["predict"] = ["predict", TEXT]  # with the threshold of the checkpoint
    commands["words"] = ["predict", TEXT, "SHOCKING secret!", "--format", "jsonl"]
    commands["file"] = ["predict", "--input", str(table), "--format", "jsonl"]
    missing = not_in_the_base_install()
    assert missing >= {"torch", "transformers", "datasets", "pyarrow", "sklearn", "onnx"}
    code = _RUN.format(missing=missing, commands=list(commands.values()))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    *answers, served = [json.loads(line) for line in done.stdout.splitlines()]
    assert served == "served"
    said = zip(commands, answers, strict=True)
    return {name: CompletedProcess([], *answer) for name, answer in said}, done.stderr


def test_predict_needs_the_base_install_only(base_install):
    said, _ = base_install
    for name in ("predict", "words", "file"):
        assert said[name].returncode == 0, said[name].stderr
    assert said["predict"].stdout.endswith(f"{TEXT}\n")
    assert len(said["words"].stdout.splitlines()) == 2
    assert said["file"].stdout == said["words"].stdout


def test_a_missing_extra_is_one_sentence(base_install):
    said, error_of_import = base_install
    for line in NEEDS_TRAIN:
        assert_command_names(said[line], "not installed", "pip install '.[train]'")
    last_line = error_of_import.splitlines()[-1]
    assert last_line.startswith("ModuleNotFoundError: GloveLstmClassifier needs ")
    assert "pip install '.[train]'" in last_line


def test_help_needs_no_extra(base_install):
    said, _ = base_install
    for line in HELP:
        assert said[line].returncode == 0, said[line].stderr
        assert said[line].stdout.startswith(f"usage: glove-lstm {line.split()[0]}")
