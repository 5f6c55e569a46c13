"""A push to the Hub: the files that are sent, and what is refused, here or there."""

import filecmp
import re
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from hub_server import TOKEN
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from support import assert_command_names, assert_names, edit_json, run_here, succeed
from web_server import serve

from glove_lstm.checkpoint.names import PLACEHOLDER_ID, remote_code
from glove_lstm.commands import push as command
from glove_lstm.errors import DataError
from glove_lstm.publishing import stage
from glove_lstm.publishing.card import render_card
from glove_lstm.publishing.push import (
    DELETED_NAMES,
    Destination,
    check_destination,
    files_to_delete,
    loading_example,
    push_folder,
)
from glove_lstm.publishing.stage import check_no_secrets, copy_checkpoint, file_sizes

REPO = "user/fake-news"
MODEL = f"models/{REPO}"
RECORD = "training_texts.safetensors"


def read_card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


# What is sent


def test_only_allowed_files_are_sent(exported, tmp_path):
    allowed = set(file_sizes(exported)) - {RECORD}
    assert {"README.md", "model.safetensors", "modeling_glove_lstm.py", "light.onnx"} <= allowed
    assert (exported / RECORD).is_file()
    for name in ("optimizer.pt", "training_args.bin", ".secret", "plots/mine.png", "helper.py"):
        (exported / name).write_bytes(b"private")
    for name in ("checkpoint-9", "__pycache__"):
        (exported / name).mkdir()
        (exported / name / "optimizer.pt").write_bytes(b"private")
    staged = tmp_path / "staged"
    copy_checkpoint(exported, staged, REPO)
    assert set(file_sizes(staged)) == allowed
    _, differing, _ = filecmp.cmpfiles(exported, staged, allowed, shallow=False)
    assert differing == ["README.md"]


def test_remote_code_is_that_of_this_package(exported, tmp_path):
    """Also of a checkpoint that another version has written."""
    code = {path.name: path.read_bytes() for path in remote_code()}
    (exported / "characters.py").write_text("raise SystemExit")
    (exported / "word_shapes.py").unlink()
    copy_checkpoint(exported, tmp_path / "staged", REPO)
    sent = {path.name: path.read_bytes() for path in (tmp_path / "staged").glob("*.py")}
    assert sent == code


@pytest.mark.parametrize("state", ["rendered", "edited", "missing"])
def test_the_card_names_the_repository(exported, tmp_path, state):
    """The rest of an edited card stays as it is."""
    path = exported / "README.md"
    card = render_card(exported)
    path.write_text(card, encoding="utf-8")
    assert f'model="{PLACEHOLDER_ID}"' in card
    if state == "edited":
        card = f"{card}\nThanks to friends at {PLACEHOLDER_ID}, and to user/other.\n"
        path.write_text(card, encoding="utf-8")
    if state == "missing":
        path.unlink()
    staged = tmp_path / "staged"
    copy_checkpoint(exported, staged, REPO)
    assert read_card(staged) == card.replace(PLACEHOLDER_ID, REPO)
    if state == "missing":
        assert not path.exists()
    else:
        assert read_card(exported) == card


@pytest.fixture
def folder(tmp_path):
    """A few files, which a Hub takes."""
    folder = tmp_path / "folder"
    (folder / "plots").mkdir(parents=True)
    for name in ("config.json", "README.md", "metrics.json", "plots/curves.png"):
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(
    ("branch", "private"), [(None, True), ("dev", False), ("refs/pr/7", False)]
)
def test_one_commit_adds_the_files_to_the_branch_that_was_named(folder, hub, branch, private):
    """A branch is created, a reference such as that of a pull request is not."""
    if branch == "refs/pr/7":
        hub.add_repo(REPO).commit(branch, {".gitattributes": b""})
    to = Destination(REPO, private=private, branch=branch)
    commit = push_folder(folder, to)
    repo = hub.repos[MODEL]
    assert repo.private == private
    assert sum("/commit/" in request for request in hub.requests) == 1
    sent = hub.files(REPO, branch or "main")
    assert sent == {name: (folder / name).read_bytes() for name in file_sizes(folder)}
    if branch:
        assert hub.files(REPO) == {}
    assert any("/branch/" in request for request in hub.requests) == (branch == "dev")
    assert f'revision="{commit.oid}", trust_remote_code=True' in loading_example(to, commit)

    commits = len(repo.commits)
    assert push_folder(folder, to).oid == commit.oid  # nothing has changed: no commit
    assert len(repo.commits) == commits


