"""The loopback Hub keeps the promises that other tests rely on, seen by huggingface_hub in a process of its own."""

import json

from support import run_client

CLIENT = """
import json, socket
from pathlib import Path
from huggingface_hub import HfApi, hf_hub_download, list_repo_files, model_info, snapshot_download, upload_file
def error(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as error:
        response = getattr(error, "response", None)
        return [type(error).__name__, response.status_code if response is not None else None]
def read(repo_id):
    return error(snapshot_download, repo_id, cache_dir="read")
print(json.dumps({
    "upload": error(upload_file, path_or_fileobj=b"two", path_in_repo="b.txt", repo_id="user/model"),
    "private": read("user/private"),
    "missing": [read("user/nowhere"), error(hf_hub_download, "user/model", "c.txt"),
                error(hf_hub_download, "user/model", "a.txt", revision="v9")],
    "unknown": error(lambda: list(HfApi().list_models())),
    "elsewhere": error(socket.create_connection, ("huggingface.co", 443)),
    "files": sorted(list_repo_files("user/model")),
    "text": Path(hf_hub_download("user/model", "a.txt")).read_text(),
    "weights": Path(hf_hub_download("user/model", "model.safetensors")).read_bytes().hex(),
}))
"""
READ = {"text": "one", "weights": "0001"}
MISSING = [
    ["RepositoryNotFoundError", 404],
    ["RemoteEntryNotFoundError", 404],
    ["RevisionNotFoundError", 404],
]


def test_who_may_read_and_write(hub, tmp_path):
    hub.add_repo("user/model", {"a.txt": b"one", "model.safetensors": b"\0\1"})
    hub.add_repo("user/private", {"a.txt": b"one"}, private=True)
    hub.add_token("hf_read", write=False)
    hub.add_token("hf_other", user="other")
    for token, upload, private in (
        ("hf_read", ["HfHubHTTPError", 403], None),
        ("hf_other", ["HfHubHTTPError", 403], ["RepositoryNotFoundError", 404]),
    ):
        done = run_client(hub, CLIENT, tmp_path / token, token=token)
        assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout)
        assert results["upload"] == upload
        assert results["private"] == private
        assert results["missing"] == MISSING
        assert results["unknown"] == ["HfHubHTTPError", 501]
        assert results["elsewhere"][0] == "gaierror"
        assert results["files"] == [".gitattributes", "a.txt", "model.safetensors"]
        assert {name: results[name] for name in READ} == READ
    assert not any("hf_" in target for _, target in hub.requests)
