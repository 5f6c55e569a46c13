"""What is not from a training of this package is neither overwritten nor removed."""

import logging
import shutil

import pytest
from support import QUICK, SMALL, assert_refused, edit_json, run_here, succeed

from glove_lstm import GloveLstmClassifier
from glove_lstm.commands import train
from glove_lstm.errors import DataError
from glove_lstm.output_folder import check_output_folder, own_checkpoints

WRITTEN = (
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "metrics.json",
    "light.onnx",
    "training_texts.safetensors",
    "plots/confusion.png",
    "modeling_glove_lstm.py",
)


@pytest.fixture
def command(articles, glove_file):
    """The words of a short training; an output folder may follow."""
    words = ["--train_file", articles, "--glove", glove_file, *SMALL, *QUICK]
    return [*words, "--num_train_epochs", "1", "--output_dir"]


def contents(folder):
    """The content of each file, by its path."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_kept(folder, command, name):
    """The command refuses to train into the folder, which stays as it is."""
    before = contents(folder)
    assert_refused(run_here(train.main, *command, folder), f"{folder / name} is not from")
    assert contents(folder) == before


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_others_is_not_overwritten(tmp_path, command, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"model_type": "bert", "about": {}}')
    assert_kept(tmp_path, command, name)


def test_the_folder_where_one_works_is_not_overwritten(tmp_path, command, monkeypatch):
    (tmp_path / "README.md").write_text("My project")
    monkeypatch.chdir(tmp_path)
    assert_refused(run_here(train.main, *command, "."), "README.md is not from")
    assert (tmp_path / "README.md").read_text() == "My project"


@pytest.mark.parametrize("options", [[], ["--resume_from_checkpoint", "True"]])
def test_a_checkpoint_of_another_program_is_not_removed(tmp_path, command, options):
    checkpoint = tmp_path / "checkpoint-500"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text('{"model_type": "bert"}')
    (checkpoint / "optimizer.pt").write_bytes(b"state")
    assert_kept(tmp_path, [*options, *command], "checkpoint-500")


def test_the_estimator_overwrites_and_removes_nothing_of_others(tmp_path, checkpoint):
    loaded = GloveLstmClassifier.from_pretrained(checkpoint)
    (tmp_path / "metrics.json").write_text('{"accuracy": 1}')
    with pytest.raises(DataError, match=r"metrics\.json is not from"):
        loaded.save_pretrained(tmp_path)
    (tmp_path / "metrics.json").unlink()

    (tmp_path / "checkpoint-1").mkdir()
    (tmp_path / "checkpoint-1" / "weights").write_bytes(b"theirs")
    for write in (
        loaded.save_pretrained,
        lambda folder: loaded.set_params(output_dir=str(folder)).fit(["a", "b"], ["FAKE", "REAL"]),
    ):
        with pytest.raises(DataError, match=r"checkpoint-1 is not from"):
            write(tmp_path)
    assert [path.name for path in contents(tmp_path)] == ["weights"]


def test_a_fitted_estimator_checks_the_folder_before_it_saves(tmp_path, glove_file):
    texts = ["calm council", "shocking secret"] * 10
    labels = ["REAL", "FAKE"] * 10
    fitted = GloveLstmClassifier(
        glove=glove_file, verbose=0, num_train_epochs=1, vocab_size=50, hidden_size=4
    ).fit(texts, labels)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json is not from"):
        fitted.save_pretrained(folder)
    assert [path.name for path in contents(folder)] == ["tokenizer.json"]
    (folder / "tokenizer.json").unlink()
    fitted.save_pretrained(folder)
    fitted.save_pretrained(folder)  # what it has written itself is replaced


@pytest.mark.slow
def test_another_training_replaces_the_first_and_keeps_what_was_edited(tmp_path, command, caplog):
    folder = tmp_path / "out"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "mine.csv").write_text("mine")
    succeed(train.main, *command, folder)
    assert own_checkpoints(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    weights = (folder / "model.safetensors").read_bytes()

    succeed(train.main, "--seed", "7", *command, folder)
    assert (folder / "model.safetensors").read_bytes() != weights
    assert "is kept" not in caplog.text
    edited = card.replace("library_name:", "license: mit\nlibrary_name:")
    (folder / "README.md").write_text(edited, encoding="utf-8")
    caplog.set_level(logging.INFO, "glove_lstm")
    succeed(train.main, *command, folder)
    assert (folder / "README.md").read_text(encoding="utf-8") == edited
    [line] = [message for message in caplog.messages if "is kept" in message]
    assert str(folder / "README.md") in line
    assert (folder / "data" / "mine.csv").read_text() == "mine"

    loaded = GloveLstmClassifier.from_pretrained(folder)
    succeed(train.main, "--seed", "7", *command, tmp_path / "other")
    (tmp_path / "other" / "README.md").write_bytes(b"caf\xe9")
    loaded.save_pretrained(tmp_path / "other")
    assert (tmp_path / "other" / "README.md").read_bytes() == b"caf\xe9"


def test_folders_that_a_training_may_use(tmp_path, copy):
    check_output_folder(copy)
    check_output_folder(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoint-notes").write_text("mine")
    (tmp_path / "checkpoint-3").mkdir()  # an interrupted training has written nothing into it
    check_output_folder(tmp_path)

    # A training that was killed while it saved: config.json comes last.
    (copy / "config.json").unlink()
    with pytest.raises(DataError, match="is not from a training"):
        check_output_folder(copy)
    shutil.copytree(copy, copy / "checkpoint-9")
    (copy / "checkpoint-9" / "config.json").write_text('{"model_type": "glove_lstm"}')
    check_output_folder(copy)

    edit_json(copy / "metrics.json", about={"versions": {"other": "1"}})
    (copy / "config.json").write_text('{"model_type": "glove_lstm"}')  # of another program
    with pytest.raises(DataError, match="is not from a training"):
        check_output_folder(copy)
