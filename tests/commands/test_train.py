"""scripts/train.py: what it makes, what its arguments do, what it says of mistakes."""

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
from support import QUICK, ROOT, SHARED, SMALL, assert_refused, make_article, run_script, write_articles

from glove_lstm.app.opened import OpenedCheckpoint
from glove_lstm.training.word_vectors import character_ngram_rows

ALL_FILES = {
    "config.json",
    "configuration_glove_lstm.py",
    "metrics.json",
    "model.safetensors",
    "modeling_glove_lstm.py",
    "lstm_layers.py",
    "ngram_classifier.py",
    "spelling.py",
    "tokenization_glove_lstm.py",
    "tokenizer.json",
    "tokenizer_config.json",
    "training_texts.safetensors",
    "word_shapes.py",
}


_TABLES = ("bias", "word_weights", "opening_weights", "character_weights", "shape_weights")


def train(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    return run_script("train", *SMALL, *QUICK, *args, **options)


def weights(folder: Path) -> dict[str, object]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same_result(first: Path, second: Path) -> bool:
    """Byte for byte: weights, vocabulary, and the temperature that was fitted."""
    names = ("model.safetensors", "tokenizer.json", "config.json")
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_checkpoint_is_whole_and_learned(checkpoint: Path) -> None:
    assert {path.name for path in checkpoint.iterdir() if path.is_file()} >= ALL_FILES
    assert {path.name for path in (checkpoint / "plots").iterdir()} == {
        "curves.png",
        "confusion.png",
        "coverage.png",
        "lengths.png",
        "reliability.png",
        "words.png",
    }
    assert not list(checkpoint.glob(".saving*"))
    metrics = json.loads((checkpoint / "metrics.json").read_text())
    found = metrics["validation"]
    assert found["accuracy"] > 0.9  # made-up articles are easy
    low, high = found["accuracy_interval"]
    assert low <= found["accuracy"] <= high
    assert found["rows"] == metrics["about"]["rows"]["validation"]
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["temperature"] == metrics["about"]["temperature"] != 1.0


def test_no_local_path_travels(checkpoint: Path, articles: Path, glove_file: Path) -> None:
    for path in checkpoint.iterdir():
        if path.suffix in (".json", ".md"):
            text = path.read_text(encoding="utf-8")
            for local in (checkpoint.parent, articles.parent, glove_file.parent, ROOT):
                assert str(local) not in text, path


@pytest.mark.slow
def test_same_seed_gives_the_same_files(
    checkpoint: Path, articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    done = train("--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert same_result(checkpoint, tmp_path / "out")


@pytest.mark.slow
def test_killed_and_resumed_ends_as_if_never_interrupted(
    articles: Path, glove_file: Path, tmp_path: Path
) -> None:
    settings = [
        "--train_file",
        articles,
        "--glove",
        glove_file,
        "--num_train_epochs",
        6,
        "--save_strategy",
        "steps",
    ]
    settings += ["--save_steps", 5, "--eval_strategy", "steps", "--eval_steps", 5, "--save_total_limit", 20]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert train(*settings, "--output_dir", whole).returncode == 0

    command = [sys.executable, str(ROOT / "scripts" / "train.py"), *SMALL, *QUICK, *map(str, settings)]
    process = subprocess.Popen(
        [*command, "--output_dir", str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    # 9 steps make an epoch here: step 15 is in the middle of the second. The state is the last file that is written.
    state = cut / "checkpoint-15" / "trainer_state.json"
    while not (state.is_file() and state.read_text().rstrip().endswith("}")) and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.02)
    assert state.is_file(), "the run is too slow"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cut / "model.safetensors").exists()
    for later in cut.glob("checkpoint-*"):
        if int(later.name.split("-")[1]) > 15:
            shutil.rmtree(later)
    done = train(*settings, "--output_dir", cut, "--resume_from_checkpoint", cut / "checkpoint-15")
    assert done.returncode == 0, done.stderr
    assert same_result(whole, cut)


def test_refit_changes_the_ngrams_alone_and_nothing_is_claimed_of_it(
    checkpoint: Path, refitted: Path
) -> None:
    once, twice = weights(checkpoint), weights(refitted)
    differ = {name for name in once if not np.array_equal(once[name], twice[name])}
    assert differ == {f"ngrams.{name}" for name in _TABLES}
    before, after = (json.loads((path / "metrics.json").read_text()) for path in (checkpoint, refitted))
    assert after["before_refit"] == before["validation"]
    assert "validation" not in after
    assert after["about"]["temperature"] == before["about"]["temperature"]
    assert {path.name for path in (refitted / "plots").iterdir()} == {"curves.png"}
    assert "abstain" in (checkpoint / "README.md").read_text()
    card = (refitted / "README.md").read_text()
    assert "Before its n-gram weights were fitted once more" in card
    assert "score is at least" not in card
    assert "model-index" not in card
    assert OpenedCheckpoint("before", checkpoint).coverage
    assert OpenedCheckpoint("after", refitted).coverage == []


def test_duplicates_stay_together_when_the_ngrams_are_cross_fitted(glove_file: Path, tmp_path: Path) -> None:
    """Labels at random, and each text three times: only its duplicates tell a text's label."""
    generator = random.Random(1)
    rows = [(make_article(generator, "REAL", 12)[1], generator.choice(["FAKE", "REAL"])) for _ in range(60)]
    path = tmp_path / "thrice.csv"
    path.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows * 3))
    args = ["--train_file", path, "--glove", glove_file, "--output_dir", tmp_path / "out", "--typo_share", 0]
    done = train(*args, "--num_train_epochs", 1)
    assert done.returncode == 0, done.stderr
    about = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]
    assert about["ngram_strength"] == pytest.approx(5e-3)


