"""Uploading to the Hub: one commit or none, one sentence for each error, and no token in any of them."""

import threading

import pytest
from hub_server import GITATTRIBUTES, TOKEN
from huggingface_hub import constants
from support import run_client

from glove_lstm.errors import DataError
from glove_lstm.publishing.hub_upload import Destination, collect, loading_example, push_folder

REPO = "user/model"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "out"
    (folder / "plots").mkdir(parents=True)
    (folder / "config.json").write_bytes(b'{"a": 1}\n')
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 100)
    (folder / "plots" / "a.png").write_bytes(b"\x89PNG")
    (folder / "README.md").write_bytes(b"---\nlicense: apache-2.0\n---\n# Card\n")
    return folder


@pytest.fixture
def push(hub, folder, monkeypatch):
    """Pushes from this process, whose settings of huggingface_hub are those of a client of the loopback Hub."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("NO_PROXY", "*")

    def run(repo_id=REPO, token=TOKEN, **options):
        to = Destination(repo_id, token=token, **options)
        commit = push_folder(folder, to)
        assert hub.endpoint in loading_example(to, commit)
        return commit.oid

    return run


def refused(push, *parts, **options):
    with pytest.raises(DataError) as caught:
        push(**options)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert TOKEN not in sentence + repr(vars(caught.value))
    for part in parts:
        assert part in sentence


def test_token_is_not_logged(hub, folder, tmp_path):
    """Not where every request is logged, and not with the traceback of a request that carried it."""
    code = f"""
    import logging, os
    os.environ["HF_DEBUG"] = "1"
    logging.basicConfig(level=logging.DEBUG)
    from pathlib import Path
    from glove_lstm.publishing.hub_upload import Destination, push_folder
    try:
        push_folder(Path({str(folder)!r}), Destination("user/news"))
    except Exception as error:
        logging.exception("refused")
        print(repr(error), vars(error))
    """
    done = run_client(hub, code, tmp_path / "home", token="hf_" + "unknown" * 5)
    assert "run `hf auth login`" in done.stdout, done.stderr
    assert "DEBUG:" in done.stderr
    assert "unknownunknown" not in done.stdout + done.stderr


def sent(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    content = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {".gitattributes": GITATTRIBUTES, **content}


def test_repository_equals_the_folder(hub, folder, push):
    first = push()
    assert hub.files(REPO) == hub.files(REPO, first) == sent(folder)
    repo = hub.repos[f"models/{REPO}"]
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    assert push() == first  # nothing to do
    (folder / "plots" / "a.png").unlink()
    (folder / "config.json").write_bytes(b'{"a": 2}\n')
    hub.requests.clear()
    push()
    assert hub.files(REPO) == sent(folder)
    assert not any(method == "PUT" for method, _ in hub.requests)  # the weights have not changed
    assert hub.files(REPO, first)["config.json"] == b'{"a": 1}\n'
    assert len(repo.commits) == 3


def test_branch_and_privacy(hub, folder, push):
    hub.add_repo(REPO, {"old.txt": b"old"})
    before = hub.files(REPO)
    push(revision="dev")
    push(revision="dev")
    assert hub.files(REPO, "dev") == sent(folder)
    refused(push, "is public", "--private", private=True)
    refused(push, "has no revision 'refs/pr/7'", revision="refs/pr/7")
    assert hub.files(REPO) == before
    push(repo_id="user/secret", private=True)
    assert hub.repos["models/user/secret"].private


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ({"status": 401}, "hf auth login"),
        ({"status": 403}, "may not write to user/model"),
        ({"status": 403, "message": "Private repository storage limit reached"}, "quota"),
        ({"status": 404, "code": "RepoNotFound"}, "does not exist or your login cannot see it"),
        ({"status": 409}, "run the command again later"),
        ({"status": 422, "message": "no such thing"}, "no such thing"),
        ({"status": 429}, "run the command again later"),
        ({"status": 500}, "refused the push (status 500"),
        ({"drop": True}, "check the network"),
        ({"lose_answer": True}, "run the command again"),
    ],
)
def test_error_in_the_commit(hub, folder, push, fault, part):
    hub.add_repo(REPO, {"old.txt": b"old"})
    before = hub.files(REPO)
    hub.fail(r"/commit/main", **fault)
    refused(push, part)
    assert hub.files(REPO) == (sent(folder) if "lose_answer" in fault else before)
    push()  # the same command again
    assert hub.files(REPO) == sent(folder)
    assert len(hub.repos[f"models/{REPO}"].commits) == 3


@pytest.mark.parametrize(
    ("path", "fault", "part"),
    [
        (r"/api/repos/create", {"status": 403}, "may not write to user/model"),
        (r"/api/repos/create", {"drop": True}, "check the network"),
        (r"/lfs/[0-9a-f]{64}", {"status": 413}, "quota"),
        (r"/validate-yaml", {"status": 400, "message": "bad license"}, "Invalid metadata"),
    ],
)
def test_error_before_the_commit(hub, folder, push, path, fault, part):
    hub.fail(path, **fault)
    refused(push, part)
    assert f"models/{REPO}" not in hub.repos or hub.files(REPO) == {".gitattributes": GITATTRIBUTES}
    push()
    assert hub.files(REPO) == sent(folder)


def test_variants_are_collected(hub, push):
    def add(collection, repo_id=REPO, token=TOKEN):
        return collect(Destination(repo_id, token=token), collection)

    for repo_id in (REPO, "user/article"):
        push(repo_id)
        assert add("My models", repo_id) == add("My models", repo_id)  # nothing to do
    ((slug, found),) = hub.collections.items()
    assert add(slug) == f"{hub.endpoint}/collections/{slug}"
    assert [one["id"] for one in found["items"]] == [REPO, "user/article"]
    hub.add_token("hf_read", write=False)
    missing = f"user/nothing-{'0' * 24}"
    for collection, token, part in (
        (missing, TOKEN, f"collection {missing!r} does not exist"),
        ("Others", "hf_read", "may not write to the collection 'Others'"),
    ):
        said = f"{REPO} is pushed, but in no collection: "
        refused(add, said, part, collection=collection, token=token)


def test_somebody_else_is_faster(hub, folder, push):
    repo = hub.add_repo(REPO, {"old.txt": b"old"})
    slow = hub.fail(r"/preupload/main", delay=1.0)

    def commit():
        while not slow.hits:
            threading.Event().wait(0.02)
        repo.commit("main", {**repo.at("main").files, "theirs.txt": b""}, "Theirs")

    thread = threading.Thread(target=commit)
    thread.start()
    refused(push, "run the command again later")
    thread.join()
    assert repo.at("main").title == "Theirs"
    push()
    assert hub.files(REPO) == sent(folder)


def test_no_login_no_network_no_name(hub, push, monkeypatch):
    monkeypatch.setattr("glove_lstm.publishing.hub_upload.get_token", lambda: None)
    refused(push, "You are not logged in", token=None)
    refused(push, "is not a repository id", repo_id="no-namespace")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(push, "unset it")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert not hub.requests
    hub.add_token("hf_read", write=False)
    refused(push, "hf auth login", token="hf_wrong")
    refused(push, "may not write to user/model", token="hf_read")
    refused(push, "may not write to other/model", repo_id="other/model")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    refused(push, "http://127.0.0.1:9 failed", "check the network")
    monkeypatch.setattr(constants, "ENDPOINT", "huggingface")
    refused(push, "huggingface failed")
    assert not hub.repos
