"""Repositories of the loopback Hub, all in memory."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

LARGE = (".parquet", ".safetensors")  # two of the many on the real Hub
# The first commit of every repository holds this file.
GITATTRIBUTES = b"".join(b"*%b filter=lfs -text\n" % suffix.encode() for suffix in LARGE)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_oid(path: str, data: bytes) -> str:
    """Git's id of a file or, for a large file, of its pointer."""
    if path.endswith(LARGE):
        header = "version https://git-lfs.github.com/spec/v1"
        data = f"{header}\noid sha256:{sha256(data)}\nsize {len(data)}\n".encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Commit(NamedTuple):
    """One state of a repository."""

    sha: str
    title: str
    files: Mapping[str, bytes]


@dataclass
class Repo:
    """A repository of one kind ("models", "datasets" or "spaces"); all its commits stay loadable."""

    kind: str
    id: str
    private: bool = False
    branches: dict[str, Commit] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def at(self, revision: str) -> Commit:
        commit = self.commits.get(revision) or self.branches.get(revision)
        if commit is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def commit(self, branch: str, files: Mapping[str, bytes], title: str) -> Commit:
        oids = {path: git_oid(path, data) for path, data in files.items()}
        content = json.dumps([self.kind, self.id, len(self.commits), title, oids])
        sha = hashlib.sha1(content.encode()).hexdigest()
        commit = Commit(sha, title, dict(sorted(files.items())))
        self.branches[branch] = self.commits[sha] = commit
        return commit


class HubError(Exception):
    """A refusal, with the headers by which the client knows its kind."""

    def __init__(self, status: int, message: str, code: str | None = None, **content: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, {"X-Error-Message": message}
        self.content = {"error": message, **content}
        if code:
            self.headers["X-Error-Code"] = code
