"""A push to the Hub: the files that are sent in one commit, and what a model needs to load from them."""

import filecmp
import json
import re
import subprocess
import sys

import pytest
import yaml
from hub_server import TOKEN
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from support import (
    QUICK,
    TINY,
    assert_command_names,
    assert_refused,
    read_json,
    run_here,
    run_without_package,
    succeed,
)

from glove_lstm import GloveLstmClassifier, LightClassifier
from glove_lstm.checkpoint.names import PLACEHOLDER_ID, remote_code
from glove_lstm.commands import push as command
from glove_lstm.errors import DataError
from glove_lstm.publishing.card import render_card
from glove_lstm.publishing.push import (
    DELETED_NAMES,
    check_destination,
    loading_example,
    push_folder,
)
from glove_lstm.publishing.stage import file_sizes, stage_checkpoint

REPO = "user/fake-news"
MODEL = f"models/{REPO}"
RECORD = "training_texts.safetensors"
WRITTEN = {"handler.py", "requirements.txt", "notebook.ipynb"}  # by each push


# What is sent


def test_only_allowed_files_are_sent(exported, tmp_path):
    """With the remote code of this package, whatever the folder holds."""
    allowed = set(file_sizes(exported)) - {RECORD}
    assert {"README.md", "model.safetensors", "modeling_glove_lstm.py", "light.onnx"} <= allowed
    assert (exported / RECORD).is_file()
    code = {path.name: path.read_bytes() for path in remote_code()}
    (exported / "characters.py").write_text("raise SystemExit")
    (exported / "word_shapes.py").unlink()
    for name in ("optimizer.pt", "training_args.bin", ".secret", "plots/mine.png", "helper.py"):
        (exported / name).write_bytes(b"private")
    for name in ("checkpoint-9", "__pycache__"):
        (exported / name).mkdir()
        (exported / name / "optimizer.pt").write_bytes(b"private")
    staged = tmp_path / "staged"
    stage_checkpoint(exported, staged, REPO)
    assert set(file_sizes(staged)) == allowed | WRITTEN
    for name, source in code.items():
        assert (staged / name).read_bytes() == source
    others = allowed - code.keys()
    _, differing, _ = filecmp.cmpfiles(exported, staged, others, shallow=False)
    assert differing == ["README.md"]


@pytest.mark.parametrize("state", ["rendered", "edited", "missing"])
def test_the_card_names_the_repository(exported, tmp_path, state):
    """The rest of an edited card stays as it is."""
    path = exported / "README.md"
    card = render_card(exported)
    assert f'model="{PLACEHOLDER_ID}"' in card
    if state == "edited":
        card = f"{card}\nThanks to friends at {PLACEHOLDER_ID}, and to user/other.\n"
    path.write_text(card, encoding="utf-8")
    if state == "missing":
        path.unlink()
    staged = tmp_path / "staged"
    stage_checkpoint(exported, staged, REPO)
    sent = (staged / "README.md").read_text(encoding="utf-8")
    assert sent == card.replace(PLACEHOLDER_ID, REPO)


@pytest.fixture
def folder(tmp_path):
    """A few files, which a Hub takes."""
    folder = tmp_path / "folder"
    (folder / "plots").mkdir(parents=True)
    for name in ("config.json", "README.md", "metrics.json", "plots/curves.png"):
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(("branch", "private"), [(None, True), ("dev", False)])
def test_one_commit_adds_the_files_to_the_branch_that_was_named(folder, hub, branch, private):
    commit = push_folder(folder, REPO, private=private, branch=branch)
    repo = hub.repos[MODEL]
    assert repo.private == private
    assert sum("/commit/" in request for request in hub.requests) == 1
    sent = hub.files(REPO, branch or "main")
    assert sent == {name: (folder / name).read_bytes() for name in file_sizes(folder)}
    if branch:
        assert hub.files(REPO) == {}
    assert f'revision="{commit.oid}", trust_remote_code=True' in loading_example(commit)

    commits = len(repo.commits)
    again = push_folder(folder, REPO, private=private, branch=branch)
    assert again.oid == commit.oid  # nothing has changed: no commit
    assert len(repo.commits) == commits


OTHERS = {
    "pytorch_model.bin": b"weights",
    "data/train.csv": b"text",
    "plots/mine.png": b"",
    "old/metrics.json": b"{}",
    "LICENSE": b"",
}


@pytest.mark.parametrize(("kind", "prefix"), [("model", ""), ("space", "model/")])
def test_a_push_deletes_measures_and_plots_of_an_earlier_model_and_nothing_else(
    folder, hub, kind, prefix
):
    stale = {f"{prefix}{name}": b"old" for name in DELETED_NAMES}
    repo = hub.add_repo(REPO, {**OTHERS, **stale}, kind=f"{kind}s")
    commits = len(repo.commits)
    push_folder(folder, REPO, repo_type=kind)
    assert len(repo.commits) == commits + 1
    sent = {name: (folder / name).read_bytes() for name in file_sizes(folder)}
    assert hub.files(REPO, kind=f"{kind}s") == {**OTHERS, **sent}


