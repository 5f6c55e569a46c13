"""glove-lstm train: what it writes, and what its arguments do; test_mistakes.py has what it refuses."""

import json

import numpy as np
import pytest
from nltk.corpus.reader import WordListCorpusReader
from nltk.corpus.util import LazyCorpusLoader
from safetensors.torch import load_file
from support import (
    QUICK,
    ROOT,
    SMALL,
    Terminal,
    assert_command_names,
    read_csv,
    read_json,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm import GloveLstmClassifier
from glove_lstm.commands import evaluate
from glove_lstm.commands import train as command
from glove_lstm.modeling.configuration_glove_lstm import UNCALIBRATED
from glove_lstm.tables.load import load_splits


def train(*args):
    """In this process; without SMALL, which a fine-tuned model does not need."""
    return succeed(command.main, *QUICK, *args)


def file_names(folder):
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_checkpoint_has_all_files(trained):
    code = {path.name for path in (ROOT / "hub").glob("*.py")}
    code.remove("handler.py")  # which only a push writes
    data = {"config.json", "tokenizer.json", "tokenizer_config.json", "metrics.json", "README.md"}
    tensors = {"model.safetensors", "light.onnx", "training_texts.safetensors"}
    assert file_names(trained) == code | data | tensors
    plots = {"curves.png", "confusion.png", "reliability.png"}
    assert file_names(trained / "plots") == plots
    for name in plots:
        assert (trained / "plots" / name).stat().st_size > 5_000  # drawn; see `_small_plots`

    metrics = read_json(trained / "metrics.json")
    assert metrics["validation"]["accuracy"] > 0.9  # made-up articles are easy
    assert metrics["validation"]["rows"] == metrics["training"]["validation_texts"] == 32
    config = read_json(trained / "config.json")
    calibration = metrics["training"]["calibration"]
    assert config["temperature"] == calibration["temperature"] != 1.0
    assert config["shrinkage"] == calibration["shrinkage"] >= 0
    assert (config["text_column_names"], config["label_column_name"]) == (
        ["title", "text"],
        "label",
    )


def test_the_checkpoint_names_no_folder_of_this_machine(trained, articles, glove_file):
    local_folders = [trained.parent, articles.parent, glove_file.parent, ROOT]
    for path in [*trained.glob("*.json"), *trained.glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        for folder in local_folders:
            assert str(folder) not in text, path


def test_the_stored_checkpoint_is_what_the_command_makes(trained, exported, articles):
    """If this fails after a change of what the command writes, run `make tiny-checkpoint`."""
    assert file_names(exported) == file_names(trained)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert read_json(exported / name) == read_json(trained / name)

    stored_config = read_json(exported / "config.json")
    config = read_json(trained / "config.json")
    for name in stored_config.keys() | config.keys():
        if name not in (*UNCALIBRATED, "transformers_version"):
            assert stored_config.get(name) == config.get(name), name
    stored_metrics = read_json(exported / "metrics.json")
    metrics = read_json(trained / "metrics.json")
    assert stored_metrics.keys() == metrics.keys()
    assert stored_metrics["training"].keys() == metrics["training"].keys()

    stored_weights = load_file(exported / "model.safetensors")
    weights = load_file(trained / "model.safetensors")
    assert stored_weights.keys() == weights.keys()
    for name, weight in weights.items():
        assert stored_weights[name].shape == weight.shape, name
        assert stored_weights[name].dtype == weight.dtype, name

    texts = load_splits(train_file=articles).splits["train"].texts
    stored_scores = GloveLstmClassifier.from_pretrained(exported).predict_proba(texts)
    scores = GloveLstmClassifier.from_pretrained(trained).predict_proba(texts)
    # Processors and versions of torch round differently, and training adds that up.
    np.testing.assert_allclose(stored_scores, scores, atol=0.1)


@pytest.mark.slow
def test_fine_tuning_on_other_labels_in_separate_files(checkpoint, tmp_path, caplog):
    out = tmp_path / "out"
    files = []
    for seed, split in enumerate(("train", "validation", "test")):
        path = tmp_path / f"{split}.csv"
        write_articles(path, 90, seed=seed, labels=("$_fair^$", "LOUD", "REAL"))
        files += [f"--{split}_file", path]
    words = ["--model_name_or_path", checkpoint, "--num_train_epochs", 1, *files]
    done = train(*words, "--with_baselines", True, "--output_dir", out)
    assert "start anew" in caplog.text  # the checkpoint knows FAKE and REAL
    config = read_json(out / "config.json")
    assert config["id2label"] == {"0": "$_fair^$", "1": "LOUD", "2": "REAL"}
    assert "test: accuracy" in done.stdout
    assert read_json(out / "metrics.json")["baseline"]["test"]["accuracy"] > 0.5


@pytest.mark.slow
def test_article_preset_and_json_file(articles, glove_file, tmp_path, monkeypatch):
    monkeypatch.setattr("nltk.data.path", [str(tmp_path / "nltk")])
    unread = LazyCorpusLoader("stopwords", WordListCorpusReader, r"(?!\.).*")
    monkeypatch.setattr("nltk.corpus.stopwords", unread)  # another test may have read the real ones
    settings = {
        "preset": "article",
        "train_file": str(articles),  # instead of a list
        "glove": str(glove_file),
        "hidden_size": 9,
        "num_train_epochs": 1,
        "use_cpu": True,
        "output_dir": str(tmp_path / "out"),
    }
    run = tmp_path / "run.json"
    run.write_text(json.dumps(settings))
    refused = run_here(command.main, run, "--hidden_size", 7)
    assert_command_names(refused, "nltk.downloader stopwords", "NLTK_DATA")

    stop_words = tmp_path / "nltk" / "corpora" / "stopwords"
    stop_words.mkdir(parents=True)
    (stop_words / "english").write_text("the\nof\nand\ndon't\n", encoding="utf-8")
    succeed(command.main, run, "--hidden_size", 7)
    config = read_json(tmp_path / "out" / "config.json")
    assert config["hidden_size"] == 7  # the command line wins over the file
    assert config["freeze_embeddings"] is True
    vocabulary = read_json(tmp_path / "out" / "tokenizer.json")["model"]["vocab"]
    assert not vocabulary.keys() & {"the", ","}
    assert "council" in vocabulary


def test_a_training_is_of_one_process(articles, glove_file, tmp_path, monkeypatch):
    """torchrun sets the variable."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    words = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out"]
    assert_command_names(run_here(command.main, *words), "one process", "torchrun", "trainer.md")


@pytest.mark.parametrize("kind", ["one label", "several labels"])
def test_figures_are_those_of_evaluate(articles, glove_file, tmp_path, kind):
    """The saved model is measured; two files, one of a name that is not UTF-8, are one corpus."""
    sources = {
        "train": articles,
        "validation": write_articles(tmp_path / "validation.csv", 60, seed=7),
        "test": write_articles(tmp_path / "test.csv", 60, seed=8, labels=("FAKE", *["REAL"] * 11)),
    }
    files = []
    for split, table in sources.items():
        rows = read_csv(table)
        if kind == "several labels":
            table = tmp_path / f"{split}.jsonl"
            for number, row in enumerate(rows):
                row["label"] = [row["label"], *["odd"] * (number % 3 == 1)]
            write_table(table, rows)
        files += [f"--{split}_file", table]
        if split == "train":
            more = write_table(tmp_path / f"more\udcff{table.suffix}", rows[:10])
            files.append(more)
    out = tmp_path / "out"
    words = ["--glove", glove_file, *SMALL, "--num_train_epochs", 1, "--output_dir", out]
    done = train(*files, *words)

    metrics = read_json(out / "metrics.json")
    if kind == "several labels":
        assert f"micro F1 {metrics['test']['micro_f1']:.4f}" in done.stdout
    else:
        assert "--class_weight balanced" in done.stdout  # the test texts are skewed
    assert f"{table.stem}" in metrics["data"]["description"]
    assert "more\ufffd" in metrics["data"]["description"]
    assert metrics["training"]["train_texts"] == 170
    assert metrics["validation"]["rows"] == metrics["test"]["rows"] == 60
    (out / "training_texts.safetensors").unlink()  # else the validation texts count as seen
    names = ["accuracy", "f1", "ece", "brier"]
    names.append("roc_auc" if kind == "one label" else "micro_f1")
    for split in ("validation", "test"):
        report = tmp_path / split
        succeed(evaluate.main, out, *files, "--split", split, "--output_dir", report)
        measured = read_json(report / "eval.json")
        for name in names:
            assert metrics[split][name] == pytest.approx(measured[name], abs=1e-6), (split, name)


# Texts without labels


def taught(files, teacher, glove_file, out):
    """Words of a training of one step."""
    words = ["--teacher", teacher, "--glove", glove_file, *SMALL, "--use_cpu", True]
    return [*files, *words, "--num_train_epochs", 0.01, "--output_dir", out]


def test_unlabelled_files_choose_their_own_columns(
    articles, transformer, glove_file, tmp_path, caplog
):
    rows = [{"headline": f"Council vote number {number}"} for number in range(8)]
    other = write_table(tmp_path / "other.csv", rows)
    files = ["--train_file", articles, "--unlabelled_file", other]
    done = succeed(command.main, *taught(files, transformer, glove_file, tmp_path / "out"))
    assert "%|" not in done.stderr  # bars are for a terminal
    [line] = [line for line in caplog.messages if "without labels" in line]
    assert "headline" in line
    assert "title, text" in line
    metrics = read_json(tmp_path / "out" / "metrics.json")
    assert metrics["training"]["teacher"]["unlabelled"] == 8
    assert metrics["data"]["description"] == "train articles.csv, other.csv (without labels)"
    assert read_json(tmp_path / "out" / "config.json")["text_column_names"] == ["title", "text"]


def test_bars_are_shown_on_a_terminal(articles, transformer, glove_file, tmp_path, monkeypatch):
    """Those of this package and of the Trainer, whose log is on standard output."""
    monkeypatch.setattr("glove_lstm.progress._SECONDS", 0)
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path / "cache"))
    words = taught(["--train_file", articles], transformer, glove_file, tmp_path / "out")
    done = succeed(command.main, *words, errors=Terminal())
    assert "Asking" in done.stderr
    assert "%|" in done.stderr
    assert "'loss'" in done.stdout


# Fine-tuning


def test_a_revision_pins_the_checkpoint_that_is_fine_tuned(checkpoint, articles, tmp_path, hub):
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir() if path.is_file()}
    repo = hub.add_repo("user/start", files)
    pinned = repo.at("main").sha
    repo.commit("main", {**files, "config.json": b"{}"})
    out = tmp_path / "out"
    start = ["--model_name_or_path", "user/start", "--revision", pinned]
    train(*start, "--train_file", articles, "--num_train_epochs", 0.01, "--output_dir", out)
    assert read_json(out / "metrics.json")["training"]["fine_tuned_from"] == "user/start"
