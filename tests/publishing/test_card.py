"""The model card: its facts follow from metrics.json, and a reader sees them."""

import json
import re

import pytest
import yaml
from huggingface_hub import ModelCard
from support import ROOT

from glove_lstm.evaluation.examples import EXAMPLES, WIDGET
from glove_lstm.publishing.card import is_rendered, render_card, write_card
from glove_lstm.publishing.card_facts import CardFacts

REPO = "someone/model"
MEASURES = {
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
    "coverage": [
        {"threshold": 0.0, "coverage": 1.0, "accuracy": 0.91234},
        {"threshold": 0.8415, "coverage": 0.9004, "accuracy": 0.9511},
    ],
}
ABOUT = {
    "glove": "glove.6B.100d.txt",
    "data": "fake_or_real_news (default) from mine.csv",
    "rows": {"train": 8000, "validation": 1200},
    "validation_by": "text",
    "preset": "default",
    "temperature": 1.25,
    "epochs": 4.0,
    "best_step": 300,
    "hardware": "2 CPU threads",
    "seconds": {"prepare": 3.2, "train": 61.0},
    "arguments": {
        "max_seq_length": 512,
        "learning_rate": 0.005,
        "per_device_train_batch_size": 32,
        "warmup_steps": None,
        "a_list": ["a", "b"],
    },
    "versions": {"glove_lstm": "0.1.0", "torch": "2.13.0", "transformers": "5.24.0"},
    "parameters": 6204864,
    "speed": {"words": 400, "one_text_ms": 6.41, "texts_per_second": 386.2},
}
LABELLED_EXAMPLES = [
    {"text": text, "style": style, "label": "REAL", "score": 0.75} for text, style in EXAMPLES
]
MAJORITY = {"accuracy": 0.5, "accuracy_interval": [0.4, 0.6]}
LINEAR = {"accuracy": 0.85, "accuracy_interval": [0.8, 0.9]}
WEAK_LINEAR = {"accuracy": 0.45, "accuracy_interval": [0.4, 0.5]}
METRICS = {
    "validation": MEASURES,
    "about": ABOUT,
    "examples": LABELLED_EXAMPLES,
    "other_data": {"recovery": {**MEASURES, "accuracy": 0.7, "recall": 0.65, "ece": 0.2}},
    "baselines": {
        "majority": {"validation": MAJORITY, "recovery": MAJORITY},
        "tfidf_svc": {"validation": WEAK_LINEAR, "recovery": WEAK_LINEAR},
        "tfidf_svc_cased": {"validation": LINEAR, "recovery": WEAK_LINEAR},
    },
}
CONFIG = {
    "id2label": {"0": "FAKE", "1": "REAL"},
    "freeze_embeddings": True,
    "type_embedding_size": 16,
    "embedding_size": 100,
    "hidden_size": 60,
    "classifier_hidden_size": 50,
}
# What a reader sees of these metrics, in order.
LINES = """
# GloVe+LSTM
A GloVe+LSTM text classifier (FAKE, REAL): 6,204,864 parameters, 14.3 MB with its tokenizer.
**A label names the kind of source that a text resembles, not whether its claims are true.**
    "text-classification", model="someone/model", revision=revision, trust_remote_code=True
LightClassifier.from_pretrained("someone/model")
set `learning_rate=0.005` and `per_device_train_batch_size=32`
| validation | 1,200 | 0.9123 | 0.9000-0.9250 | 0.8500 | 0.5000 |
| recovery | 1,200 | 0.7000 | 0.9000-0.9250 | 0.4500 | 0.5000 |
1,200 validation texts. They also chose the epoch and the calibration, so the figures are optimistic.
The training did not use the other data. The best linear model is the most accurate one under "Baselines".
<summary>More measures</summary>
| validation | 0.7000 | 0.9000 | 0.8000 | 0.6000 | 0.9500 | 0.0123 | 0.1000 |
| recovery | 0.6500 | 0.9000 | 0.8000 | 0.6000 | 0.9500 | 0.2000 | 0.1000 |
<summary>Baselines</summary>
| validation | majority class of the training texts | 0.5000 | 0.4000-0.6000 |
| validation | TF-IDF of cased words and punctuation, 1-2-grams, linear SVC | 0.8500 | 0.8000-0.9000 |
| recovery | TF-IDF of lower-cased words, 1-2-grams, linear SVC | 0.4500 | 0.4000-0.5000 |
<summary>Calibration of the scores</summary>
Logits are divided by a temperature of 1.250 (fitted on the validation texts).
Calibration is worse than on the validation texts on: recovery.
| 0.0000 | 100.0% | 0.9123 |
| 0.8415 | 90.0% | 0.9511 |
On other data, these figures differ (`coverage` in metrics.json).
Of 12 invented titles, 6 are labelled wrongly.
| Senate passes budget bill after late-night vote | REAL | REAL | 0.75 |  |
| Doctors stunned: kitchen spice cures cancer overnight | FAKE | REAL | 0.75 | error |
Do not use it to decide what is true
- Only 512 tokens of a text are read (its beginning)
- Robustness to typing errors, rewriting, translation and texts written by a machine: not measured.
The texts: fake_or_real_news (default) from mine.csv.
Known leaks and duplicates of fake_or_real_news:
- A label names the source of an article; nobody checked its claims.
GloVe vectors of 100 dimensions (frozen) and word shapes, LSTM of 60 units, max pooling, dense layer of 50.
Preset `default` of glove-lstm 0.1.0 (transformers 5.24.0, torch 2.13.0), 4 epochs. Texts: 8,000 train, 1,200
Training the LSTM took 61 s (2 CPU threads), preparing the texts 3 s. Energy and emissions: not measured.
A text of 400 words takes 6.4 ms from string to label; batches of 32 such texts reach 386 texts a second (PyTorch,
| max_seq_length | 512 |
| learning_rate | 0.005 |
| per_device_train_batch_size | 32 |
| warmup_steps | None |
| a_list | a, b |
The word vectors are `glove.6B.100d.txt`. Stanford's vectors are under the Public Domain Dedication and License.
@inproceedings{pennington2014glove,
@misc{mcintire_fake_or_real_news,
""".strip().splitlines()


