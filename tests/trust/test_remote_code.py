"""A saved folder loads with trust_remote_code=True, without our package and the network."""

import json
import re
import shutil

import pytest
from support import ROOT, edit_json, run_without_package

HUB = ROOT / "hub"
NAMES = ["news", "hoax", "vote"]

_USE = """
import sys, torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
path = {path!r}
labels = {labels!r}

for options in ({{}}, {{"trust_remote_code": False}}):
    try:
        AutoTokenizer.from_pretrained(path, **options)
    except ValueError as error:
        assert "trust_remote_code=True" in str(error), error
    else:
        raise SystemExit("loaded")

config = AutoConfig.from_pretrained(path, trust_remote_code=True)
assert config.model_type == "glove_lstm"
assert config.id2label == labels
tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=True)
assert type(tokenizer).__name__ == "GloveLstmTokenizer"
encoder, info = AutoModel.from_pretrained(path, trust_remote_code=True, output_loading_info=True)
assert not info["unexpected_keys"], info  # of the classifier, which would be reported
assert type(encoder).__name__ == "GloveLstmModel"
model = AutoModelForSequenceClassification.from_pretrained(path, trust_remote_code=True)
assert not model.training
assert model.dtype == torch.float32

texts = ["Council votes on the bridge", "SHOCKING secret they hide!!!", "", "a \\ud800 b", "word " * 20_000]
batch = tokenizer(texts, padding=True, return_tensors="pt")
assert batch["input_ids"].shape[1] <= tokenizer.model_max_length
with torch.no_grad():
    logits = model(**batch).logits
    assert torch.equal(encoder(**batch).pooler_output, model.encoder(**batch).pooler_output)
    for text, row in zip(texts, logits):
        alone = model(**tokenizer(text, return_tensors="pt")).logits[0]
        assert torch.allclose(alone, row, atol=1e-5), (text[:20], alone, row)

classify = pipeline("text-classification", model=path, trust_remote_code=True)
one_by_one = classify(texts)
batched = classify(texts, batch_size=8)
best_scores = logits.softmax(-1).amax(-1).tolist()
for answers in (one_by_one, batched):
    for answer, score in zip(answers, best_scores):
        assert set(answer) == {{"label", "score"}}
        assert answer["label"] in labels.values()
        assert abs(answer["score"] - score) < 1e-5, (answer, score)
pair = {{"text": "Council votes", "text_pair": "on the bridge"}}
for answer in (classify(pair), classify(pair, truncation=True), *classify([pair, pair], batch_size=2)):
    assert abs(answer["score"] - best_scores[0]) < 1e-5
every_label = classify(texts[0], top_k=None)
assert len(every_label) == len(labels)
assert abs(sum(answer["score"] for answer in every_label) - 1) < 1e-5
"""


# Appended: while it classifies, remote code touches no file, process or socket.
_WATCH = """
armed, seen = True, []
kinds = ("open", "socket", "subprocess", "os", "shutil", "import", "ctypes", "exec")
def watch(event, args):
    if armed and event.split(".")[0] in kinds:
        seen.append((event, str(args)[:200]))
sys.addaudithook(watch)
again = classify(texts)
armed = False
assert again == one_by_one
assert not seen, seen
armed = True
open(path + "/config.json").close()
armed = False
assert seen, "the watch is asleep"
"""


def tune(copy, folder):
    """Train a copy on three labels as docs/howto/trainer.md does, without our package; return the new folder."""
    page = (ROOT / "docs" / "howto" / "trainer.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.+?)```", page, re.DOTALL)
    [snippet] = [block for block in blocks if "Trainer(" in block]
    snippet = snippet.replace('"hub"', repr(str(copy)))
    edit_json(copy / "config.json", label_type="str", text_column_names=["body"])
    snippet, changed = re.subn(r"names = \[.+?\]", f"names = {NAMES}", snippet)
    assert changed == 1
    texts = ("council report bridge", "SHOCKING secret hoax!!!", "The vote of the school")
    table = "text,label\n"
    for n in range(40):
        for label, text in enumerate(texts):
            table += f"{text} {n % 7},{label}\n"
    for name in ("train", "test"):
        (folder / f"{name}.csv").write_text(table)
    done = run_without_package(snippet + '\ntrainer.save_model("tuned")\n', folder)
    assert float(re.findall(r"'eval_accuracy': '?([\d.]+)", done.stdout)[-1]) > 0.95
    return folder / "tuned"


@pytest.mark.slow
def test_folders_load_and_classify_without_our_package(copy, tmp_path):
    """That of the repository, and one that the tutorial of transformers trained from a small checkpoint."""
    tuned = tune(copy, tmp_path)
    shutil.rmtree(copy)  # nothing may point back to where it came from
    # Nothing that describes the texts and labels of the earlier training.
    config = json.loads((tuned / "config.json").read_text(encoding="utf-8"))
    assert config.get("label_type") is config.get("text_column_names") is None

    shipped = shutil.copytree(HUB, tmp_path / "shipped")
    other = tmp_path / "other machine"
    other.mkdir()
    code = _USE.format(path=str(tuned), labels=dict(enumerate(NAMES)))
    code += _USE.format(path=str(shipped), labels={0: "FAKE", 1: "REAL"}) + _WATCH
    run_without_package(code, other)
