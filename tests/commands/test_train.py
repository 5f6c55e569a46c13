"""glove-lstm train: what it writes, what its arguments do, what it says of mistakes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support import (
    QUICK,
    ROOT,
    SHARED,
    SMALL,
    assert_refused,
    make_article,
    run_here,
    run_script,
    write_articles,
)

from glove_lstm.app.checkpoint import AppCheckpoint
from glove_lstm.commands import train as command
from glove_lstm.training.word_vectors import character_ngram_rows

FILES = {
    "README.md",
    "config.json",
    "configuration_glove_lstm.py",
    "metrics.json",
    "model.safetensors",
    "modeling_glove_lstm.py",
    "lstm_layers.py",
    "ngram_classifier.py",
    "pretrained_glove_lstm.py",
    "spelling.py",
    "tokenization_glove_lstm.py",
    "tokenizer.json",
    "tokenizer_config.json",
    "training_texts.safetensors",
    "word_shapes.py",
}
TABLES = ("bias", "word_weights", "opening_weights", "character_weights", "shape_weights")


def train(*args: object) -> subprocess.CompletedProcess[str]:
    """In this process; without SMALL, which a fine-tuned model does not need."""
    done = run_here(command.main, *QUICK, *args)
    assert done.returncode == 0, done.stderr
    return done


def start(*args: object) -> subprocess.Popen[str]:
    words = [sys.executable, ROOT / "scripts" / "train.py", *SMALL, *QUICK, *args]
    return subprocess.Popen(
        [*map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
        # A shell starts background jobs, and so perhaps this test, with the signal ignored; a terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for(process: subprocess.Popen[str], state: Path) -> None:
    """Wait until the last file of a checkpoint is written."""
    deadline = time.monotonic() + 300
    while not (state.is_file() and state.read_text().rstrip().endswith("}")):
        assert process.poll() is None, "the run ended before it was stopped"
        assert time.monotonic() < deadline, "the run is too slow"
        time.sleep(0.02)


def weights(folder: Path) -> dict[str, object]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_checkpoint_is_whole_and_learned(checkpoint: Path, articles: Path, glove_file: Path) -> None:
    assert {path.name for path in checkpoint.iterdir() if path.is_file()} == FILES
    plots = {"curves.png", "confusion.png", "reliability.png"}
    assert {path.name for path in (checkpoint / "plots").iterdir()} == plots
    metrics = read(checkpoint / "metrics.json")
    measured = metrics["validation"]
    assert measured["accuracy"] > 0.9  # made-up articles are easy
    low, high = measured["accuracy_interval"]
    assert low <= measured["accuracy"] <= high
    assert measured["rows"] == metrics["about"]["rows"]["validation"] == 16
    assert read(checkpoint / "config.json")["temperature"] == metrics["about"]["temperature"] != 1.0
    for path in [*checkpoint.glob("*.json"), *checkpoint.glob("*.md")]:
        for local in (checkpoint.parent, articles.parent, glove_file.parent, ROOT):
            assert str(local) not in path.read_text(encoding="utf-8"), path


@pytest.mark.slow
def test_killed_and_resumed_ends_as_if_never_interrupted(
    articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    settings = ["--train_file", articles, "--glove", glove_file, "--save_total_limit", 20]
    settings += [
        *["--save_strategy", "steps", "--save_steps", "5", "--eval_strategy", "steps", "--eval_steps", "5"]
    ]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(*SMALL, *settings, "--output_dir", whole)
    process = start(*settings, "--output_dir", cut)
    # 9 steps make an epoch here: step 15 is in the middle of the second.
    wait_for(process, cut / "checkpoint-15" / "trainer_state.json")
    process.kill()
    process.communicate()
    assert not (cut / "model.safetensors").exists()
    for later in cut.glob("checkpoint-*"):
        if int(later.name.split("-")[1]) > 15:
            shutil.rmtree(later)
    train(*SMALL, *settings, "--output_dir", cut, "--resume_from_checkpoint", cut / "checkpoint-15")
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name


def test_refit_changes_the_ngrams_alone_and_nothing_is_claimed_of_it(
    checkpoint: Path, refitted: Path
) -> None:
    once, twice = weights(checkpoint), weights(refitted)
    differ = {name for name in once if not np.array_equal(once[name], twice[name])}
    assert differ == {f"ngrams.{name}" for name in TABLES}
    before, after = (read(path / "metrics.json") for path in (checkpoint, refitted))
    assert after["before_refit"] == before["validation"]
    assert "validation" not in after
    assert after["about"]["temperature"] == before["about"]["temperature"]
    assert {path.name for path in (refitted / "plots").iterdir()} == {"curves.png"}
    card = (refitted / "README.md").read_text()
    assert "score is at least" not in card
    assert "model-index" not in card
    assert AppCheckpoint(checkpoint).threshold[0] > 0
    assert AppCheckpoint(refitted).threshold[0] == 0


def test_duplicates_stay_together_when_the_ngrams_are_cross_fitted(glove_file: Path, tmp_path: Path) -> None:
    """Labels at random, and each text three times: only its duplicates tell a text's label."""
    generator = random.Random(1)
    rows = [(make_article(generator, "REAL", 12)[1], generator.choice(["FAKE", "REAL"])) for _ in range(60)]
    path = tmp_path / "thrice.csv"
    path.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows * 3))
    args = ["--train_file", path, "--glove", glove_file, "--output_dir", tmp_path / "out", "--typo_share", 0]
    train(*SMALL, *args, "--num_train_epochs", 1)
    assert read(tmp_path / "out" / "metrics.json")["about"]["ngram_strength"] == pytest.approx(5e-3)


