"""A Hub that is a dictionary, for tests of what is pushed; `test_hub_round_trip.py` pushes to a Hub over HTTP."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hub_server import TOKEN
from huggingface_hub import CommitInfo, CommitOperationAdd, constants

from glove_lstm.publishing import push


class FakeApi:
    """Stands in for `HfApi`: one repository, which any call creates or changes."""

    endpoint = "https://huggingface.co"

    def __init__(self):
        self.files = {".gitattributes": b"", "config.json": b""}
        self.private = False
        self.options = {}  # of `create_repo`
        self.branches = []
        self.commits = 0
        self.errors = {}  # method -> what it raises

    def fail(self, method):
        if method in self.errors:
            raise self.errors[method]

    def create_repo(self, repo_id, **options):
        self.fail("create_repo")
        self.options = options

    def create_branch(self, repo_id, *, branch, **options):
        self.branches.append(branch)

    def repo_info(self, repo_id, **options):
        return SimpleNamespace(sha="abc", private=self.private)

    def list_repo_files(self, repo_id, *, revision, **options):
        assert revision == "abc"
        return list(self.files)

    def hf_hub_download(self, repo_id, name, *, revision, local_dir, **options):
        assert revision == "abc"
        path = Path(local_dir, name)
        path.write_bytes(self.files[name])
        return str(path)

    def create_commit(self, repo_id, operations, *, parent_commit, **options):
        self.fail("create_commit")
        assert parent_commit == "abc"
        self.commits += 1
        for operation in operations:
            if isinstance(operation, CommitOperationAdd):
                with operation.as_file() as file:
                    self.files[operation.path_in_repo] = file.read()
            else:
                del self.files[operation.path_in_repo]
        return CommitInfo(f"{self.endpoint}/{repo_id}/commit/def", "", "", "def")

    def write(self, folder):
        """Write the files of the repository, as a clone does."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@pytest.fixture
def api(monkeypatch):
    """The Hub of a person who is logged in, for pushes of this process."""
    fake = FakeApi()
    monkeypatch.setattr(push, "HfApi", lambda token=None: fake)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return fake


@pytest.fixture
def no_login(monkeypatch, tmp_path):
    """A person who is not logged in, on whatever machine the tests run."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
