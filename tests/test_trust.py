"""What a stranger may rely on: no pickle, no network in tests, remote code that only computes, secrets that stay."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_checks import remote_access, unpinned, unsafe, unsafe_in_remote_code
from hub_server import HubServer, run_client
from support import QUICK, ROOT, SMALL, run_script, run_without_package
from test_remote_code import HUB, copied, travelling_sources

PACKAGES = ("glove_lstm", "tokenization", "modeling", "scripts", "benchmarks")
TOKEN = "hf_" + "notsosecret" * 3


def sources() -> list[Path]:
    return [path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))]


# Pickle, and code that comes as data.


def test_our_code_unpickles_and_runs_nothing() -> None:
    assert len(sources()) > 70
    for path in sources():
        assert not unsafe(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "def f():\n    from pickle import loads as harmless",
        "import os, joblib as j",
        "import dill",
        "import torch\ntorch.load('x')",
        "import torch as t\nt.load('x', weights_only=False)",
        "from torch import load as fetch\nfetch('x')",
        "import torch\nread = torch.jit.load",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
        "np.save('x', y, allow_pickle=True)",
        "from numpy import load\nload('x', mmap_mode='r')",
        "import pandas as pd\npd.read_pickle('x')",
        "frame.to_pickle('x')",
        "import yaml\nyaml.load(text)",
        "eval(text)",
        "run = exec",
        "compile(text, '', 'exec')",
        "__import__('os')",
        "import subprocess\nsubprocess.run(text, shell=True)",
        "run(text, shell=flag)",
        "import os\nos.system('ls')",
        "from os import popen\npopen('ls')",
        "import tarfile",
        "archive.extractall(folder)",
        "import shutil\nshutil.unpack_archive(path)",
        "requests.get(url, verify=False)",
        "PROGRAM = '''\nimport pickle\n'''",
    ],
)
def test_the_check_of_our_code_can_fail(code: str) -> None:
    assert unsafe(code)


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.load('x', weights_only=True)",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "model.eval()",
        "re.compile('x')",
        "'import nothing of the kind, eval(x)'",
        "subprocess.run(['ls'], check=True)",
        "import yaml\nyaml.safe_load(text)",
        "evaluate.load('x')",
    ],
)
def test_the_check_of_our_code_lets_the_rest_pass(code: str) -> None:
    assert not unsafe(code)


_NO_PICKLE = """
import runpy, sys
def refuse(event, args):
    if event == "pickle.find_class":
        raise RuntimeError(f"unpickled {args[0]}.{args[1]}")
sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_without_pickle(name: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _NO_PICKLE, str(ROOT / "scripts" / f"{name}.py"), *map(str, args)]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_classifying_unpickles_no_object(shared_export: Path, backend: str) -> None:
    done = run_without_pickle("predict", "--model", shared_export, "--backend", backend, "A headline")
    assert done.returncode == 0, done.stderr
    # It is the hook that does not fire: on a pickle it does.
    code = (
        _NO_PICKLE.split("sys.argv =")[0]
        + "import pickle, pathlib\npickle.loads(pickle.dumps(pathlib.Path()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert "unpickled pathlib" in done.stderr


def problem_of(path: Path) -> str | None:
    """What is wrong with a file that a push sends, looked at by its content."""
    data = path.read_bytes()
    if data[:2] in (b"PK", b"\x1f\x8b") or re.match(rb"\x80[\x02-\x05]", data):
        return "is a pickle, or a compressed archive, which may hold one"
    if path.suffix == ".png":
        return None if data.startswith(b"\x89PNG\r\n\x1a\n") else "is no picture"
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "np") as weights:
            return None if list(weights.keys()) else "holds nothing"
    if path.suffix == ".onnx":
        return onnx_problem(path)
    if path.suffix not in (".json", ".md", ".py"):
        return "is of a kind that nobody expects"
    text = data.decode("utf-8")
    if path.suffix == ".json":
        json.loads(text)
    return None


def onnx_problem(path: Path) -> str | None:
    """An ONNX file may point to data in other files, and hold operators of other libraries."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    files = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    if not files <= {"model.safetensors"}:
        return f"points to {sorted(files)}"
    domains = {node.domain for node in model.graph.node} | {used.domain for used in model.opset_import}
    return None if domains <= {"", "ai.onnx"} else f"needs operators of {sorted(domains)}"


def test_hub_and_what_a_push_sends_hold_no_pickle(
    shared_export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glove_lstm.publishing import publishing

    monkeypatch.setattr(publishing, "check_loads", lambda *_: None)  # slow, and not what this is about
    with publishing.staged_checkpoint(shared_export, "user/news") as staged:
        for folder in (HUB, staged):
            files = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
            assert {"model.safetensors", "model.onnx", "config.json"} <= {path.name for path in files}
            for path in files:
                assert problem_of(path) is None, (path, problem_of(path))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.bin", b"\x00"),
        ("config.json", b"\x80\x04]\x94."),
        ("plot.png", b"GIF89a"),
        ("model.json", b"PK\x03\x04"),
        ("notes.md", b"\x1f\x8b"),
    ],
)
def test_the_check_of_files_can_fail(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert problem_of(tmp_path / name)


def test_an_onnx_file_that_points_elsewhere_is_found(shared_export: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(shared_export / "model.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../../etc/passwd"
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    assert "passwd" in str(onnx_problem(tmp_path / "model.onnx"))


# Remote code.


def test_remote_code_only_computes() -> None:
    for path in travelling_sources():
        assert not unsafe_in_remote_code(path), path


@pytest.mark.parametrize(
    "code",
    [
        "import socket",
        "import requests",
        "import subprocess",
        "import glove_lstm",
        "from pathlib import Path",
        "import importlib",
        "from . import sibling",
        "from .stranger import Name",
        "from ..sibling import Name",
        "def f():\n    import urllib.request",
        "try:\n    import shutil\nexcept ImportError:\n    pass",
        "open('x')",
        "read = open",
        "print(open)",
        "import os\nos.environ['HF_TOKEN']",
        "import os\nos.remove('x')",
        "import os as o\no.listdir('.')",
        "from os import environ",
        "import os\nuse(os)",
        "import numpy as np\nnp.fromfile('x')",
        "import numpy as np\nnp.lib.format.open_memmap('x')",
        "from numpy import memmap",
        "array.tofile('x')",
        "import torch\ntorch.save(x, 'y')",
        "from torch import hub",
        "import torch\ntorch.hub.load_state_dict_from_url(url)",
        "import torch\ntorch.ops.load_library('x.so')",
        "from torch.utils import cpp_extension",
        "from transformers.utils.hub import cached_file",
        "from transformers import AutoModel\nAutoModel.from_pretrained('other/repo')",
        "Other.from_pretrained('other/repo')",
        "import tokenizers\ntokenizers.Tokenizer.from_file('x')",
        "path.write_text('x')",
        "getattr(torch, 'lo' + 'ad')('x')",
        "().__class__.__subclasses__()",
        "f.__globals__['x']",
        "__builtins__['open']",
        "model.push_to_hub('x')",
    ],
)
def test_the_check_of_remote_code_can_fail(code: str) -> None:
    assert remote_access(code, {"sibling"})


@pytest.mark.parametrize(
    "code",
    [
        "from .sibling import Name",
        "import os\ndef f(path: os.PathLike[str]) -> None: ...",
        "class A(B):\n    def save_pretrained(self, x):\n        return super().save_pretrained(x)",
        "import torch\nfrom torch import nn\nnn.Linear(1, 2)(torch.zeros(1))",
        "import numpy as np\nnp.frombuffer(b'x', dtype=np.uint8)",
        "getattr(self, 'auto_map', None)",
    ],
)
def test_the_check_of_remote_code_lets_the_rest_pass(code: str) -> None:
    assert not remote_access(code, {"sibling"})


_WATCHED = """
import sys, torch
from transformers import pipeline
classify = pipeline("text-classification", model={path!r}, trust_remote_code=True)
texts = ["Council votes on the bridge", "SHOCKING secret they hide!!!", "", "z\\u00fcrich \\ud800 1,000 www.a.b"]
expected = classify(texts, top_k=None)  # libraries load what they load late
armed, seen = True, []
def watch(event, args):
    if armed and event.split(".")[0] in ("open", "socket", "subprocess", "os", "shutil", "import", "ctypes", "exec"):
        seen.append((event, str(args)[:200]))
sys.addaudithook(watch)
found = classify(texts, top_k=None)
armed = False
assert found == expected
assert not seen, seen
armed = True
open({path!r} + "/config.json").close()
armed = False
assert seen, "the watch is asleep"
"""


@pytest.mark.slow
def test_remote_code_touches_no_file_while_it_classifies(tmp_path: Path) -> None:
    folder = copied(HUB, tmp_path / "copy")
    done = run_without_package(_WATCHED.format(path=str(folder)), tmp_path)
    assert done.returncode == 0, done.stderr


# Network.

_REACH = """
import socket
for reach in (
    lambda: socket.create_connection(("huggingface.co", 443), timeout=5),
    lambda: socket.create_connection(("1.1.1.1", 443), timeout=5),
    lambda: socket.socket(socket.AF_INET6).connect(("2606:4700::1111", 443)),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("8.8.8.8", 53)),
    lambda: socket.gethostbyname("pypi.org"),
):
    try:
        reach()
    except socket.gaierror as error:
        assert "tests use no network" in str(error), error
    else:
        raise SystemExit("reached")
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
"""


def test_tests_reach_no_network(tmp_path: Path) -> None:
    exec(_REACH, {})  # in this process, and in those that tests start
    plain = subprocess.run([sys.executable, "-c", _REACH], capture_output=True, encoding="utf-8")
    assert plain.returncode == 0, plain.stderr
    bare = run_without_package(_REACH, tmp_path)
    assert bare.returncode == 0, bare.stderr
    with HubServer() as hub:
        client = run_client(hub, _REACH, tmp_path / "home")
    assert client.returncode == 0, client.stderr


# Documentation.


def documents() -> list[Path]:
    """All that we wrote in Markdown, and the Python files whose docstrings show how something is called."""
    skipped = {"build", ".git", "node_modules"}
    pages = [
        p
        for p in ROOT.rglob("*.md")
        if not any(part in skipped or part.startswith(".venv") for part in p.parts)
    ]
    return sorted(pages)


def snippets(text: str) -> Iterator[str]:
    for block in re.findall(r"```(?:python|py)\n(.*?)```", text, re.DOTALL):
        yield textwrap.dedent(block)


def test_documented_remote_code_is_pinned() -> None:
    shown = 0
    for path in documents():
        for block in snippets(path.read_text(encoding="utf-8")):
            shown += block.count("trust_remote_code=True")
            assert not unpinned(block), (path, block)
    assert shown >= 5  # README.md, model_card.md, hub/README.md


def test_the_lines_that_a_push_prints_are_pinned() -> None:
    from glove_lstm.publishing.hub_upload import Destination, Pushed, report

    said = report(Destination("user/name"), Pushed("0123456789" * 4, "https://example.org"))
    code = said.split("\n", 1)[1]
    assert not unpinned(code)
    assert "0123456789" * 4 in code


@pytest.mark.parametrize(
    ("code", "problems"),
    [
        ("pipeline('x', model='user/name', trust_remote_code=True)", 1),
        ("AutoModel.from_pretrained('user/name', trust_remote_code=True, revision=None)", 1),
        ("AutoModel.from_pretrained('user/name', trust_remote_code=True, revision=commit)", 0),
        ("AutoModel.from_pretrained('user/name')", 0),
    ],
)
def test_the_check_of_documentation_can_fail(code: str, problems: int) -> None:
    assert len(unpinned(code)) == problems


def test_docstrings_show_no_unpinned_remote_code() -> None:
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                for line in (ast.get_docstring(node) or "").splitlines():
                    assert "trust_remote_code=True)" not in line or "revision=" in line, (path, line)


# Secrets.


def holders(folder: Path, secret: str) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]


@pytest.mark.slow
def test_a_token_leaves_no_trace_in_training(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    with HubServer() as hub:
        hub.add_token(TOKEN)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        env |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
        done = run_script(
            "train", "--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out", *SMALL, *QUICK,
            "--push_to_hub", "True", "--hub_model_id", "user/news", "--hub_token", TOKEN, "--log_level", "debug",
            "--num_train_epochs", 1,
            env={**env, "NO_PROXY": "*", "HF_DEBUG": "1", "TRANSFORMERS_VERBOSITY": "debug"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert any("/commit/" in target for _, target in hub.requests)  # it was used
        pushed = [data for data in hub.files("user/news").values() if TOKEN.encode() in data]
    assert not pushed
    assert TOKEN not in done.stdout + done.stderr
    assert holders(tmp_path, TOKEN) == []


def test_a_failing_login_is_not_shown(tmp_path: Path) -> None:
    """The Hub's refusals, and a traceback if there is one, are of a request that carried the token."""
    folder = shutil.copytree(HUB, tmp_path / "hub", ignore=shutil.ignore_patterns("__pycache__"))
    code = f"""
    import logging, os
    logging.basicConfig(level=logging.DEBUG)
    from pathlib import Path
    from glove_lstm.publishing.hub_upload import Destination, push_folder
    try:
        push_folder(Path({str(folder)!r}), Destination("user/news", token=os.environ["GIVEN"]))
    except Exception as error:
        logging.exception("refused")
        print(repr(error), vars(error))
    """
    with HubServer() as hub:
        # Not in the program itself, whose lines a traceback shows from Python 3.13 on.
        done = run_client(hub, code, tmp_path / "home", env={"HF_DEBUG": "1", "GIVEN": TOKEN})
    assert "run `hf auth login`" in done.stdout, done.stderr
    assert "DEBUG:" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
