"""predict --explain: in words and as JSON lines."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
from support import succeed

from glove_lstm.commands import predict as command

TEXTS = ["Council votes on the bridge", "SHOCKING secret <b>they</b> hide!!!"]
run = partial(succeed, command.main)


def test_explanations_are_added_to_the_lines() -> None:
    wanted = run(*TEXTS, "--format", "jsonl", "--backend", "torch").stdout.splitlines()
    done = run(*TEXTS, "--format", "jsonl", "--explain")
    for text, before, line in zip(TEXTS, wanted, done.stdout.splitlines(), strict=True):
        row = json.loads(line)
        found = row.pop("explanation")
        assert row == json.loads(before)
        assert (found["text"], found["text_pair"], found["label"]) == (text, None, row["label"])
        assert found["score"] == pytest.approx(row["score"], abs=1e-5)
        assert all(text[word["start"] : word["end"]] == word["text"] for word in found["words"])


def test_pairs_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("title,text\nCouncil votes,on the bridge\nSecret,\n")
    target = tmp_path / "why.txt"
    run("--input", tmp_path / "in.csv", "--explain", "--output", target)
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[1:3] == ["Council votes", "on the bridge"]
    assert sum(line.startswith("Logit of ") for line in lines) == 2


def test_words_without_colour_in_a_pipe() -> None:
    done = run("A \x1b[31mred\x07 headline", *TEXTS, "--explain", "--unsure_below", 1)
    assert "\x1b" not in done.stdout
    assert "A \ufffd[31mred\ufffd headline\n" in done.stdout
    assert done.stdout.count("unsure (best: ") == 3
    assert "SHOCKING secret <b>they</b> hide!!!\n" in done.stdout
    assert re.search(r"^for FAKE: (\S+ \+\d\.\d\d, )*!!! \+", done.stdout, re.MULTILINE)
    assert re.search(r"^for REAL: \S+ -\d\.\d\d", done.stdout, re.MULTILINE)
