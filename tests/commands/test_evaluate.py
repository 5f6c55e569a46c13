"""evaluate: figures, pictures and leaks, and only of texts that the model has not seen."""

import dataclasses
import json
import subprocess
import sys
from functools import partial

import pytest
from support import (
    CALM,
    LOUD,
    QUICK,
    SMALL,
    assert_command_names,
    edit_json,
    read_csv,
    read_json,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm.checkpoint.names import TRAINING_TEXTS_NAME
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.commands import evaluate as command
from glove_lstm.evaluation.robustness import PERTURBATIONS

PICTURES = {"confusion.png", "reliability.png"}
evaluate = partial(run_here, command.main)
run = partial(succeed, command.main)


def figures_in(folder):
    return read_json(folder / "eval.json")


@pytest.fixture(scope="module")
def measured(shared_export, tmp_path_factory):
    """What evaluate printed, and the folder of its files."""
    folder = tmp_path_factory.mktemp("measured")
    out = folder / "out"
    test = write_articles(folder / "test.csv", 80, seed=7)
    done = run(shared_export, "--test_file", test, "--robustness", "--output_dir", out)
    return done.stdout, out


@pytest.fixture(scope="module")
def figures(measured):
    _, folder = measured
    return figures_in(folder)


def test_figures_and_pictures_are_saved(measured, figures, shared_export):
    _, folder = measured
    assert {path.name for path in folder.iterdir()} == {"eval.json", "predictions.csv", *PICTURES}
    for name in PICTURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert figures["model"] == str(shared_export)
    assert (figures["split"], figures["rows"]) == ("test", 80)
    assert figures["labels"] == ["FAKE", "REAL"]
    assert figures["accuracy"] > 0.9
    right = figures["confusion"][0][0] + figures["confusion"][1][1]
    assert figures["accuracy"] == pytest.approx(right / 80)


def test_figures_are_printed(measured, figures):
    printed, _ = measured
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines()]
    figures_of_rows = [row[1:] for row in rows]
    for measure in ("accuracy", "f1", "brier"):
        low, high = figures[f"{measure}_interval"]
        assert [f"{figures[measure]:.4f}", f"{low:.4f} to {high:.4f}"] in figures_of_rows
    for row in figures["coverage"]:
        assert [f"{row['coverage']:.1%}", f"{row['accuracy']:.4f}"] in figures_of_rows
    for name, row in figures["by_label"].items():
        cells = [f"{row[measure]:.4f}" for measure in ("precision", "recall", "f1-score")]
        assert [name, *cells, "40"] in [line.split() for line in printed.splitlines()]

    clean = figures["robustness"].pop("clean")["accuracy"]
    assert clean == pytest.approx(figures["accuracy"])  # a pair is its parts joined
    assert figures["robustness"].keys() == PERTURBATIONS.keys()
    for name, row in figures["robustness"].items():
        assert row["lost"] == pytest.approx(clean - row["accuracy"])
        [cells] = [cells for cells in rows if cells[0] == name.replace("_", " ")]
        assert (cells[1], cells[3]) == (f"{row['accuracy']:.4f}", f"{row['lost']:+.4f}")

    for label, own_words in (("FAKE", LOUD), ("REAL", CALM)):
        top_words = figures["top_words"][label]
        assert f"{label}: {', '.join(top_words)}\n" in printed
        assert len(top_words) == 20
        assert set(top_words[:3]) <= set(own_words.split())


def test_leaks_are_printed(tmp_path):
    """Most FAKE articles of the training have no text."""
    rows = read_csv(write_articles(tmp_path / "train.csv", 80))
    for row in rows[::2]:
        row |= {"title": "", "text": ""}
    train = write_table(tmp_path / "train.csv", rows)
    test = write_articles(tmp_path / "test.csv", 40, seed=3)
    printed = run("--train_file", train, "--test_file", test, "--leaks").stdout
    assert "if it is an artefact of how the data were made" in printed
    assert "| no text" in printed
    assert any(repr(word) in printed for word in CALM.split())


