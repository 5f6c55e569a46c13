r"""A Hugging Face Hub on the loopback interface, for tests: standard library only, all in memory.

    with HubServer() as hub:
        hub.add_token("hf_x")
        hub.fail(r"/resolve/.*/config\.json", 503)
        done = subprocess.run([...], env=hub.client_env(tmp_path, token="hf_x"))
        assert hub.files("user/name")["config.json"] == b"{}"

It serves what pushing and loading ask for: create, branch, preupload, LFS, commit, info, tree, resolve, collections.
Any other request is answered with 501. There is no xet: clients need HF_HUB_DISABLE_XET=1.
"""

import base64
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from hub_repos import GITATTRIBUTES, LARGE, HubError, Repo, git_oid, sha256

TOKEN = "hf_" + "secretsecret" * 3  # for tests that check that no output shows it
NO_LOGIN = "Invalid username or password."


@dataclass
class Fault:
    """A planned failure; made by `HubServer.fail`."""

    path: str  # regular expression, searched in the path and query as sent
    status: int | None = None  # answer with this status and do nothing
    code: str | None = None  # X-Error-Code of the status
    message: str = "planned failure"
    delay: float = 0.0  # seconds to wait first
    drop: bool = False  # drop the connection without doing or answering anything
    lose_answer: bool = False  # do as asked, but drop the connection instead of answering
    hits: int = 0  # how often it happened

    def matches(self, path: str) -> bool:
        return not self.hits and bool(re.search(self.path, path))


