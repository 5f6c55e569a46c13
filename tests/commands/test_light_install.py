"""What the base install can do, and what each command says where an extra is missing."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from support import assert_refused

_BASE = """
import sys
from importlib.machinery import PathFinder

class BaseInstall(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = BaseInstall
"""
_RUN = """
from glove_lstm.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


def normalized(package: str) -> str:
    return package.lower().replace("_", "-")


def dependencies(package: str) -> set[str]:
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
def missing() -> set[str]:
    """Modules that are installed here, but not by `pip install glove-lstm`."""
    base = dependencies("glove-lstm")
    modules = set()
    for module, owners in packages_distributions().items():
        if not any(normalized(owner) in base for owner in owners):
            modules.add(module)
    return modules


@pytest.fixture
def run(missing):
    def run_command(
        *args: object, code: str = _RUN, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _BASE.format(missing=missing) + code, *map(str, args)]
        return subprocess.run(command, capture_output=True, encoding="utf-8", input=stdin)

    return run_command


def test_predict_needs_the_base_install_only(run, missing, tmp_path) -> None:
    assert missing >= {"torch", "transformers", "datasets", "pyarrow", "sklearn", "gradio", "onnx"}
    table = tmp_path / "news.csv"
    table.write_text("title,text\nCouncil votes,On the bridge.\nSHOCKING secret!,\n")
    out = tmp_path / "labels.jsonl"
    texts = ["Council votes On the bridge.", "SHOCKING secret!"]
    of_words = run("predict", *texts, "--format", "jsonl")
    assert of_words.returncode == 0, of_words.stderr
    of_file = run("predict", "--input", table, "--output", out)
    assert of_file.returncode == 0, of_file.stderr
    assert len(of_words.stdout.splitlines()) == 2
    assert out.read_text() == of_words.stdout


@pytest.mark.parametrize(
    ("args", "extra"),
    [
        (("train",), "train"),
        (("train", "--help"), "train"),  # transformers has its options
        (("evaluate", "hub"), "train"),
        (("export", "hub"), "train"),
        (("push", "hub", "--repo_id", "user/name", "--dry_run"), "train"),
        (("demo",), "demo"),
    ],
)
def test_a_missing_extra_is_one_sentence(run, args, extra) -> None:
    assert_refused(run(*args), "not installed", f"pip install '.[{extra}]'")


def test_a_demo_that_needs_torch_names_its_extra(run, checkpoint) -> None:
    has_gradio = "from unittest.mock import MagicMock\nsys.modules['gradio'] = MagicMock()\n"
    done = run("demo", checkpoint, code=has_gradio + _RUN)
    assert_refused(done, "torch", "pip install '.[train]'")


@pytest.mark.parametrize("name", ["predict", "export", "push", "demo"])
def test_help_needs_no_extra(run, name) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: glove-lstm {name}")


def test_a_class_that_needs_torch_names_the_extra(run) -> None:
    done = run(code="from glove_lstm import GloveLstmClassifier")
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith("ModuleNotFoundError: GloveLstmClassifier needs torch")
    assert "pip install '.[train]'" in last_line
