"""glove-lstm push and train --push_to_hub: which files are sent, what is refused, and that others can load them."""

import filecmp
import json
import re
import shutil
from argparse import Namespace
from pathlib import Path

import pytest
from hub_server import GITATTRIBUTES, TOKEN
from safetensors import safe_open
from support import (
    _WITHOUT_PACKAGE,
    QUICK,
    ROOT,
    SMALL,
    assert_refused,
    run_client,
    run_here,
    run_script,
    write_articles,
)

from glove_lstm import __version__
from glove_lstm.commands.push import main
from glove_lstm.data.liar import Liar
from glove_lstm.errors import DataError
from glove_lstm.publishing import checkpoint as checkpoint_publishing
from glove_lstm.publishing import hub_upload
from glove_lstm.publishing.checkpoint import stage_checkpoint
from glove_lstm.publishing.dataset import stage_dataset
from glove_lstm.publishing.hub_upload import training_destination
from glove_lstm.publishing.staging import check_private, list_files

REPO = "user/fake-news"
ADDED = ("handler.py", "light.onnx", "notebook.ipynb", "onnx/model.onnx", "requirements.txt")
LOAD = """
import json
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
scores = []
for revision in {revisions}:
    where = dict(revision=revision, trust_remote_code=True)
    classify = pipeline("text-classification", model="user/fake-news", **where)
    model = AutoModelForSequenceClassification.from_pretrained("user/fake-news", **where)
    encoder = AutoModel.from_pretrained("user/fake-news", **where)
    tokenizer = AutoTokenizer.from_pretrained("user/fake-news", **where)
    assert type(model).__module__.startswith("transformers_modules.")
    assert encoder(**tokenizer("A title", return_tensors="pt")).pooler_output.shape[0] == 1
    scores.append(classify("SHOCKING secret exposed!", top_k=None))
print("SCORES " + json.dumps(scores))
"""


@pytest.fixture
def unloaded(monkeypatch):
    """Staging without its slow parts, loading in a clean process and exporting."""

    def export(folder):
        (folder / "onnx").mkdir(exist_ok=True)
        for name in ("light.onnx", "onnx/model.onnx"):
            (folder / name).touch()

    monkeypatch.setattr(checkpoint_publishing, "error_in_clean_process", lambda *_: None)
    monkeypatch.setattr(checkpoint_publishing, "export_onnx", export)


def listed(done):
    assert done.returncode == 0, done.stderr
    *rows, total = done.stdout.splitlines()
    assert total.endswith("; nothing was sent.")
    pairs = (row.split(maxsplit=1) for row in rows)
    return {name: int(size.replace(",", "")) for size, name in pairs}


def commit_in(output):
    return re.search(r'revision="([0-9a-f]{40})"', output)[1]


def test_dry_run_lists_only_allowed_files(copy, unloaded):
    needed = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    needed -= {"training_args.bin"}
    assert {"README.md", "model.safetensors", "modeling_glove_lstm.py"} <= needed
    for name in ("optimizer.pt", "training_args.bin", ".secret", "plots/.hidden.png", "helper.py"):
        (copy / name).write_bytes(b"\x80\x04 hf_" + b"x" * 34)
    for name in ("checkpoint-9", "__pycache__"):
        (copy / name).mkdir()
        (copy / name / "optimizer.pt").write_bytes(b"")
    (copy / "handler.py").write_text("another one")
    files = listed(run_here(main, copy, "--repo_id", REPO, "--dry_run"))
    assert files.keys() - needed == set(ADDED)
    assert files["handler.py"] > 500
    for name in needed - {"README.md"}:  # the card gets the name of its repository
        assert files[name] == (copy / name).stat().st_size
    with safe_open(copy / "model.safetensors", "np") as weights:
        assert weights.metadata() == {"format": "pt", "glove_lstm_version": __version__}


def test_the_record_of_training_texts_can_be_left_out(copy, unloaded, tmp_path):
    record, said = (
        "training_texts.safetensors",
        "anyone can test whether a given text is among them",
    )
    push = copy, "--repo_id", REPO, "--dry_run"
    everything = listed(run_here(main, *push))
    private = listed(run_here(main, *push, "--no_training_texts"))
    assert everything.keys() - private.keys() == {record}
    card = (copy / "README.md").read_text()
    data = card.partition("## Training data")[2].partition("## ")[0]
    assert said in data
    for name, options in (("with", {}), ("without", {"training_texts": False})):
        stage_checkpoint(copy, tmp_path / name, REPO, **options)
        sent = (tmp_path / name / "README.md").read_text()
        assert (said in sent) == (name == "with")
        assert (tmp_path / name / record).is_file() == (name == "with")
    (copy / record).unlink()
    stage_checkpoint(copy, tmp_path / "none", REPO)
    assert said not in (tmp_path / "none" / "README.md").read_text()
    dataset = "--dataset", "liar", "--repo_id", REPO, "--dry_run", "--no_training_texts"
    assert "--no_training_texts belongs to a checkpoint" in run_here(main, *dataset).stderr


def test_hub_folder_is_what_a_push_sends(unloaded, tmp_path):
    hub = ROOT / "hub"
    here = {name for name in list_files(hub) if not name.endswith(".pyc")}
    staged = tmp_path / "staged"
    stage_checkpoint(hub, staged, "user/glove-lstm-fake-news")
    assert set(list_files(staged)) == here
    _, differing, failed = filecmp.cmpfiles(hub, staged, here, shallow=False)
    assert not differing + failed, "run `make hub-code`"
    assert r"model = \"user/glove-lstm-fake-news\"" in (hub / "notebook.ipynb").read_text()


def test_unfit_folders_are_refused(copy, unloaded, monkeypatch, tmp_path):
    def refused(part):
        shutil.rmtree(tmp_path / "staged", ignore_errors=True)
        with pytest.raises(DataError) as caught:
            stage_checkpoint(copy, tmp_path / "staged", REPO)
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)

    def trial(name, data, part):
        path = copy / name
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        refused(part)
        path.unlink() if before is None else path.write_bytes(before)

    metrics, readme = (copy / "metrics.json").read_bytes(), (copy / "README.md").read_bytes()
    trial("metrics.json", metrics + b"{", "metrics.json is not valid JSON")
    private = metrics[:-3] + b', "note": "/home/me/data.csv"}\n'
    trial("metrics.json", private, "a path of this machine (/home/me/")
    trial("README.md", readme + b"hf_" + b"abcDEF1234" * 4, "README.md holds a token or a key")
    trial("README.md", readme.replace(b"## Limits", b"## Borders"), "lacks the section 'Limits'")
    for name in ("light.onnx", "onnx/model.onnx"):
        trial(name, b"\x08\x08 of other weights", f"{name} cannot be loaded")
    weights = (copy / "model.safetensors").read_bytes()
    trial("model.safetensors", weights[:-1] + b"\1", "safetensors was made for other weights")
    trial("modeling_glove_lstm.py", b"import os\n", "differs from the file of glove-lstm")
    monkeypatch.setenv("HF_TOKEN", "unusual-token")
    trial("README.md", readme + b"unusual-token", "README.md holds a token or a key")
    (copy / "README.md").unlink()  # is written anew
    stage_checkpoint(copy, tmp_path / "with a new card", REPO)
    assert f'model="{REPO}"' in (tmp_path / "with a new card" / "README.md").read_text()
    (copy / "metrics.json").unlink()
    refused("metrics.json cannot be read (No such file or directory): push a folder that")
    (copy / "tokenizer.json").unlink()
    refused("tokenizer.json is missing")


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


def test_mistakes_get_a_sentence(copy, monkeypatch):
    """Before the slow checks."""
    monkeypatch.setattr(hub_upload, "get_token", lambda: None)
    assert_refused(run_here(main, copy, "--repo_id", "no-namespace"), "is not a repository id")
    assert_refused(run_here(main, copy, "--repo_id", REPO), "hf auth login")
    assert_refused(run_here(main, copy / "nothing", "--repo_id", REPO, "--dry_run"), "nothing")
    both, space = [copy, "--dataset", "liar"], ["--dataset", "liar", "--space"]
    for wrong in (both, space, ["--dataset", "squad"], []):
        assert run_here(main, *wrong, "--repo_id", REPO).returncode == 2


def test_training_that_cannot_push_does_not_start(monkeypatch):
    def arguments(**values):
        return Namespace(push_to_hub=True, hub_private_repo=None, **{"hub_token": None, **values})

    monkeypatch.setattr(hub_upload, "get_token", lambda: None)
    with pytest.raises(DataError, match="--hub_model_id"):
        training_destination(arguments(hub_model_id=None))
    with pytest.raises(DataError, match="hf auth login"):
        training_destination(arguments(hub_model_id=REPO))
    training = arguments(hub_model_id=REPO, hub_token=TOKEN)
    to = training_destination(training)
    assert (to.repo_id, to.private) == (REPO, False)
    assert (training.push_to_hub, training.hub_token) == (False, None)
    assert TOKEN not in repr(to)
    assert training_destination(training) is None


