"""scripts/push_to_hub.py and train.py --push_to_hub: what travels, what is refused, and that others can load it."""

import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from hub_server import GITATTRIBUTES, HubServer, run_client
from support import _WITHOUT_PACKAGE, QUICK, ROOT, SMALL, assert_refused, run_script, write_articles

REPO = "user/fake-news"
TOKEN = "hf_" + "secretsecret" * 3
FILES = {
    "README.md",
    "config.json",
    "configuration_glove_lstm.py",
    "metrics.json",
    "model.safetensors",
    "modeling_glove_lstm.py",
    "lstm_layers.py",
    "ngram_classifier.py",
    "plots/confusion.png",
    "plots/coverage.png",
    "plots/curves.png",
    "plots/lengths.png",
    "plots/reliability.png",
    "plots/words.png",
    "spelling.py",
    "tokenization_glove_lstm.py",
    "tokenizer.json",
    "tokenizer_config.json",
    "training_texts.safetensors",
    "word_shapes.py",
}
LOAD = """
import json
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
found = []
for revision in {revisions}:
    where = dict(revision=revision, trust_remote_code=True)
    classify = pipeline("text-classification", model="user/fake-news", **where)
    model = AutoModelForSequenceClassification.from_pretrained("user/fake-news", **where)
    encoder = AutoModel.from_pretrained("user/fake-news", **where)
    tokenizer = AutoTokenizer.from_pretrained("user/fake-news", **where)
    assert type(model).__module__.startswith("transformers_modules.")
    assert encoder(**tokenizer("A title", return_tensors="pt")).pooler_output.shape[0] == 1
    found.append(classify("SHOCKING secret exposed!", top_k=None))
print("SAID " + json.dumps(found))
"""


@pytest.fixture
def hub():
    with HubServer() as server:
        server.add_token(TOKEN)
        yield server


@pytest.fixture
def machine(hub, tmp_path):
    """The environment of a person who is logged in at the loopback Hub."""
    hidden = ("HF_", "HUGGING")
    env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return env | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": TOKEN,
        "NO_PROXY": "*",
        "GLOVE_LSTM_RETRY_SECONDS": "0.01",
    }


def push(*args, env=None):
    done = run_script("push", *args, env=env)
    assert TOKEN not in done.stdout + done.stderr
    return done


def commit_in(said):
    return re.search(r'revision="([0-9a-f]{40})"', said)[1]


def listed(done):
    assert done.returncode == 0, done.stderr
    *rows, total = done.stdout.splitlines()
    assert "checked; nothing was sent" in total
    return {name: int(size.replace(",", "")) for size, name in (row.split(maxsplit=1) for row in rows)}


def test_dry_run_lists_what_travels(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "out")
    for name in (
        "optimizer.pt",
        "training_args.bin",
        ".secret",
        "notes.txt",
        "plots/.hidden.png",
        "helper.py",
    ):
        (folder / name).write_bytes(b"\x80\x04 hf_" + b"x" * 34)
    (folder / "checkpoint-9").mkdir()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"")
    env = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}  # needs no login
    files = listed(
        push(folder, "--repo_id", REPO, "--dry_run", env=env | {"HF_ENDPOINT": "http://127.0.0.1:9"})
    )
    assert set(files) == FILES
    same = FILES - {"README.md"}  # the card gets its repository's name
    assert {name: files[name] for name in same} == {name: (folder / name).stat().st_size for name in same}


def test_what_belongs_to_a_data_set_is_refused_beside_a_checkpoint(checkpoint):
    for option in ("--dataset_config_name", "--data_files", "--data_dir"):
        done = push(checkpoint, "--repo_id", REPO, "--dry_run", option, "x")
        assert_refused(done, f"{option} belongs to --dataset")


