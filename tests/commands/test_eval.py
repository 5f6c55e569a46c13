"""evaluate: figures and pictures, with and without a model, and mistakes."""

import json
from functools import partial
from pathlib import Path

import pytest
from support import assert_refused, read_csv, run_here, succeed, write_articles, write_table

from glove_lstm.commands import evaluate as command

PICTURES = {"confusion.png", "reliability.png"}
evaluate = partial(run_here, command.main)
run = partial(succeed, command.main)


@pytest.fixture(scope="module")
def measured(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory):
    """What evaluate printed, and the folder of its files."""
    folder = tmp_path_factory.mktemp("measured")
    test = write_articles(folder / "test.csv", 80, seed=7)
    options = "--robustness", "--leaks", "--output_dir", folder / "out"
    done = run(checkpoint, "--test_file", test, *options)
    return done.stdout, folder / "out"


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


def test_figures_are_printed(measured, figures: dict) -> None:
    printed, _ = measured
    for measure in ("accuracy", "f1", "brier"):
        low, high = figures[f"{measure}_interval"]
        assert low <= high
        assert f"{figures[measure]:.4f}  {low:.4f} to {high:.4f}" in printed
    for name, row in figures["by_label"].items():
        assert row["rows"] == 40
        assert f"{name}     40" in printed
    assert figures["coverage"][0]["threshold"] == 0
    for row in figures["coverage"]:
        assert f"{row['coverage']:.1%}    {row['accuracy']:.4f}" in printed


def test_robustness_is_measured_and_printed(measured, figures: dict) -> None:
    printed, _ = measured
    clean = figures["robustness"]["clean"]["accuracy"]
    assert clean == pytest.approx(
        figures["accuracy"]
    )  # a pair is the same text as its parts joined
    typos = figures["robustness"]["typos"]
    assert typos["lost"] == pytest.approx(clean - typos["accuracy"])
    assert "10 % of letters mistyped" in printed


def test_leaks_are_found_and_printed(measured, figures: dict) -> None:
    printed, _ = measured
    findings = figures["leaks"]["findings"]
    # Titles in capitals and the words of either kind are what made-up articles are told apart by.
    assert {finding["check"] for finding in findings} == {"phrase"}
    assert findings[0]["sentence"] in printed


def test_default_checkpoint_other_columns_and_json(tmp_path: Path) -> None:
    rows = [
        {"headline": "Council approves budget after long debate", "verdict": "REAL"},
        {"headline": "You WON'T BELIEVE what they are hiding!!!", "verdict": "FAKE"},
    ]
    write_table(tmp_path / "in.jsonl", rows)
    columns = ["--text_column_names", "headline", "--label_column_name", "verdict"]
    done = run("--test_file", tmp_path / "in.jsonl", *columns)
    assert "2 texts" in done.stdout
    assert "accuracy              1.0000" in done.stdout
    only = write_table(tmp_path / "one.csv", rows[:1])
    done = run("--test_file", only, *columns, "--output_dir", tmp_path / "new" / "out")
    assert "not defined" in done.stdout  # ROC AUC of one label
    assert json.loads((tmp_path / "new" / "out" / "eval.json").read_text())["roc_auc"] is None


def test_leaks_without_a_model(tmp_path: Path) -> None:
    train, out = write_articles(tmp_path / "a.csv", 80), tmp_path / "out"
    others = write_articles(tmp_path / "others.csv", 40, seed=3)
    seen = read_csv(train)[:2]
    test = write_table(tmp_path / "test.csv", [*seen, *read_csv(others)])
    files = "--train_file", train, "--test_file", test
    done = run(*files, "--leaks", "--output_dir", out)
    assert "Leaks looked for" in done.stdout
    assert "95 % interval" not in done.stdout
    overlap, *others = json.loads((out / "eval.json").read_text())["leaks"]["findings"]
    assert (overlap["check"], overlap["figures"]["exact"]) == ("overlap", 2)
    assert {finding["check"] for finding in others} == {"phrase"}
    assert {path.name for path in out.iterdir()} == {"eval.json"}


def test_mistakes(tmp_path: Path, checkpoint: Path) -> None:
    rows = [{"text": f"a text {n}", "label": ("FAKE", "REAL", "SATIRE")[n % 3]} for n in range(6)]
    other = write_table(tmp_path / "three.csv", rows)
    words = "three.csv, row 3", "'SATIRE'", "FAKE, REAL"
    assert_refused(evaluate(checkpoint, "--test_file", other, "--leaks"), *words)
    assert_refused(evaluate(), "nothing to load")
    assert_refused(evaluate("--test_file", other, "--leaks", "--robustness"), "need a MODEL")
    binary = write_table(tmp_path / "two.csv", rows[:2])
    assert_refused(evaluate("--train_file", binary), "has no split test", "train")
    assert_refused(evaluate("--test_file", binary, "--output_dir", binary), "two.csv is a file")
    versioned = evaluate(checkpoint, "--revision", "v1", "--test_file", binary)
    assert_refused(versioned, "has no revision 'v1'")
    gap = write_table(tmp_path / "gap.csv", [*rows[:2], {"text": " ", "label": "FAKE"}])
    assert_refused(evaluate("--test_file", gap), "gap.csv, row 3 has no text")
