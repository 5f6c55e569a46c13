"""What people meet first: the README's commands and snippets, the command's own help, and the public names."""

import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from support import ROOT

import glove_lstm
from glove_lstm.commands.main import main
from glove_lstm.commands.train import parse

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_command_prints_what_the_readme_shows(capsys, monkeypatch):
    pattern = r"```sh\npip install -e \. && glove-lstm (.+?)\n```\n\n```text\n(.+?)```"
    [(command, shown)] = re.findall(pattern, README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == shown


def test_the_snippets_of_the_readme_run(tmp_path, monkeypatch):
    light, pipeline, estimator = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(light, {})
    exec(pipeline, {})
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(estimator, names)
    call, label = re.search(r"(clf.predict\(.+\))  # \[\"(.+)\"\]", estimator).groups()
    assert list(eval(call, names)) == [label]
    assert (tmp_path / "from_python" / "model.safetensors").is_file()


def test_the_trainings_of_the_readme_run_as_pasted(tmp_path, monkeypatch, capsys):
    """The one with a teacher is only parsed: its encoder is a download."""
    commands = re.findall(r"^glove-lstm (.+)$", README.replace("\\\n", ""), re.MULTILINE)
    trained, evaluated, predicted, _pushed, taught = [shlex.split(line, True) for line in commands]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    assert main(trained) == main(evaluated) == main(predicted) == 0
    shown = capsys.readouterr().out
    accuracy = float(re.search(r"\| accuracy +\| +(0\.\d+)", shown).group(1))
    assert accuracy > 0.55  # .66 on the machine of the README
    arguments, _ = parse(taught[1:])
    for files in (arguments.train_file, arguments.unlabelled_file, arguments.test_file):
        assert Path(files[0]).is_file()


def test_the_command_tells_what_it_can_do(capsys):
    assert main([]) == main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: glove-lstm COMMAND")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"glove-lstm {version('glove-lstm')}\n"
    done = subprocess.run(
        [sys.executable, "-m", "glove_lstm", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"glove-lstm {version('glove-lstm')}\n"
    assert main(["classify"]) == 2
    assert capsys.readouterr().err.startswith("error: 'classify' is not a command")


def test_every_public_name_is_there():
    for name in glove_lstm.__all__:
        assert getattr(glove_lstm, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = glove_lstm.nothing_such


def test_first_use_registers_with_the_auto_classes(checkpoint):
    code = f"""
from glove_lstm import GloveLstmTokenizer
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
path = {str(checkpoint)!r}
for auto in (AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer):
    print(type(auto.from_pretrained(path)).__module__)
print(pipeline("text-classification", model=path)("Council votes")[0]["label"] in ("FAKE", "REAL"))
"""
    done = subprocess.check_output([sys.executable, "-c", code], encoding="utf-8")
    assert done.splitlines() == [
        "glove_lstm.modeling.configuration_glove_lstm",
        "glove_lstm.modeling.modeling_glove_lstm",
        "glove_lstm.modeling.modeling_glove_lstm",
        "glove_lstm.tokenization.tokenization_glove_lstm",
        "True",
    ]


def test_the_help_of_train_has_the_options_that_it_takes(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capsys.readouterr().out
    for name in ("train_file", "overwrite_output_dir", "revision", "learning_rate"):
        assert f"--{name}" in shown
