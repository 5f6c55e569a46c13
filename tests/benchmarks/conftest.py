"""Made-up corpora, laid out as the data folder of the benchmarks."""

import random
from pathlib import Path

import pytest
from support import make_article, write_table

from benchmarks.corpora import HEAD_ROWS
from glove_lstm.data.liar import LABELS

Rows = list[tuple[str, str, str]]  # title, body, label


def write(path: Path, rows: Rows, columns: tuple[str, ...] = ("title", "text", "label")) -> None:
    path.parent.mkdir(exist_ok=True)
    table = []
    for number, (title, body, label) in enumerate(rows):
        row = {"": number, "title": title, "text": body, "label": label}
        table.append({name: row[name] for name in ("", *columns)})
    write_table(path, table)


def made_up(count: int, seed: int) -> Rows:
    """Rows of which no two are near duplicates: each title has a word of its own."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label = ("FAKE", "REAL")[number % 2]
        title, body = make_article(generator, label, generator.randint(30, 40))
        rows.append((f"{title} Number{seed}x{number} again{number}", f"{body}\nLine two.", label))
    return rows


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small corpora with some duplicates across them."""
    folder = tmp_path_factory.mktemp("news")
    recovery, isot, titles = made_up(60, 1), made_up(50, 2), made_up(HEAD_ROWS + 60, 3)
    title, body, label = recovery[4]
    isot[7] = title, f"{body} almost", label  # nearly an article of recovery
    recovery += [(title, f"{body} indeed", label) for title, body, label in recovery[:10]]
    # An article of which only the title is known.
    isot[9] = titles[HEAD_ROWS + 5][0], *isot[9][1:]
    titles[HEAD_ROWS + 1] = titles[3]  # an exact repeat, after the rows that are left out
    write(folder / "recovery" / "recovery.csv.gz", recovery)
    write(folder / "isot" / "isot.csv.gz", isot)
    write(folder / "fake_or_real_news" / "titles.csv", titles, ("title", "label"))
    write(folder / "fake_or_real_news" / "head.csv", titles[:HEAD_ROWS])
    corpora = folder / "corpora"
    corpora.mkdir()
    names = {"one": 4, "two": 5, "three": 8, "veritas_origin2019": 9}
    for name, seed in names.items():
        rows = made_up(40, seed)
        # All have nearly the same article, and another title in common.
        title, body, label = titles[HEAD_ROWS + 10]
        rows[0] = title, f"{body} {name}", label
        rows[1] = titles[HEAD_ROWS + 11][0], *rows[1][1:]
        table = []
        for number, (title, body, label) in enumerate(rows):
            # One publisher is in all of them; a rating is none.
            site = f"{name}{number // 2 % 5}.org" if number > 3 else "www.everywhere.com/news"
            row = {"title": title, "text": "" if number % 4 > 1 else body, "label": label}
            table.append({**row, "source": "rating:true" if number > 35 else site})
        write_table(corpora / f"{name}.csv.gz", table)
    (folder / "standard").mkdir()
    for name, rows in {"TREC.train.all": made_up(60, 6), "TREC.test.all": made_up(10, 7)}.items():
        lines = [f"{number % 2} {title}\n" for number, (title, _, _) in enumerate(rows)]
        (folder / "standard" / name).write_text("".join(lines), encoding="latin-1")
    (folder / "liar").mkdir()
    for seed, (split, count) in enumerate({"train": 48, "valid": 12, "test": 18}.items(), start=10):
        lines = [
            "\t".join([str(number), LABELS[number % 6], title, *[""] * 5, *["0"] * 5, ""])
            for number, (title, _, _) in enumerate(made_up(count, seed))
        ]
        (folder / "liar" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
