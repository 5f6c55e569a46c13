"""The Hub on loopback, as the real client sees it: `huggingface_hub`, in processes of its own."""

import inspect
import json
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import pytest
from hub_server import GITATTRIBUTES, HubServer, run_client

REPO = "user/model"
WEIGHTS = bytes(range(256)) * 1000
XET = {"HF_HUB_DISABLE_XET": "0"}
START = """
import json
from pathlib import Path
from huggingface_hub import (
    CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard, create_branch, create_commit, create_repo,
    create_tag, dataset_info, delete_file, delete_repo, delete_tag, file_exists, get_paths_info,
    hf_hub_download, list_repo_commits, list_repo_files, list_repo_refs, list_repo_tree, model_info,
    snapshot_download, upload_file, whoami,
)
api = HfApi()
def say(**values):
    print("SAID " + json.dumps(values))
def error(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as error:
        response = getattr(error, "response", None)
        return [type(error).__name__, response.status_code if response is not None else None]
    return None
"""


@pytest.fixture
def hub():
    with HubServer() as server:
        server.add_token("hf_write")
        server.add_token("hf_read", write=False)
        server.add_token("hf_other", user="other")
        yield server


@pytest.fixture
def client(hub, tmp_path):
    """Runs code in a client's process and returns what it said; each home is a machine with its own cache."""

    def run(code, token="hf_write", home="home", env=None):
        done = run_client(hub, START + code, tmp_path / home, token=token, env=env)
        assert done.returncode == 0, done.stderr[-3000:]
        said = re.findall(r"^SAID (.*)$", done.stdout, re.MULTILINE)
        return json.loads(said[-1]) if said else None

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "home" / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_bytes(b'{"a": 1}\n')
    (folder / "empty.txt").write_bytes(b"")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "sub" / "deep file ü.txt").write_bytes("grün\n".encode())
    (folder / "README.md").write_bytes(b"---\npipeline_tag: text-classification\n---\n# Card\n")
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


PUSH = """
api.create_repo("user/model", exist_ok=True)
api.upload_folder(repo_id="user/model", folder_path="out", delete_patterns=["*"])
"""


@pytest.mark.parametrize("xet", [False, True])
def test_push_and_load(hub, client, folder, xet):
    if xet:
        hub.lfs_patterns = ()
    env = XET if xet else None
    client(PUSH, env=env)
    assert hub.files(REPO) == {".gitattributes": GITATTRIBUTES, **contents(folder)}
    assert list(hub.lfs.values()) == ([] if xet else [WEIGHTS])
    said = client(
        """
path = Path(snapshot_download("user/model"))
one = hf_hub_download("user/model", "model.safetensors", cache_dir=Path("other").resolve())
say(
    path=str(path), one=one, names=list_repo_files("user/model"),
    info=[model_info("user/model").pipeline_tag, model_info("user/model").sha],
    lfs=[f.lfs and f.lfs.size for f in model_info("user/model", files_metadata=True).siblings],
    whoami=whoami()["name"], missing=file_exists("user/model", "nothing"),
    tree=[type(f).__name__ for f in list_repo_tree("user/model")],
    paths=[f.path for f in get_paths_info("user/model", ["sub", "config.json", "nothing"])],
)
""",
        token="hf_read",
        home="second",
        env=env,
    )
    assert contents(Path(said["path"])) == hub.files(REPO)
    assert Path(said["one"]).read_bytes() == WEIGHTS
    assert sorted(said["names"]) == sorted(hub.files(REPO))
    assert said["info"] == ["text-classification", hub.repos[f"models/{REPO}"].at("main").sha]
    assert len(WEIGHTS) in said["lfs"] or xet
    assert (said["whoami"], said["missing"]) == ("user", False)
    assert said["tree"].count("RepoFolder") == 1
    assert sorted(said["paths"]) == ["config.json", "sub"]


def test_stale_files_go_and_old_revisions_stay(hub, client, folder):
    first = client(PUSH + "say(sha=model_info('user/model').sha)")["sha"]
    before = hub.files(REPO)
    (folder / "empty.txt").unlink()
    (folder / "config.json").write_bytes(b'{"a": 2}\n')
    hub.requests.clear()
    client(PUSH)
    assert hub.files(REPO) == {".gitattributes": GITATTRIBUTES, **contents(folder)}
    assert hub.files(REPO, first) == before
    assert not any(method == "PUT" for method, _ in hub.requests)  # the weights had not changed
    said = client(f"say(path=snapshot_download('user/model', revision='{first}'))", home="second")
    assert contents(Path(said["path"])) == before
    history = client("say(n=len(list_repo_commits('user/model')))")
    assert history["n"] == 3


