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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from glove_lstm.errors import DataError

ROOT = Path(__file__).resolve().parents[1]

CALM = "council budget report minister bridge committee statement vote court river school agency"
LOUD = "shocking secret exposed miracle hoax traitor unbelievable banned truth elites cure panic"
COMMON = "the a of and to in was on with for said about people after new city , ."


def make_article(generator: random.Random, label: str, words: int) -> tuple[str, str]:
    """A title and a body of invented words; words and the case of the title tell the labels apart."""
    own_words = CALM if label == "REAL" else LOUD
    title = make_sentence(generator, own_words, 6)
    body = make_sentence(generator, own_words, words) + "."
    return title.title() if label == "REAL" else f"{title.upper()}!", body


def make_sentence(generator: random.Random, own_words: str, count: int) -> str:
    """Words of which about two in five are `own_words`."""
    own = own_words.split()
    common = COMMON.split()
    sources = (own if generator.random() < 0.4 else common for _ in range(count))
    return " ".join(map(generator.choice, sources))


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


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def edit_json(path: Path, **values: Any) -> None:
    """Change values of a JSON object in a file."""
    path.write_text(json.dumps({**read_json(path), **values}), encoding="utf-8")


def contents(folder: Path) -> dict[Path, bytes | None]:
    """What a folder holds, by the path in there: the bytes of each file, and None for a folder."""
    found = folder.rglob("*")
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in found
    }


def write_glove(path: Path, dim: int = 8) -> Path:
    """A small file of vectors in Stanford's format."""
    generator = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for word in f"{COMMON} {CALM} {LOUD} extra words".split():
            numbers = " ".join(f"{generator.gauss(0, 0.4):.5f}" for _ in range(dim))
            file.write(f"{word} {numbers}\n")
    return path


def as_words(arguments: dict[str, Any]) -> list[str]:
    """Arguments as the words of a command line."""
    words = []
    for name, value in arguments.items():
        words += [f"--{name}", str(value)]
    return words


# Arguments of a small network and of a short training; and the same as words of the train command.
SMALL_VALUES = {
    "vocab_size": 200,
    "max_seq_length": 40,
    "hidden_size": 8,
    "type_embedding_size": 4,
    "character_buckets": 256,
    "classifier_hidden_size": 8,
    "ngram_buckets": 1024,
}
QUICK_VALUES = {
    "num_train_epochs": 4,
    "learning_rate": 0.02,
    "per_device_train_batch_size": 16,
    "use_cpu": True,
}
SMALL = as_words(SMALL_VALUES)
QUICK = as_words(QUICK_VALUES)
# One short training of the estimator. `glove` is a file in the working directory; see the fixture `beside_the_vectors`.
TINY = {
    **SMALL_VALUES,
    "glove": "tiny.8d.txt",
    "ngram_buckets": 64,
    "corrupted_share": 0,
    "learning_rate": 0.02,
    "num_train_epochs": 2,
    "random_state": 0,
    "use_cpu": True,
    "verbose": 0,
}

LABELS = ["FAKE", "REAL"] * 60
_GENERATOR = random.Random(3)
PAIRS = [make_article(_GENERATOR, label, 12) for label in LABELS]
TEXTS = [f"{title} {body}" for title, body in PAIRS]


def run_here(
    main: Callable[[Sequence[str]], None],
    *args: object,
    stdin: bytes = b"",
    errors: io.StringIO | None = None,
) -> subprocess.CompletedProcess[str]:
    """A command in this process, which has imported already what takes seconds to import.

    `errors` stands for standard error, for instance a `Terminal`.
    """
    from glove_lstm.commands.command import run_command

    output = io.StringIO()
    errors = errors or io.StringIO()
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


class Terminal(io.StringIO):
    """Standard error of a person who sees it."""

    def isatty(self):
        return True


def succeed(
    main: Callable[[Sequence[str]], None], *args: object, **options: Any
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
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.7)
    return model.eval()


_TIDES = "the tide rose while BOATS left Vellin harbour grey clouds , and lamp"
WORDS = _TIDES.split()


def make_texts(n, seed=0):
    """n texts of 0 to 25 words, and labels: 1 where BOATS is among the words."""
    import numpy as np

    generator = np.random.default_rng(seed)
    texts = []
    labels = []
    for _ in range(n):
        length = generator.integers(0, 26)
        words = generator.choice(WORDS, length)
        texts.append(" ".join(words))
        labels.append(int("BOATS" in words))
    return texts, np.array(labels)


