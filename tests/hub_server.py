r"""A Hugging Face Hub on the loopback interface, for tests: standard library only, all in memory.

    with HubServer() as hub:
        hub.add_token("hf_x", user="user")
        hub.fail(r"/resolve/.*/config\.json", 503, times=2)
        done = run_client(hub, "import huggingface_hub; ...", home=tmp_path, token="hf_x")
        assert hub.files("user/name")["config.json"] == b"{}"

It speaks what `huggingface_hub` 2.4 asks of a real Hub for models and data sets: create, delete, preupload,
LFS, commit, pull request, branch, tag, tree, info, resolve. What it does not know it answers with 501, so
that nobody takes silence for an answer. Large files are redirected to a second port, as the real Hub
redirects to its storage, and like that storage the port refuses a request that carries a token.

What matches `lfs_patterns` is uploaded as LFS, the rest as a regular file. There is no xet, and with xet on
a client has no other way to upload LFS: set `HF_HUB_DISABLE_XET=1`, as `run_client` does, or
`lfs_patterns=()`, with which all works but `Dataset.push_to_hub` (it deletes its Parquet file before a
regular upload would read it).
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
MAIN = "refs/heads/main"
LFS_PATTERNS = ("*.parquet", "*.safetensors")  # two of the many that are LFS on the real Hub
# The Hub starts each repository with such a file, and upload_folder(delete_patterns=["*"]) spares it.
GITATTRIBUTES = "".join(
    f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS
).encode()
NO_LOGIN = "Invalid username or password."


@dataclass(frozen=True)
class Blob:
    """The content of one file; `lfs` says that it is stored as a large file."""

    data: bytes
    lfs: bool = False

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        header = "version https://git-lfs.github.com/spec/v1"
        return f"{header}\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @cached_property
    def oid(self) -> str:
        """Git's id of the file or, for a large file, of the pointer that stands for it."""
        data = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def entry(self, path: str) -> Json:
        """The file as a tree listing shows it."""
        size = len(self.data)
        entry: Json = {"type": "file", "oid": self.oid, "size": size, "path": path}
        if self.lfs:
            sha = self.sha256
            entry["lfs"] = {"oid": sha, "sha256": sha, "size": size, "pointerSize": len(self.pointer)}
        return entry


@dataclass(frozen=True)
class Commit:
    """One state of a repository; commits are kept for ever, so old revisions stay loadable."""

    sha: str
    parent: Commit | None
    title: str
    description: str
    author: str
    date: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    """A repository of one kind ("models", "datasets" or "spaces").

    Its refs have their full names: refs/heads/main, refs/tags/v1, refs/pr/1.
    """

    kind: str
    id: str
    private: bool = False
    refs: dict[str, Commit] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    @property
    def path(self) -> str:
        """Where the repository stands below the endpoint."""
        return self.id if self.kind == "models" else f"{self.kind}/{self.id}"

    def ref(self, revision: str) -> str:
        """The full name of a branch, tag or pull request."""
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if name in self.refs:
                return name
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def at(self, revision: str) -> Commit:
        return self.commits.get(revision) or self.refs[self.ref(revision)]

    def commit(
        self, ref: str, files: Mapping[str, Blob], author: str, title: str, description: str = ""
    ) -> Commit:
        """Add a commit on top of `ref`, which is created where it does not exist."""
        parent = self.refs.get(ref)
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        oids = {path: blob.oid for path, blob in files.items()}
        key = json.dumps([self.path, len(self.commits), parent and parent.sha, title, oids])
        sha = hashlib.sha1(key.encode()).hexdigest()
        commit = Commit(sha, parent, title, description, author, date, dict(sorted(files.items())))
        self.refs[ref] = self.commits[sha] = commit
        return commit


@dataclass(frozen=True)
class Token:
    """Who a token belongs to and whether it may write."""

    user: str
    write: bool


@dataclass
class Request:
    """One request, read to its end."""

    method: str
    target: str  # path and query, as sent
    authorization: str | None
    range: str | None
    body: bytes

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    def json(self) -> Json:
        value: Json = json.loads(self.body or b"{}")
        return value