def test_branches_tags_and_pull_requests(hub, client):
    hub.add_repo(REPO, {"a.txt": b"one"})
    said = client(
        """
create_tag("user/model", tag="v1")
create_branch("user/model", branch="dev", revision="v1")
create_branch("user/model", branch="dev", exist_ok=True)
twice = error(create_branch, "user/model", branch="dev")
upload_file(path_or_fileobj=b"two", path_in_repo="a.txt", repo_id="user/model", revision="dev")
pull = create_commit("user/model", [CommitOperationAdd("b.txt", b"three"), CommitOperationDelete("a.txt")],
                     commit_message="A change", create_pr=True)
refs = list_repo_refs("user/model", include_pull_requests=True)
head = model_info("user/model").sha
change = [CommitOperationAdd("c.txt", b"")]
late = error(create_commit, "user/model", change, commit_message="x", parent_commit="0" * 40)
path = hf_hub_download("user/model", "b.txt", revision=pull.pr_revision)
say(pull=[pull.pr_num, pull.pr_revision], names=[[r.name for r in g] for g in (refs.branches, refs.tags)],
    pulls=[r.ref for r in refs.pull_requests], twice=twice, late=late, text=Path(path).read_text(),
    gone=error(delete_tag, "user/model", tag="v2"), done=error(delete_tag, "user/model", tag="v1"))
"""
    )
    assert said["pull"] == [1, "refs/pr/1"]
    assert said["names"] == [["main", "dev"], ["v1"]]
    assert said["pulls"] == ["refs/pr/1"]
    assert said["twice"] == ["HfHubHTTPError", 409]
    assert said["late"] == ["HfHubHTTPError", 412]
    assert said["text"] == "three"
    assert said["gone"] == ["RevisionNotFoundError", 404]
    assert said["done"] is None
    assert [hub.files(REPO, rev).get("a.txt") for rev in ("main", "dev", "refs/pr/1")] == [
        b"one",
        b"two",
        None,
    ]


def test_card_goes_up_and_comes_back(hub, client):
    if "https://huggingface.co/api" in inspect.getsource(huggingface_hub.RepoCard.validate):
        pytest.skip(
            "this version of huggingface_hub validates cards at huggingface.co, whatever HF_ENDPOINT says"
        )
    said = client(
        """
api.create_repo("user/model")
card = ModelCard("---\\nlicense: apache-2.0\\n---\\n# Title\\n")
card.push_to_hub("user/model")
say(text=ModelCard.load("user/model").content)
"""
    )
    assert said["text"] == hub.files(REPO)["README.md"].decode() == "---\nlicense: apache-2.0\n---\n# Title\n"


def test_private_repository(hub, client):
    hub.add_repo(REPO, {"a.txt": b"secret", "model.safetensors": WEIGHTS}, private=True)
    code = "say(e=[error(model_info, 'user/model'), error(snapshot_download, 'user/model')])"
    missing = ["RepositoryNotFoundError"]
    assert client(code, token=None, home="a")["e"] == [[*missing, 401], [*missing, 401]]
    assert client(code, token="hf_other", home="b")["e"] == [[*missing, 404], [*missing, 404]]
    assert client(code, token="hf_wrong", home="c")["e"][0] == ["HfHubHTTPError", 401]
    assert client(code, token="hf_read", home="d")["e"] == [None, None]
    assert client("create_repo('user/new', private=True); say(e=error(model_info, 'user/new'))")["e"] is None
    assert hub.repos["models/user/new"].private
    assert not any("hf_" in target for _, target in hub.requests)


def test_who_may_write(hub, client):
    hub.add_repo(REPO, {"a.txt": b"one"})
    code = """
upload = dict(path_or_fileobj=b"two", path_in_repo="b.txt")
say(create=error(create_repo, "user/new"), exists=error(create_repo, "user/model"),
    again=error(create_repo, "user/model", exist_ok=True), read=error(model_info, "user/model"),
    upload=error(upload_file, repo_id="user/model", **upload),
    nowhere=error(upload_file, repo_id="user/nowhere", **upload))
"""
    refused, missing = ["HfHubHTTPError", 403], ["RepositoryNotFoundError", 404]
    said = client(code, token="hf_read")
    assert (said["create"], said["exists"], said["upload"]) == (refused, refused, refused)
    assert (said["again"], said["nowhere"], said["read"]) == (None, missing, None)
    said = client(code, token="hf_other")
    assert (said["create"], said["upload"], said["read"]) == (refused, refused, None)
    said = client(code, token=None)
    assert (said["create"][1], said["upload"], said["read"]) == (401, ["RepositoryNotFoundError", 401], None)
    assert hub.files(REPO) == {".gitattributes": GITATTRIBUTES, "a.txt": b"one"}
    said = client(code)
    assert (said["create"], said["exists"], said["upload"]) == (None, ["HfHubHTTPError", 409], None)
    assert client("say(e=[error(delete_repo, 'user/model'), error(delete_repo, 'user/model')])")["e"] == [
        None,
        missing,
    ]


