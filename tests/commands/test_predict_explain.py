"""predict --explain, for people; tests/inference/test_explain.py has JSON lines."""

import re
from functools import partial
from pathlib import Path

from support import succeed

from glove_lstm.commands import predict as command

TEXTS = ["Council votes on the bridge", "SHOCKING secret <b>they</b> hide!!!"]
run = partial(succeed, command.main)


def test_pairs_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("title,text\nCouncil votes,on the bridge\nSecret,\n")
    target = tmp_path / "why.txt"
    run("--input", tmp_path / "in.csv", "--explain", "--output", target)
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[1] == "Council votes on the bridge"
    assert sum(line.startswith("for ") for line in lines) == 2
    assert sum(line.startswith("against ") for line in lines) == 2


def test_words_in_a_pipe_have_no_controls() -> None:
    done = run("A \x1b[31mred\x07 headline", *TEXTS, "--explain", "--unsure_below", 1)
    assert "\x1b" not in done.stdout
    assert "A \ufffd[31mred\ufffd headline\n" in done.stdout
    assert done.stdout.count("unsure (best: ") == 3
    assert "SHOCKING secret <b>they</b> hide!!!\n" in done.stdout
    assert re.search(r"^for FAKE: .*!!! \+\d\.\d\d", done.stdout, re.MULTILINE)
    assert re.search(r"^against REAL: \S+ -\d\.\d\d", done.stdout, re.MULTILINE)
