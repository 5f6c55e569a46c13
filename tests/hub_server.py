r"""A Hugging Face Hub on the loopback interface, for tests: standard library only, all in memory.

    with HubServer() as hub:
        hub.add_token("hf_x")
        done = subprocess.run([...], env=hub.client_env(tmp_path, token="hf_x"))
        assert hub.files("user/name")["config.json"] == b"{}"

It serves what pushing and loading ask for: create, branch, validate, preupload, commit, info, tree, resolve. It answers
any other request with 501. All files are sent inside of the commit, but `large` ones by LFS; there is no xet.

    hub.refuse("commit", 403, "You may not write")
    hub.before["commit"] = lambda: hub.repos["models/user/name"].commit("main", {})  # somebody else is faster
"""

import base64
import hashlib
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

TOKEN = "hf_" + "secretsecret" * 3  # for tests that check that no output shows it
_NO_LOGIN = "Invalid username or password."


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _git_oid(data: bytes) -> str:
    return _sha1(b"blob %d\0" % len(data) + data)


def owner_of(repo_id: str) -> str:
    return repo_id.split("/")[0]


class HubError(Exception):
    """A refusal, with the headers by which the client knows its kind."""

    def __init__(self, status: int, message: str, code: str | None = None, **content: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message}
        if code:
            self.headers["X-Error-Code"] = code
        self.content = {"error": message, **content}


class Commit(NamedTuple):
    """One state of a repository."""

    sha: str
    files: Mapping[str, bytes]


@dataclass
class Repo:
    """A repository of one kind ("models", "datasets" or "spaces"); all its commits stay loadable."""

    kind: str
    id: str
    private: bool = False
    sdk: str | None = None  # of a Space
    branches: dict[str, Commit] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def at(self, revision: str) -> Commit:
        commit = self.commits.get(revision) or self.branches.get(revision)
        if commit is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def commit(self, branch: str, files: Mapping[str, bytes]) -> Commit:
        oids = {path: _git_oid(data) for path, data in files.items()}
        content = json.dumps([self.kind, self.id, len(self.commits), oids])
        commit = Commit(_sha1(content.encode()), dict(sorted(files.items())))
        self.branches[branch] = commit
        self.commits[commit.sha] = commit
        return commit


