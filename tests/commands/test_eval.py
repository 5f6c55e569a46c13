"""evaluate: figures and pictures, with and without a model, and mistakes."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
from support import CALM, LOUD, assert_refused, run_here, succeed, write_articles, write_table

from glove_lstm.commands import evaluate as command

PICTURES = {"confusion.png", "reliability.png"}
evaluate = partial(run_here, command.main)
run = partial(succeed, command.main)


@pytest.fixture(scope="module")
def measured(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory):
    """What evaluate printed, and the folder of its files."""
    folder = tmp_path_factory.mktemp("measured")
    out = folder / "out"
    test = write_articles(folder / "test.csv", 80, seed=7)
    done = run(checkpoint, "--test_file", test, "--robustness", "--leaks", "--output_dir", out)
    return done.stdout, out


@pytest.fixture(scope="module")
def figures(measured) -> dict:
    _, folder = measured
    return json.loads((folder / "eval.json").read_text())


def test_figures_and_pictures_are_saved(measured, figures: dict, checkpoint: Path) -> None:
    _, folder = measured
    assert {path.name for path in folder.iterdir()} == {"eval.json", *PICTURES}
    for name in PICTURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert figures["model"] == str(checkpoint)
    assert (figures["split"], figures["rows"]) == ("test", 80)
    assert figures["labels"] == ["FAKE", "REAL"]
    assert figures["accuracy"] > 0.9
    right = figures["confusion"][0][0] + figures["confusion"][1][1]
    assert figures["accuracy"] == pytest.approx(right / 80)


def test_the_model_by_position_or_by_name(checkpoint: Path, tmp_path: Path, figures: dict) -> None:
    test = write_articles(tmp_path / "test.csv", 80, seed=7)
    run("--model", checkpoint, "--test_file", test, "--output_dir", tmp_path / "out")
    by_name = json.loads((tmp_path / "out" / "eval.json").read_text())
    assert by_name["model"] == str(checkpoint)
    assert by_name["confusion"] == figures["confusion"]
    both = evaluate(checkpoint, "--model", checkpoint, "--test_file", test)
    assert both.returncode == 2
    assert "not allowed with argument" in both.stderr


def test_one_text_is_a_text(checkpoint: Path, tmp_path: Path) -> None:
    test = write_articles(tmp_path / "test.csv", 1, seed=7)
    assert f"{checkpoint}: 1 text (" in run(checkpoint, "--test_file", test).stdout


def test_figures_are_printed(measured, figures: dict) -> None:
    printed, _ = measured
    rows = [line.replace(" ", "").strip("|").split("|") for line in printed.splitlines()]
    for measure in ("accuracy", "f1", "brier"):
        low, high = figures[f"{measure}_interval"]
        assert low <= high
        cells = [f"{figures[measure]:.4f}", f"{low:.4f}to{high:.4f}"]
        assert any(row[1:] == cells for row in rows)
    for name, row in figures["by_label"].items():
        assert row["rows"] == 40
        assert any(cells[:2] == [name, "40"] for cells in rows)
    assert figures["coverage"][0]["threshold"] == 0
    for row in figures["coverage"]:
        cells = [f"{row['coverage']:.1%}", f"{row['accuracy']:.4f}"]
        assert any(found[1:] == cells for found in rows)


def test_robustness_is_measured_and_printed(measured, figures: dict) -> None:
    printed, _ = measured
    clean = figures["robustness"]["clean"]["accuracy"]
    # A pair is the same text as its parts joined.
    assert clean == pytest.approx(figures["accuracy"])
    typos = figures["robustness"]["typos"]
    assert typos["lost"] == pytest.approx(clean - typos["accuracy"])
    assert "10 % of letters mistyped" in printed


@pytest.fixture
def headlines(tmp_path: Path) -> Path:
    """A REAL and a FAKE headline, in columns of other names."""
    rows = [
        {"headline": "Council approves budget after long debate", "verdict": "REAL"},
        {"headline": "You WON'T BELIEVE what they are hiding!!!", "verdict": "FAKE"},
    ]
    return write_table(tmp_path / "in.jsonl", rows)


COLUMNS = ["--text_column_names", "headline", "--label_column_name", "verdict"]


def test_the_default_checkpoint_and_other_columns(headlines: Path) -> None:
    done = run("--test_file", headlines, *COLUMNS)
    assert "2 texts" in done.stdout
    assert re.search(r"accuracy +\| +1\.0000 ", done.stdout)


def test_texts_of_one_label_have_no_roc_auc(headlines: Path, tmp_path: Path) -> None:
    first, _ = headlines.read_text().splitlines()
    only_real = tmp_path / "one.jsonl"
    only_real.write_text(first)
    out = tmp_path / "new" / "out"
    done = run("--test_file", only_real, *COLUMNS, "--output_dir", out)
    assert "not defined" in done.stdout
    assert json.loads((out / "eval.json").read_text())["roc_auc"] is None


def test_leaks_without_a_model(tmp_path: Path) -> None:
    """Words of either kind tell the made-up articles apart, so each has its label."""
    train = write_articles(tmp_path / "train.csv", 80)
    test = write_articles(tmp_path / "test.csv", 40, seed=3)
    out = tmp_path / "out"
    done = run("--train_file", train, "--test_file", test, "--leaks", "--output_dir", out)
    assert "95 % interval" not in done.stdout
    assert {path.name for path in out.iterdir()} == {"eval.json"}
    leaks = json.loads((out / "eval.json").read_text())["leaks"]
    own_words = {"FAKE": LOUD.split(), "REAL": CALM.split()}
    assert {leak["label"] for leak in leaks} == {"FAKE", "REAL"}
    for leak in leaks:
        assert repr(leak["phrase"]) in done.stdout
        if leak["phrase"].islower():
            assert leak["phrase"].split()[0] in own_words[leak["label"]]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A file of two rows."""
    return write_table(tmp_path / "two.csv", TWO_ROWS)


TWO_ROWS = [{"text": "a", "label": "FAKE"}, {"text": "b", "label": "REAL"}]


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ({"text": "c", "label": "SATIRE"}, ["'SATIRE'", "FAKE, REAL"]),
        ({"text": " ", "label": "FAKE"}, ["has no text"]),
    ],
    ids=["label", "text"],
)
def test_a_row_that_cannot_be_measured_is_named(
    checkpoint: Path, tmp_path: Path, row: dict, parts: list[str]
) -> None:
    table = write_table(tmp_path / "three.csv", [*TWO_ROWS, row])
    done = evaluate(checkpoint, "--test_file", table, "--leaks")
    assert_refused(done, "three.csv, row 3", *parts)


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ("", "nothing to load"),
        ("--test_file {TWO} --leaks --robustness", "need a MODEL"),
        ("--train_file {TWO}", "has no split test"),
        ("--test_file {TWO} --output_dir {TWO}", "two.csv is a file"),
        ("{CHECKPOINT} --revision v1 --test_file {TWO}", "has no revision 'v1'"),
    ],
)
def test_mistakes(checkpoint: Path, two: Path, args: str, part: str) -> None:
    words = args.format(TWO=two, CHECKPOINT=checkpoint).split()
    assert_refused(evaluate(*words), part)