class HubServer:
    """The server, a context manager; everything public may be used while it runs."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}  # by "models/user/name"
        self.large: dict[str, bytes] = {}  # uploaded large files, by SHA-256
        self.tokens: dict[str, tuple[str, bool]] = {}  # token -> user, may write
        self.requests: list[tuple[str, str]] = []  # method and path with query
        self.faults: list[Fault] = []
        self.collections: dict[str, dict[str, Any]] = {}  # by "user/title-ID"
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_token(self, token: str, user: str = "user", write: bool = True) -> None:
        """Let `token` act for `user`, who owns the repositories under that name."""
        self.tokens[token] = user, write

    def add_repo(self, repo_id: str, files=None, *, kind="models", private=False) -> Repo:
        """Make a repository without a client; `files` become its second commit."""
        with self.lock:
            repo = self.repos[f"{kind}/{repo_id}"] = Repo(kind, repo_id, private)
            start = repo.commit("main", {".gitattributes": GITATTRIBUTES}, "initial commit")
            if files:
                repo.commit("main", {**start.files, **files}, "Add files")
            return repo

    def files(self, repo_id: str, revision="main", *, kind="models") -> Mapping[str, bytes]:
        """All files of a revision, `.gitattributes` too."""
        return self.repos[f"{kind}/{repo_id}"].at(revision).files

    def client_env(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Environment of a client that keeps its caches in `home` and has no other login than `token`."""
        hidden = ("HF_", "HUGGING", "GLOVE_LSTM_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        env |= {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home / "hf"), "NO_PROXY": "*"}
        env |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}
        return env | ({"HF_TOKEN": token} if token else {})

    def fail(self, path: str, status: int | None = None, **kind: Any) -> Fault:
        """Let the next request whose path matches fail, as `Fault` says; `faults.clear()` ends it."""
        fault = Fault(path, status, **kind)
        self.faults.append(fault)
        return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that went away
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Routes return a body, which is JSON unless it is bytes, and headers."""

    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.hub.lock:
            self.hub.requests.append((self.command, self.path))
            planned = (fault for fault in self.hub.faults if fault.matches(self.path))
            fault = next(planned, Fault(""))
            fault.hits += 1
        threading.Event().wait(fault.delay)
        self.close_connection = self.close_connection or fault.drop or fault.lose_answer
        if fault.drop:
            return
        try:
            if fault.status is not None:
                raise HubError(fault.status, fault.message, fault.code)
            answer = self.answer()
            content, headers = answer if isinstance(answer, tuple) else (answer, {})
            status = 200
        except HubError as error:
            status, content, headers = error.status, error.content, error.headers
        if fault.lose_answer:
            return
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        length = {"Content-Length": str(len(body))}
        for name, value in {"Content-Type": "application/json", **length, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = serve  # noqa: N815

    def answer(self) -> Any:
        for pattern, route in ROUTES.items():
            if match := re.fullmatch(pattern, self.path.partition("?")[0]):
                parts = {name: unquote(value or "") for name, value in match.groupdict().items()}
                with self.hub.lock:
                    return route(self, **parts)
        raise HubError(501, f"tests/hub_server.py does not serve {self.command} {self.path}")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the log is `HubServer.requests`."""

    def user(self) -> tuple[str | None, bool]:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens.get(token, (None, False))

    def readable(self, kind: str, repo_id: str) -> Repo:
        user, repo = self.user()[0], self.hub.repos.get(f"{kind.strip('/') or 'models'}/{repo_id}")
        if repo is None or (repo.private and user != repo_id.split("/")[0]):
            status, message = (404, "Repository not found") if user else (401, NO_LOGIN)
            raise HubError(status, message, "RepoNotFound")
        return repo

    def writable(self, kind: str, repo_id: str) -> Repo:
        self.check_writer(repo_id)
        return self.readable(kind, repo_id)

    def check_writer(self, repo_id: str) -> None:
        user, write = self.user()
        if user is None:
            raise HubError(401, NO_LOGIN)
        if not write or user != repo_id.split("/")[0]:
            raise HubError(403, f"You don't have the rights to write to {repo_id}")

    def url(self, kind: str, repo_id: str) -> str:
        return f"{self.hub.endpoint}/{'' if kind == 'models' else f'{kind}/'}{repo_id}"

    def info(self, kind: str, repo: str, rev: str) -> Any:
        found = self.readable(kind, repo)
        commit = found.at(rev or "main")
        files = [{"rfilename": path} for path in commit.files]
        about = {"id": repo, "private": found.private, "sha": commit.sha}
        return {**about, "siblings": files, "tags": []}

    def tree(self, kind: str, repo: str, rev: str, path: str) -> Any:
        files = self.readable(kind, repo).at(rev).files
        entries: list[dict[str, Any]] = []
        for name, data in files.items():
            entry = {"type": "file", "oid": git_oid(name, data), "size": len(data), "path": name}
            lfs = {"oid": sha256(data), "size": len(data), "pointerSize": 100}
            entries.append({**entry, "lfs": lfs} if name.endswith(LARGE) else entry)
        folders = {str(parent) for name in files for parent in Path(name).parents} - {"."}
        directory = {"type": "directory", "oid": "0" * 40, "size": 0}
        entries += [{**directory, "path": folder} for folder in folders]
        prefix = f"{path}/" if path else ""
        entries = [entry for entry in entries if entry["path"].startswith(prefix)]
        if not entries:
            raise HubError(404, "Entry not found", "EntryNotFound")
        recursive = "recursive=true" in self.path.lower()
        return [one for one in entries if recursive or "/" not in one["path"].removeprefix(prefix)]

    def resolve(self, kind: str, repo: str, rev: str, path: str) -> Any:
        commit = self.readable(kind, repo).at(rev)
        if path not in commit.files:
            raise HubError(404, "Entry not found", "EntryNotFound")
        data = commit.files[path]
        return data, {"X-Repo-Commit": commit.sha, "ETag": f'"{sha256(data)}"'}

    def create(self) -> Any:
        wish = json.loads(self.body)
        kind, repo_id = f"{wish.get('type') or 'model'}s", f"{wish['organization']}/{wish['name']}"
        self.check_writer(repo_id)
        url = self.url(kind, repo_id)
        if f"{kind}/{repo_id}" in self.hub.repos:
            raise HubError(409, f"You already created this {kind[:-1]} repo", url=url)
        private = wish.get("visibility") == "private" or bool(wish.get("private"))
        self.hub.add_repo(repo_id, kind=kind, private=private)
        return {"url": url, "name": repo_id}

    def branch(self, kind: str, repo: str, name: str) -> Any:
        found = self.writable(kind, repo)
        if name in found.branches:
            raise HubError(409, "Reference already exists")
        found.branches[name] = found.at("main")
        return "OK"

    def preupload(self, kind: str, repo: str, rev: str) -> Any:
        files = self.writable(kind, repo).at(rev).files
        answer = []
        for path in (wish["path"] for wish in json.loads(self.body)["files"]):
            mode = "lfs" if path.endswith(LARGE) else "regular"
            digest = sha256 if path.endswith(LARGE) else partial(git_oid, path)
            oid = digest(files[path]) if path in files else None
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": answer}

    def lfs_batch(self, kind: str, repo: str) -> Any:
        self.writable(kind, repo)
        objects = json.loads(self.body)["objects"]
        for wish in objects:
            if wish["oid"] not in self.hub.large:
                wish["actions"] = {"upload": {"href": f"{self.hub.endpoint}/lfs/{wish['oid']}"}}
        return {"transfer": "basic", "objects": objects}

    def lfs_upload(self, oid: str) -> Any:
        if sha256(self.body) != oid:
            raise HubError(400, "The uploaded bytes do not have the announced checksum")
        self.hub.large[oid] = self.body
        return b""

    def commit(self, kind: str, repo: str, rev: str) -> Any:
        found = self.writable(kind, repo)
        header, *operations = [json.loads(line)["value"] for line in self.body.splitlines() if line]
        base = found.at(rev)
        if header.get("parentCommit", base.sha) != base.sha:
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        files = dict(base.files)
        for value in operations:
            if "content" in value:
                files[value["path"]] = base64.b64decode(value["content"])
            elif "oid" in value:
                files[value["path"]] = self.hub.large[value["oid"]]
            else:
                del files[value["path"]]
        sha = found.commit(rev, files, header["summary"]).sha
        url = f"{self.url(kind, repo)}/commit/{sha}"
        return {"success": True, "commitOid": sha, "commitUrl": url}

    def create_collection(self) -> Any:
        wish = json.loads(self.body)
        self.check_writer(f"{wish['namespace']}/")
        slug = f"{wish['namespace']}/{'-'.join(wish['title'].lower().split())}-{'0' * 24}"
        if slug in self.hub.collections:
            raise HubError(409, "You already have this collection", slug=slug)
        wish |= {"slug": slug, "owner": wish["namespace"], "items": [], "theme": "blue"}
        wish |= {"lastUpdated": "2026-01-01T00:00:00.000Z", "position": 0, "upvotes": 0}
        self.hub.collections[slug] = wish
        return wish

    def collection(self, slug: str) -> Any:
        if slug not in self.hub.collections:
            raise HubError(404, "Collection not found")
        return self.hub.collections[slug]

    def collect(self, slug: str) -> Any:
        found, item = self.collection(slug), json.loads(self.body)["item"]
        self.check_writer(slug)
        self.readable(f"{item['type']}s", item["id"])
        if any(one["id"] == item["id"] for one in found["items"]):
            raise HubError(409, "The item is in the collection")
        found["items"].append({**item, "_id": item["id"], "position": len(found["items"])})
        return found