OTHERS = {
    "pytorch_model.bin": b"weights",
    "data/train.csv": b"text",
    "plots/mine.png": b"",
    "model/metrics.json": b"{}",
    "old/metrics.json": b"{}",
    "helper.py": b"",
    "LICENSE": b"",
}


def test_a_push_deletes_measures_and_plots_of_an_earlier_model_and_nothing_else(folder, hub):
    repo = hub.add_repo(REPO, OTHERS)
    to = Destination(REPO)
    push_folder(folder, to)
    first = hub.files(REPO)
    assert first.items() >= OTHERS.items()
    assert files_to_delete(folder, to) == []

    # As a model of transformers' Trainer, which has neither.
    gone = ["metrics.json", "plots/curves.png"]
    for name in gone:
        (folder / name).unlink()
    commits = len(repo.commits)
    assert files_to_delete(folder, to) == gone  # which a dry run prints
    assert len(repo.commits) == commits
    push_folder(folder, to)
    assert len(repo.commits) == commits + 1
    assert first.keys() - hub.files(REPO).keys() == set(gone)
    assert hub.files(REPO).items() >= OTHERS.items()


def test_a_space_keeps_what_is_not_of_its_model(folder, hub):
    files = {**OTHERS, **{f"model/{name}": b"old" for name in DELETED_NAMES}, "metrics.json": b"{}"}
    hub.add_repo(REPO, files, kind="spaces")
    stale = sorted(f"model/{name}" for name in DELETED_NAMES)
    assert files_to_delete(folder, Destination(REPO, repo_type="space")) == stale


@pytest.mark.parametrize(
    ("words", "named"),
    [([], "MODEL"), (["user/first"], "user/first"), (["--model", "nowhere"], "nowhere")],
)
def test_the_model_is_a_folder(hub, words, named):
    assert_command_names(run_here(command.main, *words, "--repo_id", REPO), named)
    assert hub.requests == []


PAGE = {"README.md", "index.html", "page.js", "classifier.js", "tokenizer.js", "explain.js"}
PAGE |= {"onnx_runtime.js"}
OF_MODEL = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]
OF_MODEL += ["light.onnx", "README.md", "metrics.json"]


def test_a_space_has_the_page_and_what_it_reads(hub, exported):
    words = [exported, "--space", "--repo_id", REPO, "--branch", "dev", "--private"]
    dry = succeed(command.main, *words, "--dry_run")
    assert hub.repos == {}
    done = succeed(command.main, *words)
    assert f"{hub.endpoint}/spaces/{REPO}\n" in done.stdout
    repo = hub.repos[f"spaces/{REPO}"]
    assert (repo.sdk, repo.private) == ("static", True)
    assert hub.files(REPO, kind="spaces") == {}  # on main

    files = hub.files(REPO, "dev", kind="spaces")
    plots = [f"plots/{path.name}" for path in exported.glob("plots/*.png")]  # which the card shows
    of_model = {f"model/{name}" for name in (*OF_MODEL, *plots)}
    assert PAGE | of_model <= set(files)
    assert all(name in dry.stdout for name in files)
    assert {name for name in files if name.startswith("model/")} == of_model
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert (card["sdk"], card["app_file"]) == ("static", "index.html")
    html = files["index.html"].decode()
    assert 'data-model="model/"' in html
    assert f"/spaces/{REPO}/blob/dev/" not in html  # the Hub shows main
    assert f"/spaces/{REPO}/blob/main/model/README.md" in html


