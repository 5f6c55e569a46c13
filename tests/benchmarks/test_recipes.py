"""benchmarks.recipes: the command is run and measured once, beside linear models of the same texts."""

import json
from pathlib import Path

from support import succeed

from benchmarks import recipes, tables


def test_the_command_is_measured_once_beside_a_linear_model(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipes.json"
    command = ["--data_dir", data_dir, "--json", file, "--tasks", "trec"]
    command += ["--models", "default", "tfidf_svc_cased"]
    succeed(recipes.main, *command)
    measured = json.loads(file.read_text())["trec"]
    assert list(measured) == ["default", "tfidf_svc_cased"]
    for row in measured.values():
        assert row["texts"] == 60
        assert 0 <= row["accuracy"] <= 1
    assert measured["default"]["seconds"] > 1
    assert measured["default"]["megabytes"] > 1

    # Equal seconds: nothing was measured again.
    succeed(recipes.main, *command)
    assert json.loads(file.read_text())["trec"] == measured

    *_, line = tables.recipes_table({"trec": measured}).splitlines()
    best = f"{measured['tfidf_svc_cased']['accuracy']:.3f}"
    assert line.startswith("| type of a question")
    assert line.endswith(f"| {best} |")