def on_another_machine(hub, home, revisions, token=None):
    """Load in a clean process with an empty cache and without our package."""
    done = run_client(hub, _WITHOUT_PACKAGE + LOAD.format(revisions=revisions), home, token=token)
    assert TOKEN not in done.stdout + done.stderr
    scores = re.search(r"^SCORES (.*)$", done.stdout, re.MULTILINE)
    return json.loads(scores[1]) if scores else done.stderr


@pytest.mark.slow
def test_train_push_load_fine_tune_push_again(hub, machine, glove_file, tmp_path):
    articles = write_articles(tmp_path / "a.csv", 80)
    first = run_script(
        "train", "--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "one", *SMALL, *QUICK,
        "--num_train_epochs", 1, "--push_to_hub", "True", "--hub_model_id", REPO, "--hub_private_repo", "True",
        "--hub_token", TOKEN, "--log_level", "debug", "--no_training_texts",
        env=hub.client_env(tmp_path / "home") | {"HF_DEBUG": "1", "TRANSFORMERS_VERBOSITY": "debug"},
    )  # fmt: skip
    assert TOKEN not in first.stdout + first.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert f"{hub.endpoint}/{REPO}\n" in first.stdout
    one = commit_in(first.stdout)
    repo = hub.repos[f"models/{REPO}"]
    assert len(repo.commits) == 2  # the Hub's own, and ours: the Trainer pushed nothing
    assert f'model="{REPO}"'.encode() in hub.files(REPO)["README.md"]
    assert "training_texts.safetensors" not in hub.files(REPO)
    assert (tmp_path / "one" / "training_texts.safetensors").is_file()

    # Private: refused without a login, loaded with one.
    assert REPO in on_another_machine(hub, tmp_path / "stranger", [one])
    # Fine-tune from the id of the repository, in a folder that knows nothing of the first one.
    run_script(
        "train", "--model_name_or_path", REPO, "--train_file", articles, "--output_dir", tmp_path / "two", *QUICK,
        "--num_train_epochs", 1, env=machine,
    )  # fmt: skip
    assert f"started from `{REPO}`" in (tmp_path / "two" / "README.md").read_text()
    more = "--repo_id", REPO, "--collection", "Variants"
    done = run_script("push", tmp_path / "two", *more, env=machine)
    assert f"\nIn {hub.endpoint}/collections/user/variants-" in done.stdout
    assert set(ADDED) < set(hub.files(REPO))
    assert TOKEN not in done.stdout + done.stderr
    two = commit_in(done.stdout)
    assert repo.at("main").sha == two
    before, after = on_another_machine(hub, tmp_path / "third", [one, two], token=TOKEN)
    assert before != after
    for commit in repo.commits.values():
        for name, data in commit.files.items():
            assert TOKEN.encode() not in data, name


@pytest.mark.slow
def test_dataset_goes_up_and_trains(hub, machine, glove_file, tmp_path):
    articles = write_articles(tmp_path / "mine.csv", 120)
    what = ["--dataset", "fake_or_real_news", "--data_files", articles, "--repo_id", "user/news"]
    files = listed(run_here(main, *what, "--dry_run"))
    assert not hub.repos
    done = run_script("push", *what, env=machine)
    assert f"{hub.endpoint}/datasets/user/news" in done.stdout
    there = hub.files("user/news", kind="datasets")
    files[".gitattributes"] = len(GITATTRIBUTES)
    assert {name: len(data) for name, data in there.items()} == files
    card = there["README.md"].decode()
    for part in ("license: unknown", "from\nmine.csv", 'load_dataset("user/news")', "| train | "):
        assert part in card
    assert str(tmp_path) not in card
    run_script(
        "train", "--dataset_name", "user/news", "--glove", glove_file, "--output_dir", tmp_path / "out", *SMALL, *QUICK,
        "--num_train_epochs", 1, env=machine,
    )  # fmt: skip
    assert "datasets:\n- user/news\n" in (tmp_path / "out" / "README.md").read_text()
    about = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]
    assert sum(about["rows"].values()) == 120
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["id2label"] == {"0": "FAKE", "1": "REAL"}


def test_liar(tmp_path):
    for name in ("train", "valid", "test"):
        row = ["1.json", "true", f"A statement in {name}.", *"abcde", *"01234", "f"]
        (tmp_path / f"{name}.tsv").write_text("\t".join(row) + "\n")
    stage_dataset(Liar(data_dir=tmp_path), tmp_path / "staged", REPO)
    card = (tmp_path / "staged" / "README.md").read_text()
    assert len(list_files(tmp_path / "staged")) == 4
    assert "from\ntrain.tsv, valid.tsv, test.tsv" in card
    assert "wang2017liar" in card
