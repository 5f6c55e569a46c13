"""Push, fine-tune elsewhere, push again, load elsewhere: over HTTP, by processes that share nothing but the Hub."""

import json
import re
import subprocess
import sys

import pytest
from estimator_news import TINY
from hub_server import TOKEN
from support import QUICK, ROOT, WITHOUT_PACKAGE, run_client

from glove_lstm import GloveLstmClassifier
from glove_lstm.publishing.stage import file_sizes

REPO = "user/fake-news"
RECORD = "training_texts.safetensors"
ADDED = {"handler.py", "light.onnx", "notebook.ipynb", "requirements.txt"}
TEXTS = ["Council votes on the bridge", "SHOCKING secret exposed!", ""]
LOAD = """
import importlib.util, json
from huggingface_hub import snapshot_download
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
text = "SHOCKING secret exposed!"
scores = []
for revision in {revisions}:
    options = dict(revision=revision, trust_remote_code=True)
    model = AutoModelForSequenceClassification.from_pretrained({repo!r}, **options)
    assert type(model).__module__.startswith("transformers_modules.")
    encoder = AutoModel.from_pretrained({repo!r}, **options)
    tokenizer = AutoTokenizer.from_pretrained({repo!r}, **options)
    assert encoder(**tokenizer(text, return_tensors="pt")).pooler_output.shape[0] == 1
    classify = pipeline("text-classification", model={repo!r}, **options)
    answer = classify(text, top_k=None)
    scores.append(answer)

    # As an Inference Endpoint does.
    folder = snapshot_download({repo!r}, revision=revision)
    spec = importlib.util.spec_from_file_location("handler", folder + "/handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.EndpointHandler(folder)({{"inputs": text}}) == [answer]
print("SCORES " + json.dumps(scores))
"""


def push_by_the_estimator(news):
    """Train, push, and load it from the Hub."""
    classifier = GloveLstmClassifier(**TINY).fit(news.texts, news.labels)
    commit = classifier.push_to_hub(REPO, private=True)
    loaded = GloveLstmClassifier.from_pretrained(REPO, revision=commit.oid)
    difference = loaded.predict_proba(TEXTS) - classifier.predict_proba(TEXTS)
    assert abs(difference).max() < 1e-6


def fine_tune_and_push(hub, articles, home):
    """Train from the id of the repository, in a folder that knows nothing of the first one."""
    options = ["--model_name_or_path", REPO, "--train_file", articles]
    options += ["--output_dir", home / "tuned", *QUICK, "--num_train_epochs", 1]
    run_script(hub, home, "train.py", *options)
    assert f"started from `{REPO}`" in (home / "tuned" / "README.md").read_text(encoding="utf-8")
    return run_script(hub, home, "push.py", home / "tuned", "--repo_id", REPO)


def run_script(hub, home, name, *options):
    command = [sys.executable, ROOT / "scripts" / name, *map(str, options)]
    env = hub.client_env(home, TOKEN) | {"HF_DEBUG": "1", "TRANSFORMERS_VERBOSITY": "debug"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done


def scores_on_another_machine(hub, home, revisions):
    """Load commits in a clean process with an empty cache and without our package, and classify a text."""
    code = WITHOUT_PACKAGE + LOAD.format(repo=REPO, revisions=revisions)
    done = run_client(hub, code, home, token=TOKEN)
    assert done.returncode == 0, done.stderr
    scores = re.search(r"^SCORES (.*)$", done.stdout, re.MULTILINE)
    return json.loads(scores[1])


@pytest.mark.slow
def test_push_fine_tune_push_again_load(
    hub, news, exported, articles, beside_the_vectors, tmp_path, capfd
):
    push_by_the_estimator(news)
    repo = hub.repos[f"models/{REPO}"]
    assert repo.private
    assert len(repo.commits) == 2  # the Hub's own, and ours
    sent = hub.files(REPO)
    assert set(sent) == {*file_sizes(exported), *ADDED} - {RECORD}
    assert f'model="{REPO}"'.encode() in sent["README.md"]

    pushed = fine_tune_and_push(hub, articles, tmp_path / "two")
    assert len(repo.commits) == 3
    assert set(hub.files(REPO)) >= ADDED
    assert RECORD not in hub.files(REPO)
    assert f'revision="{repo.at("main").sha}"' in pushed.stdout

    _, *revisions = repo.commits
    before, after = scores_on_another_machine(hub, tmp_path / "three", revisions)
    assert before != after

    for output in capfd.readouterr():
        assert TOKEN not in output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    for commit in repo.commits.values():
        for name, data in commit.files.items():
            assert TOKEN.encode() not in data, name
