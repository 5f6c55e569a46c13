"""No pickle, remote code that only computes and runs without our package, no network in tests, pinned examples."""

import ast
import json
import re
import shutil
import subprocess
import sys

import pytest
from support import ROOT, edit_json, run_without_package

from glove_lstm.checkpoint.names import remote_code

HUB = ROOT / "hub"
PACKAGES = ("glove_lstm", "tokenization", "modeling", "scripts", "benchmarks")
# What remote code may import, and names by which it could reach files, the network or other code.
ALLOWED = """
collections contextlib dataclasses functools itertools math os re string threading typing unicodedata
numpy tokenizers torch transformers
"""
MODULES = set(ALLOWED.split())
REFUSED = """
exec eval __import__ globals input print open
__builtins__ __globals__ __subclasses__ __dict__ __loader__ __code__
system popen environ listdir unlink urlopen read_text write_text read_bytes write_bytes load from_file
fromfile tofile memmap hub jit load_library cpp_extension
push_to_hub cached_file pipeline AutoModel AutoTokenizer
"""
FORBIDDEN = set(REFUSED.split())
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
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return {getattr(node, "attr", None), getattr(node, "id", None)}
    paths = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
    return set(".".join(paths).split("."))


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
    problems = set()
    for node in ast.walk(ast.parse(source)):
        problems |= imported_modules(node) - MODULES - siblings
        problems |= used_names(node) & FORBIDDEN
    return problems


def test_remote_code_only_computes():
    for code in REACHING.strip().splitlines():
        assert remote_access(code, {".sibling"}), code
    sources = remote_code()
    assert len(sources) > 5
    siblings = {f".{path.stem}" for path in sources}
    for path in sources:
        assert not remote_access(path.read_text(encoding="utf-8"), siblings), path


def test_our_code_silences_no_rule_against_pickle_and_code_in_text():
    """Ruff's rules S1 to S7 find pickle, exec, unsafe YAML, archives, shells and connections."""
    silenced = r"noqa: .*\bS(102|202|30[1-57]|50[1-9]|60[245]|614)\b"
    unsafe = r"weights_only=False|allow_pickle=True|import (pickle|dill)"
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(f"{silenced}|{unsafe}", path.read_text(encoding="utf-8")), path


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