def test_a_space_of_another_kind_stays(hub, exported):
    hub.add_repo(REPO, {"README.md": b"theirs"}, kind="spaces").sdk = "gradio"
    done = run_here(command.main, exported, "--space", "--repo_id", REPO)
    assert_command_names(done, REPO, "static", "another name")
    assert hub.files(REPO, kind="spaces") == {"README.md": b"theirs"}


def test_a_space_of_a_model_of_another_trainer(hub, exported):
    (exported / "metrics.json").unlink()
    succeed(command.main, exported, "--space", "--repo_id", REPO)
    files = hub.files(REPO, kind="spaces")
    assert f"model/{OF_MODEL[-1]}" not in files
    assert f"model/{OF_MODEL[0]}" in files


def test_a_page_for_any_web_server(exported, tmp_path):
    """Written without a login and a network; a server sends all that the page reads."""
    (exported / "light.onnx").unlink()
    folder = tmp_path / "page"
    done = succeed(command.main, exported, "--space_dir", folder)
    assert str(folder) in done.stdout
    with serve(folder) as address:
        page = read_address(address)
        for name in PAGE - {"README.md", "index.html"}:
            assert read_address(address + name)
        model = re.search('data-model="(.*?)"', page.decode())[1]
        card = re.search('data-model-page="(.*?)"', page.decode())[1]
        for name in OF_MODEL:
            assert read_address(address + model + name) == (folder / "model" / name).read_bytes()
        assert read_address(address + card) == (exported / "README.md").read_bytes()
    assert not (folder / "README.md").exists()  # the card of a Space

    before = file_sizes(folder)
    refused = run_here(command.main, exported, "--space_dir", folder)
    assert_command_names(refused, "page is not empty", "new folder")
    assert file_sizes(folder) == before
    for option in ("--private", "--dry_run"):
        refused = run_here(command.main, exported, "--space_dir", tmp_path / "other", option)
        assert_command_names(refused, option, "--space_dir")
    assert not (tmp_path / "other").exists()


def read_address(address):
    with urlopen(address) as answer:
        return answer.read()


# What is not sent


def without(name):
    return lambda folder: (folder / name).unlink()


def with_bytes(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def with_other_weights(folder):
    """As transformers' Trainer saves a model into the folder that it was loaded from; then exported again."""
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "light.onnx").unlink()


def with_own_token(folder):
    with (folder / "README.md").open("ab") as card:
        card.write(b"own-token")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(without("tokenizer.json"), ["tokenizer.json"], id="missing"),
        pytest.param(with_bytes("metrics.json", b"{"), ["metrics.json", "JSON"], id="metrics"),
        pytest.param(with_bytes("metrics.json", b"{}"), ["metrics.json", "training"], id="layout"),
        pytest.param(with_bytes("light.onnx", b"\x08\x08"), ["light.onnx"], id="onnx"),
        pytest.param(with_bytes("README.md", b"\xff"), ["README.md", "UTF-8"], id="card"),
        pytest.param(
            lambda folder: edit_json(folder / "config.json", auto_map={}),
            ["clean process", "save it again"],
            id="loads",
        ),
        pytest.param(
            with_other_weights, ["model.safetensors", "README.md", "new folder"], id="weights"
        ),
        pytest.param(with_own_token, ["README.md", "token", "revoke"], id="own token"),
        pytest.param(
            lambda folder: edit_json(folder / "metrics.json", note="/home/me/data.csv"),
            ["metrics.json", "/home/me/data.csv"],
            id="path",
        ),
    ],
)
def test_what_is_not_pushed(exported, hub, monkeypatch, spoil, words):
    monkeypatch.setenv("HF_TOKEN", "own-token")  # of a form that nobody knows
    spoil(exported)
    done = run_here(command.main, exported, "--repo_id", REPO)
    assert_command_names(done, *words)
    assert "own-token" not in done.stdout + done.stderr
    assert hub.requests == []