@pytest.fixture
def folder(tmp_path):
    """A folder with the metrics above."""
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(14_299_000)
    return save(tmp_path, METRICS)


def save(folder, metrics, config=CONFIG):
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def facts_of(folder, metrics=METRICS, config=CONFIG, **changed_about):
    """The facts of metrics, some of whose `about` is changed."""
    metrics = {**metrics, "about": {**ABOUT, **changed_about}}
    return CardFacts.of(save(folder, metrics, config), REPO)


def test_a_reader_sees_all_figures(folder):
    card = render_card(folder, REPO)
    position = 0
    for line in LINES:
        assert line in card[position:], line
        position = card.index(line, position)
    assert "{%" not in card
    assert "\n\n\n" not in card


def test_the_front_has_one_table_and_the_others_are_folded(folder):
    (folder / "plots").mkdir()
    (folder / "plots" / "curves.png").touch()
    card = render_card(folder, REPO)
    assert card.count("<details>") == card.count("</details>") == 6
    front = re.sub(r"<details>.*?</details>", "", card, flags=re.DOTALL)
    assert front.count("\n|---|") == 1
    assert "![" not in front
    # Markdown inside of HTML needs a blank line before and after it.
    assert card.count("</summary>\n\n") == card.count("\n\n</details>\n\n") == 6


def test_nothing_measured(folder):
    about = {name: value for name, value in ABOUT.items() if name not in ("speed", "glove")}
    save(folder, {"about": {**about, "data": "mine.csv"}}, {**CONFIG, "id2label": None})
    card = render_card(folder)
    assert r"A GloVe+LSTM text classifier (LABEL\_0, LABEL\_1)" in card
    assert "## Results\n\nNot measured.\n" in card
    assert "Speed: not measured." in card
    assert "Leaks and duplicates: not measured (`glove-lstm evaluate --leaks`)." in card
    assert "The word vectors come from the checkpoint where training started." in card
    assert "REAL" not in card
    metadata = ModelCard(card).data.to_dict()
    for unknown in ("widget", "model-index", "model_name", "metrics", "datasets"):
        assert unknown not in metadata


def test_name_license_and_description_of_the_data(folder):
    texts = {
        "name": "my-news",
        "license": "mit",
        "data_description": "News of {{ 1 + 1 }} towns.",
        "results_note": "Towns differ.",
    }
    save(folder, {**METRICS, "card": texts})
    card = render_card(folder)
    assert "# my-news\n" in card
    assert "News of {{ 1 + 1 }} towns." in card
    assert card.index("## Results") < card.index("Towns differ.") < card.index("<details>")
    assert ModelCard(card).data.license == "mit"


def test_the_name_of_a_file_is_no_dataset(folder):
    for data in ("train liar-detection.csv", "user/liar-detection"):
        facts = facts_of(folder, data=data)
        assert facts.known_leaks.startswith("Leaks and duplicates: not measured")
        assert "wang2017liar" not in facts.bibtex


