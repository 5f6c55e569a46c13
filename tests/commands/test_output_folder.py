"""What is not from a training of this package is neither overwritten nor removed."""

import logging
import shutil
from pathlib import Path

import pytest
from support import QUICK, SMALL, assert_command_names, assert_names, edit_json, run_here, succeed

from glove_lstm import GloveLstmClassifier
from glove_lstm.commands import predict, train
from glove_lstm.errors import DataError
from glove_lstm.output_folder import check_output_folder, locked, own_checkpoints

BERT = '{"model_type": "bert", "about": {}}'
CHECKPOINT = {
    "checkpoint-500/config.json": '{"model_type": "bert"}',
    "checkpoint-500/optimizer.pt": "state",
}
RESUME = ["--resume_from_checkpoint", "True"]


@pytest.fixture
def command(articles, glove_file):
    """The words of a short training; an output folder may follow."""
    words = ["--train_file", articles, "--glove", glove_file, *SMALL, *QUICK]
    return [*words, "--num_train_epochs", "1", "--output_dir"]


def contents(folder):
    """The content of each file, by its path."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.mark.parametrize(
    ("files", "options", "name"),
    [
        ({"README.md": "My project"}, [], "README.md"),
        ({"config.json": BERT}, [], "config.json"),
        ({"metrics.json": BERT}, [], "metrics.json"),
        ({"light.onnx": "theirs"}, [], "light.onnx"),
        ({"plots/confusion.png": "theirs"}, [], "plots/confusion.png"),
        ({"modeling_glove_lstm.py": "theirs"}, [], "modeling_glove_lstm.py"),
        (CHECKPOINT, [], "checkpoint-500"),
        (CHECKPOINT, RESUME, "checkpoint-500"),
        ({"checkpoint-best/weights": "theirs"}, [], "checkpoint-best"),
    ],
)
def test_what_is_of_others_stays(tmp_path, command, monkeypatch, files, options, name):
    """Also where one works."""
    write(tmp_path, files)
    before = contents(tmp_path)
    monkeypatch.chdir(tmp_path)
    for folder in (".", tmp_path):
        done = run_here(train.main, *options, *command, folder)
        assert_command_names(done, name, "output folder")
        assert contents(tmp_path) == before


def test_a_folder_into_which_another_run_writes(tmp_path, command):
    """Of a training and of a bulk run; it is free afterwards."""
    words = {train.main: [*command, tmp_path], predict.main: ["a", "--output_dir", tmp_path]}
    locks = {train.main: ".train.lock", predict.main: ".predict.lock"}
    for main, lock in locks.items():
        with locked(tmp_path, lock):
            assert_command_names(run_here(main, *words[main]), str(tmp_path), "another")
        assert list(tmp_path.iterdir()) == []
    succeed(predict.main, *words[predict.main])


@pytest.mark.parametrize("is_fitted", [False, True], ids=["loaded", "fitted"])
def test_the_estimator_overwrites_and_removes_nothing_of_others(
    tmp_path, checkpoint, glove_file, is_fitted
):
    texts = ["calm council", "shocking secret"] * 10
    labels = ["REAL", "FAKE"] * 10
    if is_fitted:
        sizes = {"vocab_size": 50, "hidden_size": 4, "num_train_epochs": 1}
        classifier = GloveLstmClassifier(glove=glove_file, verbose=0, **sizes).fit(texts, labels)
    else:
        classifier = GloveLstmClassifier.from_pretrained(checkpoint)
    for name in ("metrics.json", "tokenizer.json", "checkpoint-1/weights"):
        folder = tmp_path / name.replace("/", "-")
        write(folder, {name: "{}"})
        before = contents(folder)
        with pytest.raises(DataError) as refusal:
            classifier.save_pretrained(folder)
        assert_names(refusal.value, name.split("/")[0], "output folder")
        assert contents(folder) == before
    with pytest.raises(DataError) as refusal:  # before it trains
        classifier.set_params(output_dir=str(folder)).fit(texts, labels)
    assert_names(refusal.value, "checkpoint-1", "output folder")
    assert contents(folder) == before
    for _ in range(2):  # what it has written itself is replaced
        classifier.save_pretrained(tmp_path / "mine")


@pytest.mark.slow
def test_another_training_replaces_the_first_and_keeps_what_was_edited(
    tmp_path, copy, command, caplog
):
    (copy / "data").mkdir()
    (copy / "data" / "mine.csv").write_text("mine")
    weights = (copy / "model.safetensors").read_bytes()
    succeed(train.main, *command, copy)
    assert (copy / "model.safetensors").read_bytes() != weights
    assert own_checkpoints(copy)
    assert "is kept" not in caplog.text

    card = (copy / "README.md").read_text(encoding="utf-8")
    edited = card.replace("library_name:", "license: mit\nlibrary_name:")
    (copy / "README.md").write_text(edited, encoding="utf-8")
    caplog.set_level(logging.INFO, "glove_lstm")
    succeed(train.main, *command, copy)
    assert (copy / "README.md").read_text(encoding="utf-8") == edited
    [line] = [message for message in caplog.messages if "is kept" in message]
    assert str(copy / "README.md") in line
    assert (copy / "data" / "mine.csv").read_text() == "mine"

    other = Path(shutil.copytree(copy, tmp_path / "other"))
    (other / "README.md").write_bytes(b"caf\xe9")
    GloveLstmClassifier.from_pretrained(copy).save_pretrained(other)
    assert (other / "README.md").read_bytes() == b"caf\xe9"


def test_folders_that_a_training_may_use(tmp_path, copy):
    check_output_folder(copy)
    check_output_folder(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoint-notes").write_text("mine")
    (tmp_path / "checkpoint-3").mkdir()  # an interrupted training has written nothing into it
    check_output_folder(tmp_path)

    # A training that was killed while it saved: config.json comes last.
    (copy / "config.json").unlink()
    with pytest.raises(DataError):
        check_output_folder(copy)
    shutil.copytree(copy, copy / "checkpoint-9")
    (copy / "checkpoint-9" / "config.json").write_text('{"model_type": "glove_lstm"}')
    check_output_folder(copy)

    edit_json(copy / "metrics.json", about={"versions": {"other": "1"}})
    (copy / "config.json").write_text('{"model_type": "glove_lstm"}')  # of another program
    with pytest.raises(DataError):
        check_output_folder(copy)