# The page


PAGE = {"README.md", "index.html", "page.js", "classifier.js", "tokenizer.js", "explain.js"}
PAGE |= {"onnx_runtime.js", "model.json"}
OF_MODEL = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]
OF_MODEL += ["light.onnx", "README.md", "metrics.json"]


def test_a_space_has_the_page_and_what_it_reads(hub, exported):
    words = [exported, "--space", "--repo_id", REPO, "--private"]
    dry = succeed(command.main, *words, "--dry_run")
    assert hub.requests == []
    done = succeed(command.main, *words)
    assert f"{hub.endpoint}/spaces/{REPO}\n" in done.stdout
    repo = hub.repos[f"spaces/{REPO}"]
    assert (repo.sdk, repo.private) == ("static", True)

    files = hub.files(REPO, kind="spaces")
    plots = [f"plots/{path.name}" for path in exported.glob("plots/*.png")]  # which the card shows
    of_model = {f"model/{name}" for name in (*OF_MODEL, *plots)}
    assert set(files) == PAGE | of_model
    assert all(name in dry.stdout for name in files)
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert (card["sdk"], card["app_file"]) == ("static", "index.html")
    about = json.loads(files["model.json"])
    assert (about["title"], about["base"]) == (REPO, "model/")
    assert about["card"] == f"{hub.endpoint}/spaces/{REPO}/blob/main/model/README.md"


def test_a_page_for_any_web_server(exported, tmp_path):
    """Written without a login and a network; app/test_page.py serves one."""
    (exported / "light.onnx").unlink()
    runtime = tmp_path / "onnxruntime-web" / "dist"
    runtime.mkdir(parents=True)
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (runtime / name).write_text(name)
    folder = tmp_path / "page"
    words = [exported, "--space_dir", folder, "--runtime", runtime.parent]
    assert str(folder) in succeed(command.main, *words).stdout
    about = read_json(folder / "model.json")
    assert about["title"] == exported.name
    written = PAGE - {"README.md"} | {about["card"]}  # the first is the card of a Space
    written |= {about["base"] + name for name in OF_MODEL}
    written |= {about["runtime"] + path.name for path in runtime.iterdir()}
    assert written <= set(file_sizes(folder))
    assert not (folder / "README.md").exists()

    before = file_sizes(folder)
    assert_command_names(run_here(command.main, *words), "page is not empty", "new folder")
    assert file_sizes(folder) == before
    words = [exported, "--space_dir", tmp_path / "other", "--runtime", tmp_path]
    assert_command_names(run_here(command.main, *words), str(tmp_path), "onnxruntime-web")
    assert not (tmp_path / "other").exists()


# What is refused


def test_a_damaged_checkpoint_is_not_pushed(exported, hub):
    """trust/test_checkpoint.py has the files that a model needs to load."""
    (exported / "metrics.json").write_bytes(b"{}")
    done = run_here(command.main, exported, "--repo_id", REPO)
    assert_command_names(done, "metrics.json", "training")
    assert hub.requests == []