def test_validation_texts_of_unseen_sources(folder):
    measures = {"rows": 20, "accuracy": 0.5, "balanced_accuracy": 0.6123, "roc_auc": 0.7123}
    sources = {"mine": measures, "mine/Out | let": {"rows": 20, "accuracy": 0.25}}
    metrics = {
        **METRICS,
        "validation": {**MEASURES, "by_source": sources},
        "test": {**MEASURES, "ece": 0.3},
    }
    rows = {"train": 8000, "validation": 1200, "all": 9200}
    facts = facts_of(folder, metrics, validation_by="source", rows=rows)
    assert facts.sources_title == "Sources unseen by the first model"
    assert "| mine | 20 | 0.5000 | 0.6123 | 0.7123 |" in facts.sources
    assert "| mine/Out \\| let | 20 | 0.2500 | lacks a label |  |" in facts.sources
    assert "this model was trained on 9,200 texts" in facts.procedure
    assert "\n| test | 1,200 |" in facts.results
    assert "| validation" not in facts.results
    assert "\n| validation (sources unseen by the first model) |" in facts.more_measures
    assert "validation texts on: test, recovery." in facts.calibration
    assert "On the validation texts, with the first model:" in facts.calibration
    splits = {result.dataset_split for result in eval_results(facts)}
    assert splits == {"test", None}  # the validation texts measured another model


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"fine_tuned_from": "a/b", "known_before": 7}, "knew 7 of these texts"),
        ({"fine_tuned_from": "a/b"}, "may have known some of these texts"),
        ({"best_step": None}, "They also chose the calibration,"),
        ({"ngram_weight": 1.5}, "chose the epoch, C of the n-gram classifier and the calibration,"),
        ({"rows": {"train": 1, "validation": 1, "all": 2}}, "texts with a first model, which did"),
    ],
)
def test_what_validation_texts_tell(folder, about, sentence):
    assert sentence in facts_of(folder, **about).results


@pytest.mark.parametrize(
    ("seen", "origin", "sentence"),
    [
        ({"seen": 0}, "a/b", "the training did not use them."),
        ({"seen": 7}, "", "the training used 7 of them, so the figures are too good."),
        ({}, "a/b", "the checkpoint where training started may have used some of them."),
    ],
)
def test_what_is_known_of_test_texts(folder, seen, origin, sentence):
    metrics = {"test": {**MEASURES, **seen}}
    assert sentence in facts_of(folder, metrics, fine_tuned_from=origin).results


def test_calibration_of_ngrams_and_of_no_texts(folder):
    config = {**CONFIG, "lstm_length": 128, "ngram_buckets": 1024, "character_buckets": 64}
    facts = facts_of(folder, config=config, ngram_weight=1.5, shrinkage=8.0)
    assert facts.lstm_length == "128"
    assert ", and a linear classifier of hashed n-grams." in facts.network
    for part in ("times 1.500", "scaled by 128 / tokens", "n / (n + 8)"):
        assert part in facts.calibration
    assert "(not fitted)" in facts_of(folder, {"test": MEASURES}).calibration


def test_altered_texts(folder):
    names = ("clean", "typos", "dropped_words", "no_case", "upper_case", "no_punctuation")
    robustness = dict.fromkeys((*names, "first_10_words", "first_50_words"), LINEAR)
    facts = facts_of(folder, {**METRICS, "robustness": robustness})
    assert "| as they are | 0.8500 | 0.8000-0.9000 |" in facts.robustness
    assert "| 10 % of letters mistyped | 0.8500 |" in facts.robustness
    assert "Robustness to typing errors" not in render_card(folder)


def test_teachers(folder):
    teacher = {"name": "a/bert", "license": "mit", "revision": "abc", "weight": 0.75}
    distillation = {
        "teachers": [teacher, {"name": "mine", "weight": 0.2}],
        "weight_of_labelled_model": 0.05,
        "texts": 3000,
        "copies": 1000,
        "unlabelled": 500,
        "held_out": 100,
        "agreement": 0.93,
    }
    facts = facts_of(folder, {"about": ABOUT}, distillation=distillation)
    for part in (
        "| `a/bert` (mit, revision `abc`) | 0.75 |",
        "| `mine` (licence unknown) | 0.20 |",
        "on 3,000 texts",
        "with the weight 0.05",
        "give 93.0% of 100 held-out texts the same label",
        "calibrated to the teachers' scores",
    ):
        assert part in facts.teachers
    assert "## Teachers" in render_card(folder)


def test_several_labels(folder):
    by_label = {"FAKE": {"threshold": 0.4}, "REAL": {"threshold": 0.5}}
    measures = {**MEASURES, "micro_f1": 0.85, "by_label": by_label}
    for missing in ("precision", "recall", "mcc", "roc_auc", "coverage"):
        del measures[missing]
    facts = facts_of(folder, {"validation": measures})
    assert "Macro F1 0.9000, micro F1 0.8500." in facts.results
    assert "reaches its threshold: FAKE 0.4000, REAL 0.5000." in facts.results
    assert "| validation |  | 0.9000 |  |  |  | 0.0123 | 0.1000 |" in facts.more_measures


