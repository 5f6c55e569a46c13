"""Made-up corpora, laid out as the data folder of the benchmarks."""

import random
from pathlib import Path

import pytest
from support import make_article, write_table

from benchmarks.corpora import HEAD_ROWS, TRAINING_CORPORA
from glove_lstm.data.liar import LABELS

Rows = list[tuple[str, str, str]]  # title, body, label


def made_up(count: int, seed: int) -> Rows:
    """Rows of which no two are near duplicates: each title has a word of its own."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label = ("FAKE", "REAL")[number % 2]
        title, body = make_article(generator, label, generator.randint(30, 40))
        rows.append((f"{title} Number{seed}x{number} again{number}", f"{body}\nLine two.", label))
    return rows


def write_articles(path: Path, rows: Rows) -> None:
    path.parent.mkdir(exist_ok=True)
    write_table(
        path, [{"title": title, "text": body, "label": label} for title, body, label in rows]
    )


def write_titles(path: Path, rows: Rows) -> None:
    path.parent.mkdir(exist_ok=True)
    write_table(path, [{"title": title, "label": label} for title, _, label in rows])


def write_corpus(folder: Path, name: str, rows: Rows) -> None:
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
    write_table(folder / "corpora" / f"{name}.csv.gz", table)


def write_trec(path: Path, rows: Rows) -> None:
    lines = [f"{number % 2} {title}\n" for number, (title, _, _) in enumerate(rows)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines), encoding="latin-1")


def write_liar(path: Path, rows: Rows) -> None:
    """Write statements in the 14 columns of LIAR, of which most are empty."""
    lines = []
    for number, (title, _, _) in enumerate(rows):
        subject_to_party = [""] * 5
        counts = ["0"] * 5
        cells = [str(number), LABELS[number % 6], title, *subject_to_party, *counts, ""]
        lines.append("\t".join(cells) + "\n")
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small corpora, with some duplicates across them."""
    folder = tmp_path_factory.mktemp("data_dir")
    recovery = made_up(60, 1)
    isot = made_up(50, 2)
    titles = made_up(HEAD_ROWS + 60, 3)
    title, body, label = recovery[4]
    isot[7] = title, f"{body} almost", label  # nearly an article of recovery
    recovery += [(title, f"{body} indeed", label) for title, body, label in recovery[:10]]
    _, body, label = isot[9]
    isot[9] = titles[HEAD_ROWS + 5][0], body, label  # titles.csv holds the title of this article
    titles[HEAD_ROWS + 1] = titles[3]  # an exact repeat, beyond HEAD_ROWS, which news_corpus skips
    write_articles(folder / "recovery" / "recovery.csv.gz", recovery)
    write_articles(folder / "isot" / "isot.csv.gz", isot)
    write_titles(folder / "fake_or_real_news" / "titles.csv", titles)
    write_articles(folder / "fake_or_real_news" / "head.csv", titles[:HEAD_ROWS])

    (folder / "corpora").mkdir()
    for seed, name in enumerate([*TRAINING_CORPORA, "veritas_origin2019"], start=20):
        rows = made_up(24, seed)
        # All have nearly the same article, and another title in common.
        title, body, label = titles[HEAD_ROWS + 10]
        rows[0] = title, f"{body} {name}", label
        _, body, label = rows[1]
        rows[1] = titles[HEAD_ROWS + 11][0], body, label
        write_corpus(folder, name, rows)

    write_trec(folder / "standard" / "TREC.train.all", made_up(60, 6))
    write_trec(folder / "standard" / "TREC.test.all", made_up(10, 7))
    write_liar(folder / "liar" / "train.tsv", made_up(48, 10))
    write_liar(folder / "liar" / "valid.tsv", made_up(12, 11))
    write_liar(folder / "liar" / "test.tsv", made_up(18, 12))
    return folder
