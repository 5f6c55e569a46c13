"""glove-lstm push of a model: the files that are sent, and the folders that are refused."""

import filecmp
from pathlib import Path

import pytest
from hub_server import TOKEN
from support import ROOT, assert_refused, edit_json, run_here, succeed

from glove_lstm.commands.push import main
from glove_lstm.errors import DataError
from glove_lstm.publishing.card import PLACEHOLDER_ID, is_rendered
from glove_lstm.publishing.push import (
    PUSHED_FILES_NAME,
    check_no_secrets,
    copy_checkpoint,
    list_files,
)

REPO = "user/fake-news"
RECORD = "training_texts.safetensors"
ADDED = {"handler.py", "notebook.ipynb", "requirements.txt"}


def read_card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_command_pushes_a_checkpoint(api, exported):
    api.private = True
    options = ("--repo_id", REPO, "--private")
    done = succeed(main, exported, *options)
    assert api.options["repo_type"] == "model"
    assert api.options["private"] is True
    sent = set(api.files) - {".gitattributes", PUSHED_FILES_NAME}
    assert sent == {*list_files(exported), *ADDED} - {RECORD}
    assert f"/{REPO}\n" in done.stdout
    assert f'model="{REPO}", revision="def"' in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_only_allowed_files_are_sent(copy, tmp_path):
    allowed = set(list_files(copy)) - {"training_args.bin", RECORD}
    assert {"README.md", "model.safetensors", "modeling_glove_lstm.py"} <= allowed
    assert (copy / RECORD).is_file()
    for name in ("optimizer.pt", "training_args.bin", ".secret", "plots/.hidden.png", "helper.py"):
        (copy / name).write_bytes(b"private")
    for name in ("checkpoint-9", "__pycache__"):
        (copy / name).mkdir()
        (copy / name / "optimizer.pt").write_bytes(b"private")
    staged = tmp_path / "staged"
    copy_checkpoint(copy, staged, REPO)
    assert set(list_files(staged)) == allowed
    _, differing, _ = filecmp.cmpfiles(copy, staged, allowed, shallow=False)
    assert differing == ["README.md"]


def test_the_card_names_the_repository(copy, tmp_path):
    assert f'model="{PLACEHOLDER_ID}"' in read_card(copy)
    first = tmp_path / "first"
    copy_checkpoint(copy, first, REPO)
    assert is_rendered(read_card(first))
    assert f'model="{REPO}"' in read_card(first)
    assert PLACEHOLDER_ID not in read_card(first)

    # So does the card of another repository; a missing one is rendered.
    second = tmp_path / "second"
    copy_checkpoint(first, second, "other/name")
    (copy / "README.md").unlink()
    third = tmp_path / "third"
    copy_checkpoint(copy, third, "other/name")
    for folder in (second, third):
        assert is_rendered(read_card(folder))
        assert 'model="other/name"' in read_card(folder)
    assert REPO not in read_card(second)


def test_an_edited_card_is_sent_with_the_id_of_the_repository(copy, tmp_path):
    edited = read_card(copy) + "Thanks to friends.\n"
    (copy / "README.md").write_text(edited, encoding="utf-8")
    copy_checkpoint(copy, tmp_path / "staged", REPO)
    assert read_card(tmp_path / "staged") == edited.replace(PLACEHOLDER_ID, REPO)
    assert read_card(copy) == edited


def assert_not_pushed(folder, part):
    """The command ends with one sentence before anything is sent."""
    assert_refused(run_here(main, folder, "--repo_id", REPO, "--dry_run"), part)


def test_a_missing_file_is_refused(exported):
    (exported / "tokenizer.json").unlink()
    assert_not_pushed(exported, "tokenizer.json is missing")


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("metrics.json", b"{", "metrics.json is not valid JSON"),
        ("light.onnx", b"\x08\x08", "light.onnx cannot be loaded"),
        ("modeling_glove_lstm.py", b"import os\n", "differs from the file of glove-lstm"),
        ("README.md", b"\xff", "README.md is not UTF-8 text"),
    ],
)
def test_damaged_files_are_refused(exported, name, data, part):
    (exported / name).write_bytes(data)
    assert_not_pushed(exported, part)


@pytest.mark.slow
def test_checkpoint_that_does_not_load_is_refused(exported):
    (exported / "word_shapes.py").unlink()
    assert_not_pushed(exported, "does not load in a clean process")


def test_a_card_with_the_own_token_is_refused(exported, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "own-token")
    with (exported / "README.md").open("ab") as card:
        card.write(b"own-token")
    assert_not_pushed(exported, "README.md holds a token or a key")


def test_metrics_with_a_path_of_this_machine_are_refused(exported):
    edit_json(exported / "metrics.json", note="/home/me/data.csv")
    assert_not_pushed(exported, "a path of this machine (/home/me/data.csv...)")


@pytest.mark.parametrize(
    "secret",
    [
        b"hf_" + b"abcDEF1234" * 4,
        b"ghp_" + b"a1" * 18,
        b"sk-" + b"a1" * 20,
        b"AKIA" + b"A1" * 8,
        b"-----BEGIN RSA PRIVATE KEY-----",
        b'"/Users/me/x"',
        b"C:\\\\Users\\\\me",
        str(Path.home() / "x").encode(),
    ],
)
def test_secrets_and_paths_are_refused(secret):
    check_no_secrets(b"see https://example.org/home/page and hf_short", "a.txt")
    with pytest.raises(DataError, match=r"^a\.txt holds a"):
        check_no_secrets(b"x = " + secret, "a.txt")


@pytest.mark.parametrize(
    ("folder", "repo_id", "part"),
    [("hub", "no-namespace", "is not a repository id"), ("nothing", REPO, "nothing")],
)
def test_wrong_names_are_refused(folder, repo_id, part):
    done = run_here(main, ROOT / folder, "--repo_id", repo_id, "--dry_run")
    assert_refused(done, part)