def test_documented_remote_code_is_pinned():
    """Each call that trusts it names a commit, or the folder hub/."""
    count = 0
    for page in (ROOT / "README.md", HUB / "README.md", *(ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"```py.*?\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            if "trust_remote_code=True" not in block:
                continue
            for node in ast.walk(ast.parse(block)):
                call = ast.unparse(node)
                if isinstance(node, ast.Call) and "trust_remote_code=True" in call:
                    assert "revision=" in call or "'hub'" in call, call
                    count += 1
    assert count >= 5


NAMES = ["news", "hoax", "vote"]  # of the labels of a model that is trained without our package

_USE = """
import sys, torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
path = {path!r}
labels = {labels!r}

for options in ({{}}, {{"trust_remote_code": False}}):
    try:
        AutoTokenizer.from_pretrained(path, **options)
    except ValueError as error:
        assert "trust_remote_code=True" in str(error), error
    else:
        raise SystemExit("loaded")

config = AutoConfig.from_pretrained(path, trust_remote_code=True)
assert config.model_type == "glove_lstm"
assert config.id2label == labels
tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=True)
assert type(tokenizer).__name__ == "GloveLstmTokenizer"
encoder, info = AutoModel.from_pretrained(path, trust_remote_code=True, output_loading_info=True)
assert not info["unexpected_keys"], info  # of the classifier, which would be reported
assert type(encoder).__name__ == "GloveLstmModel"
model = AutoModelForSequenceClassification.from_pretrained(path, trust_remote_code=True)
assert not model.training
assert model.dtype == torch.float32

texts = ["Council votes on the bridge", "SHOCKING secret they hide!!!", "", "a \\ud800 b", "word " * 20_000]
batch = tokenizer(texts, padding=True, return_tensors="pt")
assert batch["input_ids"].shape[1] <= tokenizer.model_max_length
with torch.no_grad():
    logits = model(**batch).logits
    assert torch.equal(encoder(**batch).pooler_output, model.encoder(**batch).pooler_output)
    for text, row in zip(texts, logits):
        alone = model(**tokenizer(text, return_tensors="pt")).logits[0]
        assert torch.allclose(alone, row, atol=1e-5), (text[:20], alone, row)

classify = pipeline("text-classification", model=path, trust_remote_code=True)
one_by_one = classify(texts)
batched = classify(texts, batch_size=8)
best_scores = logits.softmax(-1).amax(-1).tolist()
for answers in (one_by_one, batched):
    for answer, score in zip(answers, best_scores):
        assert set(answer) == {{"label", "score"}}
        assert answer["label"] in labels.values()
        assert abs(answer["score"] - score) < 1e-5, (answer, score)
pair = {{"text": "Council votes", "text_pair": "on the bridge"}}
for answer in (classify(pair), classify(pair, truncation=True), *classify([pair, pair], batch_size=2)):
    assert abs(answer["score"] - best_scores[0]) < 1e-5
every_label = classify(texts[0], top_k=None)
assert len(every_label) == len(labels)
assert abs(sum(answer["score"] for answer in every_label) - 1) < 1e-5
"""


# Appended: while it classifies, remote code touches no file, process or socket.
_WATCH = """
armed, seen = True, []
kinds = ("open", "socket", "subprocess", "os", "shutil", "import", "ctypes", "exec")
def watch(event, args):
    if armed and event.split(".")[0] in kinds:
        seen.append((event, str(args)[:200]))
sys.addaudithook(watch)
again = classify(texts)
armed = False
assert again == one_by_one
assert not seen, seen
armed = True
open(path + "/config.json").close()
armed = False
assert seen, "the watch is asleep"
"""


def tune(copy, folder):
    """Train a copy on three labels as docs/howto/trainer.md does, without our package; return the new folder."""
    page = (ROOT / "docs" / "howto" / "trainer.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.+?)```", page, re.DOTALL)
    [snippet] = [block for block in blocks if "Trainer(" in block]
    snippet = snippet.replace('"hub"', repr(str(copy)))
    edit_json(copy / "config.json", label_type="str", text_column_names=["body"])
    snippet, changed = re.subn(r"names = \[.+?\]", f"names = {NAMES}", snippet)
    assert changed == 1
    texts = ("council report bridge", "SHOCKING secret hoax!!!", "The vote of the school")
    table = "text,label\n"
    for n in range(40):
        for label, text in enumerate(texts):
            table += f"{text} {n % 7},{label}\n"
    for name in ("train", "test"):
        (folder / f"{name}.csv").write_text(table)
    done = run_without_package(snippet + '\ntrainer.save_model("tuned")\n', folder)
    assert float(re.findall(r"'eval_accuracy': '?([\d.]+)", done.stdout)[-1]) > 0.95
    return folder / "tuned"


@pytest.mark.slow
def test_folders_load_and_classify_without_our_package(copy, tmp_path):
    """That of the repository, and one that the tutorial of transformers trained from a small checkpoint."""
    tuned = tune(copy, tmp_path)
    shutil.rmtree(copy)  # nothing may point back to where it came from
    # Nothing that describes the texts and labels of the earlier training.
    config = json.loads((tuned / "config.json").read_text(encoding="utf-8"))
    assert config.get("label_type") is config.get("text_column_names") is None

    shipped = shutil.copytree(HUB, tmp_path / "shipped")
    other = tmp_path / "other machine"
    other.mkdir()
    code = _USE.format(path=str(tuned), labels=dict(enumerate(NAMES)))
    code += _USE.format(path=str(shipped), labels={0: "FAKE", 1: "REAL"}) + _WATCH
    run_without_package(code, other)
