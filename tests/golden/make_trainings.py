"""Write trainings.json: what the model of each kind of training says of 20 texts.

    make tiny-checkpoint      # after a change of the recipe or of the stored checkpoint

The texts are made up and hard: some training texts have words of another label, and the 20 texts have words of all
labels. A score that is near 0 or 1 would not show a wrong rate or weight. `tests/training/test_golden.py` trains again.
"""

import csv
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = TESTS / "golden" / "trainings.json"
TINY_CHECKPOINT = TESTS / "golden" / "tiny_checkpoint"

# Absolute, of a score: with the versions of the file, and with others. Another torch rounds differently at each step;
# another transformers draws another order of the texts from the second epoch on.
TOLERANCES = {"same versions": 0.02, "other versions": 0.1}

TWO = ["FAKE", "REAL"]
SIX = ["art", "law", "sea", "tax", "war", "zoo"]
SEVERAL = ["food", "sport", "trip"]
# Kind -> labels, and words of the command; FOLDER stands for the folder of the files.
KINDS: dict[str, tuple[list[str], list[str]]] = {
    "two labels": (TWO, ["--train_file", "FOLDER/train.csv", "--class_weight", "balanced"]),
    "six labels": (SIX, ["--train_file", "FOLDER/train.csv"]),
    "several labels": (SEVERAL, ["--train_file", "FOLDER/train.csv"]),
    "fine-tuned": (
        TWO,
        ["--train_file", "FOLDER/train.csv", "--model_name_or_path", str(TINY_CHECKPOINT)],
    ),
    "distilled": (
        TWO,
        [
            *("--train_file", "FOLDER/train.csv", "--teacher", str(TINY_CHECKPOINT)),
            *("--unlabelled_file", "FOLDER/test.csv"),
        ],
    ),
}


def make_texts() -> list[str]:
    """Twenty texts: words of all labels, one of them in capitals, and an empty one."""
    from support import CALM, COMMON, LOUD

    generator = random.Random(20)
    texts = [""]
    for number in range(19):
        words = generator.choices(COMMON.split(), k=6)
        words += generator.choices(LOUD.split(), k=1 + number % 4)
        words += generator.choices(CALM.split(), k=1 + number % 3)
        generator.shuffle(words)
        texts.append(" ".join(words))
    texts[7] = texts[7].upper()
    return texts


def write_rows(path: Path, names: list[str], count: int, seed: int) -> None:
    """Write texts whose words show their labels; with one label a text, each eighth has words of another label."""
    from support import CALM, COMMON, LOUD

    own_words = f"{LOUD} {CALM}".split()
    share = len(own_words) // len(names)
    words_of = {name: own_words[share * at : share * (at + 1)] for at, name in enumerate(names)}
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(count):
            if names == SEVERAL:
                labels = [name for name in names if generator.random() < 0.4]
                shown, cell = labels, json.dumps(labels)
            else:
                # The first label is rarer than the others.
                cell = names[number % (len(names) + 1) - 1]
                shown = [generator.choice(names) if number % 8 == 0 else cell]
            words = generator.choices(COMMON.split(), k=8)
            for name in shown:
                words += generator.choices(words_of[name], k=3)
            generator.shuffle(words)
            writer.writerow([" ".join(words), cell])


def train(kind: str, folder: Path, glove_file: Path) -> Path:
    """Train a kind, and return the output folder."""
    from support import QUICK, SMALL, succeed

    from glove_lstm.commands import train as command

    names, words = KINDS[kind]
    write_rows(folder / "train.csv", names, 200, seed=1)
    write_rows(folder / "test.csv", names, 60, seed=2)
    given = [word.replace("FOLDER", str(folder)) for word in words]
    if "--model_name_or_path" not in given:  # a checkpoint has its own vectors and shape
        given += ["--glove", str(glove_file), *SMALL]
    succeed(command.main, *given, *QUICK, "--output_dir", folder / "out")
    return folder / "out"


def scores_of(folder: Path) -> dict[str, Any]:
    """The labels of a checkpoint, and its scores of the 20 texts."""
    from glove_lstm import GloveLstmClassifier

    classifier = GloveLstmClassifier.from_pretrained(folder)
    scores = classifier.predict_proba(make_texts())
    return {"labels": classifier.classes_.tolist(), "scores": scores.round(4).tolist()}


def versions() -> dict[str, str]:
    """The versions that decide how exactly a training repeats another."""
    import torch
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__}


def main() -> None:
    """Train all kinds, and write their scores."""
    from support import write_glove

    kinds = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            glove_file = write_glove(Path(scratch, "tiny.8d.txt"))
            kinds[kind] = scores_of(train(kind, Path(scratch), glove_file))
    golden = {"versions": versions(), "tolerances": TOLERANCES, "kinds": kinds}
    lines = json.dumps(golden).replace("], [", "],\n [").replace('}, "', '},\n"')
    GOLDEN.write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    main()