def test_what_is_not_there(hub, client):
    hub.add_repo(REPO, {"a.txt": b"one"})
    said = client(
        """
get = lambda *a, **k: error(hf_hub_download, *a, **k)
say(entry=get("user/model", "b.txt"), revision=get("user/model", "a.txt", revision="v9"),
    repo=get("user/nowhere", "a"), flat=error(dataset_info, "squad"),
    delete=error(delete_file, "b.txt", "user/model"),
    tree=error(lambda: list(list_repo_tree("user/model", "nowhere"))))
"""
    )
    assert said["entry"] == ["RemoteEntryNotFoundError", 404]
    assert said["revision"] == ["RevisionNotFoundError", 404]
    assert said["repo"] == said["flat"] == ["RepositoryNotFoundError", 404]
    assert said["delete"] == said["tree"] == ["RemoteEntryNotFoundError", 404]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "RepoNotFound", "RepositoryNotFoundError"),
        (403, "GatedRepo", "GatedRepoError"),
        (403, None, "HfHubHTTPError"),
        (404, "EntryNotFound", "RemoteEntryNotFoundError"),
        (404, "RevisionNotFound", "RevisionNotFoundError"),
        (409, None, "HfHubHTTPError"),
        (413, None, "HfHubHTTPError"),
    ],
)
def test_planned_refusals(hub, client, status, code, kind):
    hub.add_repo(REPO, {"a.txt": b"one"})
    info = hub.fail(r"/api/models/user/model$", status, code=code, method="GET")
    commit = hub.fail(r"/commit/main", status, code=code, method="POST")
    said = client(
        """
upload = lambda: upload_file(path_or_fileobj=b"two", path_in_repo="a.txt", repo_id="user/model")
say(first=error(model_info, "user/model"), commit=error(upload),
    then=error(model_info, "user/model"), last=error(upload))
"""
    )
    assert said == {"first": [kind, status], "commit": [kind, status], "then": None, "last": None}
    assert info.hits == commit.hits == 1
    assert hub.files(REPO)["a.txt"] == b"two"


@pytest.mark.parametrize(("status", "retry_after"), [(429, 1), (500, None), (503, None)])
def test_client_tries_again(hub, client, status, retry_after):
    hub.add_repo(REPO)
    busy = hub.fail(r"/preupload/", status, retry_after=retry_after)
    down = hub.fail(
        r"/api/models/user/model$", status, retry_after=retry_after
    )  # model_info does not try again
    said = client(
        """
upload_file(path_or_fileobj=b"two", path_in_repo="a.txt", repo_id="user/model")
say(e=[error(model_info, "user/model"), error(model_info, "user/model")])
"""
    )
    assert said["e"] == [["HfHubHTTPError", status], None]
    assert busy.hits == down.hits == 1
    assert hub.files(REPO)["a.txt"] == b"two"


@pytest.mark.parametrize("name", ["a.bin", "model.safetensors"])
def test_connection_cut_in_mid_body(hub, client, name):
    hub.add_repo(REPO, {name: WEIGHTS})
    cut = hub.fail(r"/lfs/|/resolve/.*bin", method="GET", cut=100_000, times=2)
    said = client(
        f"""
while error(hf_hub_download, "user/model", "{name}"):
    pass  # huggingface_hub 1 leaves trying again to the caller
say(path=hf_hub_download("user/model", "{name}"))
"""
    )
    assert Path(said["path"]).read_bytes() == WEIGHTS
    assert cut.hits == 2  # at 100,000 and, resumed by a range request, at 200,000 of 256,000


