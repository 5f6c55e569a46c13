"""glove-lstm push --dataset: the files are a dataset that `load_dataset` reads."""

import datasets
from support import succeed, write_articles

from glove_lstm.commands.push import main
from glove_lstm.data.liar import Liar
from glove_lstm.publishing.dataset import stage_dataset
from glove_lstm.publishing.hub_upload import list_files


def test_news(api, tmp_path):
    articles = write_articles(tmp_path / "mine.csv", 120)
    what = ("--dataset", "fake_or_real_news", "--data_files", articles, "--repo_id", "user/news")
    listed = succeed(main, *what, "--dry_run")
    assert api.commits == 0
    pushed = succeed(main, *what)
    assert 'load_dataset("user/news", revision="def")' in pushed.stdout
    assert api.options["repo_type"] == "dataset"
    *rows, total = listed.stdout.splitlines()
    sizes = {row.split()[1]: int(row.split()[0].replace(",", "")) for row in rows}
    assert {name: len(data) for name, data in api.files.items()} == {**sizes, ".gitattributes": 0}
    assert total.endswith(f"in {len(rows)} files; nothing was sent.")

    card = api.files["README.md"].decode()
    for part in ("license: unknown", "from\nmine.csv", 'load_dataset("user/news")', "| train | "):
        assert part in card
    assert str(tmp_path) not in card
    api.write(tmp_path / "clone")
    data = datasets.load_dataset(str(tmp_path / "clone"))
    assert sum(len(rows) for rows in data.values()) == 120
    assert data["train"].features["label"].names == ["FAKE", "REAL"]


def test_liar(tmp_path):
    for name in ("train", "valid", "test"):
        row = ["1.json", "true", f"A statement in {name}.", *"abcde", *"01234", "f"]
        (tmp_path / f"{name}.tsv").write_text("\t".join(row) + "\n")
    stage_dataset(Liar(data_dir=tmp_path), tmp_path / "staged", "user/liar")
    card = (tmp_path / "staged" / "README.md").read_text()
    assert len(list_files(tmp_path / "staged")) == 4
    assert "from\ntrain.tsv, valid.tsv, test.tsv" in card
    assert "wang2017liar" in card