@pytest.mark.slow
def test_fine_tuning_on_other_labels(
    checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_articles(tmp_path / "three.csv", 90, seed=3, labels=("fair", "LOUD", "REAL"))
    args = ["--model_name_or_path", checkpoint, "--num_train_epochs", 1]
    train(*args, "--train_file", data, "--output_dir", tmp_path / "three", "--character_ngrams", 5,
          "--character_buckets", 100)  # fmt: skip
    assert "starts anew" in caplog.text  # the checkpoint knows FAKE and REAL
    config = read(tmp_path / "three" / "config.json")
    assert config["id2label"] == {"0": "LOUD", "1": "REAL", "2": "fair"}
    # Character n-grams of another number than the checkpoint's are made anew.
    assert config["character_ngrams"] == 5
    vocabulary = read(tmp_path / "three" / "tokenizer.json")["model"]["vocab"]
    held = weights(tmp_path / "three")["ngrams.character_ngrams"].numpy()
    assert np.array_equal(held, character_ngram_rows(vocabulary, 5, 100, specials=["<pad>", "<unk>"]))

    caplog.clear()
    relabelled = write_articles(tmp_path / "two.csv", 60, seed=4, labels=("REAL", "FAKE"))
    args += ["--train_file", relabelled, "--test_file", relabelled, "--output_dir", tmp_path / "two"]
    train(*args, "--with_baselines", True)
    metrics = read(tmp_path / "two" / "metrics.json")
    assert metrics["about"]["rows"] == {"train": 54, "validation": 6, "test": 60}
    # The same texts and numbers as ours.
    assert metrics["baselines"]["tfidf_svc_cased"]["test"]["accuracy"] > 0.9
    assert metrics["about"]["fine_tuned_from"] == checkpoint.name
    assert "starts anew" not in caplog.text
    assert (tmp_path / "two" / "tokenizer.json").read_bytes() == (checkpoint / "tokenizer.json").read_bytes()


@pytest.mark.slow
def test_three_labels_separate_files_and_baselines(glove_file: Path, tmp_path: Path) -> None:
    args: list[object] = ["--glove", glove_file, "--output_dir", tmp_path / "out", "--num_train_epochs", 1]
    for seed, split in enumerate(("train", "validation", "test")):
        path = write_articles(tmp_path / f"{split}.csv", 60, seed=seed, labels=("good", "bad", "other"))
        args += [f"--{split}_file", path]
    done = train(*SMALL, *args, "--with_baselines", True)
    assert "test: accuracy" in done.stdout
    metrics = read(tmp_path / "out" / "metrics.json")
    assert read(tmp_path / "out" / "config.json")["id2label"] == {"0": "bad", "1": "good", "2": "other"}
    assert set(metrics["baselines"]) == {"majority", "tfidf_svc", "tfidf_svc_cased", "tfidf_svc_cased_chars"}
    assert metrics["baselines"]["majority"]["test"]["accuracy"] == pytest.approx(1 / 3)


@pytest.mark.slow
def test_article_preset_and_json_file(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    settings = {"preset": "article", "train_file": str(articles), "glove": str(glove_file), "hidden_size": 9}
    (tmp_path / "run.json").write_text(json.dumps(settings))
    command = ["train", tmp_path / "run.json", "--num_train_epochs", 1, "--hidden_size", 7, "--use_cpu", True]
    command += ["--output_dir", tmp_path / "out"]
    env = {**os.environ, "NLTK_DATA": str(tmp_path / "nltk"), "HOME": str(tmp_path)}
    assert_refused(run_script(*command, env=env), "nltk.downloader stopwords", "NLTK_DATA")
    stop_words = tmp_path / "nltk" / "corpora" / "stopwords"
    stop_words.mkdir(parents=True)
    (stop_words / "english").write_text("the\nof\nand\ndon't\n", encoding="utf-8")
    done = run_script(*command, env=env)
    assert done.returncode == 0, done.stderr
    config = read(tmp_path / "out" / "config.json")
    assert config["hidden_size"] == 7  # the command line wins over the file
    assert config["freeze_embeddings"] is True
    vocabulary = read(tmp_path / "out" / "tokenizer.json")["model"]["vocab"]
    assert not vocabulary.keys() & {"the", ","}
    assert "council" in vocabulary


@pytest.fixture
def files(articles: Path, glove_file: Path, checkpoint: Path, tmp_path: Path) -> dict[str, str]:
    """Names of good and bad files, for the arguments below."""
    texts = {
        "empty.csv": "",
        "bad.txt": "the 0.1 0.2\nof 0.1\n",
        "nan.txt": "the 0.1 0.2\nof 0.1 nan\n",
        "list.json": "[]",
        "no_text.csv": "title,text,label\na,b,FAKE\n,,REAL\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for name in ("broken", "gone"):
        shutil.copytree(checkpoint, tmp_path / name, ignore=shutil.ignore_patterns("checkpoint-*"))
    (tmp_path / "gone" / "model.safetensors").unlink()
    broken = tmp_path / "broken" / "model.safetensors"
    broken.write_bytes(broken.read_bytes()[:500])
    return {
        "GIVEN": f"--glove {glove_file} --train_file {articles}",
        "GLOVE": f"--glove {glove_file}",
        "DATA": f"--train_file {articles}",
        "CHECKPOINT": str(checkpoint),
        "HERE": str(tmp_path),
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--train_file nowhere.csv {GLOVE}", "nowhere.csv"),
        ("--train_file {HERE}/empty.csv {GLOVE}", "empty.csv"),
        ("{GIVEN} --text_column_names body", "'body'"),
        ("{GIVEN} --label_column_name truth", "'truth'"),
        ("--train_file {HERE}/no_text.csv {GLOVE}", "row 2"),
        ("{DATA} --glove {HERE}/bad.txt", "line 2"),
        ("{DATA} --glove {HERE}/nan.txt", "line 2"),
        ("{DATA} --glove 7B.10d", "7B.10d"),
        ("{GIVEN} --preset best", "--preset"),
        ("{GIVEN} --pooling median", "pooling"),
        ("{GIVEN} --hidden_dropout 1.5", "hidden_dropout"),
        ("{GIVEN} --typo_share 2", "typo_share must be 0 to 0.5, not 2.0."),
        ("{GIVEN} --num_pieces -1", "num_pieces must be at least 0, not -1."),
        ("{GIVEN} --tokenizer_variant article", "num_pieces"),
        ("{GIVEN} --vocab_size 2", "vocab_size"),
        ("{GIVEN} --embedding_size 300", "There is no argument --embedding_size"),
        ("{GIVEN} --model-name-or-path {CHECKPOINT}", "--glove is of a new tokenizer"),
        ("{DATA} --model_name_or_path {CHECKPOINT} --no_token_types", "--token_types is of a new tokenizer"),
        ("{DATA} --model_name_or_path {HERE}/broken", "broken"),
        ("{DATA} --model_name_or_path {HERE}/gone", "model.safetensors is missing"),
        ("{DATA} --model_name_or_path {HERE}/none", "none"),
        ("nothing.json", "nothing.json cannot be read"),
        ("{HERE}/list.json", "list.json holds no JSON object: give one object of argument names and values."),
        ("--trainfile x.csv", "did you mean --train_file?"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    files: dict[str, str], tmp_path: Path, arguments: str, expected: str
) -> None:
    out = tmp_path / "never"
    words = arguments.format(**files).split()
    done = run_here(command.main, *words, "--output_dir", out, "--use_cpu", "True", "--disable_tqdm", "True")
    assert_refused(done, "error: ", expected)
    assert done.stderr.count("error: ") == 1
    assert not (out / "model.safetensors").exists()


def test_control_c_is_one_word(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    process = start("--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out",
                    "--num_train_epochs", 10_000, "--save_strategy", "steps", "--save_steps", 5)  # fmt: skip
    wait_for(process, tmp_path / "out" / "checkpoint-5" / "trainer_state.json")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "error: Interrupted." in said.replace("\r", "\n").splitlines()
    assert not (tmp_path / "out" / "model.safetensors").exists()


@pytest.fixture
def full_disk(tmp_path: Path):
    """A folder with room for 200 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(articles: Path, glove_file: Path, full_disk: Path) -> None:
    args = ["--train_file", articles, "--glove", glove_file, "--output_dir", full_disk / "out"]
    args += ["--hidden_size", 150, "--save_strategy", "no", "--num_train_epochs", 1]
    assert_refused(run_here(command.main, *SMALL, *QUICK, *args), "disk is full")
    assert not (full_disk / "out" / "model.safetensors").exists()
    assert not list((full_disk / "out").glob(".saving*"))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="real data are not here")
def test_published_recipe_on_real_articles(tmp_path: Path) -> None:
    done = run_script(
        "train", "--preset", "article", "--dataset_name", "fake_or_real_news", "--dataset_config_name", "article",
        "--data_files", SHARED / "fake_or_real_news" / "head.csv", "--glove", "6B.50d", "--use_cpu", True,
        "--num_train_epochs", 1, "--output_dir", tmp_path / "out",
        env={**os.environ, "NLTK_DATA": str(SHARED.parent / "nltk_data")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = read(tmp_path / "out" / "metrics.json")
    assert sum(metrics["about"]["rows"].values()) == 256
    assert metrics["about"]["vocabulary_with_vectors"] > 0.9


@pytest.mark.slow
def test_two_processes_share_the_steps(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    args = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out"]
    args += ["--save_strategy", "epoch", "--per_device_train_batch_size", 8, "--num_train_epochs", 1]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = [sys.executable, *launch, ROOT / "scripts" / "train.py", *SMALL, *QUICK, *args]
    done = subprocess.run([*map(str, words)], capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    [last] = (tmp_path / "out").glob("checkpoint-*/trainer_state.json")
    rows = read(tmp_path / "out" / "metrics.json")["about"]["rows"]["train"]
    assert read(last)["global_step"] == -(-rows // 16)  # two times eight texts a step
    assert weights(tmp_path / "out")["ngrams.character_ngrams"].any()