@pytest.mark.slow
def test_fine_tuning_on_other_labels(checkpoint: Path, tmp_path: Path) -> None:
    data = write_articles(tmp_path / "three.csv", 90, seed=3, labels=("fair", "LOUD", "REAL"))
    args = ["--model_name_or_path", checkpoint, "--train_file", data, "--output_dir", tmp_path / "same"]
    done = run_script("train", *QUICK, *args, "--character_ngrams", 5, "--character_buckets", 100)
    assert done.returncode == 0, done.stderr
    assert "starts anew" in done.stderr  # the checkpoint knows FAKE and REAL
    config = json.loads((tmp_path / "same" / "config.json").read_text())
    assert config["id2label"] == {"0": "LOUD", "1": "REAL", "2": "fair"}
    # Character n-grams of another number than the checkpoint's are made anew.
    assert config["character_ngrams"] == 5
    vocabulary = json.loads((tmp_path / "same" / "tokenizer.json").read_text())["model"]["vocab"]
    held = weights(tmp_path / "same")["ngrams.character_ngrams"].numpy()
    assert np.array_equal(held, character_ngram_rows(vocabulary, 5, 100, specials=["<pad>", "<unk>"]))

    relabelled = write_articles(tmp_path / "two.csv", 60, seed=4, labels=("REAL", "FAKE"))
    args = ["--model_name_or_path", checkpoint, "--train_file", relabelled, "--output_dir", tmp_path / "two"]
    args += ["--test_file", relabelled, "--with_baselines", True, "--max_train_samples", 50]
    done = run_script("train", *QUICK, *args)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert metrics["about"]["rows"] == {"train": 50, "validation": 6, "test": 60}
    assert (
        metrics["baselines"]["tfidf_svc_cased"]["test"]["accuracy"] > 0.9
    )  # the same texts and numbers as ours
    about = json.loads((tmp_path / "two" / "metrics.json").read_text())["about"]
    assert about["fine_tuned_from"] == checkpoint.name
    assert "starts anew" not in done.stderr
    assert (tmp_path / "two" / "tokenizer.json").read_bytes() == (checkpoint / "tokenizer.json").read_bytes()


@pytest.mark.slow
def test_three_labels_separate_files_and_baselines(glove_file: Path, tmp_path: Path) -> None:
    files = {
        split: write_articles(tmp_path / f"{split}.csv", 60, seed=seed, labels=("good", "bad", "other"))
        for seed, split in enumerate(("train", "validation", "test"))
    }
    args = [word for split, path in files.items() for word in (f"--{split}_file", path)]
    done = train(*args, "--glove", glove_file, "--output_dir", tmp_path / "out", "--with_baselines", True)
    assert done.returncode == 0, done.stderr
    assert "test: accuracy" in done.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert json.loads((tmp_path / "out" / "config.json").read_text())["id2label"] == {
        "0": "bad",
        "1": "good",
        "2": "other",
    }
    assert set(metrics["baselines"]) == {"majority", "tfidf_svc", "tfidf_svc_cased", "tfidf_svc_cased_chars"}
    assert metrics["baselines"]["majority"]["test"]["accuracy"] == pytest.approx(1 / 3)


@pytest.mark.slow
def test_article_preset_and_json_file(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    stop_words = tmp_path / "nltk" / "corpora" / "stopwords"
    stop_words.mkdir(parents=True)
    (stop_words / "english").write_text("the\nof\nand\ndon't\n", encoding="utf-8")
    settings = {"preset": "article", "train_file": str(articles), "glove": str(glove_file), "hidden_size": 9}
    (tmp_path / "run.json").write_text(json.dumps(settings))
    done = run_script(
        "train", tmp_path / "run.json", "--num_train_epochs", 1, "--hidden_size", 7, "--use_cpu", True,
        "--output_dir", tmp_path / "out", env={**os.environ, "NLTK_DATA": str(tmp_path / "nltk")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["hidden_size"] == 7  # the command line wins over the file
    assert config["freeze_embeddings"] is True
    vocabulary = json.loads((tmp_path / "out" / "tokenizer.json").read_text())["model"]["vocab"]
    assert "the" not in vocabulary
    assert "," not in vocabulary
    assert "council" in vocabulary


def test_missing_stop_words_are_explained(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    env = {**os.environ, "NLTK_DATA": str(tmp_path), "HOME": str(tmp_path)}
    done = run_script(
        "train", "--preset", "article", "--train_file", articles, "--glove", glove_file,
        "--output_dir", tmp_path / "out", env=env,
    )  # fmt: skip
    assert_refused(done, "nltk.downloader stopwords", "NLTK_DATA")


def test_mistakes_are_told_in_one_sentence(
    articles: Path, glove_file: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """One process for many mistakes: each costs a start-up otherwise."""
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    bad_glove = tmp_path / "bad.txt"
    bad_glove.write_text("the 0.1 0.2\nof 0.1\n")
    nan_glove = tmp_path / "nan.txt"
    nan_glove.write_text("the 0.1 0.2\nof 0.1 nan\n")
    no_object = tmp_path / "no_object.json"
    no_object.write_text("[]")
    no_text = tmp_path / "no_text.csv"
    no_text.write_text("title,text,label\na,b,FAKE\n,,REAL\n")
    broken = Path(
        shutil.copytree(checkpoint, tmp_path / "broken", ignore=shutil.ignore_patterns("checkpoint-*"))
    )
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:500])
    gone = Path(shutil.copytree(checkpoint, tmp_path / "gone", ignore=shutil.ignore_patterns("checkpoint-*")))
    (gone / "model.safetensors").unlink()
    given = ["--glove", str(glove_file), "--train_file", str(articles)]
    cases = [
        (["--train_file", "nowhere.csv", "--glove", str(glove_file)], "nowhere.csv"),
        (["--train_file", str(empty), "--glove", str(glove_file)], "empty.csv"),
        ([*given, "--text_column_names", "body"], "'body'"),
        ([*given, "--label_column_name", "truth"], "'truth'"),
        (["--train_file", str(no_text), "--glove", str(glove_file)], "row 2"),
        (["--train_file", str(articles), "--glove", str(bad_glove)], "line 2"),
        (["--train_file", str(articles), "--glove", str(nan_glove)], "line 2"),
        (["--train_file", str(articles), "--glove", "7B.10d"], "7B.10d"),
        ([*given, "--preset", "best"], "--preset"),
        ([*given, "--pooling", "median"], "pooling"),
        ([*given, "--hidden_dropout", "1.5"], "hidden_dropout"),
        ([*given, "--no_token_types"], "--type_embedding_size is 16, but --no_token_types"),
        ([*given, "--typo_share", "2"], "typo_share must be 0 to 0.5, not 2.0."),
        ([*given, "--consistency_weight", "-1"], "consistency_weight must be at least 0, not -1.0."),
        ([*given, "--num_pieces", "-1"], "num_pieces must be at least 0, not -1."),
        (
            [*given, "--tokenizer_variant", "article"],
            "num_pieces are of the default variant: it must be 0 for article, not 8000.",
        ),
        ([*given, "--vocab_size", "2"], "vocab_size"),
        ([*given, "--embedding_size", "300"], "There is no argument --embedding_size"),
        ([*given, "--model-name-or-path", str(checkpoint)], "--glove is of a new tokenizer"),
        (
            ["--train_file", str(articles), "--model_name_or_path", str(checkpoint), "--no_token_types"],
            "--token_types is of a new tokenizer; --model_name_or_path brings one: leave it out.",
        ),
        (
            [*given, "--early_stopping_patience", "2", "--load_best_model_at_end", "False"],
            "early_stopping_patience",
        ),
        (["--train_file", str(articles), "--model_name_or_path", str(broken)], "broken"),
        (["--train_file", str(articles), "--model_name_or_path", str(gone)], "model.safetensors is missing"),
        (["--train_file", str(articles), "--model_name_or_path", str(tmp_path / "none")], "none"),
        (["nothing.json"], "nothing.json cannot be read"),
        (
            [str(no_object)],
            "no_object.json holds no JSON object: give one object of argument names and values.",
        ),
        (["--trainfile", str(articles)], "did you mean --train_file?"),
    ]
    code = """
import json, sys
from glove_lstm.commands import train
from glove_lstm.commands.command import run_command
for args in json.loads(sys.argv[1]):
    sys.stderr.write("\\n== ")
    code = run_command(train.main, [*args, "--output_dir", sys.argv[2], "--use_cpu", "True", "--disable_tqdm", "True"])
    sys.stderr.write(f"\\n-> {code}")
"""
    out = tmp_path / "never"
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([args for args, _ in cases]), str(out)],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    parts = done.stderr.split("\n== ")[1:]
    assert len(parts) == len(cases)
    for (args, expected), said in zip(cases, parts, strict=True):
        assert said.rstrip().endswith("-> 1"), (args, said)
        assert "Traceback" not in said, (args, said)
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, (args, said)
        assert expected in errors[0], (args, errors)
    assert not (out / "model.safetensors").exists()


def test_control_c_is_one_word(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "train.py"), *SMALL, "--train_file", str(articles), "--glove",
         str(glove_file), "--output_dir", str(tmp_path / "out"), "--num_train_epochs", "10000", "--use_cpu", "True"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8",
        # A shell starts background jobs, and so perhaps this test, with the signal ignored; a terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while (
        not list((tmp_path / "out").glob("checkpoint-*/trainer_state.json")) and time.monotonic() < deadline
    ):
        assert process.poll() is None
        time.sleep(0.05)
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
    args = [
        "--train_file",
        articles,
        "--glove",
        glove_file,
        "--output_dir",
        full_disk / "out",
        "--hidden_size",
        150,
    ]
    done = train(*args, "--save_strategy", "no", "--load_best_model_at_end", False)
    assert_refused(done, "disk is full")
    assert not (full_disk / "out" / "model.safetensors").exists()
    assert not list((full_disk / "out").glob(".saving*"))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="real data are not here")
