"""benchmarks.recipes: the command is run and measured once, beside linear models of the same texts."""

import json

from support import succeed

from benchmarks import recipes, tables


def test_the_command_is_measured_once_beside_a_linear_model(news, tmp_path, monkeypatch):
    file = tmp_path / "recipes.json"
    models = ["default", "tfidf_svc_cased"]
    args = ["--data_dir", news, "--json", file, "--tasks", "trec", "--models", *models]
    succeed(recipes.main, *args)
    measured = json.loads(file.read_text())["trec"]
    assert list(measured) == models
    for row in measured.values():
        assert row["texts"] == 60
        assert 0 <= row["accuracy"] <= 1
    assert measured["default"]["seconds"] > 1
    assert measured["default"]["megabytes"] > 1

    monkeypatch.setattr(recipes, "run_train", None)  # would fail
    succeed(recipes.main, *args)
    assert json.loads(file.read_text())["trec"] == measured

    [line] = tables.recipes_table({"trec": measured}).splitlines()[2:]
    best = f"{measured['tfidf_svc_cased']['accuracy']:.3f}"
    assert line.startswith("| type of a question")
    assert line.endswith(f"| {best} |")
