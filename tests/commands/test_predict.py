"""predict: every way in, every way out, and mistakes."""

import contextlib
import csv
import gzip
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support import ROOT, assert_refused, run_script

from glove_lstm.commands import predict as command

HEADLINES = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]


def predict(*args: object, **options: object):
    return run_script("predict", *args, **options)


def parse_only(*args: str) -> subprocess.CompletedProcess[str]:
    """A command line that argparse refuses, without the seconds that a process takes."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as stop:
        command.main(args)
    return subprocess.CompletedProcess([], stop.value.code, "", errors.getvalue())


def rows_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def expected() -> list[dict]:
    done = predict(*HEADLINES, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    return rows_of(done.stdout)


def test_shipped_checkpoint_labels_headlines(expected: list[dict]) -> None:
    assert [row["row"] for row in expected] == [1, 2, 3]
    for row in expected:
        assert row["label"] in ("FAKE", "REAL")
        assert row["score"] == max(row["scores"].values())
        assert sum(row["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert expected[1]["label"] == "FAKE"


def test_table_is_for_people_and_harmless_to_a_terminal() -> None:
    done = predict("A \x1b[31mred\x07 headline\nin two lines", "x" * 500)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["label", "score", "text"]
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert all(len(line) < 130 for line in lines)
    assert done.stderr == ""


def test_same_scores_from_every_source(expected: list[dict], tmp_path: Path) -> None:
    scores = [row["scores"] for row in expected]
    table = [{"text": text, "n": str(n)} for n, text in enumerate(HEADLINES)]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["n", "text"])
        writer.writeheader()
        writer.writerows(table)
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    with gzip.open(tmp_path / "in.jsonl.gz", "wt") as file:
        file.write((tmp_path / "in.jsonl").read_text())
    for name in ("in.csv", "in.jsonl", "in.jsonl.gz"):
        done = predict("--input", tmp_path / name, "--format", "jsonl")
        assert done.returncode == 0, done.stderr
        for row, found in zip(scores, rows_of(done.stdout), strict=True):
            assert found["scores"] == pytest.approx(row, abs=1e-5), name
    done = predict("--format", "jsonl", input="\n".join(HEADLINES[:2]) + "\n\n")
    for row, found in zip(scores, rows_of(done.stdout), strict=True):
        assert found["scores"] == pytest.approx(row, abs=1e-5)


def test_title_and_body_are_read_as_a_pair(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("title,text\nCouncil votes,on the bridge\n")
    done = predict(
        "--input", tmp_path / "in.csv", "--format", "csv", "--output", tmp_path / "out.csv"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    joined = rows_of(predict("Council votes on the bridge", "--format", "jsonl").stdout)[0]
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert set(row) == {"row", "label", "score", "score_FAKE", "score_REAL"}
    assert row["label"] == joined["label"]
    assert float(row["score_REAL"]) == pytest.approx(joined["scores"]["REAL"], abs=1e-5)


def test_other_model_and_order_over_windows(checkpoint: Path, articles: Path) -> None:
    done = predict("--model", checkpoint, "--input", articles, "--format", "csv")
    assert done.returncode == 0, done.stderr
    found = list(csv.DictReader(done.stdout.splitlines()))
    with articles.open(newline="") as file:
        truth = [row["label"] for row in csv.DictReader(file)]
    assert [row["row"] for row in found] == [str(n) for n in range(1, 161)]
    assert sum(row["label"] == label for row, label in zip(found, truth, strict=True)) > 140


def test_abstains_below_a_score(expected: list[dict], tmp_path: Path) -> None:
    least = sorted(row["score"] for row in expected)[1] - 1e-4
    wanted = [row["label"] if row["score"] >= least else "ABSTAIN" for row in expected]
    assert wanted.count("ABSTAIN") == 1
    done = predict(*HEADLINES, "--format", "jsonl", "--abstain_below", least)
    assert done.returncode == 0, done.stderr
    found = rows_of(done.stdout)
    assert [row["label"] for row in found] == wanted
    for row, before in zip(found, expected, strict=True):
        assert row["score"] == pytest.approx(
            before["score"], abs=1e-5
        )  # the best label's, as before
        assert row["scores"] == pytest.approx(before["scores"], abs=1e-5)
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in HEADLINES)])
    done = predict("--input", tmp_path / "in.csv", "--format", "csv", "--abstain_below", least)
    assert [row["label"] for row in csv.DictReader(done.stdout.splitlines())] == wanted
    done = predict("--abstain_below", 1, input="\n".join(HEADLINES))
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["label", *["ABSTAIN"] * len(HEADLINES[:2])]
    assert lines[0].index("score") == len("ABSTAIN  ")


def test_label_named_as_abstaining_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    config["id2label"]["0"], config["label2id"] = "ABSTAIN", {"ABSTAIN": 0, "REAL": 1}
    (folder / "config.json").write_text(json.dumps(config))
    assert_refused(
        predict("a", "--model", folder, "--abstain_below", 0.9),
        "has a label ABSTAIN",
        "leave it out",
    )


def test_mistakes(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "in.csv").write_text("title,text\na,b\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n{"text": \n')
    assert_refused(predict("--input", tmp_path / "none.csv"), "none.csv")
    assert_refused(predict("--input", tmp_path / "empty.csv"), "empty.csv")
    assert_refused(predict("--input", tmp_path / "in.csv", "--text_column_names", "body"), "'body'")
    assert_refused(
        predict("a text", "--input", tmp_path / "in.csv"), "Give either texts or --input"
    )
    assert_refused(predict("a", "--model", tmp_path / "nowhere"), "nowhere")
    assert_refused(predict("a", "--rows_per_part", "0"), "rows_per_part")
    for wrong in ("1.5", "-0.1", "nan", "much"):
        done = parse_only("a", f"--abstain_below={wrong}")
        assert_refused(done, "abstain_below", "from 0 to 1", wrong)
    assert_refused(predict(input=""), "Standard input is empty")
    assert_refused(predict("a", "--output", tmp_path), str(tmp_path), "is a folder")
    assert_refused(predict("a", "--model", tmp_path), "config.json is missing")
    done = predict(
        "--input", tmp_path / "bad.jsonl", "--output", tmp_path / "out.jsonl", "--format", "jsonl"
    )
    assert_refused(done, "bad.jsonl", "2")
    assert not [path for path in tmp_path.iterdir() if "out.jsonl" in path.name]


def test_reader_that_goes_away_is_no_error(articles: Path) -> None:
    import sys

    line = f"{sys.executable} {ROOT}/scripts/predict.py --input {articles} --format jsonl | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, encoding="utf-8")
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr


def test_output_goes_through_links_and_devices_stay(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "real.csv").write_text("old")
    done = predict("", "--format", "csv", "--output", tmp_path / "link.csv")
    assert done.returncode == 0, done.stderr
    assert "1 rows without any text" in done.stderr
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("row,label")
    assert predict("a", "--output", "/dev/null").returncode == 0
    assert not Path("/dev/null").is_file()


def test_help_is_complete() -> None:
    done = predict("--help")
    assert done.returncode == 0
    for option in (
        "--input",
        "--text_column_names",
        "--model",
        "--revision",
        "--format",
        "--output",
        "--abstain_below",
    ):
        assert option in done.stdout
