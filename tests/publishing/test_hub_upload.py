"""Uploading to the Hub, which is a fake: one commit or none, and one sentence for each error."""

import json
from argparse import Namespace
from types import SimpleNamespace

import pytest
from hub_server import TOKEN
from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from glove_lstm.errors import DataError
from glove_lstm.publishing.push import (
    PUSHED_FILES_NAME,
    Destination,
    loading_example,
    push_folder,
    training_destination,
)

REPO = "user/model"
TO = Destination(REPO, token=TOKEN)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plots").mkdir()
    for name in ("config.json", "README.md", "plots/a.png"):
        (tmp_path / name).write_text(name)
    return tmp_path


def refusal(folder, to=TO):
    """The message of a push that fails; nothing in it shows the token."""
    with pytest.raises(DataError) as caught:
        push_folder(folder, to)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert TOKEN not in sentence
    # A traceback would show the request, which has the token in its headers.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return sentence


def http_error(status, message="planned", kind=HfHubHTTPError):
    response = SimpleNamespace(status_code=status, headers={}, request=None)
    return kind(f"status {status}", response=response, server_message=message)


def test_one_commit_adds_the_files_of_the_folder(folder, api):
    commit = push_folder(folder, TO)
    names = ("config.json", "README.md", "plots/a.png")
    sent = {name: (folder / name).read_bytes() for name in names}
    record = api.files.pop(PUSHED_FILES_NAME)
    assert api.files == {".gitattributes": b"", **sent}
    assert json.loads(record) == {"files": sorted(names)}
    assert api.commits == 1
    assert api.branches == []
    assert 'revision="def", trust_remote_code=True' in loading_example(TO, commit)


@pytest.mark.parametrize("record", [b"{", b"[]", b"{}", b'{"files": 3}'])
def test_a_damaged_record_of_the_last_push(folder, api, record):
    api.files[PUSHED_FILES_NAME] = record
    sentence = refusal(folder)
    assert PUSHED_FILES_NAME in sentence
    assert f"delete it in {REPO}" in sentence or "delete it there" in sentence
    assert not api.commits


def test_branches_are_created_and_references_are_not(folder, api):
    for revision in ("dev", "refs/pr/7"):
        push_folder(folder, Destination(REPO, revision=revision, token=TOKEN))
    assert api.branches == ["dev"]


def test_a_public_repository_does_not_take_a_private_model(folder, api):
    to = Destination(REPO, private=True, token=TOKEN)
    assert "exists and is public" in refusal(folder, to)
    assert not api.commits


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (http_error(401), "run `hf auth login` with a write token"),
        (http_error(403), "may not write to user/model (planned)"),
        (http_error(403, "Private repository storage limit reached"), "storage quota"),
        (http_error(404, kind=RepositoryNotFoundError), "does not exist or your login cannot see"),
        (http_error(404, kind=RevisionNotFoundError), "has no revision 'main'"),
        (http_error(409), "run the command again later"),
        (http_error(429), "run the command again later"),
        (http_error(412), "run the command again later"),  # somebody else was faster
        (http_error(422, "no such thing"), "(status 422, no such thing); correct this"),
        (http_error(500), "refused the push (status 500"),
        (ValueError("Invalid metadata in README.md.\n- bad license"), "Invalid metadata in README"),
        (ConnectionError("no route"), "co failed (no route); check the network"),
    ],
)
def test_what_the_hub_refuses(folder, api, error, part):
    api.errors["create_commit"] = error
    assert part in refusal(folder)
    assert not api.commits


def test_a_repository_that_cannot_be_created(folder, api):
    api.errors["create_repo"] = http_error(403)
    assert "may not write to user/model (planned)" in refusal(folder)
    assert not api.commits


def test_an_error_of_a_large_file_comes_wrapped(folder, api):
    error = RuntimeError("Error while uploading 'model.safetensors' to the Hub.")
    error.__cause__ = http_error(413)
    api.errors["create_commit"] = error
    assert "storage quota of user/model is exceeded" in refusal(folder)


def test_no_network(folder, monkeypatch):
    """The real `HfApi`: its connection errors are those that are caught."""
    assert "HF_HUB_OFFLINE forbids any network" in refusal(folder)  # set in all tests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    assert "The connection to http://127.0.0.1:9 failed" in refusal(folder)


def test_no_login(folder, no_login):
    assert "You are not logged in" in refusal(folder, Destination(REPO))


def training_arguments(**values):
    """The arguments of transformers for `--push_to_hub`."""
    defaults = {"push_to_hub": True, "hub_private_repo": None, "hub_token": None}
    return Namespace(**{**defaults, **values})


def test_training_that_cannot_push_does_not_start(no_login):
    with pytest.raises(DataError, match="--hub_model_id"):
        training_destination(training_arguments(hub_model_id=None))
    with pytest.raises(DataError, match="hf auth login"):
        training_destination(training_arguments(hub_model_id=REPO))


def test_the_trainer_gets_neither_token_nor_push(no_login):
    training = training_arguments(hub_model_id=REPO, hub_token=TOKEN)
    to = training_destination(training)
    assert to.repo_id == REPO
    assert not to.private
    assert TOKEN not in repr(to)
    assert training.push_to_hub is False
    assert training.hub_token is None
    assert training_destination(training) is None