def test_dropped_slow_and_corrupted(hub, client):
    hub.add_repo(REPO, {"a.txt": b"0123456789", "model.safetensors": WEIGHTS})
    hub.fail(r"/api/models/", drop=True)
    slow = hub.fail(r"/revision/slow", delay=1)
    late = hub.fail(r"/a\.txt", delay=1.5, method="HEAD")
    bad = hub.fail(r"/lfs/[0-9a-f]{64}", corrupt=True, times=2)
    said = client(
        """
say(drop=error(model_info, "user/model"), slow=error(model_info, "user/model", revision="slow", timeout=0.3),
    late=error(hf_hub_download, "user/model", "a.txt", etag_timeout=1),
    bad=hf_hub_download("user/model", "model.safetensors"),
    sent=error(upload_file, path_or_fileobj=b"new", path_in_repo="b.safetensors", repo_id="user/model"))
"""
    )
    assert said["drop"][0] == "RemoteProtocolError"
    assert said["slow"][0] == "ReadTimeout"
    assert said["late"] is None  # hf_hub_download tries again
    assert slow.hits == late.hits == 1
    got = Path(said["bad"]).read_bytes()  # the client compares sizes only: it does not notice
    assert len(got) == len(WEIGHTS)
    assert got != WEIGHTS
    assert said["sent"] == ["RuntimeError", None]  # on the way up the storage does
    assert bad.hits == 2
    assert "b.safetensors" not in hub.files(REPO)


def test_lost_answer_to_a_commit(hub, client):
    hub.add_repo(REPO)
    hub.fail(r"/commit/main", cut=5)
    code = "say(e=error(upload_file, path_or_fileobj=b'two', path_in_repo='a.txt', repo_id='user/model'))"
    assert client(code)["e"][0] == "RemoteProtocolError"
    assert hub.files(REPO)["a.txt"] == b"two"  # done, though the client does not know
    assert client(code)["e"] is None
    assert len(hub.repos[f"models/{REPO}"].commits) == 2


@pytest.mark.slow
def test_dataset_goes_up_and_comes_back(hub, client):
    client(
        """
import datasets
rows = {"text": ["a", "b", "c"], "label": [0, 1, 0]}
label = datasets.ClassLabel(names=["FAKE", "REAL"])
features = datasets.Features({"text": datasets.Value("string"), "label": label})
data = datasets.Dataset.from_dict(rows, features=features)
datasets.DatasetDict({"train": data, "test": data.select([1])}).push_to_hub("user/data", private=True)
data.select([0]).push_to_hub("user/data", split="extra")
""",
    )
    assert any(name.endswith(".parquet") for name in hub.files("user/data", kind="datasets"))
    said = client(
        """
import datasets
data = datasets.load_dataset("user/data")
say(rows={name: part.to_list() for name, part in data.items()}, names=data["train"].features["label"].names)
""",
        token="hf_read",
        home="second",
    )
    assert said["rows"]["train"] == [{"text": t, "label": n} for t, n in zip("abc", (0, 1, 0), strict=True)]
    assert {name: len(rows) for name, rows in said["rows"].items()} == {"train": 3, "test": 1, "extra": 1}
    assert said["names"] == ["FAKE", "REAL"]
    refused = "import datasets\nsay(e=error(datasets.load_dataset, 'user/data'))"
    assert client(refused, token=None, home="third")["e"][0] == "DatasetNotFoundError"


def test_many_clients_at_once(hub, client):
    hub.add_repo(REPO)

    def push(number):
        client(
            f"""
for i in range(3):
    upload_file(path_or_fileobj=b"x" * {number + 1}, path_in_repo=f"{number}-{{i}}.txt", repo_id="user/model")
""",
            home=str(number),
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(4)))
    assert len(hub.files(REPO)) == 13
    assert len(hub.repos[f"models/{REPO}"].commits) == 13


@pytest.mark.parametrize(
    ("span", "status", "body"),
    [
        (None, 200, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, b""),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges(hub, span, status, body):
    hub.add_repo(REPO, {"a.txt": b"0123456789"})
    headers = {"Range": span} if span else {}
    request = urllib.request.Request(f"{hub.endpoint}/{REPO}/resolve/main/a.txt", headers=headers)
    try:
        reply = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        assert (reply.status, reply.read()) == (status, body)


def test_xet_is_refused_aloud(hub, client):
    hub.add_repo(REPO)
    code = """
Path("weights").write_bytes(b"two")
try:
    upload_file(path_or_fileobj="weights", path_in_repo="model.safetensors", repo_id="user/model")
except Exception as error:
    say(e=str(error))
"""
    said = client(code, env=XET)
    if said is None:  # huggingface_hub 1 falls back to plain LFS
        assert hub.files(REPO)["model.safetensors"] == b"two"
    else:
        assert "501" in said["e"]


def test_unknown_requests_are_refused_aloud(hub, client):
    assert client("say(e=error(lambda: list(api.list_models())))")["e"] == ["HfHubHTTPError", 501]


def test_clients_look_up_no_other_host(client):
    said = client("import socket\nsay(e=error(socket.create_connection, ('huggingface.co', 443)))")
    assert said["e"][0] == "gaierror"