class HubServer:
    """The server, a context manager; everything public may be used while it runs."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}  # by "models/user/name"
        self.tokens: dict[str, str] = {}  # token -> user
        self.before: dict[str, Callable[[], object]] = {}  # name of a route -> called first
        self.requests: list[str] = []  # "GET /path"
        self.large: int | None = None  # bytes from which files go by LFS, which stores nothing
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_token(self, token: str, user: str = "user") -> None:
        """Let `token` act for `user`, who owns the repositories under that name."""
        self.tokens[token] = user

    def refuse(
        self, route: str, status: int, message: str, code: str | None = None, **content: Any
    ) -> None:
        """Let all requests of a route fail."""

        def fail() -> None:
            raise HubError(status, message, code, **content)

        self.before[route] = fail

    def add_repo(self, repo_id: str, files=None, *, kind="models", private=False) -> Repo:
        """Make a repository without a client; `files` become its second commit."""
        with self.lock:
            repo = Repo(kind, repo_id, private)
            self.repos[f"{kind}/{repo_id}"] = repo
            # The Hub's own first commit.
            start = repo.commit("main", {".gitattributes": b""})
            if files:
                repo.commit("main", {**start.files, **files})
            return repo

    def files(self, repo_id: str, revision="main", *, kind="models") -> dict[str, bytes]:
        """All files of a revision but the Hub's own `.gitattributes`."""
        files = dict(self.repos[f"{kind}/{repo_id}"].at(revision).files)
        del files[".gitattributes"]
        return files

    def client_env(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Environment of a client that keeps its caches in `home` and has no other login than `token`."""
        hidden = ("HF_", "HUGGING", "GLOVE_LSTM_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        env |= {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home / "hf"), "NO_PROXY": "*"}
        env |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}
        if token:
            env["HF_TOKEN"] = token
        return env


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that went away
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Routes return a body, which is JSON unless it is bytes, and perhaps headers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: HubServer

    def serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 200
        headers: dict[str, str] = {}
        try:
            content = self.answer()
            if isinstance(content, tuple):
                content, headers = content
        except HubError as error:
            status = error.status
            content = error.content
            headers = error.headers
        body = content
        if not isinstance(content, bytes):
            body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = serve  # noqa: N815

    def answer(self) -> Any:
        path = self.path.partition("?")[0]
        for pattern, route in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if match is None:
                continue
            parts = match.groupdict(default="")
            for name, value in parts.items():
                parts[name] = unquote(value)
            with self.hub.lock:
                self.hub.requests.append(f"{self.command} {unquote(path)}")
                self.hub.before.get(route.__name__, bool)()
                return route(self, **parts)
        raise HubError(501, f"tests/hub_server.py does not serve {self.command} {self.path}")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def user(self) -> str | None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens.get(token)

    def readable(self, kind: str, repo_id: str) -> Repo:
        user = self.user()
        kind = kind.strip("/") or "models"
        repo = self.hub.repos.get(f"{kind}/{repo_id}")
        if repo is None:
            raise HubError(404, "Repository not found", "RepoNotFound")
        if repo.private and user != owner_of(repo_id):
            raise HubError(401, _NO_LOGIN, "RepoNotFound")
        return repo

    def writable(self, kind: str, repo_id: str) -> Repo:
        self.check_writer(repo_id)
        return self.readable(kind, repo_id)

    def check_writer(self, repo_id: str) -> None:
        if self.user() != owner_of(repo_id):
            raise HubError(401, _NO_LOGIN)

    def url(self, kind: str, repo_id: str) -> str:
        prefix = "" if kind == "models" else f"{kind}/"
        return f"{self.hub.endpoint}/{prefix}{repo_id}"

    def info(self, kind: str, repo: str, rev: str) -> Any:
        found = self.readable(kind, repo)
        commit = found.at(rev or "main")
        files = [{"rfilename": path} for path in commit.files]
        about = {"id": repo, "private": found.private, "sha": commit.sha, "sdk": found.sdk}
        return {**about, "siblings": files, "tags": []}

    def tree(self, kind: str, repo: str, rev: str, path: str) -> Any:
        is_recursive = "recursive=true" in self.path.lower()
        prefix = ""
        if path:
            prefix = f"{path}/"
        entries = {}
        for name, data in self.readable(kind, repo).at(rev).files.items():
            if not name.startswith(prefix):
                continue
            file = {"type": "file", "oid": _git_oid(data), "size": len(data), "path": name}
            folder, slash, _ = name.removeprefix(prefix).partition("/")
            if slash and not is_recursive:
                name = prefix + folder
                file = {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
            entries[name] = file
        if not entries:
            raise HubError(404, "Entry not found", "EntryNotFound")
        return list(entries.values())

    def resolve(self, kind: str, repo: str, rev: str, path: str) -> Any:
        commit = self.readable(kind, repo).at(rev)
        if path not in commit.files:
            raise HubError(404, "Entry not found", "EntryNotFound")
        data = commit.files[path]
        return data, {"X-Repo-Commit": commit.sha, "ETag": f'"{_git_oid(data)}"'}

    def create(self) -> Any:
        wish = json.loads(self.body)
        kind = f"{wish.get('type') or 'model'}s"
        repo_id = f"{wish['organization']}/{wish['name']}"
        self.check_writer(repo_id)
        url = self.url(kind, repo_id)
        if f"{kind}/{repo_id}" in self.hub.repos:
            raise HubError(409, "You already created this repo", url=url)
        private = wish.get("visibility") == "private" or bool(wish.get("private"))
        self.hub.add_repo(repo_id, kind=kind, private=private).sdk = wish.get("sdk")
        return {"url": url, "name": repo_id}

    def branch(self, kind: str, repo: str, rev: str) -> Any:
        found = self.writable(kind, repo)
        if rev in found.branches:
            raise HubError(409, f"Reference {rev} exists")
        found.branches[rev] = found.at("main")
        return {}

    def validate(self) -> Any:
        return {"errors": [], "warnings": []}

    def preupload(self, kind: str, repo: str, rev: str) -> Any:
        files = self.writable(kind, repo).at(rev).files
        answers = []
        for wish in json.loads(self.body)["files"]:
            path = wish["path"]
            answer = {"path": path, "oid": None, "uploadMode": "regular", "shouldIgnore": False}
            if self.hub.large is not None and wish["size"] >= self.hub.large:
                answer["uploadMode"] = "lfs"
            if path in files:
                answer["oid"] = _git_oid(files[path])
            answers.append(answer)
        return {"files": answers}

    def commit(self, kind: str, repo: str, rev: str) -> Any:
        found = self.writable(kind, repo)
        head = found.at(rev)
        files = dict(head.files)
        for line in self.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "header" and value.get("parentCommit") not in (None, head.sha):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
        sha = found.commit(rev, files).sha
        url = f"{self.url(kind, repo)}/commit/{sha}"
        return {"success": True, "commitOid": sha, "commitUrl": url}

    def lfs(self, kind: str, repo: str) -> Any:
        self.writable(kind, repo)
        objects = []
        for wish in json.loads(self.body)["objects"]:
            actions = {"upload": {"href": f"{self.hub.endpoint}/upload"}}
            objects.append({**wish, "authenticated": True, "actions": actions})
        return {"transfer": "basic", "objects": objects}

    def upload(self) -> Any:
        raise HubError(507, "this Hub stores no large files")


_API = r"/api/(?P<kind>models|datasets|spaces)/(?P<repo>[\w.-]+(?:/[\w.-]+)?)"
_WEB = r"/(?P<kind>datasets/|spaces/|)(?P<repo>[\w.-]+(?:/[\w.-]+)?)"
_REV = "(?P<rev>[^/]+)"
ROUTES: dict[str, Callable[..., Any]] = {
    "/api/validate-yaml": _Handler.validate,
    "/upload": _Handler.upload,
    "/api/repos/create": _Handler.create,
    f"{_API}/tree/{_REV}(?:/(?P<path>.+))?": _Handler.tree,
    f"{_API}/branch/{_REV}": _Handler.branch,
    f"{_WEB}[.]git/info/lfs/objects/batch": _Handler.lfs,
    f"{_API}/preupload/{_REV}": _Handler.preupload,
    f"{_API}/commit/{_REV}": _Handler.commit,
    f"{_API}(?:/revision/{_REV})?": _Handler.info,
    f"{_WEB}/resolve/{_REV}/(?P<path>.+)": _Handler.resolve,
}
