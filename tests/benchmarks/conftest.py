"""Made-up corpora, laid out as the data folder of the benchmarks."""

import json
import random

import pytest
from support import make_article, write_table

from benchmarks import folds
from benchmarks.hub.corpora import TRAINING_CORPORA


def made_up(count, seed):
    """Titles, bodies and labels; no two are near duplicates: each title has a word of its own."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label = ("FAKE", "REAL")[number % 2]
        title, body = make_article(generator, label, generator.randint(30, 40))
        rows.append((f"{title} Number{seed}x{number} again{number}", f"{body}\nLine two.", label))
    return rows


def write_corpus(folder, name, rows):
    """Write a corpus of several sources."""
    table = []
    for number, (title, body, label) in enumerate(rows):
        source = f"{name}{number // 2 % 5}.org"
        if number >= 20:
            source = "rating:true"  # no publisher
        table.append({"title": title, "text": body, "label": label, "source": source})
    write_table(folder / f"{name}.csv.gz", table)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder of small corpora."""
    folder = tmp_path_factory.mktemp("data_dir")
    for name in ("fake_or_real_news", "corpora"):
        (folder / name).mkdir()
    titles = [{"title": title, "label": label} for title, _, label in made_up(120, 3)]
    write_table(folder / "fake_or_real_news" / "titles.csv", titles)
    for seed, name in enumerate(TRAINING_CORPORA, start=20):
        write_corpus(folder / "corpora", name, made_up(24, seed))
    return folder


@pytest.fixture(autouse=True)
def divisions(tmp_path, monkeypatch):
    """Of the made-up titles, which have no near duplicates: pairs of both labels are on one side."""
    file = tmp_path / "folds.json"
    titles = []
    for fold in range(5):
        pairs = ["2" if pair % 5 == fold else "10"[pair % 6 > 0] for pair in range(60)]
        titles.append("".join(digit * 2 for digit in pairs))
    file.write_text(json.dumps({"titles": titles}))
    monkeypatch.setattr(folds, "DIVISIONS", file)