def test_a_report_needs_a_new_folder(shared_export, new, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    run(shared_export, "--test_file", new, "--output_dir", theirs)
    before = (theirs / "eval.json").read_bytes()
    done = evaluate(shared_export, "--test_file", tmp_path / "missing.csv", "--output_dir", theirs)
    assert_command_names(done, "theirs is not empty", "new folder")  # before data are read
    assert (theirs / "eval.json").read_bytes() == before


# predictions.csv


OTHER = {"FAKE": "REAL", "REAL": "FAKE"}


def test_predictions_are_written_with_the_surest_mistakes_first(shared_export, tmp_path):
    """Every fourth article has the wrong label, and one has no text."""
    mislabelled = read_csv(write_articles(tmp_path / "right.csv", 40, seed=6))
    for row in mislabelled[::4]:
        row["label"] = OTHER[row["label"]]
    mislabelled[1] |= {"title": "", "text": ""}
    table = write_table(tmp_path / "in.csv", mislabelled)
    out = tmp_path / "out"
    words = [shared_export, "--test_file", table, "--on_empty", "drop", "--output_dir", out]
    printed = run(*words).stdout
    rows = read_csv(out / "predictions.csv")
    assert list(rows[0]) == ["row", "text", "label", "predicted", "score"]
    assert sorted(int(row["row"]) for row in rows) == [1, *range(3, 41)]
    for row in rows:
        source = mislabelled[int(row["row"]) - 1]
        text = f"{source['title']} {source['text']}"
        assert row["text"] == text
        assert row["label"] == source["label"]
        assert 0.5 <= float(row["score"]) <= 1
    wrong = [row["predicted"] != row["label"] for row in rows]
    count = sum(wrong)
    assert count > 3
    assert wrong == sorted(wrong, reverse=True)
    assert count == round((1 - figures_in(out)["accuracy"]) * len(rows))
    scores = [float(row["score"]) for row in rows]
    assert scores[:count] == sorted(scores[:count], reverse=True)  # the surest mistake first
    assert scores[count:] == sorted(scores[count:])  # then the least sure of the others

    _, shown = printed.split("The surest mistakes, by the largest error of a score:\n\n")
    lines = shown.split("\n\n")[0].splitlines()[2:]
    for line, row in zip(lines, rows[:3], strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[:3] == [row["row"], row["label"], row["predicted"]]
        assert float(cells[3]) == pytest.approx(float(row["score"]), abs=5e-5)


def test_predictions_of_several_files_and_labels(exported, tmp_path):
    several = {"problem_type": "multi_label_classification", "thresholds": [0.5, 0.5]}
    edit_json(exported / "config.json", **several)
    files = []
    for seed, name in enumerate(("a.jsonl", "b.jsonl"), 20):
        rows = read_csv(write_articles(tmp_path / "rows.csv", 10, seed=seed))
        for row in rows:
            row["label"] = [] if row is rows[0] else [row["label"]]
        files.append(write_table(tmp_path / name, rows))
    out = tmp_path / "out"
    run(exported, "--test_file", *files, "--keep_columns", "title", "--output_dir", out)
    rows = read_csv(out / "predictions.csv")
    assert list(rows[0]) == ["file", "row", "title", "text", "label", "predicted", "score"]
    assert all(row["text"].startswith(row["title"]) for row in rows)
    places = {(row["file"], int(row["row"])) for row in rows}
    assert places == {(str(file), number) for file in files for number in range(1, 11)}
    for row in rows:
        assert isinstance(json.loads(row["predicted"]), list)
    assert rows[0]["predicted"] != rows[0]["label"]


def test_folds_find_wrong_labels(tmp_path, glove_file):
    rows = read_csv(write_articles(tmp_path / "rows.csv", 90, seed=9))
    for number, row in enumerate(rows):
        row |= {"id": f"n{number}", "author": f"{number // 2}"}
        if number in (3, 30, 69):
            row["label"] = OTHER[row["label"]]
    table = write_table(tmp_path / "in.csv", rows)
    out = tmp_path / "out"
    words = ["--group_column_name", "author", "--keep_columns", "author, id", "--output_dir", out]
    words += ["--glove", glove_file, *SMALL, *QUICK, "--seed", 3]
    printed = run("--train_file", table, "--folds", 2, *words).stdout
    assert "90 texts (train in.csv) in 2 parts" in printed
    found = read_csv(out / "predictions.csv")
    assert list(found[0])[:4] == ["row", "author", "id", "text"]
    assert {row["id"] for row in found[:3]} == {"n3", "n30", "n69"}
    assert sorted(int(row["row"]) for row in found) == list(range(1, 91))
    assert all(row["id"] == f"n{int(row['row']) - 1}" for row in found)
    figures = figures_in(out)
    assert (figures["rows"], figures["folds"], figures["settings"]["seed"]) == (90, 2, 3)


def test_folds_of_lists_of_labels(tmp_path):
    rows = read_csv(write_articles(tmp_path / "rows.csv", 60))
    for number, row in enumerate(rows):
        row["label"] = [] if number % 5 == 0 else [row["label"]]
    table = write_table(tmp_path / "in.jsonl", rows)
    words = ["--glove", "none", *SMALL, *QUICK, "--output_dir", tmp_path / "out"]
    run("--train_file", table, "--folds", 2, *words)
    assert figures_in(tmp_path / "out")["rows"] == 60


def test_skewed_classes_and_a_weak_model_are_remarked_on(shared_export, tmp_path):
    """All texts are of one kind, but three have the other label."""
    rows = read_csv(write_articles(tmp_path / "in.csv", 40, seed=8, labels=("REAL",)))
    for row in rows[:3]:
        row["label"] = "FAKE"
    printed = run(shared_export, "--test_file", write_table(tmp_path / "skewed.csv", rows)).stdout
    for words in ("92.5%", "'FAKE' (3 texts), is 0.0000", "--class_weight balanced", "not better"):
        assert words in printed


# Texts that the training has seen


def test_a_file_that_was_trained_on_is_not_measured(shared_export, articles):
    done = evaluate(shared_export, "--split", "train", "--train_file", articles)
    assert_command_names(done, "All 160", "trained on 160", "validated on 0")
    assert "accuracy" not in done.stdout


def test_only_unseen_texts_are_measured(shared_export, articles, new, tmp_path):
    run(shared_export, "--test_file", new, "--output_dir", tmp_path / "new")
    of_new = figures_in(tmp_path / "new")
    assert of_new["seen"] == {"trained": 0, "validated": 0, "unseen": 30, "complete": True}

    mixed = write_table(tmp_path / "mixed.csv", read_csv(new) + read_csv(articles))
    done = run(shared_export, "--test_file", mixed, "--output_dir", tmp_path / "mixed")
    assert "160 of the 190" in done.stdout
    of_mixed = figures_in(tmp_path / "mixed")
    seen = of_mixed.pop("seen")
    assert seen == {"trained": 160, "validated": 0, "unseen": 30, "complete": True}
    for name in ("rows", "accuracy", "brier", "by_label"):
        assert of_mixed[name] == of_new[name]


def test_an_incomplete_or_missing_record_is_mentioned(exported, new, tmp_path):
    path = exported / TRAINING_TEXTS_NAME
    record, weights_digest = TextRecord.load(path)
    dataclasses.replace(record, complete=False).save(path, weights_digest)
    assert "unknown which other texts" in run(exported, "--test_file", new).stdout

    path.unlink()
    done = run(exported, "--test_file", new, "--output_dir", tmp_path / "out")
    assert "unknown which texts" in done.stdout
    assert figures_in(tmp_path / "out")["seen"] is None
    assert figures_in(tmp_path / "out")["rows"] == 30


# What is imported

WITHOUT_TORCH = """
import sys
from glove_lstm.commands.command import run_command
from glove_lstm.commands.evaluate import main

model, new, missing = sys.argv[1:]
slow = {"torch", "transformers", "matplotlib", "sklearn"}
assert run_command(main, [model, "--test_file", missing]) != 0
assert run_command(main, [model, "--test_file", new, "--label_column_name", "verdict"]) != 0
assert not slow & sys.modules.keys()
assert run_command(main, [model, "--test_file", new]) == 0
assert not {"torch", "transformers"} & sys.modules.keys()
"""


def test_torch_is_not_needed_and_mistakes_are_told_early(shared_export, new, tmp_path):
    words = [shared_export, new, tmp_path / "missing.csv"]
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    of_file, of_column = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "missing.csv" in of_file
    assert "new.csv" in of_column
    assert "verdict" in of_column