@dataclass
class Reply:
    """What to send back: JSON unless it is bytes already."""

    content: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def body(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


class HubError(Exception):
    """A refusal, with the headers by which the client knows its kind."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.reply = Reply({"error": message}, status, headers)


@dataclass
class Fault:
    """Something to go wrong; made by `HubServer.fail`.

    Attributes:
        path: A regular expression, searched in the path and query as sent (percent-encoded).
        status: Answer with this instead of doing anything.
        method: Only requests of this method (else all).
        times: How many requests (None: all). `cut` and `corrupt` let HEAD requests pass: no body.
        code: An X-Error-Code for `status`: RepoNotFound, EntryNotFound, RevisionNotFound, GatedRepo.
        message: An X-Error-Message for `status`.
        retry_after: Seconds, for a Retry-After header with `status`.
        delay: Seconds to wait before anything else.
        cut: Do as asked, but drop the connection after so many bytes of the reply's body.
        corrupt: Flip the bits of one byte: of an uploaded file on its way in (PUT), else of the reply's body.
        drop: Drop the connection without doing or answering anything.
        hits: How often it happened.
    """

    path: str
    status: int | None = None
    method: str | None = None
    times: int | None = 1
    code: str | None = None
    message: str = "planned failure"
    retry_after: int | None = None
    delay: float = 0.0
    cut: int | None = None
    corrupt: bool = False
    drop: bool = False
    hits: int = 0

    def matches(self, request: Request) -> bool:
        if self.times is not None and self.hits >= self.times:
            return False
        if request.method == "HEAD" and (self.cut is not None or self.corrupt):
            return False
        return self.method in (None, request.method) and bool(re.search(self.path, request.target))


class HubServer:
    """The server; a context manager. Everything public may be used while it runs."""

    def __init__(self, lfs_patterns: tuple[str, ...] = LFS_PATTERNS) -> None:
        self.lfs_patterns = lfs_patterns
        self.repos: dict[str, Repo] = {}  # by "models/user/name" or "datasets/user/name"
        self.lfs: dict[str, bytes] = {}  # large files, by SHA-256
        self.requests: list[tuple[str, str]] = []  # method and path with query; no header, so no token
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self._tokens: dict[str, Token] = {}
        handler = type("Handler", (_Handler,), {"hub": self})
        self._servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
        self._servers[1].storage = True
        self.endpoint, self.storage = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add_token(self, token: str, user: str = "user", write: bool = True) -> str:
        """Let `token` act for `user`, who owns the repositories under that name."""
        self._tokens[token] = Token(user, write)
        return token

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, bytes] | None = None,
        *,
        kind: str = "models",
        private: bool = False,
    ) -> Repo:
        """Make a repository without a client; `files` become its second commit."""
        with self.lock:
            repo = self.repos[f"{kind}/{repo_id}"] = Repo(kind, repo_id, private)
            start = repo.commit(MAIN, {".gitattributes": Blob(GITATTRIBUTES)}, repo.owner, "initial commit")
            if files:
                blobs = {path: Blob(data, self._is_lfs(path)) for path, data in files.items()}
                self.lfs |= {blob.sha256: blob.data for blob in blobs.values() if blob.lfs}
                repo.commit(MAIN, {**start.files, **blobs}, repo.owner, "Add files")
            return repo

    def files(self, repo_id: str, revision: str = "main", *, kind: str = "models") -> dict[str, bytes]:
        """All files of a revision, `.gitattributes` too."""
        with self.lock:
            commit = self.repos[f"{kind}/{repo_id}"].at(revision)
        return {path: blob.data for path, blob in commit.files.items()}

    def fail(self, path: str, status: int | None = None, **kind: Any) -> Fault:
        """Let the next request whose path matches fail, as `Fault` says; `faults.clear()` ends it."""
        fault = Fault(path, status, **kind)
        self.faults.append(fault)
        return fault

    def take_fault(self, request: Request) -> Fault | None:
        """Log a request, and count and return the first fault that it meets."""
        with self.lock:
            self.requests.append((request.method, request.target))
            fault = next((fault for fault in self.faults if fault.matches(request)), None)
            if fault:
                fault.hits += 1
            return fault

    def answer(self, request: Request, storage: bool) -> Reply:
        """Find the route and take it; one request at a time reads or changes the repositories."""
        path = urlsplit(request.target).path
        try:
            for methods, pattern, route in ROUTES:
                match = re.fullmatch(pattern, path)
                if match and request.method in methods.split() and storage == (route is HubServer.lfs_object):
                    groups = {name: unquote(value) for name, value in match.groupdict(default="").items()}
                    with self.lock:
                        return route(self, request, **groups)
            raise HubError(501, f"tests/hub_server.py does not speak {request.method} {path}")
        except HubError as error:
            return error.reply
        except (KeyError, TypeError, ValueError) as error:  # or it would look like a lost connection
            return HubError(400, f"Malformed request: {error!r}").reply

    # Who may do what

    def _token(self, request: Request) -> Token | None:
        if not request.authorization:
            return None
        token = self._tokens.get(request.authorization.removeprefix("Bearer "))
        if token is None:
            raise HubError(401, "Invalid credentials in Authorization header")
        return token

    def _login(self, request: Request, namespace: str | None = None, code: str | None = None) -> Token:
        """A token that may write, in `namespace` where one is given."""
        token = self._token(request)
        if token is None:
            raise HubError(401, NO_LOGIN, code)
        if not token.write:
            raise HubError(403, "Forbidden: you must use a write token to upload to a repository.")
        if namespace not in (None, token.user):
            raise HubError(403, f"You don't have the rights to write under the namespace {namespace!r}")
        return token

    def _repo(self, request: Request, kind: str, repo_id: str) -> Repo:
        """A repository that the caller may see; a private one looks to others as if it did not exist."""
        token, repo = self._token(request), self.repos.get(f"{kind.strip('/') or 'models'}/{repo_id}")
        if repo is None or (repo.private and (token is None or token.user != repo.owner)):
            status, message = (404, "Repository not found") if token else (401, NO_LOGIN)
            raise HubError(status, message, "RepoNotFound")
        return repo

    def _writable(self, request: Request, kind: str, repo_id: str) -> tuple[Repo, Token]:
        """As `_repo`, for one who may write to it; anybody with a write token may open a pull request."""
        repo = self._repo(request, kind, repo_id)
        owner = None if "create_pr" in request.query else repo.owner
        return repo, self._login(request, owner, "RepoNotFound")

    def _is_lfs(self, path: str) -> bool:
        return any(fnmatch.fnmatch(path, pattern) for pattern in self.lfs_patterns)

    # Routes: the account, and repositories as a whole

    def whoami(self, request: Request) -> Reply:
        token = self._token(request)
        if token is None:
            raise HubError(401, NO_LOGIN)
        access = {"displayName": "test", "role": "write" if token.write else "read"}
        auth = {"type": "access_token", "accessToken": access}
        return Reply({"type": "user", "name": token.user, "fullname": token.user, "orgs": [], "auth": auth})

    def validate_yaml(self, request: Request) -> Reply:
        bare = not request.json()["content"].startswith("---")
        warnings = [{"message": "empty or missing yaml metadata in repo card"}] if bare else []
        return Reply({"errors": [], "warnings": warnings})

    def create_or_delete(self, request: Request, action: str) -> Reply:
        wish = request.json()
        namespace = wish.get("organization") or self._login(request).user
        self._login(request, namespace)
        kind, repo_id = f"{wish.get('type') or 'model'}s", f"{namespace}/{wish['name']}"
        if kind not in ("models", "datasets", "spaces"):
            raise HubError(501, f"tests/hub_server.py has no {kind}")
        if action == "delete":
            self._repo(request, kind, repo_id)
            del self.repos[f"{kind}/{repo_id}"]
            return Reply("OK")
        answer = {"url": f"{self.endpoint}/{Repo(kind, repo_id).path}", "name": repo_id}
        if f"{kind}/{repo_id}" in self.repos:
            error = f"You already created this {kind[:-1]} repo"
            return Reply({**answer, "error": error}, 409, {"X-Error-Message": error})
        private = wish.get("visibility") == "private" or bool(wish.get("private"))
        self.add_repo(repo_id, kind=kind, private=private)
        return Reply(answer)

    # Routes: reading

    def info(self, request: Request, kind: str, repo: str, rev: str) -> Reply:
        found = self._repo(request, kind, repo)
        commit = found.at(rev or "main")
        siblings = []
        for path, blob in commit.files.items():
            entry = blob.entry(path)
            details = {"size": entry["size"], "blobId": entry["oid"], "lfs": entry.get("lfs")}
            siblings.append({"rfilename": path, **(details if "blobs" in request.query else {})})
        card = commit.files.get("README.md", Blob(b"")).data.decode(errors="replace")
        header = card.split("\n---", 1)[0] if card.startswith("---\n") else ""
        about: Json = dict(re.findall(r"^(pipeline_tag|library_name): *(\S+) *$", header, re.MULTILINE))
        about |= {"id": found.id, "author": found.owner, "private": found.private, "sha": commit.sha}
        about |= {"createdAt": next(iter(found.commits.values())).date, "lastModified": commit.date}
        return Reply({**about, "gated": False, "disabled": False, "tags": [], "siblings": siblings})

    def refs(self, request: Request, kind: str, repo: str) -> Reply:
        groups: dict[str, list[Json]] = {"heads": [], "tags": [], "pr": []}
        for ref, commit in self._repo(request, kind, repo).refs.items():
            _, group, name = ref.split("/", 2)
            groups[group].append({"name": name, "ref": ref, "targetCommit": commit.sha})
        pulls = {"pullRequests": groups["pr"]} if "include_prs" in request.query else {}
        return Reply({"branches": groups["heads"], "tags": groups["tags"], "converts": [], **pulls})

    def history(self, request: Request, kind: str, repo: str, rev: str) -> Reply:
        commit: Commit | None = self._repo(request, kind, repo).at(rev)
        rows = []
        while commit:
            row: Json = {"id": commit.sha, "title": commit.title, "message": commit.description}
            rows.append({**row, "date": commit.date, "authors": [{"user": commit.author}]})
            commit = commit.parent
        return Reply(rows)

    def tree(self, request: Request, kind: str, repo: str, rev: str, path: str) -> Reply:
        files = self._repo(request, kind, repo).at(rev).files
        prefix = f"{path}/" if path else ""
        recursive = request.query.get("recursive", [""])[0].lower() in ("true", "1")
        entries: dict[str, Json] = {}
        for name in (name for name in files if name.startswith(prefix)):
            parts = name.removeprefix(prefix).split("/")
            for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
                folder = prefix + "/".join(parts[:depth])
                entries[folder] = _folder(folder)
            if recursive or len(parts) == 1:
                entries[name] = files[name].entry(name)
        if path and not entries:
            raise HubError(404, f"{path} does not exist on {rev!r}", "EntryNotFound")
        return Reply(list(entries.values()))

    def paths_info(self, request: Request, kind: str, repo: str, rev: str) -> Reply:
        files = self._repo(request, kind, repo).at(rev).files
        paths = parse_qs(request.body.decode()).get("paths", [])
        known = [files[path].entry(path) for path in paths if path in files]
        folders = [path for path in paths if any(name.startswith(f"{path}/") for name in files)]
        return Reply(known + [_folder(path) for path in folders])

    def resolve(self, request: Request, kind: str, repo: str, rev: str, path: str) -> Reply:
        commit = self._repo(request, kind, repo).at(rev)
        blob = commit.files.get(path)
        if blob is None:
            raise HubError(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.sha)
        headers = {"X-Repo-Commit": commit.sha, "ETag": f'"{blob.oid}"'}
        if not blob.lfs:
            return _file(request, blob.data, headers)
        headers |= {"X-Linked-Size": str(len(blob.data)), "X-Linked-ETag": f'"{blob.sha256}"'}
        return Reply(b"", 302, {**headers, "Location": f"{self.storage}/lfs/{blob.sha256}"})

    # Routes: writing

    def preupload(self, request: Request, kind: str, repo: str, rev: str) -> Reply:
        files = self._writable(request, kind, repo)[0].at(rev).files
        answer = []
        for path in (wish["path"] for wish in request.json()["files"]):
            mode = "lfs" if self._is_lfs(path) else "regular"
            oid = files[path].oid if path in files else None
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return Reply({"files": answer})

    def no_xet(self, request: Request) -> Reply:
        raise HubError(501, "no xet in tests/hub_server.py: HF_HUB_DISABLE_XET=1 or lfs_patterns=()")

    def lfs_batch(self, request: Request, kind: str, repo: str) -> Reply:
        self._repo(request, kind, repo)
        self._login(request, code="RepoNotFound")
        objects: list[Json] = request.json()["objects"]
        for wish in objects:
            if wish["oid"] not in self.lfs:
                upload, verify = f"{self.storage}/lfs/{wish['oid']}", f"{self.endpoint}/lfs-verify"
                wish["actions"] = {"upload": {"href": upload}, "verify": {"href": verify}}
        return Reply({"transfer": "basic", "objects": objects})

    def lfs_verify(self, request: Request) -> Reply:
        wish = request.json()
        if len(self.lfs.get(wish["oid"], b"")) != wish["size"]:
            raise HubError(404, "The uploaded file is missing or short")
        return Reply({"message": "OK"})

    def lfs_object(self, request: Request, oid: str) -> Reply:
        """The storage behind the Hub: its addresses are signed, so a token is one authentication too many."""
        if request.authorization:
            raise HubError(400, "Only one auth mechanism allowed")
        if request.method == "PUT":
            if hashlib.sha256(request.body).hexdigest() != oid:
                raise HubError(400, "The uploaded bytes do not have the checksum that was announced")
            self.lfs[oid] = request.body
            return Reply()
        if oid not in self.lfs:
            raise HubError(404, "No such key")
        return _file(request, self.lfs[oid], {"ETag": f'"{oid}"'})

    def commit(self, request: Request, kind: str, repo: str, rev: str) -> Reply:
        found, token = self._writable(request, kind, repo)
        header, *operations = [json.loads(line) for line in request.body.splitlines() if line]
        ref, about, url = found.ref(rev), header["value"], None
        base = found.refs[ref]
        if about.get("parentCommit", base.sha) != base.sha:
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        files = dict(base.files)
        for operation in operations:
            self._apply(files, operation["key"], operation["value"])
        if "create_pr" in request.query:
            number = 1 + sum(name.startswith("refs/pr/") for name in found.refs)
            ref, url = f"refs/pr/{number}", f"{self.endpoint}/{found.path}/discussions/{number}"
            found.refs[ref] = base
        commit = found.commit(ref, files, token.user, about["summary"], about.get("description", ""))
        where = f"{self.endpoint}/{found.path}/commit/{commit.sha}"
        return Reply({"success": True, "commitOid": commit.sha, "commitUrl": where, "pullRequestUrl": url})

    def _apply(self, files: dict[str, Blob], key: str, value: Json) -> None:
        """Change `files` by one line of a commit."""
        path = value["path"].rstrip("/")
        if {"", ".", "..", ".git"} & set(path.split("/")):
            raise HubError(400, f"Invalid path {path!r}")
        if key == "file":
            files[path] = Blob(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in self.lfs:
                raise HubError(400, f"LFS pointer {path!r} points to a file that was not uploaded")
            files[path] = Blob(self.lfs[value["oid"]], lfs=True)
        elif key in ("deletedFile", "deletedFolder"):
            below = f"{path}/" if key == "deletedFolder" else "\0"
            gone = [name for name in files if name == path or name.startswith(below)]
            if not gone:
                raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
            for name in gone:
                del files[name]
        else:
            raise HubError(501, f"tests/hub_server.py does not speak {key}")

    def branch_or_tag(self, request: Request, kind: str, repo: str, what: str, name: str) -> Reply:
        found, _ = self._writable(request, kind, repo)
        group, wish = ("heads" if what == "branch" else "tags"), request.json()
        if request.method == "DELETE":
            if (what, name) == ("branch", "main"):
                raise HubError(403, "Cannot delete the default branch")
            if found.refs.pop(f"refs/{group}/{name}", None) is None:
                raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
            return Reply("OK")
        new, start = (name, wish.get("startingPoint", "main")) if what == "branch" else (wish["tag"], name)
        if f"refs/{group}/{new}" in found.refs:
            raise HubError(409, "Reference already exists")
        found.refs[f"refs/{group}/{new}"] = found.at(start)
        return Reply("OK")


_ID = r"(?P<repo>[\w.-]+(?:/[\w.-]+)?)"
_API = rf"/api/(?P<kind>models|datasets|spaces)/{_ID}"
_WEB = rf"/(?P<kind>datasets/|spaces/|){_ID}"
_REV = "(?P<rev>[^/]+)"
ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("GET", "/api/whoami-v2", HubServer.whoami),
    ("POST", "/api/validate-yaml", HubServer.validate_yaml),
    ("POST", "/api/repos/(?P<action>create)", HubServer.create_or_delete),
    ("DELETE", "/api/repos/(?P<action>delete)", HubServer.create_or_delete),
    ("GET", f"{_API}/refs", HubServer.refs),
    ("GET", f"{_API}/commits/{_REV}", HubServer.history),
    ("GET", f"{_API}/tree/{_REV}(?:/(?P<path>.+))?", HubServer.tree),
    ("POST", f"{_API}/paths-info/{_REV}", HubServer.paths_info),
    ("POST", f"{_API}/preupload/{_REV}", HubServer.preupload),
    ("POST", f"{_API}/commit/{_REV}", HubServer.commit),
    ("POST DELETE", f"{_API}/(?P<what>branch|tag)/(?P<name>.+)", HubServer.branch_or_tag),
    ("GET", "/api/.+/xet-(?:read|write)-token/.+", HubServer.no_xet),
    ("GET", f"{_API}(?:/revision/{_REV})?", HubServer.info),
    ("POST", rf"{_WEB}\.git/info/lfs/objects/batch", HubServer.lfs_batch),
    ("POST", "/lfs-verify", HubServer.lfs_verify),
    ("GET HEAD PUT", "/lfs/(?P<oid>[0-9a-f]{64})", HubServer.lfs_object),
    ("GET HEAD", f"{_WEB}/resolve/{_REV}/(?P<path>.+)", HubServer.resolve),
)


def _folder(path: str) -> Json:
    return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}


def _file(request: Request, data: bytes, headers: dict[str, str]) -> Reply:
    """A file, or the one range of it that was asked for."""
    headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.range or "")
    if not match or match.groups() == ("", ""):
        return Reply(data, 200, headers)
    first, last = match.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if start > end:
        return Reply(b"", 416, {**headers, "Content-Range": f"bytes */{len(data)}"})
    return Reply(data[start : end + 1], 206, {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"})


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(255 - byte for byte in data[middle : middle + 1]) + data[middle + 1 :]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    storage = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that went away is no news
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """The wire: reads a request, meets its fault, sends the reply."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: HubServer
    server: _Server

    def serve(self) -> None:
        authorization, span = self.headers.get("Authorization"), self.headers.get("Range")
        request = Request(self.command, self.path, authorization, span, self.read())
        fault = self.hub.take_fault(request) or Fault("")
        self.hub.closing.wait(fault.delay)
        if fault.drop:
            self.close_connection = True
            return
        if fault.corrupt and request.method == "PUT":
            request.body = _flip(request.body)
        if fault.status is None:
            reply = self.hub.answer(request, self.server.storage)
        else:
            reply = HubError(fault.status, fault.message, fault.code).reply
            if fault.retry_after is not None:
                reply.headers["Retry-After"] = str(fault.retry_after)
        if fault.corrupt and request.method != "PUT":
            reply = Reply(_flip(reply.body), reply.status, reply.headers)
        self.send(reply, fault.cut)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def send(self, reply: Reply, cut: int | None) -> None:
        self.send_response(reply.status, HTTPStatus(reply.status).phrase)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value.encode("ascii", "replace").decode())
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[:cut])
        self.close_connection = self.close_connection or cut is not None

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the log is `HubServer.requests`."""


def run_client(
    hub: HubServer,
    code: str,
    home: Path,
    *,
    token: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a clean process that knows only this Hub and keeps its caches under `home`.

    It inherits PATH and little else, so no login, cache, proxy or PYTHONPATH of this machine; it works in
    `home` and can reach no other host. What is installed for this Python is importable there.
    """
    names = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG")
    environment = {name: os.environ[name] for name in names if name in os.environ} | {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "*",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parent / "no_network"),
        **({"HF_TOKEN": token} if token else {}),
        **(env or {}),
    }
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=timeout)