def test_figures_of_earlier_weights_are_not_pushed(exported, tmp_path):
    with (exported / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    (exported / "light.onnx").unlink()  # it would be exported anew
    with pytest.raises(DataError, match=r"metrics\.json is of earlier weights; remove it"):
        stage_checkpoint(exported, tmp_path / "staged", REPO)


def test_a_private_push_to_a_public_repository_is_refused(folder, hub):
    hub.add_repo(REPO, OTHERS)
    with pytest.raises(DataError, match=f"{REPO} exists and is public"):
        push_folder(folder, REPO, private=True)
    assert hub.files(REPO) == OTHERS


def test_no_commit_of_a_repository_that_has_changed_since_it_was_listed(folder, hub):
    theirs = {"theirs.txt": b"theirs"}
    hub.before["commit"] = lambda: hub.repos[MODEL].commit(
        "main", {".gitattributes": b"", **theirs}
    )
    with pytest.raises(HfHubHTTPError, match="412"):
        push_folder(folder, REPO)
    assert hub.files(REPO) == theirs


@pytest.mark.parametrize("state", ["planned", "refused"])
def test_the_command_says_what_the_hub_says(exported, hub, state):
    """In one sentence, without the token."""
    if state == "planned":
        hub.refuse("commit", 403, "planned")
    else:
        constants.ENDPOINT = "http://127.0.0.1:9"  # the fixture `hub` restores it
    done = run_here(command.main, exported, "--repo_id", REPO)
    assert_command_names(done, REPO, state)
    assert TOKEN not in done.stdout + done.stderr


def test_who_is_not_logged_in_pushes_nothing(no_login):
    assert_refused(["hf auth login", "HF_TOKEN"], check_destination, REPO)


# Push, fine-tune elsewhere, push again, load elsewhere: processes that share nothing but the Hub

TEXTS = ["Council votes on the bridge", "SHOCKING secret exposed!", ""]
LOAD = """
import importlib.util, json
from huggingface_hub import snapshot_download
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
text = {text!r}
options = dict(revision={revision!r}, trust_remote_code=True)
model = AutoModelForSequenceClassification.from_pretrained({repo!r}, **options)
assert type(model).__module__.startswith("transformers_modules.")
encoder = AutoModel.from_pretrained({repo!r}, **options)
tokenizer = AutoTokenizer.from_pretrained({repo!r}, **options)
assert encoder(**tokenizer(text, return_tensors="pt")).pooler_output.shape[0] == 1
classify = pipeline("text-classification", model={repo!r}, **options)
answer = classify(text, top_k=None)

# As an Inference Endpoint does.
folder = snapshot_download({repo!r}, revision={revision!r})
spec = importlib.util.spec_from_file_location("handler", folder + "/handler.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert module.EndpointHandler(folder)({{"inputs": text}}) == [answer]
print("ANSWER " + json.dumps(answer))
"""


def push_by_the_estimator(news):
    """Train, push, and load it from the Hub."""
    classifier = GloveLstmClassifier(**TINY).fit(news.texts, news.labels)
    commit = classifier.push_to_hub(REPO, private=True)
    loaded = GloveLstmClassifier.from_pretrained(REPO, revision=commit.oid)
    difference = loaded.predict_proba(TEXTS) - classifier.predict_proba(TEXTS)
    assert abs(difference).max() < 1e-6


def fine_tune_and_push(hub, articles, home):
    """Train from the id of the repository, in a folder that knows nothing of the first one."""
    options = ["--model_name_or_path", REPO, "--train_file", articles]
    options += ["--output_dir", home / "tuned", *QUICK, "--num_train_epochs", 1]
    words = [["train", *map(str, options)], ["push", str(home / "tuned"), "--repo_id", REPO]]
    code = "import json, sys; from glove_lstm.commands.main import main\n"
    code += "for words in json.loads(sys.argv[1]): assert main(words) == 0"
    command = [sys.executable, "-c", code, json.dumps(words)]
    env = hub.client_env(home, TOKEN) | {"HF_DEBUG": "1", "TRANSFORMERS_VERBOSITY": "debug"}
    home.mkdir()
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert f"started from `{REPO}`" in (home / "tuned" / "README.md").read_text(encoding="utf-8")
    return done.stdout


def scores_on_another_machine(hub, home, revision, text):
    """Load a commit in a clean process with an empty cache and without our package, and classify a text."""
    home.mkdir()
    code = LOAD.format(repo=REPO, revision=revision, text=text)
    env = {**hub.client_env(home, TOKEN), "HF_HUB_OFFLINE": "0"}
    printed = run_without_package(code, home, **env).stdout
    answer = json.loads(re.search(r"^ANSWER (.*)$", printed, re.MULTILINE)[1])
    return {row["label"]: row["score"] for row in answer}


@pytest.mark.slow
def test_push_fine_tune_push_again_load(
    hub, news, exported, articles, beside_the_vectors, tmp_path, capfd
):
    push_by_the_estimator(news)
    repo = hub.repos[MODEL]
    assert repo.private
    assert len(repo.commits) == 2  # the Hub's own, and ours
    sent = hub.files(REPO)
    assert set(sent) == {*file_sizes(exported), *WRITTEN} - {RECORD}
    assert f'model="{REPO}"'.encode() in sent["README.md"]

    pushed = fine_tune_and_push(hub, articles, tmp_path / "two")
    assert len(repo.commits) == 3
    assert set(hub.files(REPO)) >= {*WRITTEN, "light.onnx"}
    assert RECORD not in hub.files(REPO)
    tuned = repo.at("main").sha
    assert f'revision="{tuned}"' in pushed

    text = TEXTS[1]
    scores = scores_on_another_machine(hub, tmp_path / "three", tuned, text)
    here = LightClassifier.from_pretrained(tmp_path / "two" / "tuned")
    [wanted] = here.predict_proba([text]).tolist()
    assert scores == pytest.approx(dict(zip(here.label_names, wanted, strict=True)), abs=1e-4)

    for output in capfd.readouterr():
        assert TOKEN not in output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    for commit in repo.commits.values():
        for name, data in commit.files.items():
            assert TOKEN.encode() not in data, name
