"""The model card: complete, true to metrics.json, and refused where it is not."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hub_server import HubServer, run_client

from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.examples import EXAMPLES, WIDGET
from glove_lstm.publishing.card import CardTexts, eval_results, fill_card, measured_sections, write_card
from glove_lstm.publishing.card_check import check_card, check_figures, put_repo_id

REPO = "someone/model"
FOUND = {
    "rows": 1200,
    "accuracy": 0.91234,
    "accuracy_interval": [0.9, 0.925],
    "f1": 0.9,
    "precision": 0.8,
    "recall": 0.7,
    "mcc": 0.6,
    "roc_auc": 0.95,
    "ece": 0.0123,
    "brier": 0.1,
    "majority_share": 0.5,
    "aurc": 0.0211,
    "coverage": [
        {"threshold": 0.0, "coverage": 1.0, "accuracy": 0.91234},
        {"threshold": 0.8415, "coverage": 0.9004, "accuracy": 0.9511},
    ],
}
METRICS = {
    "validation": FOUND,
    "about": {
        "glove": "glove.6B.100d.txt",
        "data": "fake_or_real_news (default) from mine.csv",
        "rows": {"train": 8000, "validation": 1200},
        "preset": "default",
        "temperature": 1.25,
        "epochs": 4.0,
        "best_step": 300,
        "hardware": "2 CPU threads",
        "seconds": {"prepare": 3.2, "train": 61.0},
        "arguments": {"max_seq_length": 512, "pooling": ["max", "mean"], "bf16": False, "warmup_steps": None},
        "versions": {"glove_lstm": "0.1.0", "torch": "2.13.0", "transformers": "5.24.0"},
        "parameters": 6204864,
        "speed": {"words": 400, "one_text_ms": 6.41, "texts_per_second": 386.2, "threads": 2},
    },
    "examples": [{"text": text, "style": style, "label": "REAL", "score": 0.75} for text, style in EXAMPLES],
    "other_data": {"recovery": {**FOUND, "accuracy": 0.7, "ece": 0.2}},
    "baselines": {
        name: {
            data: {"accuracy": 0.5, "accuracy_interval": [0.4, 0.6]} for data in ("validation", "recovery")
        }
        for name in ("majority", "tfidf_svc")
    },
}
CONFIG = {
    "id2label": {"0": "FAKE", "1": "REAL"},
    "bidirectional": True,
    "freeze_embeddings": True,
    "type_embedding_size": 16,
    "embedding_size": 100,
    "num_hidden_layers": 1,
    "hidden_size": 60,
    "pooling": ["max"],
    "classifier_hidden_size": 50,
}
# The whole card; "..." stands for prose that holds no figure.
PATTERN = r"""---
language: en
library_name: transformers
license: apache-2.0
metrics:
- accuracy
- f1
- precision
- recall
- matthews_correlation
- roc_auc
pipeline_tag: text-classification
tags:
- glove
- lstm
- fake-news
- custom_code
base_embeddings: glove.6B.100d.txt
widget:
(?:- example_title: .+\n  text: .+\n){3}model-index:
- name: GloVe\+LSTM
  results:
(?:  - task:
      type: text-classification
    dataset:
      name: [^\n]+
      type: [^\n]+
(?:      split: validation\n)?    metrics:
(?:    - type: \w+\n      value: [\d.]+\n){6}){2}---

# GloVe\+LSTM