def test_plots_that_are_there(folder):
    assert facts_of(folder).thumbnail == ""
    (folder / "plots").mkdir()
    for name in ("confusion", "curves", "thumbnail", "other"):
        (folder / "plots" / f"{name}.png").touch()
    facts = facts_of(folder)
    assert facts.plots.index("(plots/curves.png)") < facts.plots.index("(plots/confusion.png)")
    assert facts.plots.count("![") == 2
    assert facts.thumbnail.endswith("(plots/thumbnail.png)")
    # The Hub needs an address.
    address = f"https://huggingface.co/{REPO}/resolve/main/plots/thumbnail.png"
    assert yaml.safe_load(facts.metadata)["thumbnail"] == address


def eval_results(facts):
    return ModelCard(f"---\n{facts.metadata}\n---\n").data.eval_results


def test_metadata(folder):
    values = yaml.safe_load(facts_of(folder).metadata)
    assert values["tags"] == ["glove", "lstm", "fake-news", "custom_code"]
    assert "datasets" not in values
    undefined = {**METRICS, "validation": {**MEASURES, "roc_auc": None}}
    facts = facts_of(folder, undefined)
    assert "| 0.6000 | not defined | 0.0123 |" in facts.more_measures
    results = {}
    for result in eval_results(facts):
        results[result.dataset_name, result.metric_type] = result.metric_value
    assert len(results) == 11
    assert results["fake_or_real_news (default)", "accuracy"] == 0.9123
    assert results["recovery", "matthews_correlation"] == 0.6


def test_the_page_shows_examples_with_their_scores(folder):
    first, *others = yaml.safe_load(facts_of(folder).metadata)["widget"]
    assert first == {
        "example_title": "In the style of a news agency",
        "text": "Senate passes budget bill after late-night vote",
        "output": [{"label": "REAL", "score": 0.75}, {"label": "FAKE", "score": 0.25}],
    }
    assert [example["text"] for example in (first, *others)] == list(WIDGET)


@pytest.mark.parametrize(
    ("data", "kind", "name"),
    [
        ("user/data (article)", "user/data", "user/data (article)"),
        (
            "fake_or_real_news (default) from mine.csv",
            "fake_or_real_news",
            "fake_or_real_news (default)",
        ),
        ("liar (two) from train.tsv", "ucsbnlp/liar", "liar (two)"),
        ("mine.csv, isot.csv.gz", "unknown", "Unknown"),
        ("./my-folder", "unknown", "Unknown"),
        ("liar, ISOT and others", "unknown", "liar, ISOT and others"),
        ("familiar", "familiar", "familiar"),
    ],
)
def test_the_hub_knows_the_names_of_datasets(folder, data, kind, name):
    facts = facts_of(folder, data=data, fine_tuned_from="someone/else")
    values = yaml.safe_load(facts.metadata)
    assert values["base_model"] == "someone/else"
    own, other = values["model-index"][0]["results"]
    assert own["dataset"] == {"name": name, "type": kind, "split": "validation"}
    assert other["dataset"] == {"name": "recovery", "type": "recovery"}
    assert own["source"]["url"] == f"https://huggingface.co/{REPO}/blob/main/metrics.json"
    # The training used a dataset of the Hub only if it was loaded by its id.
    datasets = []
    if data.startswith("user/"):
        datasets = ["user/data"]
    assert values.get("datasets", []) == datasets


def test_an_edited_card_is_told_from_a_rendered_one(folder):
    write_card(folder)
    card = (folder / "README.md").read_text()
    assert is_rendered(card)
    for edited in (
        card.replace("license: unknown", "license: mit"),
        card + "Thanks to friends.\n",
        card.partition("<!--")[0],
        "",
    ):
        assert not is_rendered(edited)


def test_the_card_of_the_shipped_checkpoint():
    hub = ROOT / "hub"
    card = (hub / "README.md").read_text(encoding="utf-8")
    assert card == render_card(hub, "user/glove-lstm-fake-news"), "run `make hub-code`"
    facts = CardFacts.of(hub, REPO)
    for section in (facts.sources, facts.calibration, facts.robustness):
        assert "|---|" in section
    for data in ("test", "recovery", "liar (two labels)", "veritas"):
        assert f"\n| {data} |" in facts.results
        assert f"\n| {data} |" in facts.baselines
    assert "licence or terms stated there" in facts.data
    # The Hub makes a tag of the model from each link to arXiv, and these papers are about other things.
    assert "arxiv" not in card.lower()
