"""What the base install can do, and what each command says where an extra is missing."""

import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from audit import dependencies
from support import assert_refused

_RUN = """
import sys
from importlib.machinery import PathFinder

class BaseInstall(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = BaseInstall
from glove_lstm.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def missing() -> set[str]:
    """Modules that are installed here, but not by `pip install glove-lstm`."""
    base = {"glove-lstm", *dependencies(extras=())}
    return {
        module
        for module, owners in packages_distributions().items()
        if not base & {owner.lower().replace("_", "-") for owner in owners}
    }


@pytest.fixture
def run(missing):
    def run_command(*args: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _RUN.format(missing=missing), *map(str, args)]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL
        )

    return run_command


def test_predict_needs_the_base_install_only(run, missing, tmp_path) -> None:
    assert missing >= {"torch", "transformers", "datasets", "pyarrow", "sklearn", "gradio", "onnx"}
    done = run("predict", "Council votes on the bridge", "SHOCKING secret!", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    table = tmp_path / "news.csv"
    table.write_text("title,text\nCouncil votes,On the bridge.\n")
    done = run("predict", "--input", table, "--format", "csv", "--output", tmp_path / "labels.csv")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("args", "extra"),
    [
        (("train",), "train"),
        (("train", "--help"), "train"),  # its options are those of transformers
        (("evaluate", "hub"), "train"),
        (("export", "hub"), "train"),
        (("push", "hub", "--repo_id", "user/name"), "train"),
        (("predict", "a", "--explain"), "train"),
        (("demo",), "demo"),
    ],
)
def test_a_missing_extra_is_one_sentence(run, args, extra) -> None:
    assert_refused(run(*args), "not installed", f"pip install 'glove-lstm[{extra}]'")


@pytest.mark.parametrize("name", ["predict", "export", "push", "demo"])
def test_help_needs_no_extra(run, name) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: glove-lstm {name}")


def test_a_class_that_needs_torch_names_the_extra(missing) -> None:
    code = _RUN.partition("from glove_lstm")[0] + "from glove_lstm import GloveLstmClassifier"
    command = [sys.executable, "-c", code.format(missing=missing)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    said = "GloveLstmClassifier needs datasets; run: pip install 'glove-lstm[train]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {said}"