def test_hub_folder_is_what_a_dry_run_lists(tmp_path):
    hub = ROOT / "hub"
    here = {
        path.relative_to(hub).as_posix()
        for path in hub.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    files = listed(push(hub, "--repo_id", "user/glove-lstm-fake-news", "--dry_run"))
    assert set(files) == here
    assert files == {name: (hub / name).stat().st_size for name in here}
    assert sum(files.values()) <= 16_000_000


@pytest.fixture
def copy(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*"))


def edit(path, change):
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_unfit_folders_are_refused(copy, monkeypatch):
    """In-process: each is refused before the slow part, the loading in a clean process."""
    from glove_lstm.data.errors import DataError
    from glove_lstm.publishing import publishing

    monkeypatch.setattr(publishing, "check_loads", lambda *_: None)

    def refused(said, repo_id=REPO):
        with pytest.raises(DataError) as caught, publishing.staged_checkpoint(copy, repo_id):
            pass
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)

    def trial(name, data, said):
        path = copy / name
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(data)
        refused(said)
        path.unlink() if before is None else path.write_bytes(before)

    with publishing.staged_checkpoint(copy, REPO) as folder:
        assert set(publishing.list_files(folder)) == FILES
    metrics = (copy / "metrics.json").read_bytes()
    readme = (copy / "README.md").read_bytes()
    secret = b"hf_" + b"abcDEF1234" * 4
    trial("metrics.json", metrics + b"{", "metrics.json is no JSON")
    trial("metrics.json", metrics[:-3] + b', "note": "/home/me/data.csv"}\n', "a path of this machine")
    trial("metrics.json", metrics[:-3] + b', "note": "%s/x"}\n' % str(copy).encode(), "of this machine")
    trial("README.md", readme + secret, "README.md holds a token or a key")
    trial("README.md", readme + str(Path.home() / "x").encode(), "of this machine")
    trial("README.md", readme.replace(b"## Limits", b"## Borders"), "lacks the section 'Limits'")
    trial("model.safetensors", b"\x80\x04not safe", "model.safetensors is damaged")
    trial("plots/curves.png", b"GIF89a", "is no PNG image")
    trial("model.onnx", b"PK\x03\x04", "is no ONNX model")
    trial("model.onnx", b"\x08\x08 of other weights", "model.onnx was not made by glove-lstm, or is damaged")
    trial("modeling_glove_lstm.py", b"import os\n", "is not the file of this name in glove-lstm")
    monkeypatch.setenv("HF_TOKEN", "unusual-token")
    trial("README.md", readme + b"unusual-token", "README.md holds a token or a key")

    (copy / "ngram_classifier.py").unlink()
    refused("lacks its remote code (ngram_classifier.py)")
    shutil.copy(ROOT / "modeling" / "ngram_classifier.py", copy)
    (copy / "word_shapes.py").unlink()
    refused("lacks its remote code (word_shapes.py)")
    shutil.copy(ROOT / "tokenization" / "word_shapes.py", copy)
    (copy / "modeling_glove_lstm.py").unlink()
    refused("lacks its remote code (modeling_glove_lstm.py)")
    shutil.copy(ROOT / "modeling" / "modeling_glove_lstm.py", copy)
    (copy / "README.md").unlink()  # is written anew
    with publishing.staged_checkpoint(copy, REPO) as folder:
        assert f'model="{REPO}"' in (folder / "README.md").read_text()
    (copy / "metrics.json").unlink()
    refused("neither README.md nor metrics.json")
    (copy / "tokenizer.json").unlink()
    refused("tokenizer.json is missing")


def test_weights_that_do_not_load_are_refused(copy):
    from glove_lstm.data.errors import DataError
    from glove_lstm.publishing.publishing import check_loads

    edit(copy / "config.json", lambda text: text.replace('"hidden_size": 8', '"hidden_size": 9'))
    with pytest.raises(DataError, match="does not load with trust_remote_code=True in a clean process"):
        check_loads(copy, copy)


def test_mistakes_get_a_sentence(copy, machine):
    """The checks of names and logins come before the slow ones."""
    assert_refused(push(copy, "--repo_id", "no-namespace", env=machine), "is no name of a repository")
    env = {name: value for name, value in machine.items() if name != "HF_TOKEN"}
    assert_refused(push(copy, "--repo_id", REPO, env=env), "hf auth login")
    assert_refused(push(copy / "nothing", "--repo_id", REPO, env=machine), "nothing")
    both = push(copy, "--dataset", "liar", "--repo_id", REPO, env=machine)
    assert both.returncode == 2
    assert "either" in both.stderr


def on_another_machine(hub, home, revisions, token=None):
    """Loads in a clean process with an empty cache and without our package."""
    code = _WITHOUT_PACKAGE + LOAD.format(revisions=revisions)
    done = run_client(hub, code, home, token=token)
    assert TOKEN not in done.stdout + done.stderr
    if done.returncode:
        return done.stderr
    return json.loads(re.search(r"^SAID (.*)$", done.stdout, re.MULTILINE)[1])


@pytest.mark.slow
def test_train_push_load_fine_tune_push_again(hub, machine, checkpoint, glove_file, tmp_path):
    articles = write_articles(tmp_path / "a.csv", 80)
    first = run_script(
        "train", "--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "one", *SMALL, *QUICK,
        "--push_to_hub", "--hub_model_id", REPO, "--hub_private_repo", "True", env=machine,
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    assert TOKEN not in first.stdout + first.stderr
    assert f"{hub.endpoint}/{REPO}\n" in first.stdout
    one = commit_in(first.stdout)
    repo = hub.repos[f"models/{REPO}"]
    assert len(repo.commits) == 2  # the Hub's own, and ours: the Trainer pushed nothing
    assert set(hub.files(REPO)) == FILES | {".gitattributes"}
    assert f'model="{REPO}"'.encode() in hub.files(REPO)["README.md"]

    # Private: refused without a login, loaded with one.
    refused = on_another_machine(hub, tmp_path / "stranger", [one])
    assert isinstance(refused, str)
    assert REPO in refused
    [before] = on_another_machine(hub, tmp_path / "second", [one], token=TOKEN)

    # Fine-tune from the id of the repository, in a folder that knows nothing of the first one.
    second = run_script(
        "train", "--model_name_or_path", REPO, "--train_file", articles, "--output_dir", tmp_path / "two", *QUICK,
        env=machine,
    )  # fmt: skip
    assert second.returncode == 0, second.stderr
    assert f"Training went on from `{REPO}`" in (tmp_path / "two" / "README.md").read_text()
    hub.fail(r"/commit/main", 503, times=1)
    done = push(tmp_path / "two", "--repo_id", REPO, "--commit_message", "Tuned", env=machine)
    assert done.returncode == 0, done.stderr
    two = commit_in(done.stdout)
    assert two != one
    assert repo.at("main").title == "Tuned"
    again = on_another_machine(hub, tmp_path / "third", [one, two], token=TOKEN)
    assert again[0] == before
    assert again[1] != before
    for commit in repo.commits.values():
        for name, blob in commit.files.items():
            assert TOKEN.encode() not in blob.data, name


@pytest.mark.slow
def test_dataset_goes_up_and_trains(hub, machine, glove_file, tmp_path):
    articles = write_articles(tmp_path / "mine.csv", 120)
    what = ["--dataset", "fake_or_real_news", "--data_files", articles, "--repo_id", "user/news"]
    files = listed(push(*what, "--dry_run", env=machine))
    assert not hub.repos
    done = push(*what, env=machine)
    assert done.returncode == 0, done.stderr
    assert f"{hub.endpoint}/datasets/user/news" in done.stdout
    there = hub.files("user/news", kind="datasets")
    assert {name: len(data) for name, data in there.items()} == {
        **files,
        ".gitattributes": len(GITATTRIBUTES),
    }
    card = there["README.md"].decode()
    for part in (
        "license: unknown",
        "`mine.csv`, which is not the canonical one",
        'load_dataset("user/news")',
        "id",
    ):
        assert part in card
    assert str(tmp_path) not in card
    said = run_client(
        hub,
        f"""
        import datasets
        data = datasets.load_dataset("user/news", revision="{commit_in(done.stdout)}")
        assert set(data) == {{"train", "validation", "test"}}, data
        assert data["train"].features["label"].names == ["FAKE", "REAL"]
        assert data["train"].column_names == ["id", "title", "text", "label"]
        assert sum(len(rows) for rows in data.values()) == 120
        """,
        tmp_path / "home",
    )
    assert said.returncode == 0, said.stderr
    trained = run_script(
        "train", "--dataset_name", "user/news", "--glove", glove_file, "--output_dir", tmp_path / "out", *SMALL, *QUICK,
        env=machine,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "datasets:\n- user/news\n" in (tmp_path / "out" / "README.md").read_text()


def test_training_that_cannot_push_does_not_start(monkeypatch):
    from argparse import Namespace

    from glove_lstm.data.errors import DataError
    from glove_lstm.publishing import hub_upload
    from glove_lstm.publishing.publishing import destination_of

    def arguments(**values):
        return Namespace(**{"push_to_hub": True, "hub_private_repo": None, "hub_token": None, **values})

    monkeypatch.setattr(hub_upload, "get_token", lambda: None)
    with pytest.raises(DataError, match="--hub_model_id"):
        destination_of(arguments(hub_model_id=None))
    with pytest.raises(DataError, match="hf auth login"):
        destination_of(arguments(hub_model_id=REPO))
    training = arguments(hub_model_id=REPO, hub_token=TOKEN)
    to = destination_of(training)
    assert (to.repo_id, to.private, training.push_to_hub) == (REPO, False, False)
    assert TOKEN not in repr(to)
    assert destination_of(training) is None


def test_unknown_data_set_is_refused():
    from glove_lstm.data.errors import DataError
    from glove_lstm.publishing.dataset_publishing import staged_dataset

    with pytest.raises(DataError, match="fake_or_real_news"), staged_dataset("squad", None, None, None, REPO):
        pass


def test_a_data_set_is_called_verified_only_where_it_was(tmp_path, monkeypatch):
    import datasets

    from glove_lstm.data import builder, liar
    from glove_lstm.publishing.dataset_publishing import staged_dataset

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "liar"
    folder.mkdir()
    for name in liar.FILES.values():
        row = ["1.json", "true", f"A statement in {name}.", "a", "b", "c", "d", "e", *"01234", "f"]
        (folder / name).write_text("\t".join(row) + "\n")
    with staged_dataset("liar", None, None, str(folder), REPO) as staged:
        card = (staged / "README.md").read_text()
    assert "Made from the local files `train.tsv`, `valid.tsv`, `test.tsv`." in card
    with zipfile.ZipFile(tmp_path / "liar.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    monkeypatch.setattr(builder, "download", lambda *_, **__: tmp_path / "liar.zip")
    with staged_dataset("liar", None, None, None, REPO) as staged:
        card = (staged / "README.md").read_text()
    assert f"Made from {liar.URL}." in card