def test_published_recipe_on_real_articles(tmp_path: Path) -> None:
    done = run_script(
        "train", "--preset", "article", "--dataset_name", "fake_or_real_news", "--dataset_config_name", "article",
        "--data_files", SHARED / "fake_or_real_news" / "head.csv", "--glove", "6B.50d", "--use_cpu", True,
        "--num_train_epochs", 2, "--output_dir", tmp_path / "out",
        env={**os.environ, "NLTK_DATA": str(SHARED.parent / "nltk_data")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert sum(metrics["about"]["rows"].values()) == 256
    assert metrics["about"]["vocabulary_with_vectors"] > 0.9


@pytest.mark.slow
def test_two_processes_share_the_steps(articles: Path, glove_file: Path, tmp_path: Path) -> None:
    args = [
        "--train_file",
        articles,
        "--glove",
        glove_file,
        "--output_dir",
        tmp_path / "out",
        "--use_cpu",
        "True",
    ]
    options = [*QUICK, *args, "--save_strategy", "epoch", "--per_device_train_batch_size", 8]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *launch, ROOT / "scripts" / "train.py", *options]
    done = subprocess.run([*map(str, command)], capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    [last] = (tmp_path / "out").glob("checkpoint-*/trainer_state.json")
    state = json.loads(last.read_text())
    rows = json.loads((tmp_path / "out" / "metrics.json").read_text())["about"]["rows"]["train"]
    assert state["global_step"] == state["num_train_epochs"] * -(-rows // 16)  # two times eight texts a step
    assert weights(tmp_path / "out")["ngrams.character_ngrams"].any()
