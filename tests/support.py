"""Shared by tests: made-up news and vectors, slow references, commands, clean processes."""

import contextlib
import csv
import gzip
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from hub_server import HubServer

ROOT = Path(__file__).resolve().parents[1]

CALM = "council budget report minister bridge committee statement vote court river school agency"
LOUD = "shocking secret exposed miracle hoax traitor unbelievable banned truth elites cure panic"
COMMON = "the a of and to in was on with for said about people after new city , ."
LABELLED_ROWS = [
    {
        "id": n,
        "title": f"Title {n}",
        "text": f"a body with its own words {n} {n * n} {-n}",
        "label": ("REAL", "FAKE")[n % 2],
    }
    for n in range(40)
]


def split_sizes(data: Any) -> dict[str, int]:
    """Count the rows of each split that `load_splits` returned."""
    return {split: len(rows) for split, rows in data.splits.items()}


def make_article(generator: random.Random, label: str, words: int) -> tuple[str, str]:
    """A title and a body of invented words; words and the case of the title tell the labels apart."""
    own = (CALM if label == "REAL" else LOUD).split()
    common = COMMON.split()

    def sentence(count: int) -> str:
        chosen = []
        for _ in range(count):
            words = own if generator.random() < 0.4 else common
            chosen.append(generator.choice(words))
        return " ".join(chosen)

    title = sentence(6)
    title = title.title() if label == "REAL" else f"{title.upper()}!"
    return title, sentence(words) + "."


def write_articles(
    path: Path, rows: int, seed: int = 0, labels: tuple[str, ...] = ("FAKE", "REAL")
) -> Path:
    """A CSV in the format of fake_or_real_news."""
    generator = random.Random(seed)
    table = []
    for row in range(rows):
        label = labels[row % len(labels)]
        title, text = make_article(generator, label, generator.randint(5, 60))
        table.append({"": row, "title": title, "text": text, "label": label})
    return write_table(path, table)


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A CSV, TSV, JSON or JSON lines, perhaps gzipped, as the name of the file says."""
    kinds = path.suffixes
    text = io.StringIO(newline="")
    if ".csv" in kinds or ".tsv" in kinds:
        delimiter = "\t" if ".tsv" in kinds else ","
        writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    elif ".json" in kinds:
        json.dump(rows, text)
    else:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    data = text.getvalue().encode()
    if ".gz" in kinds:
        data = gzip.compress(data)
    path.write_bytes(data)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def edit_json(path: Path, **values: Any) -> None:
    """Change values of a JSON object in a file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **values}), encoding="utf-8")


def write_glove(path: Path, dim: int = 8) -> Path:
    """A small file of vectors in Stanford's format."""
    generator = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for word in f"{COMMON} {CALM} {LOUD} extra words".split():
            numbers = " ".join(f"{generator.gauss(0, 0.4):.5f}" for _ in range(dim))
            file.write(f"{word} {numbers}\n")
    return path


# Options of the train command: a small network, and a short training.
SMALL = [
    *("--vocab_size", "200"),
    *("--max_seq_length", "40"),
    *("--hidden_size", "8"),
    *("--type_embedding_size", "4"),
    *("--character_buckets", "256"),
    *("--classifier_hidden_size", "8"),
    *("--ngram_buckets", "1024"),
]
QUICK = [
    *("--num_train_epochs", "4"),
    *("--learning_rate", "0.02"),
    *("--per_device_train_batch_size", "16"),
    *("--disable_tqdm", "True"),
    *("--use_cpu", "True"),
]


def run_script(name: str, *args: object, **options: object) -> subprocess.CompletedProcess[str]:
    """`python scripts/NAME.py ARGS`, as a person runs it; it must not fail."""
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, args)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return done


def run_here(
    main: Callable[[Sequence[str]], None], *args: object, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """A command in this process, which has imported already what takes seconds to import."""
    from glove_lstm.commands.command import run_command

    output = io.StringIO()
    errors = io.StringIO()
    with (
        mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            code = run_command(main, list(map(str, args)))
        except SystemExit as stop:  # argparse
            code = stop.code
    return subprocess.CompletedProcess([], code, output.getvalue(), errors.getvalue())


def succeed(
    main: Callable[[Sequence[str]], None], *args: object, **options: bytes
) -> subprocess.CompletedProcess[str]:
    """`run_here` of a command that must not fail."""
    done = run_here(main, *args, **options)
    assert done.returncode == 0, done.stderr
    return done


def build_model(seed=0, **config):
    """A small classifier in eval mode, none of whose weights is zero."""
    import torch

    from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification

    sizes = {"vocab_size": 30, "embedding_size": 6, "hidden_size": 5, "classifier_hidden_size": 4}
    torch.manual_seed(seed)
    model = GloveLstmForSequenceClassification(GloveLstmConfig(**(sizes | config)))
    return fill_at_random(model.eval())


def fill_at_random(model):
    """Weights that make every part of a small model count."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.7)
    return model


def copied(folder: Path, target: Path) -> Path:
    """A copy of an output folder of train, without the Trainer's checkpoints."""
    of_training = shutil.ignore_patterns("checkpoint-*", "first_model")
    return Path(shutil.copytree(folder, target, ignore=of_training))


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The command failed with one sentence that says these things, and without a traceback."""
    assert done.returncode not in (0, None), done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for part in parts:
        assert part in last, last


CORPUS = (
    "The harbour master of Vellin counted 1,204 boats on Monday, he said.",
    "Boats don't lie: a well-known skipper wrote at https://boats.example/log?id=7 that 3.5 tonnes were lost!",
    "THE SKIPPER SAID: “we count boats, not tonnes” (see www.count.example)",
)


def repaired(text: str) -> str:
    """The text with a replacement character for each lone surrogate."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def slow_shape(surface: str) -> str:
    """The shape of a word, one character at a time."""
    if not surface:
        return "none"
    capitals = 0
    small_letters = 0
    digits = 0
    for character in surface:
        if is_capital(character):
            capitals += 1
        elif character.isnumeric():  # perhaps a letter, too, such as a Chinese numeral
            digits += 1
        elif character.isalpha():
            small_letters += 1
    if capitals and not small_letters:
        return "upper"
    if capitals:
        is_title = capitals == 1 and is_capital(surface[0])
        return "title" if is_title else "mixed"
    if small_letters:
        return "lower"
    return "digits" if digits else "punctuation"


def is_capital(character: str) -> bool:
    return character.isupper() or character.istitle()


WITHOUT_PACKAGE = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "glove_lstm":
            raise ModuleNotFoundError(name, name="glove_lstm")
sys.meta_path.insert(0, Blocked())
"""


def run_without_package(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process without `glove_lstm`, network, caches and standard input; it must not fail."""
    kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH")  # the last one forbids the network
    base = {name: os.environ[name] for name in kept if name in os.environ}
    base |= {"HOME": str(home), "HF_HOME": str(home / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGE + textwrap.dedent(code)],
        env={**base, "OMP_NUM_THREADS": "1"},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done


def run_client(
    hub: HubServer, code: str, home: Path, *, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that works in `home` and knows only this Hub."""
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", textwrap.dedent(code)]
    env = hub.client_env(home, token)
    return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=300)
