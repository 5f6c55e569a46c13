"""What talks to the Hub: one commit or nothing, a sentence for each fault, and no token in any of them."""

import json
import re
import threading

import pytest
from hub_server import GITATTRIBUTES, HubServer, run_client

REPO = "user/model"
TOKEN = "hf_" + "secretsecret" * 3
WEIGHTS = bytes(range(256)) * 100
PUSH = """
import json, logging, sys
from pathlib import Path
from glove_lstm.data.errors import DataError
from glove_lstm.publishing.hub_upload import Destination, push_folder
logging.basicConfig(level=logging.DEBUG)
try:
    pushed = push_folder(Path("out"), Destination("user/model", **{options}))
    print("SAID " + json.dumps(["pushed", pushed.commit, pushed.url]))
except DataError as error:
    print("SAID " + json.dumps(["refused", str(error)]))
"""


@pytest.fixture
def hub():
    with HubServer() as server:
        server.add_token(TOKEN)
        server.add_token("hf_read", write=False)
        yield server


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "home" / "out"
    (folder / "plots").mkdir(parents=True)
    (folder / "config.json").write_bytes(b'{"a": 1}\n')
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "plots" / "a.png").write_bytes(b"\x89PNG")
    (folder / "README.md").write_bytes(b"---\nlicense: apache-2.0\n---\n# Card\n")
    return folder


@pytest.fixture
def push(hub, folder, tmp_path):
    def run(token=TOKEN, env=None, **options):
        env = {"GLOVE_LSTM_RETRY_SECONDS": "0.01", **(env or {})}
        code = PUSH.format(options=options)
        done = run_client(hub, code, tmp_path / "home", token=token, env=env)
        assert done.returncode == 0, done.stderr[-3000:]
        assert TOKEN not in done.stdout + done.stderr
        said = json.loads(re.findall(r"^SAID (.*)$", done.stdout, re.MULTILINE)[-1])
        if said[0] == "refused":
            assert said[1].endswith(".")
            assert "\n" not in said[1]
        return said

    return run


def sent(folder):
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {".gitattributes": GITATTRIBUTES, **{name: path.read_bytes() for name, path in files.items()}}


def test_repository_equals_the_folder(hub, folder, push):
    kind, commit, url = push()
    assert (kind, url) == ("pushed", f"{hub.endpoint}/{REPO}")
    assert hub.files(REPO) == hub.files(REPO, commit) == sent(folder)
    repo = hub.repos[f"models/{REPO}"]
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    assert push()[1] == commit  # nothing to do
    (folder / "plots" / "a.png").unlink()
    (folder / "config.json").write_bytes(b'{"a": 2}\n')
    second = push(commit_message="Better")[1]
    assert hub.files(REPO) == sent(folder)
    assert hub.files(REPO, commit)["config.json"] == b'{"a": 1}\n'
    assert repo.at(second).title == "Better"
    assert len(repo.commits) == 3


def test_branch_pull_request_and_privacy(hub, folder, push):
    hub.add_repo(REPO, {"old.txt": b"old"})
    before = hub.files(REPO)
    assert push(revision="dev")[0] == "pushed"
    assert hub.files(REPO, "dev") == sent(folder)
    hub.fail(r"/commit/main", cut=5)  # the request is opened, but nobody is told
    kind, _, url = push(create_pr=True)
    assert (kind, url) == ("pushed", f"{hub.endpoint}/{REPO}/discussions/1")
    assert hub.files(REPO, "refs/pr/1") == sent(folder)
    assert not any(ref == "refs/pr/2" for ref in hub.repos[f"models/{REPO}"].refs)
    assert "is public" in push(private=True)[1]
    assert hub.files(REPO) == before
    del hub.repos[f"models/{REPO}"]
    assert push(private=True)[0] == "pushed"
    assert hub.repos[f"models/{REPO}"].private


