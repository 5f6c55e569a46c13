"""The model card: its facts follow from metrics.json, and a reader sees them."""

import json

import pytest
import yaml
from huggingface_hub import ModelCard
from support import ROOT

from glove_lstm.evaluation.examples import EXAMPLES, WIDGET
from glove_lstm.publishing.card import CardFacts, is_rendered, render_card, write_card

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
        "warmup_steps": None,
        "a_list": ["a", "b"],
    },
    "versions": {"glove_lstm": "0.1.0", "torch": "2.13.0", "transformers": "5.24.0"},
    "parameters": 6204864,
    "speed": {"words": 400, "one_text_ms": 6.41, "texts_per_second": 386.2},
}
BASELINE = {"accuracy": 0.5, "accuracy_interval": [0.4, 0.6]}
METRICS = {
    "validation": MEASURES,
    "about": ABOUT,
    "examples": [
        {"text": text, "style": style, "label": "REAL", "score": 0.75} for text, style in EXAMPLES
    ],
    "other_data": {"recovery": {**MEASURES, "accuracy": 0.7, "recall": 0.65, "ece": 0.2}},
    "baselines": {
        name: {"validation": BASELINE, "recovery": BASELINE} for name in ("majority", "tfidf_svc")
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
A GloVe+LSTM text classifier (FAKE, REAL) of 6,204,864 parameters,
14.3 MB with its tokenizer; a CPU is enough.
GloVe vectors of 100 dimensions (frozen) and word shapes, LSTM of 60 units, max pooling, dense layer of 50.
**A label names the kind of source that a text resembles, not whether its claims are true.**
    "text-classification", model="someone/model", revision=revision, trust_remote_code=True
LightClassifier.from_pretrained("someone/model")
Texts are truncated to 512 tokens (the beginning is kept)
set `learning_rate=0.005`
Do not use it to decide what is true
The texts: fake_or_real_news (default) from mine.csv.
Known leaks and duplicates of fake_or_real_news:
- A label names the source of an article; nobody checked its claims.
Preset `default` of glove-lstm 0.1.0 (transformers 5.24.0, torch 2.13.0), 4 epochs. Texts: 8,000 train, 1,200
| max_seq_length | 512 |
| learning_rate | 0.005 |
| warmup_steps | None |
| a_list | a, b |
1,200 validation texts. They also chose the epoch and the calibration, so the figures are optimistic.
| this model | 0.9123 | 0.9000-0.9250 |
| majority class of the training texts | 0.5000 | 0.4000-0.6000 |
| TF-IDF of lower-cased words, 1-2-grams, linear SVC | 0.5000 | 0.4000-0.6000 |
| majority class of these texts | 0.5000 |  |
Macro F1 0.9000, precision 0.8000, recall 0.7000, Matthews correlation 0.6000, ROC AUC 0.9500.
Logits are divided by a temperature of 1.250 (fitted on the validation texts).
| validation | 0.0123 | 0.1000 |
Calibration is worse than on the validation texts on: recovery.
| 0.0000 | 100.0% | 0.9123 |
| 0.8415 | 90.0% | 0.9511 |
On other data, these figures differ (`coverage` in metrics.json).
| recovery | 1,200 | 0.7000 | 0.9000-0.9250 | 0.6500 | 0.9500 | 0.2000 | 0.5000 |
| recovery | TF-IDF of lower-cased words, 1-2-grams, linear SVC | 0.5000 |
Of 12 invented titles, 6 are labelled wrongly.
| Senate passes budget bill after late-night vote | REAL | REAL | 0.75 |  |
| Doctors stunned: kitchen spice cures cancer overnight | FAKE | REAL | 0.75 | error |
A text of 400 words takes 6.4 ms from string to label; batches of 32 such texts reach 386 texts a second (PyTorch,
Training the LSTM took 61 s (2 CPU threads), preparing the texts 3 s. Energy and emissions: not measured.
- A label names the kind of source, not the truth.
- Robustness to typing errors, rewriting, translation and texts written by a machine: not measured.
The word vectors are `glove.6B.100d.txt`. Stanford's vectors are under the Public Domain Dedication and License.
@inproceedings{pennington2014glove,
@misc{mcintire_fake_or_real_news,
""".strip().splitlines()


@pytest.fixture
def folder(tmp_path):
    """A folder with the metrics above."""
    (tmp_path / "model.safetensors").write_bytes(b"0" * 14_299_000)
    return save(tmp_path, METRICS)


def save(folder, metrics, config=CONFIG):
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def facts_of(folder, metrics=METRICS, config=CONFIG, **about):
    """The facts of metrics, some of whose `about` is changed."""
    return CardFacts.of(save(folder, {**metrics, "about": {**ABOUT, **about}}, config), REPO)


def test_a_reader_sees_all_figures(folder):
    card = render_card(folder, REPO)
    position = 0
    for line in LINES:
        assert line in card[position:], line
        position = card.index(line, position)
    assert "{%" not in card
    assert "\n\n\n" not in card


def test_nothing_measured(folder):
    about = {name: value for name, value in ABOUT.items() if name not in ("speed", "glove")}
    labels = {"0": "good", "1": "bad", "2": "so so"}
    save(folder, {"about": {**about, "data": "mine.csv"}}, {**CONFIG, "id2label": labels})
    card = render_card(folder)
    for heading in (
        *("Results", "Calibration", "Results on other data", "Examples and errors", "Speed"),
    ):
        assert f"## {heading}\n\nNot measured.\n" in card
    assert "Leaks and duplicates: not measured (`glove-lstm evaluate --leaks`)." in card
    assert "The word vectors come from the checkpoint where training started." in card
    assert "REAL" not in card
    assert not {"widget", "model-index"} & set(ModelCard(card).data.to_dict())


def test_labels_without_names(folder):
    assert facts_of(folder, config={**CONFIG, "id2label": None}).labels == "LABEL_0, LABEL_1"


def test_name_license_and_description_of_the_data(folder):
    texts = {"name": "my-news", "license": "mit", "data_description": "News of {{ 1 + 1 }} towns."}
    save(folder, {**METRICS, "card": texts})
    card = render_card(folder)
    assert "# my-news\n" in card
    assert "News of {{ 1 + 1 }} towns." in card
    assert ModelCard(card).data.license == "mit"


def test_the_name_of_a_file_is_no_dataset(folder):
    for data in ("train liar-detection.csv", "user/liar-detection"):
        facts = facts_of(folder, data=data)
        assert facts.known_leaks.startswith("Leaks and duplicates: not measured")
        assert "wang2017liar" not in facts.bibtex


def test_validation_texts_of_unseen_sources(folder):
    measures = {"rows": 20, "accuracy": 0.5, "balanced_accuracy": 0.6123, "roc_auc": 0.7123}
    sources = {"mine": measures, "mine/Out | let": {"rows": 20, "accuracy": 0.25}}
    unseen = {**MEASURES, "by_source": sources}
    test = {**MEASURES, "seen": 3, "ece": 0.3}
    rows = {"train": 8000, "validation": 1200, "all": 9200}
    metrics = {**METRICS, "validation": unseen, "test": test}
    facts = facts_of(folder, metrics, validation_by="source", rows=rows)
    assert facts.sources_title == "Sources unseen by the first model"
    assert list(map(list, facts.sources.rows)) == [
        ["mine", "20", "0.5000", "0.6123", "0.7123"],
        ["mine/Out \\| let", "20", "0.2500", "one label", ""],
    ]
    assert "this model was trained on 9,200 texts" in facts.procedure
    assert facts.results.text == (
        "Measured on 1,200 test texts, of which the training used 3, so the figures are too good."
    )
    names = [row[0] for row in facts.calibration.rows]
    assert names == ["validation (sources unseen by the first model)", "test"]
    assert facts.calibration.remarks.endswith("on: the test texts, recovery.")
    assert "On the validation texts, with the first model" in facts.coverage.text
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
    assert sentence in facts_of(folder, **about).results.text


def test_calibration_of_ngrams_and_of_no_texts(folder):
    config = {**CONFIG, "lstm_length": 128, "ngram_buckets": 1024, "character_buckets": 64}
    facts = facts_of(folder, config=config, ngram_weight=1.5, shrinkage=8.0)
    assert facts.lstm_length == "128"
    assert ", and a linear classifier of hashed n-grams." in facts.network
    for part in ("times 1.500", "scaled by 128 / tokens", "n / (n + 8)"):
        assert part in facts.calibration.text
    test_only = {"test": MEASURES, "about": ABOUT}
    assert "(not fitted)" in facts_of(folder, test_only).calibration.text


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
    assert list(facts.teachers.rows) == [
        ("`a/bert` (mit, revision `abc`)", "0.75"),
        ("`mine` (licence unknown)", "0.20"),
    ]
    assert "on 3,000 texts" in facts.teachers.text
    assert "with the weight 0.05" in facts.teachers.text
    assert "give 93.0% of 100 held-out texts the same label" in facts.teachers.remarks
    assert "calibrated to the teachers' scores" in facts.teachers.remarks
    assert "## Teachers" in render_card(folder)


def test_several_labels(folder):
    by_label = {"FAKE": {"threshold": 0.4}, "REAL": {"threshold": 0.5}}
    measures = {**MEASURES, "micro_f1": 0.85, "by_label": by_label}
    remarks = facts_of(folder, {"validation": measures}).results.remarks
    assert "Macro F1 0.9000, micro F1 0.8500." in remarks
    assert "reaches its threshold: FAKE 0.4000, REAL 0.5000." in remarks


def test_plots_that_are_there(folder):
    (folder / "plots").mkdir()
    for name in ("confusion", "curves", "other"):
        (folder / "plots" / f"{name}.png").touch()
    assert [file for file, _ in facts_of(folder).plots] == ["curves.png", "confusion.png"]


def eval_results(facts):
    return ModelCard(f"---\n{facts.metadata}\n---\n").data.eval_results


def test_metadata(folder):
    values = yaml.safe_load(facts_of(folder).metadata)
    assert values["tags"] == ["glove", "lstm", "fake-news", "custom_code"]
    assert [example["text"] for example in values["widget"]] == [text for _, text in WIDGET]
    undefined = {**METRICS, "validation": {**MEASURES, "roc_auc": None}}
    facts = facts_of(folder, undefined)
    assert "ROC AUC not defined." in facts.results.remarks
    results = {
        (result.dataset_name, result.metric_type): result.metric_value
        for result in eval_results(facts)
    }
    assert len(results) == 11
    assert results["fake_or_real_news (default)", "accuracy"] == 0.9123
    assert results["recovery", "matthews_correlation"] == 0.6


@pytest.mark.parametrize(
    ("data", "kind", "name"),
    [
        ("user/data (article)", "user/data", "user/data (article)"),
        ("fake_or_real_news (default) from mine.csv", "fake_or_real_news", "fake_or_real_news (default)"),
        ("liar (two) from train.tsv", "ucsbnlp/liar", "liar (two)"),
        ("mine.csv, isot.csv.gz", "unknown", "Unknown"),
        ("liar, ISOT and others", "liar-isot-and-others", "liar, ISOT and others"),
        ("familiar", "familiar", "familiar"),
    ],
)  # fmt: skip
def test_the_hub_knows_the_names_of_datasets(folder, data, kind, name):
    facts = facts_of(folder, data=data, fine_tuned_from="someone/else")
    values = yaml.safe_load(facts.metadata)
    assert values["base_model"] == "someone/else"
    assert values.get("datasets", []) == ([kind] if "/" in kind else [])
    own, other = values["model-index"][0]["results"]
    assert own["dataset"] == {"name": name, "type": kind, "split": "validation"}
    assert other["dataset"] == {"name": "recovery", "type": "recovery"}
    assert own["source"]["url"] == f"https://huggingface.co/{REPO}/blob/main/metrics.json"


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
    facts = CardFacts.of(hub)
    for section in (facts.results, facts.sources, facts.calibration, facts.coverage):
        assert section.rows
    assert facts.other_data
    assert facts.other_baselines
    assert "licence or terms stated there" in facts.data
    assert facts.robustness
