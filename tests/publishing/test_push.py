"""glove-lstm push and train --push_to_hub: which files are sent, what is refused, and that others can load them."""

import filecmp
import json
import re
from pathlib import Path

import pytest
from hub_server import TOKEN, HubServer
from safetensors import safe_open
from support import (
    _WITHOUT_PACKAGE,
    QUICK,
    ROOT,
    assert_refused,
    run_client,
    run_here,
    run_script,
)

from glove_lstm import __version__
from glove_lstm.commands.push import main
from glove_lstm.errors import DataError
from glove_lstm.publishing.card import PLACEHOLDER_ID, is_rendered
from glove_lstm.publishing.hub_upload import list_files
from glove_lstm.publishing.staging import (
    check_private,
    copy_checkpoint,
    stage_checkpoint,
    write_hub_files,
)

REPO = "user/fake-news"
RECORD = "training_texts.safetensors"
ADDED = {"handler.py", "light.onnx", "notebook.ipynb", "requirements.txt"}
LOAD = """
import json
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
scores = []
for revision in {revisions}:
    options = dict(revision=revision, trust_remote_code=True)
    classify = pipeline("text-classification", model="user/fake-news", **options)
    model = AutoModelForSequenceClassification.from_pretrained("user/fake-news", **options)
    encoder = AutoModel.from_pretrained("user/fake-news", **options)
    tokenizer = AutoTokenizer.from_pretrained("user/fake-news", **options)
    assert type(model).__module__.startswith("transformers_modules.")
    assert encoder(**tokenizer("A title", return_tensors="pt")).pooler_output.shape[0] == 1
    scores.append(classify("SHOCKING secret exposed!", top_k=None))
print("SCORES " + json.dumps(scores))
"""


def read_card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def test_only_allowed_files_are_sent(copy, tmp_path):
    allowed = set(list_files(copy)) - {"training_args.bin"}
    assert {"README.md", "model.safetensors", "modeling_glove_lstm.py", RECORD} <= allowed
    for name in ("optimizer.pt", "training_args.bin", ".secret", "plots/.hidden.png", "helper.py"):
        (copy / name).write_bytes(b"\x80\x04 hf_" + b"x" * 34)
    for name in ("checkpoint-9", "__pycache__"):
        (copy / name).mkdir()
        (copy / name / "optimizer.pt").write_bytes(b"")
    staged = tmp_path / "staged"
    copy_checkpoint(copy, staged, REPO)
    assert set(list_files(staged)) == allowed
    _, differing, _ = filecmp.cmpfiles(copy, staged, allowed, shallow=False)
    assert differing == ["README.md"]
    with safe_open(staged / "model.safetensors", "np") as weights:
        assert weights.metadata() == {"format": "pt", "glove_lstm_version": __version__}


def test_the_card_names_the_repository(copy, tmp_path):
    assert f'model="{PLACEHOLDER_ID}"' in read_card(copy)
    for repo_id in (REPO, "other/name"):
        copy_checkpoint(copy, tmp_path / repo_id, repo_id)
        card = read_card(tmp_path / repo_id)
        assert is_rendered(card)
        assert f'model="{repo_id}"' in card
        assert PLACEHOLDER_ID not in card
    # The card of another repository is rendered, too, and so is a missing one.
    copy_checkpoint(tmp_path / REPO, tmp_path / "again", "third/name")
    (copy / "README.md").unlink()
    copy_checkpoint(copy, tmp_path / "anew", "third/name")
    assert read_card(tmp_path / "anew") == read_card(tmp_path / "again")


def test_an_edited_card_is_sent_as_it_is(copy, tmp_path, caplog):
    edited = read_card(copy).replace("license: unknown", "license: mit") + "Thanks to friends.\n"
    (copy / "README.md").write_text(edited, encoding="utf-8")
    copy_checkpoint(copy, tmp_path / "staged", REPO)
    assert read_card(tmp_path / "staged") == edited.replace(PLACEHOLDER_ID, REPO)
    assert read_card(copy) == edited
    [warning] = caplog.messages
    assert warning.startswith(f"{copy / 'README.md'} was edited and is sent as it is")


def test_the_record_of_training_texts_can_be_left_out(copy, tmp_path):
    sentence = "anyone can test whether a given text is among them"
    for name, options in (("with", {}), ("without", {"training_texts": False})):
        copy_checkpoint(copy, tmp_path / name, REPO, **options)
        assert (sentence in read_card(tmp_path / name)) == (name == "with")
        assert (tmp_path / name / RECORD).is_file() == (name == "with")
    (copy / RECORD).unlink()
    copy_checkpoint(copy, tmp_path / "none", REPO)
    assert sentence not in read_card(tmp_path / "none")


def test_hub_folder_is_what_a_push_sends(tmp_path):
    hub = ROOT / "hub"
    here = {name for name in list_files(hub) if not name.endswith(".pyc")}
    staged = tmp_path / "staged"
    copy_checkpoint(hub, staged, "user/glove-lstm-fake-news")
    write_hub_files(staged, "user/glove-lstm-fake-news")
    there = set(list_files(staged))
    assert here - there == {"light.onnx"}
    _, differing, failed = filecmp.cmpfiles(hub, staged, there, shallow=False)
    assert not differing + failed, "run `make hub-code`"
    assert r"model = \"user/glove-lstm-fake-news\"" in (hub / "notebook.ipynb").read_text()


