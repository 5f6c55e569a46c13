"""Made-up corpora, laid out as the data folder of the benchmarks."""

import random

import pytest
from support import make_article, write_table

from benchmarks.corpora import TRAINING_CORPORA


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
        if number <= 3:
            source = "www.everywhere.com/news"  # a publisher that is in all corpora
        if number >= 20:
            source = "rating:true"  # no publisher
        text = body
        if number % 4 > 1:
            text = ""
        table.append({"title": title, "text": text, "label": label, "source": source})
    write_table(folder / f"{name}.csv.gz", table)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder of small corpora, with some duplicates across them."""
    folder = tmp_path_factory.mktemp("data_dir")
    for name in ("recovery", "fake_or_real_news", "corpora"):
        (folder / name).mkdir()
    recovery = made_up(60, 1)
    recovery += [(title, f"{body} indeed", label) for title, body, label in recovery[:10]]
    columns = ("title", "text", "label")
    articles = [dict(zip(columns, row, strict=True)) for row in recovery]
    write_table(folder / "recovery" / "recovery.csv.gz", articles)
    titles = [{"title": title, "label": label} for title, _, label in made_up(120, 3)]
    write_table(folder / "fake_or_real_news" / "titles.csv", titles)

    article, other = made_up(2, 4)
    for seed, name in enumerate(TRAINING_CORPORA, start=20):
        rows = made_up(24, seed)
        # All have nearly the same article, and another title in common.
        title, body, label = article
        rows[0] = title, f"{body} {name}", label
        _, body, label = rows[1]
        rows[1] = other[0], body, label
        write_corpus(folder / "corpora", name, rows)
    return folder
