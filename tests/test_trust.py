"""The trust boundary: no pickle, remote code that only computes, no network in tests, pinned examples."""

import ast
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from code_checks import remote_access, unpinned, unsafe
from hub_server import HubServer
from huggingface_hub import CommitInfo
from support import ROOT, run_client, run_without_package
from test_remote_code import HUB, copied, travelling_sources

from glove_lstm.publishing import checkpoint as checkpoint_publishing
from glove_lstm.publishing.hub_upload import Destination, report

PACKAGES = ("glove_lstm", "tokenization", "modeling", "scripts", "benchmarks")
UNSAFE = """
import pickle
from pickle import loads as harmless
import os, joblib as j
import torch; torch.load('x')
import torch as t; t.load('x', weights_only=False)
from torch import load as fetch; fetch('x')
import torch; read = torch.jit.load
import numpy as np; np.load('x', allow_pickle=flag)
np.save('x', y, allow_pickle=True)
import pandas as pd; pd.read_pickle('x')
import yaml; yaml.load(text)
run = exec
compile(text, '', 'exec')
__import__('os')
run(text, shell=flag)
from os import popen; popen('ls')
import tarfile
archive.extractall(folder)
import shutil; shutil.unpack_archive(path)
requests.get(url, verify=False)
PROGRAM = 'import pickle'
"""
SAFE = """
import torch; torch.load('x', weights_only=True)
import numpy as np; np.load('x', allow_pickle=False)
model.eval()
re.compile('x')
'import nothing of the kind, eval(x)'
subprocess.run(['ls'], check=True)
evaluate.load('x')
"""
REACHING = """
import socket
import glove_lstm
from pathlib import Path
from . import sibling
from .stranger import Name
from ..sibling import Name
read = open
import os; os.environ['HF_TOKEN']
import os as o; o.listdir('.')
from os import environ
import os; use(os)
import numpy as np; np.lib.format.open_memmap('x')
from numpy import memmap
array.tofile('x')
import torch; torch.save(x, 'y')
from torch import hub
import torch; torch.ops.load_library('x.so')
from torch.utils import cpp_extension
from transformers.utils.hub import cached_file
from transformers import AutoModel
Other.from_pretrained('other/repo')
path.write_text('x')
getattr(torch, 'lo' + 'ad')('x')
().__class__.__subclasses__()
f.__globals__['x']
__builtins__['open']
model.push_to_hub('x')
"""
COMPUTING = """
from .sibling import Name
import os; path: os.PathLike[str]
super().save_pretrained(x)
import torch; from torch import nn; nn.Linear(1, 2)(torch.zeros(1))
import numpy as np; np.frombuffer(b'x', dtype=np.uint8)
getattr(self, 'auto_map', None)
"""


def sources() -> list[Path]:
    return [path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))]


def test_checks_of_code() -> None:
    for cases, expected in ((UNSAFE, True), (SAFE, False)):
        for code in cases.strip().splitlines():
            assert bool(unsafe(code)) == expected, code
    for cases, expected in ((REACHING, True), (COMPUTING, False)):
        for code in cases.strip().splitlines():
            assert bool(remote_access(code, {"sibling"})) == expected, code
    assert remote_access(
        "def f():\n    try:\n        import shutil\n    except ImportError:\n        pass", set()
    )


def test_our_code_unpickles_and_runs_nothing() -> None:
    assert len(sources()) > 60
    for path in sources():
        assert not unsafe(path.read_text(encoding="utf-8")), path


def test_remote_code_only_computes() -> None:
    for path in travelling_sources():
        siblings = {file.stem for file in path.parent.glob("*.py")}
        assert not remote_access(path.read_text(encoding="utf-8"), siblings), path


_NO_PICKLE = """
import runpy, sys
def refuse(event, args):
    if event == "pickle.find_class":
        raise RuntimeError(f"unpickled {args[0]}.{args[1]}")
sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_classifying_unpickles_no_object(shared_export: Path, tmp_path: Path, backend: str) -> None:
    def run(*args: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _NO_PICKLE, *map(str, args)], capture_output=True, text=True
        )

    script = ROOT / "scripts" / "predict.py"
    done = run(script, "--model", shared_export, "--backend", backend, "A headline")
    assert done.returncode == 0, done.stderr
    unpickle = tmp_path / "unpickle.py"
    unpickle.write_text("import pickle, pathlib\npickle.loads(pickle.dumps(pathlib.Path()))")
    assert "unpickled pathlib" in run(unpickle).stderr


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
scores = classify(texts, top_k=None)
armed = False
assert scores == expected
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


def problem_of(path: Path) -> str | None:
    """What is wrong with the content of a file that a push sends."""
    if re.match(rb"PK|\x1f\x8b|\x80[\x02-\x05]", path.read_bytes()):
        return "is a pickle, or an archive, which may hold one"
    if path.suffix == ".onnx":
        import onnx

        model = onnx.load(path, load_external_data=False)
        outside = [one.name for one in model.graph.initializer if one.external_data]
        domains = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
        return f"needs {domains or outside}" if domains or outside else None
    return (
        None
        if path.suffix in (".json", ".md", ".png", ".py", ".safetensors")
        else "is of an unexpected kind"
    )


def test_hub_and_staged_files_hold_no_pickle(
    shared_export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        checkpoint_publishing, "check_loads", lambda *_: None
    )  # slow, and tested elsewhere
    with checkpoint_publishing.staged_checkpoint(shared_export, "user/news") as staged:
        for folder in (HUB, staged):
            files = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
            assert {"model.safetensors", "model.onnx", "config.json"} <= {
                path.name for path in files
            }
            for path in files:
                assert problem_of(path) is None, (path, problem_of(path))


def test_check_of_files(tmp_path: Path) -> None:
    for name, data in (
        ("model.bin", b"\x00"),
        ("config.json", b"\x80\x04]\x94."),
        ("a.json", b"PK\x03\x04"),
    ):
        (tmp_path / name).write_bytes(data)
        assert problem_of(tmp_path / name), name


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
    bare = run_without_package(_REACH, tmp_path)
    assert bare.returncode == 0, bare.stderr
    with HubServer() as hub:
        client = run_client(hub, _REACH, tmp_path / "home")
    assert client.returncode == 0, client.stderr


def test_documented_remote_code_is_pinned() -> None:
    skipped = {"build", ".git", "node_modules", "site"}
    pages = [
        page
        for page in ROOT.rglob("*.md")
        if not skipped & set(page.parts) and ".venv" not in str(page)
    ]
    shown = 0
    for page in pages:
        for block in re.findall(
            r"```(?:python|py)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
        ):
            shown += block.count("trust_remote_code=True")
            assert not unpinned(textwrap.dedent(block)), (page, block)
    assert shown >= 2  # model_card.md, hub/README.md
    commit = CommitInfo(
        "https://hf.co/user/name/commit/" + "0123456789" * 4, "", "", "0123456789" * 4
    )
    printed = report(Destination("user/name"), commit).split("\n", 1)[1]
    assert not unpinned(printed)
    assert commit.oid in printed
    for code, problems in (
        ("pipeline('x', model='user/name', trust_remote_code=True)", 1),
        ("AutoModel.from_pretrained('user/name', trust_remote_code=True, revision=None)", 1),
        ("AutoModel.from_pretrained('user/name', trust_remote_code=True, revision=commit)", 0),
    ):
        assert len(unpinned(code)) == problems


def test_docstrings_show_no_unpinned_remote_code() -> None:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                for line in (ast.get_docstring(node) or "").splitlines():
                    assert "trust_remote_code=True)" not in line or "revision=" in line, (
                        path,
                        line,
                    )