_API = r"/api/(?P<kind>models|datasets|spaces)/(?P<repo>[\w.-]+(?:/[\w.-]+)?)"
_WEB = r"/(?P<kind>datasets/|spaces/|)(?P<repo>[\w.-]+(?:/[\w.-]+)?)"
_REV = "(?P<rev>[^/]+)"
ROUTES: dict[str, Callable[..., Any]] = {
    "/api/validate-yaml": lambda _: {"errors": [], "warnings": []},
    "/api/repos/create": _Handler.create,
    "/api/collections": _Handler.create_collection,
    "/api/collections/(?P<slug>[^/]+/[^/]+)": _Handler.collection,
    "/api/collections/(?P<slug>[^/]+/[^/]+)/items": _Handler.collect,
    f"{_API}/tree/{_REV}(?:/(?P<path>.+))?": _Handler.tree,
    f"{_API}/preupload/{_REV}": _Handler.preupload,
    f"{_API}/commit/{_REV}": _Handler.commit,
    f"{_API}/branch/(?P<name>.+)": _Handler.branch,
    f"{_API}(?:/revision/{_REV})?": _Handler.info,
    rf"{_WEB}\.git/info/lfs/objects/batch": _Handler.lfs_batch,
    "/lfs/(?P<oid>[0-9a-f]{64})": _Handler.lfs_upload,
    f"{_WEB}/resolve/{_REV}/(?P<path>.+)": _Handler.resolve,
}
