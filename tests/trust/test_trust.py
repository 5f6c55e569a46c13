"""No pickle, remote code that only computes, no network in tests, pinned examples."""

import ast
import re
import subprocess
import sys

import pytest
from support import ROOT, run_without_package

HUB = ROOT / "hub"
PACKAGES = ("glove_lstm", "tokenization", "modeling", "scripts", "benchmarks")
# What remote code may import, and names by which it could reach files, the network or other code.
STANDARD_LIBRARY = {
    "collections",
    "contextlib",
    "dataclasses",
    "functools",
    "itertools",
    "math",
    "os",
}
STANDARD_LIBRARY |= {"re", "string", "threading", "typing", "unicodedata"}
MODULES = STANDARD_LIBRARY | {"numpy", "tokenizers", "torch", "transformers"}
CODE = {"exec", "eval", "__import__", "globals", "input", "print", "open"}
INSIDES = {"__builtins__", "__globals__", "__subclasses__", "__dict__", "__loader__", "__code__"}
SYSTEM = {"system", "popen", "environ", "listdir", "unlink", "urlopen"}
FILES = {"read_text", "write_text", "read_bytes", "write_bytes", "load", "from_file"}
NUMPY = {"fromfile", "tofile", "memmap"}
TORCH = {"hub", "jit", "load_library", "cpp_extension"}
TRANSFORMERS = {"push_to_hub", "cached_file", "pipeline", "AutoModel", "AutoTokenizer"}
FORBIDDEN = CODE | INSIDES | SYSTEM | FILES | NUMPY | TORCH | TRANSFORMERS
REACHING = """
import socket
import glove_lstm
from . import sibling
from .stranger import Name
from ..sibling import Name
read = open
os.environ['HF_TOKEN']
np.memmap('x')
array.tofile('x')
torch.load('x')
from torch import hub
from transformers import AutoModel
path.write_text('x')
().__class__.__subclasses__()
model.push_to_hub('x')
"""


def used_names(node):
    """The names in a node of a syntax tree; of an import, each part of its path."""
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.Name):
        return {node.id}
    names = set()
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            names |= set(alias.name.split("."))
    if isinstance(node, ast.ImportFrom) and node.module:
        names |= set(node.module.split("."))
    return names


def imported_modules(node):
    """The modules that a node of a syntax tree imports, those of this folder with a dot: `.sibling`."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    path = node.module or ""
    if node.level == 0:
        return {path.split(".")[0]}
    return {"." * node.level + path}


def remote_access(source, siblings):
    """Imports that remote code may not make, and names that could reach a file or the network."""
    problems = []
    for node in ast.walk(ast.parse(source)):
        strangers = imported_modules(node) - MODULES - siblings
        names = strangers | (used_names(node) & FORBIDDEN)
        problems += [f"line {node.lineno}: {name}" for name in sorted(names)]
    return problems


def travelling_sources():
    """The sources in modeling/ and tokenization/ of the remote code of hub/."""
    names = {path.name for path in HUB.glob("*.py")}
    names.remove("handler.py")  # not run by transformers
    all_sources = (*ROOT.glob("modeling/*.py"), *ROOT.glob("tokenization/*.py"))
    sources = [path for path in all_sources if path.name in names]
    assert len(sources) == len(names) > 5
    return sources


def test_remote_code_only_computes():
    for code in REACHING.strip().splitlines():
        assert remote_access(code, {".sibling"}), code
    siblings = {f".{path.stem}" for path in travelling_sources()}
    for path in travelling_sources():
        assert not remote_access(path.read_text(encoding="utf-8"), siblings), path


def test_our_code_silences_no_rule_against_pickle_and_code_in_text():
    """Ruff's rules S1 to S7 find pickle, exec, unsafe YAML, archives, shells and connections."""
    silenced = r"noqa: .*\bS(102|202|30[1-57]|50[1-9]|60[245]|614)\b"
    unsafe = r"weights_only=False|allow_pickle=True|import (pickle|dill)"
    paths = []
    for package in PACKAGES:
        paths += (ROOT / package).rglob("*.py")
    assert len(paths) > 60
    for path in paths:
        source = path.read_text(encoding="utf-8")
        assert not re.search(silenced, source), path
        assert not re.search(unsafe, source), path


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
def test_classifying_unpickles_no_object(tmp_path):
    def run(*args):
        command = [sys.executable, "-c", _NO_PICKLE, *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True)

    done = run(ROOT / "scripts" / "predict.py", "A headline")
    assert done.returncode == 0, done.stderr
    unpickle = tmp_path / "unpickle.py"
    unpickle.write_text("import pickle, pathlib\npickle.loads(pickle.dumps(pathlib.Path()))")
    assert "unpickled pathlib" in run(unpickle).stderr


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


def test_tests_reach_no_network(tmp_path):
    exec(_REACH, {})  # in this process, and in those that tests start
    run_without_package(_REACH, tmp_path)


def remote_code_blocks(page):
    """The Python code of a page that loads remote code."""
    blocks = re.findall(r"```py.*?\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [block for block in blocks if "trust_remote_code=True" in block and "{{" not in block]


def test_documented_remote_code_is_pinned():
    pages = [ROOT / "README.md", ROOT / "model_card.md", HUB / "README.md"]
    pages += (ROOT / "docs").glob("*.md")
    pages += (ROOT / "docs" / "howto").glob("*.md")
    count = 0
    for page in pages:
        for block in remote_code_blocks(page):
            for node in ast.walk(ast.parse(block)):
                if not isinstance(node, ast.Call):
                    continue
                arguments = {keyword.arg for keyword in node.keywords}
                if "trust_remote_code" in arguments:
                    call = ast.unparse(node)
                    assert "revision" in arguments or "'hub'" in call, call
                    count += 1
    assert count >= 5
