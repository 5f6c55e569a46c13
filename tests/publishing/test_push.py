"""glove-lstm push and train --push_to_hub: the files of a push, folders that are refused, and loading by others."""

import filecmp
import json
import re
from pathlib import Path

import pytest
from hub_server import TOKEN, HubServer
from safetensors import safe_open
from support import (
    QUICK,
    ROOT,
    WITHOUT_PACKAGE,
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
    check_no_secrets,
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
    copy_checkpoint(copy, tmp_path / "with", REPO)
    assert (tmp_path / "with" / RECORD).is_file()
    assert sentence in read_card(tmp_path / "with")

    copy_checkpoint(copy, tmp_path / "without", REPO, send_training_texts=False)
    assert not (tmp_path / "without" / RECORD).exists()
    assert sentence not in read_card(tmp_path / "without")

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


def refusal(folder, tmp_path):
    """The message of a push that fails before anything is sent."""
    with pytest.raises(DataError) as caught:
        stage_checkpoint(folder, tmp_path / "staged", REPO)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("metrics.json", "cannot be read (No such file or directory): push a folder that"),
        ("tokenizer.json", "tokenizer.json is missing"),
    ],
)
def test_missing_files_are_refused(copy, tmp_path, name, part):
    (copy / name).unlink()
    assert part in refusal(copy, tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("metrics.json", b"{", "metrics.json is not valid JSON"),
        ("metrics.json", b"{}", "metrics.json says nothing about the training"),
        ("light.onnx", b"\x08\x08", "light.onnx cannot be loaded"),
        ("modeling_glove_lstm.py", b"import os\n", "differs from the file of glove-lstm"),
    ],
)
def test_damaged_files_are_refused(copy, tmp_path, name, data, part):
    path = copy / name
    path.write_bytes(data)
    assert part in refusal(copy, tmp_path)


@pytest.mark.parametrize(
    ("added", "part"),
    [
        (b"hf_" + b"abcDEF1234" * 4, "README.md holds a token or a key"),
        (b"own-token", "README.md holds a token or a key"),
        (b"see /home/me/data.csv", "README.md holds a path of this machine (/home/me/data.csv...)"),
        (b"\xff", "README.md is not UTF-8 text"),
    ],
)
def test_cards_that_tell_too_much_are_refused(copy, monkeypatch, tmp_path, added, part):
    monkeypatch.setenv("HF_TOKEN", "own-token")
    card = copy / "README.md"
    card.write_bytes(card.read_bytes() + added)
    assert part in refusal(copy, tmp_path)


def test_paths_in_metrics_are_refused(copy, tmp_path):
    path = copy / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps({**metrics, "note": "/home/me/data.csv"}))
    assert "a path of this machine (/home/me/data.csv...)" in refusal(copy, tmp_path)


def test_a_record_of_other_weights_is_refused(copy, tmp_path):
    path = copy / "model.safetensors"
    weights = path.read_bytes()
    path.write_bytes(weights[:-1] + b"\1")
    assert "was made for other weights" in refusal(copy, tmp_path)


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
    check_no_secrets(b"see https://example.org/home/page and hf_short", "a.txt")
    with pytest.raises(DataError, match=r"^a\.txt holds a"):
        check_no_secrets(b"x = " + secret, "a.txt")


@pytest.mark.slow
def test_checkpoint_that_does_not_load_is_refused(copy, tmp_path):
    (copy / "word_shapes.py").unlink()
    assert "does not load in a clean process" in refusal(copy, tmp_path)


def test_wrong_names_get_a_sentence_before_the_slow_checks(copy):
    assert_refused(run_here(main, copy, "--repo_id", "no-namespace"), "is not a repository id")
    assert_refused(run_here(main, copy / "nothing", "--repo_id", REPO, "--dry_run"), "nothing")


@pytest.mark.parametrize(
    "options",
    [
        ["CHECKPOINT", "--dataset", "liar"],
        ["CHECKPOINT", "--data_dir", "."],
        ["--dataset", "liar", "--space"],
        ["--dataset", "liar", "--no_training_texts"],
        ["CHECKPOINT", "--space", "--no_training_texts"],
        ["--dataset", "squad"],
        [],
    ],
)
def test_options_that_exclude_each_other(options):
    assert run_here(main, *options, "--repo_id", REPO).returncode == 2


def scores_on_another_machine(hub, home, revisions):
    """Load commits in a clean process with an empty cache and without our package, and classify a text."""
    code = WITHOUT_PACKAGE + LOAD.format(revisions=revisions)
    done = run_client(hub, code, home, token=TOKEN)
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
        options = ["--repo_id", REPO, "--private", "--no_training_texts"]
        env = hub.client_env(tmp_path / "home", TOKEN) | {"HF_DEBUG": "1"}
        first = run_script("push", exported, *options, env=env)
        assert f"{hub.endpoint}/{REPO}\n" in first.stdout
        repo = hub.repos[f"models/{REPO}"]
        assert repo.private
        assert len(repo.commits) == 2  # the Hub's own, and ours
        assert set(hub.files(REPO)) == {*list_files(exported), *ADDED} - {RECORD}

        # Fine-tune from the id of the repository, in a folder that knows nothing of the first one.
        options = ["--model_name_or_path", REPO, "--train_file", articles]
        options += ["--output_dir", tmp_path / "two", *QUICK, "--num_train_epochs", 1]
        options += ["--push_to_hub", "True", "--hub_model_id", REPO, "--hub_token", TOKEN]
        options += ["--log_level", "debug"]
        env = hub.client_env(tmp_path / "other", TOKEN) | {"TRANSFORMERS_VERBOSITY": "debug"}
        second = run_script("train", *options, env=env)
        assert f"started from `{REPO}`" in read_card(tmp_path / "two")
        assert len(repo.commits) == 3  # the Trainer pushed nothing
        assert set(hub.files(REPO)) >= {*ADDED, RECORD}
        assert f'model="{REPO}"'.encode() in hub.files(REPO)["README.md"]

        revisions = [commit_in(first.stdout), commit_in(second.stdout)]
        assert repo.at("main").sha == revisions[1]
        before, after = scores_on_another_machine(hub, tmp_path / "third", revisions)
        assert before != after

    for output in (first.stdout, first.stderr, second.stdout, second.stderr):
        assert TOKEN not in output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    for commit in repo.commits.values():
        for name, data in commit.files.items():
            assert TOKEN.encode() not in data, name