def examples(texts, labels, weights=None):
    """Texts with the numbers of two or more labels."""
    from glove_lstm.tables.examples import Examples

    count = labels.shape[1] if labels.ndim == 2 else max(2, labels.max() + 1)
    return Examples(texts, labels, [f"label {number}" for number in range(count)], weights)


def accuracy(trained, texts, labels, part=None):
    """The share of texts to which a trained model, or one of its two parts, gives these labels."""
    import torch

    inputs = trained.tokenizer(list(texts), padding=True, return_tensors="pt")
    with torch.inference_mode():
        outputs = trained.model.eval()(**inputs)
    logits = outputs.logits if part is None else outputs.part_logits[:, part]
    names = trained.model.config.label_names
    right = [names[best] == label for best, label in zip(logits.argmax(dim=1), labels, strict=True)]
    return sum(right) / len(right)


_FOLDER_OF_TEST = re.compile(r"/\S*/pytest-of-[^/]+/pytest-\d+/(?:popen-gw\d+/)?[^/\s]+/?")


def assert_names(error: object, *words: object, besides: Path | None = None) -> None:
    """A mistake is told in one short line, with these words: file, row, name, and what mends it.

    Args:
        error: The exception, or what a command says.
        words: What it must name. A number is a whole one: "row 1" is not in "row 12".
        besides: A folder whose path does not count, as that of the test never does.
    """
    line = str(error) if besides is None else str(error).replace(str(besides), "")
    line = _FOLDER_OF_TEST.sub("", line)
    assert "\n" not in line.strip(), line
    assert "Traceback" not in line, line
    assert len(line) <= 300, line
    for word in words:
        assert re.search(rf"(?<!\d){re.escape(str(word))}(?!\d)", line), (word, line)


def assert_refused(words: Sequence[object], call: Callable, *args: Any, **options: Any) -> None:
    """A call raises a DataError that names these things."""
    with pytest.raises(DataError) as error:
        call(*args, **options)
    assert_names(error.value, *words)


def assert_command_names(done: subprocess.CompletedProcess[str], *words: str) -> str:
    """The command failed; its last line, which is returned, is the one error, and names these things."""
    assert done.returncode not in (0, None), done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in line, line
    assert len(_FOLDER_OF_TEST.sub("", line)) <= 500, line  # it may quote a library
    return line


CORPUS = (
    "The harbour master of Vellin counted 1,204 boats on Monday, he said.",
    "Boats don't lie: a well-known skipper wrote at https://boats.example/log?id=7 that 3.5 tonnes were lost!",
    "THE SKIPPER SAID: “we count boats, not tonnes” (see www.count.example)",
)


def repaired(text: str) -> str:
    """The text with a replacement character for each lone surrogate."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def run_without_package(code: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process without `glove_lstm`, network, caches and standard input; it must not fail."""
    inherited = {
        "PATH",
        "LANG",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
    }  # the last one forbids the network
    clean = {name: os.environ[name] for name in inherited & os.environ.keys()}
    clean |= {"HOME": str(home), "HF_HOME": str(home / "hf")}
    clean |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['glove_lstm'] = None\n{code}"],
        env=clean | env,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done


# Teachers: a function, and folders with a change of the config or of the modules


def by_length(texts):
    """Probabilities of two labels; a blank text, which is never asked, has no first word."""
    first = np.array([0.5 + 0.4 * (len(text.split()[0]) % 2) for text in texts])
    return np.stack([first, 1 - first], axis=1)


def changed_copy(teacher, folder, **values):
    """A copy of a teacher with other values in its config."""
    shutil.copytree(teacher, folder)
    edit_json(folder / "config.json", **values)
    return folder


def with_pooling(encoder, folder, kinds, **settings):
    """A copy of an encoder with the files of early versions of sentence-transformers, which say how it pools."""
    shutil.copytree(encoder, folder)
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = []
    for number, kind in enumerate(kinds):
        path = paths.get(kind, f"{number}_{kind}")
        kind = f"sentence_transformers.models.{kind}"
        modules.append({"idx": number, "name": str(number), "path": path, "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    settings = {"word_embedding_dimension": 16, **settings}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def with_dense(encoder, folder):
    """A copy of an encoder that pools by the mean and ends in a layer of its own, as sentence-transformers saves it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Pooling, Transformer

    torch.manual_seed(0)
    modules = [Transformer(str(encoder)), Pooling(16), Dense(16, 12)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder
