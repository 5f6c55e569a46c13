"""glove-lstm train: what it writes, what its arguments do, what it says of mistakes."""

import json
import re
import subprocess
import sys
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import torch
from nltk.corpus.reader import WordListCorpusReader
from nltk.corpus.util import LazyCorpusLoader
from safetensors.torch import load_file
from support import (
    QUICK,
    ROOT,
    SMALL,
    assert_refused,
    read_csv,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm import GloveLstmClassifier
from glove_lstm.commands import evaluate
from glove_lstm.commands import train as command
from glove_lstm.data.load import load_splits
from glove_lstm.errors import DataError
from glove_lstm.modeling.configuration_glove_lstm import UNCALIBRATED


def train(*args: object) -> subprocess.CompletedProcess[str]:
    """In this process; without SMALL, which a fine-tuned model does not need."""
    return succeed(command.main, *QUICK, *args)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def file_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_checkpoint_has_all_files(trained: Path) -> None:
    code = {path.name for path in (ROOT / "hub").glob("*.py")}
    code.remove("handler.py")  # which only a push writes
    data = {"config.json", "tokenizer.json", "tokenizer_config.json", "metrics.json", "README.md"}
    tensors = {"model.safetensors", "training_texts.safetensors"}
    assert file_names(trained) == code | data | tensors
    plots = {"curves.png", "confusion.png", "reliability.png"}
    assert file_names(trained / "plots") == plots


def test_the_checkpoint_has_learned_and_is_measured(trained: Path) -> None:
    metrics = read(trained / "metrics.json")
    measured = metrics["validation"]
    assert measured["accuracy"] > 0.9  # made-up articles are easy
    low, high = measured["accuracy_interval"]
    assert low <= measured["accuracy"] <= high
    about = metrics["about"]
    assert measured["rows"] == about["rows"]["validation"] == 16
    assert about["ngram_c"] == 1  # below 100 validation texts none is chosen

    config = read(trained / "config.json")
    assert config["temperature"] == about["temperature"] != 1.0
    assert config["shrinkage"] == about["shrinkage"] >= 0
    tables = load_file(trained / "model.safetensors")
    assert tables["ngrams.weights"].dtype == torch.float16


def test_the_checkpoint_names_no_folder_of_this_machine(
    trained: Path, articles: Path, glove_file: Path
) -> None:
    local_folders = [trained.parent, articles.parent, glove_file.parent, ROOT]
    for path in [*trained.glob("*.json"), *trained.glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        for folder in local_folders:
            assert str(folder) not in text, path


def test_the_stored_checkpoint_is_what_the_command_makes(
    trained: Path, checkpoint: Path, articles: Path
) -> None:
    """If this fails after a change of what the command writes, run `make tiny-checkpoint`."""
    assert file_names(checkpoint) == file_names(trained)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert read(checkpoint / name) == read(trained / name)

    stored_config = read(checkpoint / "config.json")
    config = read(trained / "config.json")
    for name in stored_config.keys() | config.keys():
        if name not in (*UNCALIBRATED, "transformers_version"):
            assert stored_config.get(name) == config.get(name), name
    stored_metrics = read(checkpoint / "metrics.json")
    metrics = read(trained / "metrics.json")
    assert stored_metrics.keys() == metrics.keys()
    assert stored_metrics["about"].keys() == metrics["about"].keys()

    stored_weights = load_file(checkpoint / "model.safetensors")
    weights = load_file(trained / "model.safetensors")
    assert stored_weights.keys() == weights.keys()
    for name, weight in weights.items():
        assert stored_weights[name].shape == weight.shape, name
        assert stored_weights[name].dtype == weight.dtype, name

    texts = load_splits(train_file=articles).splits["train"].texts
    stored_scores = GloveLstmClassifier.from_pretrained(checkpoint).predict_proba(texts)
    scores = GloveLstmClassifier.from_pretrained(trained).predict_proba(texts)
    # Processors and versions of torch round differently, and training adds that up.
    np.testing.assert_allclose(stored_scores, scores, atol=0.1)


@pytest.mark.slow
def test_fine_tuning_on_other_labels_in_separate_files(
    checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    files = []
    for seed, split in enumerate(("train", "validation", "test")):
        path = tmp_path / f"{split}.csv"
        write_articles(path, 90, seed=seed, labels=("fair", "LOUD", "REAL"))
        files += [f"--{split}_file", path]
    words = ["--model_name_or_path", checkpoint, "--num_train_epochs", 1, *files]
    done = train(*words, "--with_baselines", True, "--output_dir", out)
    assert "start anew" in caplog.text  # the checkpoint knows FAKE and REAL
    config = read(out / "config.json")
    assert config["id2label"] == {"0": "LOUD", "1": "REAL", "2": "fair"}
    assert "test: accuracy" in done.stdout
    baselines = read(out / "metrics.json")["baselines"]
    assert set(baselines) == {"majority", "tfidf_svc", "tfidf_svc_cased", "tfidf_svc_cased_chars"}
    assert baselines["majority"]["test"]["accuracy"] == pytest.approx(1 / 3)
    assert baselines["tfidf_svc_cased"]["test"]["accuracy"] > 0.5


def test_rows_of_a_group_are_all_held_out_or_none(
    articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    """Each article is alone in its group, or all are in one, which cannot be divided."""
    rows = read_csv(articles)
    words = ["--glove", glove_file, *SMALL, "--group_column_name", "site", "--max_steps", 1]
    for sites in (160, 1):
        grouped = [row | {"site": f"site{number % sites}.org"} for number, row in enumerate(rows)]
        table = write_table(tmp_path / f"{sites}.csv", grouped)
        command_line = ["--train_file", table, *words, "--output_dir", tmp_path / str(sites)]
        done = run_here(command.main, *QUICK, *command_line)
        if sites == 1:
            assert_refused(done, "too few distinct texts")
        else:
            assert read(tmp_path / "160" / "metrics.json")["validation"]["rows"] == 16


def test_several_files_are_one_corpus(glove_file: Path, tmp_path: Path) -> None:
    first = write_articles(tmp_path / "first.csv", 120, 1)
    second = write_articles(tmp_path / "second\udcff.csv", 80, 2)  # not UTF-8
    words = ["--train_file", first, second, "--glove", glove_file, *SMALL]
    done = train(*words, "--class_weight", "balanced", "--output_dir", tmp_path / "out")
    assert "validation: accuracy" in done.stdout
    about = read(tmp_path / "out" / "metrics.json")["about"]
    assert about["data"] == "train first.csv + second\ufffd.csv"
    assert about["rows"] == {"train": 180, "validation": 20}
    assert about["class_weight"] == {"FAKE": 1, "REAL": 1}


@pytest.mark.slow
def test_article_preset_and_json_file(
    articles: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nltk.data.path", [str(tmp_path / "nltk")])
    unread = LazyCorpusLoader("stopwords", WordListCorpusReader, r"(?!\.).*")
    monkeypatch.setattr("nltk.corpus.stopwords", unread)  # another test may have read the real ones
    settings = {
        "preset": "article",
        "train_file": str(articles),
        "glove": str(glove_file),
        "hidden_size": 9,
        "num_train_epochs": 1,
        "use_cpu": True,
        "output_dir": str(tmp_path / "out"),
    }
    run = tmp_path / "run.json"
    run.write_text(json.dumps(settings))
    refused = run_here(command.main, run, "--hidden_size", 7)
    assert_refused(refused, "nltk.downloader stopwords", "NLTK_DATA")

    stop_words = tmp_path / "nltk" / "corpora" / "stopwords"
    stop_words.mkdir(parents=True)
    (stop_words / "english").write_text("the\nof\nand\ndon't\n", encoding="utf-8")
    succeed(command.main, run, "--hidden_size", 7)
    config = read(tmp_path / "out" / "config.json")
    assert config["hidden_size"] == 7  # the command line wins over the file
    assert config["freeze_embeddings"] is True
    vocabulary = read(tmp_path / "out" / "tokenizer.json")["model"]["vocab"]
    assert not vocabulary.keys() & {"the", ","}
    assert "council" in vocabulary


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teacher": ["a", "b"]}, "teacher must be a string, not ['a', 'b']"),
        ({"train_file": ["a", 5]}, "train_file must be a string or a list of strings"),
        ({"class_weight": {"FAKE": 2}}, "class_weight must be a string, not {'FAKE': 2}"),
    ],
)
def test_values_of_another_type_in_a_json_file(
    settings: dict, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**settings, "output_dir": str(tmp_path)}))
    with pytest.raises(DataError, match=re.escape(message)):
        command.parse([str(path)])


def test_a_json_file_may_give_one_value_instead_of_a_list(tmp_path: Path) -> None:
    settings = {"train_file": "a.csv", "unlabelled_file": "b.csv", "teacher": "user/model"}
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**settings, "output_dir": str(tmp_path)}))
    arguments, _ = command.parse([str(path)])
    assert arguments.train_file == ["a.csv"]
    assert arguments.unlabelled_file == ["b.csv"]
    assert arguments.teacher == "user/model"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--train_file nowhere.csv {GLOVE}", "nowhere.csv"),
        ("{DATA} --glove 7B.10d", "7B.10d"),
        ("{GIVEN} --preset best", "preset must be one of"),
        (
            "{GIVEN} --corrupted_share nan",
            "corrupted_share must be a number at least 0 and at most 1, not nan.",
        ),
        ("{GIVEN} --num_train_epochs 0", "num_train_epochs must be a number above 0, not 0.0."),
        (
            "{GIVEN} --embedding_learning_rate -1",
            "embedding_learning_rate must be a number at least 0",
        ),
        ("{GIVEN} --seed 4294967296", "seed must be a whole number"),
        ("{GIVEN} --max_seq_length 0", "max_seq_length must be a number at least 1, not 0."),
        ("{GIVEN} --torch_compile True", "torch_compile must be left out"),
        ("{GIVEN} --hidden_size 100000000", "hidden_size"),
        ("{GIVEN} --learning_rate 1000 --max_steps 9", "diverged"),
        ("{GIVEN} --refit False", "There is no argument --refit"),
        ("{GIVEN} --group_column_name site", "site"),
        ("{GIVEN} --class_weight even", "give balanced, or a JSON file"),
        ("{GIVEN} --validation_fraction 0 --load_best_model_at_end True", "need validation texts"),
        ("{GIVEN} --save_strategy best", "`args.metric_for_best_model` must be provided"),
        (
            "{GIVEN} --save_strategy best --metric_for_best_model worth --max_steps 1",
            "to 'eval_worth'",
        ),
        ("{GIVEN} --pres article", "There is no argument --pres; did you mean --preset?"),
        ("{GIVEN} --model-name-or-path {CHECKPOINT}", "With model_name_or_path, leave glove out"),
        ("{DATA} --model_name_or_path {CHECKPOINT} --dropout 1.5", "dropout must be a number"),
        ("{DATA} --model_name_or_path {HERE}/none", "none could not be loaded"),
        ("{DATA} {DATA} {GLOVE}", "--train_file is given twice"),
        ("nothing.json", "nothing.json cannot be read"),
        ("{HERE}/list.json", "list.json holds no JSON object"),
    ],
)
def test_mistakes(
    articles: Path, glove_file: Path, checkpoint: Path, tmp_path: Path, arguments: str, message: str
) -> None:
    (tmp_path / "list.json").write_text("[]")
    data = f"--train_file {articles}"
    glove = f"--glove {glove_file}"
    replacements = {"DATA": data, "GLOVE": glove, "GIVEN": f"{data} {glove}"}
    replacements |= {"CHECKPOINT": str(checkpoint), "HERE": str(tmp_path)}
    words = arguments.format(**replacements).split()
    out = tmp_path / "never"
    words += ["--output_dir", str(out), "--use_cpu", "True", "--disable_tqdm", "True"]
    done = run_here(command.main, *words)
    assert_refused(done, "error: ", message)
    assert not (out / "model.safetensors").exists()


@pytest.mark.slow
def test_two_processes_share_the_steps(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    """As docs/howto/remote_machines.md has it, without --use_cpu."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = [sys.executable, *launch, ROOT / "scripts" / "train.py", *SMALL]
    words += ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path]
    words += ["--per_device_train_batch_size", "16", "--num_train_epochs", "1"]
    words += ["--disable_tqdm", "True", "--save_strategy", "epoch"]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr

    [state] = tmp_path.glob("checkpoint-*/trainer_state.json")
    rows = read(tmp_path / "metrics.json")["about"]["rows"]["train"]
    texts_of_step = 2 * 16
    assert read(state)["global_step"] == ceil(rows / texts_of_step)
    assert load_file(tmp_path / "model.safetensors")["ngrams.weights"].any()


def test_figures_of_bf16_training_are_measured_on_the_saved_model(
    articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    validation = write_articles(tmp_path / "validation.csv", 60, seed=7)
    test = write_articles(tmp_path / "test.csv", 60, seed=8)
    files = ["--train_file", articles, "--validation_file", validation, "--test_file", test]
    words = ["--glove", glove_file, "--bf16", "True", *SMALL]
    train(*files, *words, "--output_dir", out)

    metrics = read(out / "metrics.json")
    (out / "training_texts.safetensors").unlink()  # else the validation texts count as seen
    for split in ("validation", "test"):
        report = tmp_path / split
        succeed(evaluate.main, out, *files, "--split", split, "--output_dir", report)
        measured = read(report / "eval.json")
        for name in ("accuracy", "ece", "brier", "roc_auc"):
            assert metrics[split][name] == pytest.approx(measured[name], abs=1e-6), (split, name)