def test_a_clean_process_that_hangs_is_ended(exported, hub, monkeypatch):
    monkeypatch.setattr(stage, "LOAD_SECONDS", 0.2)  # no process imports torch so fast
    done = run_here(command.main, exported, "--repo_id", REPO)
    assert_command_names(done, "clean process", "not loaded after 0.2 seconds", "save it again")
    assert hub.requests == []


@pytest.mark.parametrize(
    "secret",
    [
        b"hf_" + b"abcDEF1234" * 4,
        b"ghp_" + b"a1" * 18,
        b"sk-" + b"a1" * 20,
        b"AKIA" + b"A1" * 8,
        b"-----BEGIN RSA PRIVATE KEY-----",
        b'"/Users/me/x"',
        b"C:\\\\Users\\\\me",
        str(Path.home() / "x").encode(),
    ],
)
def test_secrets_and_paths_are_refused(secret):
    check_no_secrets(b"see https://example.org/home/page and hf_short", "a.txt")
    check_no_secrets(f"see https://example.org{Path.home()}/page".encode(), "a.txt")
    with pytest.raises(DataError) as refusal:
        check_no_secrets(b"x = " + secret, "a.txt")
    assert_names(refusal.value, "a.txt")


# What the Hub refuses


def refused(route, status, message="planned", code=None, **content):
    return lambda hub: hub.refuse(route, status, message, code, **content)


def somebody_is_faster(hub):
    hub.before["commit"] = lambda: hub.repos[MODEL].commit("main", {".gitattributes": b"theirs"})


def has_no_room_for_large_files(hub):
    hub.large = 1
    hub.refuse("upload", 413, "too much")


def is_offline(hub):
    constants.HF_HUB_OFFLINE = True  # the fixture `hub` restores it


def is_out_of_reach(hub):
    constants.ENDPOINT = "http://127.0.0.1:9"


LOGIN = ["hf auth login", "write token"]
METADATA = {"errors": [{"message": "bad license"}]}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda hub: hub.tokens.clear(), LOGIN, id="login"),
        pytest.param(refused("create", 403), [REPO, "planned", "token"], id="create"),
        pytest.param(lambda hub: hub.add_repo(REPO), [REPO, "public", "--private"], id="public"),
        pytest.param(refused("info", 404, code="RepoNotFound"), [REPO, "name"], id="no repo"),
        pytest.param(refused("info", 404, code="RevisionNotFound"), ["'main'"], id="revision"),
        pytest.param(
            refused("validate", 400, **METADATA), ["README.md", "bad license"], id="metadata"
        ),
        pytest.param(refused("commit", 403), [REPO, "planned", "token"], id="commit"),
        pytest.param(refused("commit", 403, "storage limit"), [REPO, "quota"], id="quota"),
        pytest.param(has_no_room_for_large_files, [REPO, "quota"], id="large"),
        pytest.param(refused("commit", 409), ["409", "planned", "later"], id="conflict"),
        pytest.param(somebody_is_faster, ["412", "later"], id="parent"),
        pytest.param(refused("commit", 422), ["422", "planned", "correct"], id="unknown"),
        pytest.param(refused("commit", 500), ["500", "later"], id="server"),
        pytest.param(is_offline, ["HF_HUB_OFFLINE"], id="offline"),
        pytest.param(is_out_of_reach, ["http://127.0.0.1:9", "network"], id="unreachable"),
    ],
)
def test_what_the_hub_refuses(folder, hub, spoil, words):
    """One sentence without the token, and no commit."""
    spoil(hub)
    with pytest.raises(DataError) as refusal:
        push_folder(folder, Destination(REPO, private=True))
    assert_names(refusal.value, *words)
    assert TOKEN not in str(refusal.value)
    # A traceback would show the request, which has the token in its headers.
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    if MODEL in hub.repos:
        assert not hub.repos[MODEL].at("main").files.keys() & {"config.json", "README.md"}


def test_who_is_not_logged_in_pushes_nothing(no_login):
    with pytest.raises(DataError) as refusal:
        check_destination(Destination(REPO))
    assert_names(refusal.value, "hf auth login", "HF_TOKEN")