A GloVe\+LSTM classifier of texts \(FAKE, REAL\): GloVe vectors of 100 dimensions \(frozen\) and word shapes, 1-layer \
bidirectional LSTM of 60 units, max pooling, dense 50. 6,204,864 parameters, 14.3 MB with its
tokenizer[^#]+
## How to use

```python
from transformers import pipeline

revision = "main"  # better: [^\n]+
classify = pipeline\("text-classification", model="someone/model", revision=revision, trust_remote_code=True\)
classify\("A title"\)
classify\({"text": "A title", "text_pair": "The body of the article ..."}, top_k=None\)
```
[^#]+512 tokens \(their beginning is kept\)[^#]+
## Intended use and misuse
\D+
## Training data

The texts: fake_or_real_news \(default\) from mine.csv.

Known of fake_or_real_news:
[^#]+
## Procedure

Preset `default` of glove-lstm 0.1.0 \(transformers 5.24.0, torch 2.13.0\); texts: 8,000 train, 1,200 \
validation; 4 epochs.

\| setting \| value \|
\|---\|---\|
\| max_seq_length \| 512 \|
\| pooling \| max, mean \|
\| bf16 \| no \|
\| warmup_steps \| none \|

## Results

On 1,200 validation texts, which also chose the epoch and the temperature, so the figures flatter it:

\| model \| accuracy \| 95 % interval \|
\|---\|---\|---\|
\| this one \| 0.9123 \| 0.9000-0.9250 \|
\| majority class of the training texts \| 0.5000 \| 0.4000-0.6000 \|
\| TF-IDF [^|]+ \| 0.5000 \| 0.4000-0.6000 \|
\| majority class of these texts \| 0.5000 \| \|

Macro F1 0.9000, precision 0.8000, recall 0.7000, Matthews correlation 0.6000, ROC AUC 0.9500.

The recipe on held-out folds: not measured.

## Calibration

Logits are divided by a temperature of 1.250, fitted on the validation texts. Expected calibration error \(15 bins \
of equal width\) 0.0123, Brier score 0.1000 on the validation texts. Calibration is worse on recovery: see below.

The score can be used to abstain. On the validation texts, with an area under the risk-coverage curve of 0.0211 \
\(0: never wrong; 0.0877: as if the score said nothing\):

\| label only where the score is at least \| texts that get one \| accuracy of these \|
\|---\|---\|---\|
\| 0 \(all\) \| 100.0% \| 0.9123 \|
\| 0.8415 \| 90.0% \| 0.9511 \|

On other data [^|]+

## Results on other data

\| data \| rows \| this one \| 95 % interval \| ECE \| majority class of these texts \| TF-IDF [^|]+ \|
\|---\|---\|---\|---\|---\|---\|---\|
\| recovery \| 1,200 \| 0.7000 \| 0.9000-0.9250 \| 0.2000 \| 0.5000 \| 0.5000 \|

## Pictures

None were made.

## Examples and errors

Of 12 titles [^|]+
\| invented title \| style of \| label \| score \| \|
\|---\|---\|---\|---\|---\|
(?:\| [^|]+ \| REAL \| REAL \| 0.75 \|  \|\n){6}(?:\| [^|]+ \| FAKE \| REAL \| 0.75 \| error \|\n){6}
## Speed and size

A text of 400 words takes 6.4 ms from string to label, and 386 such texts a second are labelled in batches of 32 \
\(PyTorch, 2 CPU threads\). Size: 14.3 MB.

## Environmental cost

Training took 61 s \(2 CPU threads\), preparing the texts 3 s. Energy and emissions: not measured.

## Limits

- A label means the source, not the truth.
[^#]+
- How [^#]+ not measured.

## Citation

The word vectors are `glove.6B.100d.txt`, published under the Public Domain Dedication and License.

```bibtex
@inproceedings\{pennington2014glove,[^`]+
@misc\{mcintire_fake_or_real_news,[^`]+\n```\n?"""


def made(metrics=METRICS, config=CONFIG, texts=None):
    return fill_card(metrics, config, 14.3, texts or CardTexts(repo_id=REPO))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").write_bytes(b"0" * 14_299_000)
    write_card(tmp_path, CardTexts(repo_id=REPO))
    return tmp_path


def test_whole_card() -> None:
    text = str(made())
    # Compared part by part, so that a failure shows which one.
    parts = zip(re.split(r"(?m)^(?=## )", text), re.split(r"(?m)^(?=## )", PATTERN), strict=True)
    for part, pattern in parts:
        assert re.fullmatch(pattern.replace("\\\n", ""), part), part


def test_measured_nothing_says_so() -> None:
    bare = {
        "about": {
            "data": "mine.csv",
            **{k: v for k, v in METRICS["about"].items() if k not in ("speed", "glove", "data")},
            "fine_tuned_from": "someone/else",
        }
    }
    card = made(bare, {**CONFIG, "id2label": {"0": "good", "1": "bad", "2": "so so"}})
    text = str(card)
    for heading in ("Results", "Calibration", "Results on other data", "Examples and errors"):
        assert f"## {heading}\n\nNot measured.\n" in text
    assert "Speed: not measured. Size: 14.3 MB." in text
    assert "Leaks and duplicates of these data: not measured." in text
    assert "REAL" not in text
    assert "source, not" not in text
    data = card.data.to_dict()
    assert data["base_model"] == "someone/else"
    assert "widget" not in data
    assert "model-index" not in data
    assert "fake-news" not in data["tags"]


def test_metrics_of_before_coverage_was_measured_still_make_a_card() -> None:
    before = {name: value for name, value in FOUND.items() if name not in ("aurc", "coverage")}
    text = str(made({**METRICS, "validation": before}))
    assert "abstain" not in text
    assert "0.8415" not in text


def test_figures_of_the_model_before_a_refit_are_not_claimed_of_it() -> None:
    metrics = {("before_refit" if name == "validation" else name): value for name, value in METRICS.items()}
    card = made({name: value for name, value in metrics.items() if name != "other_data"})
    text = str(card)
    assert "This model was not measured. Before its n-gram weights were fitted once more" in text
    assert "| this one, before that | 0.9123 | 0.9000-0.9250 |" in text
    assert re.search(r"TF-IDF [^|]+ \| 0.5000", text)
    for claim in ("0.8415", "0.0123", "0.0211", "risk-coverage"):
        assert claim not in text
    assert eval_results(metrics) == eval_results({**metrics, "before_refit": {}})
    check_figures(text, {name: value for name, value in metrics.items() if name != "other_data"})


def test_pictures_that_are_there_are_shown(folder: Path) -> None:
    (folder / "plots").mkdir()
    for name in ("words", "curves", "other"):
        (folder / "plots" / f"{name}.png").write_bytes(b"\x89PNG")
    write_card(folder, CardTexts(repo_id=REPO))
    check_card(folder, REPO)
    shown = re.findall(r"!\[[^]]+\]\((.+?)\)", (folder / "README.md").read_text())
    assert shown == ["plots/curves.png", "plots/words.png"]


def test_metadata() -> None:
    data = made().data.to_dict()
    assert [one["text"] for one in data["widget"]] == [text for _, text in WIDGET]
    styles = dict(EXAMPLES)
    assert {styles.get(text) for _, text in WIDGET} == {"REAL", "FAKE", None}
    results = {(r.dataset_name, r.metric_type): r.metric_value for r in eval_results(METRICS)}
    assert results["fake_or_real_news (default) from mine.csv", "accuracy"] == 0.9123
    assert results["recovery", "matthews_correlation"] == 0.6
    undefined = {**METRICS, "validation": {**FOUND, "roc_auc": float("nan")}}
    assert "ROC AUC not defined." in str(made(undefined))
    assert len(eval_results(undefined)) == len(eval_results(METRICS)) - 1
    on_hub = {**METRICS, "about": {**METRICS["about"], "data": "user/data (article)"}}
    assert made(on_hub).data.to_dict()["datasets"] == ["user/data"]


def test_good_card_passes(folder: Path) -> None:
    check_card(folder, REPO)
    readme = folder / "README.md"
    by_hand = readme.read_text() + "\nThanks to 3 friends, and see https://example.org.\n"
    readme.write_text(put_repo_id(by_hand, "other/name"))
    check_card(folder, "other/name")
    assert "Thanks to 3 friends" in readme.read_text()
    readme.write_text(
        put_repo_id(by_hand, "user/glove-lstm-fake-news")
    )  # no placeholder where it is the name
    check_card(folder, "user/glove-lstm-fake-news")
    readme.write_text(put_repo_id(by_hand, "other/name"))
    with pytest.raises(DataError, match="does not show how to load"):
        check_card(folder, REPO)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| this one | 0.9123 |", "| this one | 0.9323 |"),
        ("0.9000-0.9250 |\n| majority", "0.9100-0.9150 |\n| majority"),
        ("temperature of 1.250", "temperature of 1.000"),
        ("| recovery | 1,200 | 0.7000", "| recovery | 1,200 | 0.8000"),
        ("| FAKE | REAL | 0.75 | error |", "| FAKE | FAKE | 0.75 | |"),
        ("takes 6.4 ms", "takes 0.4 ms"),
        ("| 0.8415 | 90.0% | 0.9511 |", "| 0.8415 | 90.0% | 0.9911 |"),
        ("curve of 0.0211", "curve of 0.0011"),
        ("Training took 61 s", "Training took 6 s"),
        ("      value: 0.9123", "      value: 0.9923"),
        ("| TF-IDF of lower-cased words, 1-2-grams, linear SVC | 0.5000", "| TF-IDF | 0.1"),
    ],
)
def test_figure_that_differs_is_refused(folder: Path, old: str, new: str) -> None:
    readme = folder / "README.md"
    text = readme.read_text()
    assert old in text
    readme.write_text(text.replace(old, new))
    with pytest.raises(DataError, match=r"metrics\.json"):
        check_card(folder, REPO)


def test_metrics_that_changed_are_noticed(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    check_figures(text, METRICS)
    for measure in (
        "accuracy",
        "f1",
        "precision",
        "recall",
        "mcc",
        "roc_auc",
        "ece",
        "brier",
        "majority_share",
    ):
        changed = {**METRICS, "validation": {**FOUND, measure: FOUND[measure] - 0.0101}}
        with pytest.raises(DataError, match=r"metrics\.json"):
            check_figures(text, changed)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("---\nlanguage", "language", "lacks the metadata"),
        ("license: apache-2.0\n", "", "lacks the metadata license"),
        ("## Limits", "## Other", "lacks the section 'Limits'"),
        ("## Limits", "TODO\n\n## Limits", "placeholder TODO"),
        ("## Limits", "{{ limits }}\n\n## Limits", "placeholder {{ limits }}"),
        ('revision = "main"', 'revision = "COMMIT"', "placeholder COMMIT"),
        ("## Limits", "See user/glove-lstm.\n\n## Limits", "placeholder user/glove-lstm"),
        ("license: apache-2.0", "license: [", "cannot be read"),
        ("model-index:\n", "model-index: 3\nother:\n", "README.md"),
    ],
)
def test_incomplete_card_is_refused(folder: Path, old: str, new: str, said: str) -> None:
    readme = folder / "README.md"
    readme.write_text(readme.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        check_card(folder, REPO)
    assert "\n" not in str(caught.value)


def test_hub_accepts_the_card(folder: Path, tmp_path: Path) -> None:
    """`ModelCard.validate` and what the page of the model reads, at the Hub on loopback."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(folder / "README.md", home)
    with HubServer() as hub:
        hub.add_token("hf_write", user="someone")
        done = run_client(
            hub,
            """
            from huggingface_hub import HfApi, ModelCard, constants, model_info
            card = ModelCard.load("README.md")
            api = HfApi()
            api._validate_yaml(card.content, repo_type="model")
            api.create_repo("someone/model")
            api.upload_file(path_or_fileobj="README.md", path_in_repo="README.md", repo_id="someone/model")
            info = model_info("someone/model")
            assert (info.pipeline_tag, info.library_name) == ("text-classification", "transformers"), info
            read = ModelCard.load("someone/model")
            assert read.content == card.content
            assert len(read.data.eval_results) == 12
            assert read.data.to_dict() == card.data.to_dict()
            """,
            home,
            token="hf_write",
        )
        assert done.returncode == 0, done.stderr
        assert ("POST", "/api/validate-yaml") in hub.requests


def test_checkpoint_has_its_card(checkpoint: Path) -> None:
    text = (checkpoint / "README.md").read_text()
    metrics = json.loads((checkpoint / "metrics.json").read_text())
    check_figures(text, metrics)
    assert len(metrics["examples"]) == len(EXAMPLES)
    assert metrics["about"]["speed"]["one_text_ms"] > 0
    assert f"| 100.0% | {metrics['validation']['accuracy']:.4f} |" in text
    with pytest.raises(DataError, match="placeholder user/glove-lstm"):
        check_card(checkpoint, REPO)


def test_the_recipes_own_table():
    def found(mean, **more):
        return {
            "accuracy": {"mean": mean, "low": mean - 0.01, "high": mean + 0.01},
            "typos": {"mean": 0.02},
            **more,
        }

    recipe = {
        "titles": {
            "default": found(0.88, ece={"mean": 0.0123}),
            "majority": found(0.5, versus_default={"p": 0.00012}, typos_versus_default={"p": 0.034}),
            "tfidf_svc": found(0.6, versus_default={"p": 3e-67}),
        },
        "cross": {"default": found(0.7)},
    }
    shown = measured_sections({**METRICS, "recipe": recipe})["recipe_results"]
    assert "| titles | `default` preset | 0.8800 | 0.8700-0.8900 |  | 0.0123 | 0.0200 |  |" in shown
    assert "| 0.5000 | 0.4900-0.5100 | 0.0001 |  | 0.0200 | 0.0340 |" in shown
    assert "| 0.6000 | 0.5900-0.6100 | <0.0001 |  | 0.0200 |  |" in shown
    assert "(`titles`: five folds; `cross`: trained on one corpus, tested on the others)" in shown


def test_validation_texts_that_chose_no_epoch():
    plain = {**METRICS, "about": {**METRICS["about"], "best_step": None}}
    assert "which also chose the temperature, so" in measured_sections(plain)["results"]


def test_the_weight_of_the_ngram_classifier_is_told():
    weighed = {**METRICS, "about": {**METRICS["about"], "ngram_weight": 1.5}}
    told = measured_sections(weighed)["calibration"]
    assert (
        "n-gram classifier, times 1.500, are added to those of the LSTM; the sum is divided by a temperature"
        in told
    )
    assert "n-gram" not in measured_sections(METRICS)["calibration"]