FAULTS = {
    "401": ({"status": 401}, "hf auth login"),
    "403": ({"status": 403}, "may not write to user/model"),
    "404": ({"status": 404, "code": "RepoNotFound"}, "is not there for this login"),
    "409": ({"status": 409}, "Something else is changing user/model"),
    "412": ({"status": 412}, "Somebody else changed user/model"),
    "413": ({"status": 413}, "too large"),
    "422": ({"status": 422, "message": "no such thing"}, "no such thing"),
    "429": ({"status": 429, "retry_after": 2}, "fewer requests"),
    "500": ({"status": 500}, "trouble of its own (status 500)"),
    "503": ({"status": 503}, "trouble of its own (status 503)"),
    "drop": ({"drop": True}, "broke off"),
}
RETRIED = {"409", "412", "429", "500", "503", "drop"}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_the_commit(hub, folder, push, name):
    """The message; the repository as it was; and all well when it is over, or in time when it is brief."""
    kind, part = FAULTS[name]
    hub.add_repo(REPO, {"old.txt": b"old"})
    before = hub.files(REPO)
    fault = hub.fail(r"/commit/main", times=None, **kind)
    said = push()
    assert said[0] == "refused"
    assert part in said[1]
    assert (fault.hits, "tried 5 times" in said[1]) == ((5, True) if name in RETRIED else (1, False))
    assert hub.files(REPO) == before
    hub.faults.clear()
    if name in RETRIED:
        hub.fail(r"/commit/main", times=2, **kind)
    assert push()[0] == "pushed"
    assert hub.files(REPO) == sent(folder)
    assert len(hub.repos[f"models/{REPO}"].commits) == 3


@pytest.mark.parametrize(
    ("path", "kind", "part"),
    [
        (r"/api/repos/create", {"status": 403}, "may not write to user/model"),
        (r"/api/repos/create", {"drop": True}, "broke off"),
        (r"/api/models/user/model", {"status": 404, "code": "RepoNotFound", "method": "GET"}, "is not there"),
        (r"/info/lfs/objects/batch", {"status": 401}, "hf auth login"),
        (r"/lfs/[0-9a-f]{64}", {"status": 413, "method": "PUT"}, "too large"),
        (r"/lfs/[0-9a-f]{64}", {"corrupt": True, "method": "PUT"}, "did not arrive whole"),
        (r"/validate-yaml", {"status": 400, "message": "bad license"}, "correct its metadata"),
    ],
)
def test_fault_before_the_commit(hub, folder, push, path, kind, part):
    """Nothing is visible until the commit; an empty repository may have been made."""
    hub.fail(path, times=None, **kind)
    said = push()
    assert said[0] == "refused", said
    assert part in said[1]
    repo = hub.repos.get(f"models/{REPO}")
    assert repo is None or hub.files(REPO) == {".gitattributes": GITATTRIBUTES}
    hub.faults.clear()
    assert push()[0] == "pushed"
    assert hub.files(REPO) == sent(folder)


def test_commit_whose_answer_is_lost(hub, folder, push):
    fault = hub.fail(r"/commit/main", cut=5)
    assert push()[0] == "pushed"
    assert fault.hits == 1
    assert hub.files(REPO) == sent(folder)
    assert len(hub.repos[f"models/{REPO}"].commits) == 2


def test_somebody_else_is_faster(hub, folder, push):
    """Two pushes at once: the later one wins whole, and no file of the other stays."""
    hub.add_repo(REPO)
    slow = hub.fail(r"/commit/main", delay=1.5)

    def other():
        while not slow.hits:
            threading.Event().wait(0.02)
        hub.repos[f"models/{REPO}"].commit(
            "refs/heads/main", dict(hub.repos[f"models/{REPO}"].at("main").files), "user", "Other"
        )

    thread = threading.Thread(target=other)
    thread.start()
    assert push()[0] == "pushed"
    thread.join()
    assert hub.files(REPO) == sent(folder)
    assert [c.title for c in hub.repos[f"models/{REPO}"].commits.values()][1] == "Other"


def test_no_login_no_network_no_name(hub, folder, push):
    requests = len(hub.requests)
    assert "There is no login" in push(token=None)[1]
    assert "a character that no token has" in push(token="hf_geheimnis\u00fc")[1]
    assert "HF_HUB_OFFLINE is set" in push(env={"HF_HUB_OFFLINE": "1"})[1]
    assert "cannot be reached" in push(env={"HF_ENDPOINT": "http://127.0.0.1:9"})[1]
    assert "correct HF_ENDPOINT" in push(env={"HF_ENDPOINT": "huggingface"})[1]
    assert "leave out --revision or --create_pr" in push(create_pr=True, revision="dev")[1]
    assert len(hub.requests) == requests
    assert "hf auth login" in push(token="hf_wrong")[1]
    assert "may not write to user/model" in push(token="hf_read")[1]
    assert not hub.repos
