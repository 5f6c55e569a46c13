"""glove-lstm push --dataset: the files are a dataset that `load_dataset` reads."""

import datasets
from support import succeed, write_articles

from glove_lstm.commands.push import main
from glove_lstm.data.liar import Liar
from glove_lstm.publishing.dataset import stage_dataset
from glove_lstm.publishing.hub_upload import PUSHED_FILES_NAME, list_files


def test_news(api, tmp_path):
    articles = write_articles(tmp_path / "mine.csv", 120)
    options = ["--dataset", "fake_or_real_news", "--data_files", articles]
    options += ["--repo_id", "user/news"]
    listed = succeed(main, *options, "--dry_run")
    assert api.commits == 0
    pushed = succeed(main, *options)
    assert 'load_dataset("user/news", revision="def")' in pushed.stdout
    assert api.options["repo_type"] == "dataset"

    *rows, total = listed.stdout.splitlines()
    listed_sizes = {}
    for row in rows:
        size, name = row.split()
        listed_sizes[name] = int(size.replace(",", ""))
    pushed_sizes = {name: len(data) for name, data in api.files.items()}
    for name in (
        ".gitattributes",
        "config.json",
        PUSHED_FILES_NAME,
    ):  # present before, and the record
        del pushed_sizes[name]
    assert pushed_sizes == listed_sizes
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
        statement = f"1.json\ttrue\tA statement in {name}."
        speaker = "subject\tspeaker\tjob\tstate\tparty"
        counts = "0\t1\t2\t3\t4"
        (tmp_path / f"{name}.tsv").write_text(f"{statement}\t{speaker}\t{counts}\tcontext\n")
    stage_dataset(Liar(data_dir=tmp_path), tmp_path / "staged", "user/liar")
    card = (tmp_path / "staged" / "README.md").read_text()
    assert len(list_files(tmp_path / "staged")) == 4
    assert "from\ntrain.tsv, valid.tsv, test.tsv" in card
    assert "wang2017liar" in card