@pytest.mark.parametrize(
    ("name", "change", "part"),
    [
        ("metrics.json", lambda data: data + b"{", "metrics.json is not valid JSON"),
        ("metrics.json", lambda _: b"{}", "metrics.json says nothing about the training"),
        ("metrics.json", None, "cannot be read (No such file or directory): push a folder that"),
        (
            "metrics.json",
            lambda data: data[:-3] + b', "note": "/home/me/data.csv"}\n',
            "a path of this machine (/home/me/",
        ),
        (
            "README.md",
            lambda data: data + b"hf_" + b"abcDEF1234" * 4,
            "README.md holds a token or a key",
        ),
        ("README.md", lambda data: data + b"own-token", "README.md holds a token or a key"),
        ("README.md", lambda data: data + b"\xff", "README.md is not UTF-8 text"),
        ("light.onnx", lambda _: b"\x08\x08", "light.onnx cannot be loaded"),
        ("model.safetensors", lambda data: data[:-1] + b"\1", "was made for other weights"),
        ("modeling_glove_lstm.py", lambda _: b"import os\n", "differs from the file of glove-lstm"),
        ("tokenizer.json", None, "tokenizer.json is missing"),
    ],
)
def test_unfit_folders_are_refused(copy, monkeypatch, tmp_path, name, change, part):
    monkeypatch.setenv("HF_TOKEN", "own-token")
    path = copy / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes() if path.exists() else b""))
    with pytest.raises(DataError) as caught:
        stage_checkpoint(copy, tmp_path / "staged", REPO)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
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
    check_private(b"see https://example.org/home/page and hf_short", "a.txt")
    with pytest.raises(DataError, match=r"^a\.txt holds a"):
        check_private(b"x = " + secret, "a.txt")


@pytest.mark.slow
def test_checkpoint_that_does_not_load_is_refused(copy, tmp_path):
    (copy / "word_shapes.py").unlink()
    with pytest.raises(DataError, match="does not load in a clean process"):
        stage_checkpoint(copy, tmp_path / "staged", REPO)


def test_mistakes_get_a_sentence(copy):
    """Before the slow checks."""
    assert_refused(run_here(main, copy, "--repo_id", "no-namespace"), "is not a repository id")
    assert_refused(run_here(main, copy / "nothing", "--repo_id", REPO, "--dry_run"), "nothing")
    for wrong in (
        [copy, "--dataset", "liar"],
        ["--dataset", "liar", "--space"],
        ["--dataset", "liar", "--no_training_texts"],
        ["--dataset", "squad"],
        [copy, "--data_dir", "."],
        [],
    ):
        assert run_here(main, *wrong, "--repo_id", REPO).returncode == 2


def on_another_machine(hub, home, revisions):
    """Load in a clean process with an empty cache and without our package."""
    done = run_client(hub, _WITHOUT_PACKAGE + LOAD.format(revisions=revisions), home, token=TOKEN)
    scores = re.search(r"^SCORES (.*)$", done.stdout, re.MULTILINE)
    assert scores, done.stderr
    return json.loads(scores[1])


def commit_in(output):
    return re.search(r'revision="([0-9a-f]{40})"', output)[1]


@pytest.mark.slow
def test_push_fine_tune_push_again_load(exported, articles, tmp_path):
    """Over HTTP, and by processes that share nothing but the Hub."""
    with HubServer() as hub:
        hub.add_token(TOKEN)
        repo_id = ("--repo_id", REPO, "--private", "--no_training_texts")
        env = hub.client_env(tmp_path / "home", TOKEN) | {"HF_DEBUG": "1"}
        first = run_script("push", exported, *repo_id, env=env)
        assert f"{hub.endpoint}/{REPO}\n" in first.stdout
        repo = hub.repos[f"models/{REPO}"]
        assert repo.private
        assert len(repo.commits) == 2  # the Hub's own, and ours
        assert set(hub.files(REPO)) == {*list_files(exported), *ADDED} - {RECORD}

        # Fine-tune from the id of the repository, in a folder that knows nothing of the first one.
        second = run_script(
            "train", "--model_name_or_path", REPO, "--train_file", articles, "--output_dir", tmp_path / "two", *QUICK,
            "--num_train_epochs", 1, "--push_to_hub", "True", "--hub_model_id", REPO, "--hub_token", TOKEN,
            "--log_level", "debug",
            env=hub.client_env(tmp_path / "other", TOKEN) | {"TRANSFORMERS_VERBOSITY": "debug"},
        )  # fmt: skip
        assert f"started from `{REPO}`" in read_card(tmp_path / "two")
        assert len(repo.commits) == 3  # the Trainer pushed nothing
        assert set(hub.files(REPO)) >= {*ADDED, RECORD}
        assert f'model="{REPO}"'.encode() in hub.files(REPO)["README.md"]
        revisions = [commit_in(done.stdout) for done in (first, second)]
        assert repo.at("main").sha == revisions[1]
        before, after = on_another_machine(hub, tmp_path / "third", revisions)
        assert before != after

    assert TOKEN not in first.stdout + first.stderr + second.stdout + second.stderr
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    sent = [data for commit in repo.commits.values() for data in commit.files.values()]
    assert not any(TOKEN.encode() in data for data in written + sent)
