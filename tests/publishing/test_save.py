"""A model is saved complete or not at all; it replaces an earlier model only if asked, and nothing else ever."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from support import (
    QUICK,
    QUICK_VALUES,
    SMALL,
    SMALL_VALUES,
    assert_command_names,
    run_here,
    succeed,
)

from glove_lstm import GloveLstmClassifier
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.commands import train
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.files import digest
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.publishing import save as saving
from glove_lstm.publishing.save import save
from glove_lstm.training.fit import Trained, fit
from glove_lstm.training.settings import make_settings

NO_SPACE = OSError(28, "No space left on device")
BERT = '{"model_type": "bert", "about": {}}'


@pytest.fixture(scope="module")
def new(news, glove_file) -> Trained:
    """A trained model that is not saved yet."""
    arguments = {**SMALL_VALUES, **QUICK_VALUES, "glove": str(glove_file), "num_train_epochs": 1}
    return fit(news.texts, news.labels, settings=make_settings(**arguments))


@pytest.fixture(scope="module")
def metrics(new) -> MetricsFile:
    return run_metrics(new)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """Where a model is saved if its folder cannot be written."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def place(tmp_path) -> Path:
    """An empty folder, in which the folder of a model is made."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def old(place, checkpoint) -> Path:
    """The folder of an earlier model."""
    Checkpoint.open(checkpoint).copy_to(place / "out")
    return place / "out"


@pytest.fixture
def command(articles, glove_file) -> list[object]:
    """The words of a short training; an output folder follows."""
    data = ["--train_file", articles, "--glove", glove_file]
    return [*data, *SMALL, *QUICK, "--num_train_epochs", "1", "--output_dir"]


def contents(folder: Path) -> dict[str, bytes | None]:
    """The content of each file, by its path; None for folders."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = path.read_bytes() if path.is_file() else None
    return found


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(folder: Path, files: dict[str, str | None]) -> None:
    """Write files; None makes a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            path.write_text(content)


def weights_of(folder: Path) -> str:
    """The hash of the weights of a checkpoint, all of whose files fit together."""
    checkpoint = Checkpoint.open(folder)
    checkpoint.check_files()
    assert checkpoint.training_texts() is not None
    return digest(folder / "model.safetensors")


@pytest.fixture(scope="module")
def new_weights(new, metrics, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("new") / "out"
    save(new, folder, metrics)
    return weights_of(folder)


# Where a model may be saved


def refuse_early(argv):
    """The train command, which refuses before it reads data."""
    with mock.patch.object(train, "load_splits", side_effect=AssertionError):
        train.main(argv)


def test_a_new_or_an_empty_folder(new, metrics, place, new_weights, monkeypatch):
    monkeypatch.chdir(place)
    (place / "empty").mkdir()
    (place / "linked").mkdir()
    (place / "link").symlink_to("linked")
    for folder in ("new", "a/b/new", "empty", "link"):
        save(new, Path(folder), metrics)
        assert weights_of(place / folder) == new_weights
    assert (place / "link").is_symlink()
    assert names_in(place) == ["a", "empty", "link", "linked", "new"]


def test_equal_models_have_equal_files_that_others_may_read(new, metrics, place, monkeypatch):
    """safetensors writes several metadata in any order, so ten saves would hardly be equal by chance."""
    monkeypatch.setattr(saving, "plot_run", lambda *_: None)  # takes a second
    for number in range(10):
        save(new, place / str(number), metrics)
    first = contents(place / "0")
    for number in range(1, 10):
        assert contents(place / str(number)) == first
    (place / "plain").write_text("x")
    for path in (place / "0").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((place / "plain").stat().st_mode)


def test_an_earlier_model_is_replaced_if_asked(new, metrics, old, place, new_weights):
    (old / "light.onnx").write_text("of the earlier model")
    before = contents(place)
    with pytest.raises(DataError, match=r"has a checkpoint.*overwrite=True") as caught:
        save(new, old, metrics)
    finished = Path(str(caught.value).rpartition(" is in ")[2].rstrip("."))
    assert weights_of(finished) == new_weights
    for path in sorted(finished.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    finished.rmdir()
    assert contents(place) == before

    save(new, old, metrics, overwrite=True)
    assert weights_of(old) == new_weights
    LightClassifier.from_pretrained(old)  # of the new model
    assert names_in(place) == ["out"]


OF_OTHERS = [
    ({"README.md": "My project"}, "README.md"),
    ({"config.json": BERT}, "config.json"),
    ({"config.json": "{"}, "config.json"),
    ({"metrics.json": BERT}, "metrics.json"),
    ({"light.onnx": "theirs"}, "light.onnx"),
    ({"plots/confusion.png": "theirs"}, "plots"),
    ({"modeling_glove_lstm.py": "theirs"}, "modeling_glove_lstm.py"),
    (
        {"checkpoint-500/config.json": BERT, "checkpoint-500/optimizer.pt": "state"},
        "checkpoint-500",
    ),
    ({"checkpoint-best/weights": "theirs"}, "checkpoint-best"),
    ({"tokenizer.json": None}, "tokenizer.json"),
]
BESIDE_A_MODEL = [
    ({"notes.txt": "mine"}, "notes.txt"),
    ({"eval.json": "{}"}, "eval.json"),
    ({"checkpoint-500/optimizer.pt": "state"}, "checkpoint-500"),
    ({"plots/mine.png": "mine"}, "plots/mine.png"),
    ({"data": None}, "data"),
    ({".git/config": "mine"}, ".git"),
]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("files", "name"), OF_OTHERS, ids=str)
def test_what_is_of_others_stays(command, place, checkpoint, files, name, overwrite):
    write(place, files)
    assert_refused_for(name, place, command, checkpoint, overwrite)


@pytest.mark.parametrize(("files", "name"), BESIDE_A_MODEL, ids=str)
def test_what_lies_beside_a_model_stays(command, old, checkpoint, files, name):
    write(old, files)
    assert_refused_for(name, old, command, checkpoint, overwrite=True)


def test_a_folder_with_the_name_of_a_file_stays(command, old, checkpoint):
    (old / "tokenizer.json").unlink()
    (old / "tokenizer.json").mkdir()
    assert_refused_for("tokenizer.json", old, command, checkpoint, overwrite=True)


def assert_refused_for(name, folder, command, checkpoint, overwrite):
    """The command, before it reads data, and the estimator name what is in the folder, and change nothing."""
    before = contents(folder)
    done = run_here(refuse_early, *command, folder, "--overwrite_output_dir", overwrite)
    assert_command_names(done, str(folder), name, "new folder")
    with pytest.raises(DataError, match=name):
        GloveLstmClassifier.from_pretrained(checkpoint).save_pretrained(folder, overwrite=overwrite)
    assert contents(folder) == before


def read_only(path: str) -> os.statvfs_result:
    status = list(os.statvfs("/"))
    status[8] |= os.ST_RDONLY  # f_flag
    return os.statvfs_result(status)


PLACES: dict[str, tuple[str, str]] = {
    "the working directory": (".", "in use"),
    "the working directory by its path": ("{place}/work", "in use"),
    "a file": ("{place}/file", "is a file"),
    "below a file": ("{place}/file/new", "is a file"),
    "a link to nothing": ("{place}/link", "link to nothing"),
    "no UTF-8": ("{place}/caf\udce9", "UTF-8"),
    "below a folder that is no UTF-8": ("{place}/caf\udce9/new", "UTF-8"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_places_that_are_refused_before_a_training(command, place, monkeypatch, kind):
    folder, word = PLACES[kind]
    (place / "work").mkdir()
    (place / "file").write_text("mine")
    (place / "link").symlink_to("nothing")
    monkeypatch.chdir(place / "work")
    before = contents(place)
    done = run_here(refuse_early, *command, folder.format(place=place))
    assert_command_names(done, word)
    assert contents(place) == before


def test_a_model_in_use_is_not_replaced(command, old, monkeypatch):
    monkeypatch.chdir(old / "plots")
    before = contents(old)
    done = run_here(refuse_early, *command, "..", "--overwrite_output_dir", True)
    assert_command_names(done, str(old), "in use")
    assert contents(old) == before


def test_a_mount_point_and_a_read_only_place_are_refused_before_a_training(
    command, place, monkeypatch
):
    (place / "mount").mkdir()
    is_mount = Path.is_mount
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "mount" or is_mount(path))
    assert_command_names(run_here(refuse_early, *command, place / "mount"), "in use", "inside it")
    status = read_only("/")
    monkeypatch.setattr(os, "statvfs", lambda _: status)
    assert_command_names(run_here(refuse_early, *command, place / "new"), "cannot be written")
    assert contents(place) == {"mount": None}


@pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
def test_a_name_that_is_no_utf_8_is_refused_in_every_locale(place, locale):
    code = """
import sys
from pathlib import Path
from glove_lstm.checkpoint.new_folder import check_target
check_target(Path(sys.argv[1]))
"""
    folder = os.fsencode(place)
    for name, message in ((b"caf\xe9", "UTF-8"), ("café".encode(), "")):
        words = [sys.executable, "-c", code, folder + b"/" + name]
        env = os.environ | {"LC_ALL": locale}
        done = subprocess.run(words, env=env, capture_output=True, encoding="utf-8")
        assert (done.returncode != 0) is bool(message), done.stderr
        assert message in done.stderr
    assert names_in(place) == []


# What fails


def fails(times: int, function: Callable, *, error: BaseException = NO_SPACE) -> Callable:
    """A function that raises an error at its first calls."""
    calls = iter(range(times))

    def fail(*args, **options):
        if next(calls, None) is not None:
            raise error
        return function(*args, **options)

    return fail


def finished_model(error: object, place: Path) -> str:
    """The weights of the model that an error names."""
    folder = Path(str(error).rpartition(" is in ")[2].rstrip("."))
    assert folder.is_absolute(), error
    return weights_of(folder)


@pytest.mark.parametrize("part", ["model", "tokenizer", "text_record"])
@pytest.mark.parametrize("replaces", [False, True])
def test_a_model_that_cannot_be_written_is_saved_elsewhere(
    new, metrics, place, old, temporary, new_weights, monkeypatch, part, replaces
):
    folder = old if replaces else place / "a" / "new"
    before = contents(place)
    method = "save" if part == "text_record" else "save_pretrained"
    owner = type(getattr(new, part))
    monkeypatch.setattr(owner, method, fails(1, getattr(owner, method)))
    with pytest.raises(DataError, match="No space left") as caught:
        save(new, folder, metrics, overwrite=replaces)
    assert str(folder) in str(caught.value)
    assert finished_model(caught.value, place) == new_weights
    assert len(names_in(temporary)) == 1
    assert contents(place) == before


def test_without_any_space_the_earlier_model_stays(new, metrics, place, old, temporary):
    before = contents(place)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(Exception, match="File too large"):
            save(new, old, metrics, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(place) == before
    assert names_in(temporary) == []


@pytest.mark.parametrize(
    ("function", "file"),
    [
        ("export_onnx", "light.onnx"),
        ("MetricsFile.write", "metrics.json"),
        ("plot_run", "plots"),
        ("write_card", "README.md"),
    ],
)
def test_what_a_model_can_do_without_costs_a_warning(
    new, metrics, place, new_weights, monkeypatch, caplog, function, file
):
    def write_half(*args, **options):
        [folder] = place.glob(".*")
        half = folder / file
        if file == "plots":
            half.mkdir()
            half /= "curves.png"
        half.write_text("{")
        raise NO_SPACE

    monkeypatch.setattr(f"glove_lstm.publishing.save.{function}", write_half)
    save(new, place / "out", metrics)
    assert f"{file} could not be written" in caplog.text
    assert "No space left on device" in caplog.text
    assert weights_of(place / "out") == new_weights
    assert not (place / "out" / file).exists()
    others = {"light.onnx", "metrics.json", "README.md", "plots"} - {file}
    if file == "metrics.json":
        others.remove("README.md")  # the card tells what the metrics have
    for name in others:
        assert (place / "out" / name).exists(), name


@pytest.mark.parametrize("failing", [{1}, {2}, {2, 3}, {1, 2, 3}, {1, 2}])
def test_a_rename_that_fails_loses_no_model(
    new, metrics, place, old, checkpoint, new_weights, monkeypatch, failing
):
    """The earlier model is renamed, then the new one; a failure renames the earlier one back."""
    rename = Path.rename
    calls = iter(range(1, 9))

    def fail(path, target):
        if next(calls) in failing:
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(DataError, match="Permission denied") as caught:
        save(new, old, metrics, overwrite=True)
    assert finished_model(caught.value, place) == new_weights
    if failing == {2, 3}:  # it cannot be renamed back
        [old] = place.glob(".out.*.old")
        assert old.name in str(caught.value)
    assert weights_of(old) == weights_of(checkpoint)
    assert len(names_in(place)) == 2


def test_a_target_that_appears_meanwhile(new, metrics, place, new_weights, monkeypatch):
    def write_card(_):
        write(place / "out", {"README.md": "theirs"})

    monkeypatch.setattr(saving, "write_card", write_card)
    for overwrite in (False, True):
        with pytest.raises(DataError, match=r"README\.md") as caught:
            save(new, place / "out", metrics, overwrite=overwrite)
        assert finished_model(caught.value, place) == new_weights
        assert contents(place / "out") == {"README.md": b"theirs"}


def test_of_two_trainings_into_one_folder_the_second_says_where_its_model_lies(
    new, metrics, place, command, monkeypatch, new_weights
):
    def fit_while_another_ends(*args, **options):
        save(new, place / "out", metrics)
        return new

    monkeypatch.setattr(train, "fit", fit_while_another_ends)
    done = run_here(train.main, *command, place / "out")
    assert_command_names(done, "has a checkpoint", "What was written is in")
    [second] = [folder for folder in place.iterdir() if folder.name != "out"]
    assert str(second) in done.stderr
    assert weights_of(second) == weights_of(place / "out") == new_weights


def test_the_command_replaces_a_model_if_asked(new, old, place, command, monkeypatch, new_weights):
    monkeypatch.setattr(train, "fit", lambda *_, **__: new)
    done = run_here(train.main, *command, old)
    assert_command_names(done, "has a checkpoint", "--overwrite_output_dir True")
    succeed(train.main, *command, old, "--overwrite_output_dir", True)
    assert weights_of(old) == new_weights
    assert names_in(place) == ["out"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_an_interrupted_save_leaves_the_earlier_model(
    new, metrics, place, old, temporary, monkeypatch, stop
):
    before = contents(place)
    monkeypatch.setattr(saving, "write_card", fails(1, saving.write_card, error=stop))
    with pytest.raises(type(stop)):
        save(new, old, metrics, overwrite=True)
    assert contents(place) == before
    assert names_in(temporary) == []


CHANGES = {"os.mkdir", "os.rename", "shutil.rmtree"}


def changes_a_file(event: str, args: tuple) -> bool:
    if event == "open":
        return bool(args[2] & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGES


def save_and_die(new: Trained, metrics: MetricsFile, folder: Path, at: int) -> bool:
    """Save in another process, which is killed at a change of a file; False if it ends before."""
    process = os.fork()
    if process == 0:
        count = 0

        def kill(event, args):
            nonlocal count
            if changes_a_file(event, args) and str(folder.parent) in str(args[0]):
                count += 1
                if count > at:
                    os.kill(os.getpid(), signal.SIGKILL)

        signal.alarm(60)
        sys.addaudithook(kill)
        try:
            save(new, folder, metrics, overwrite=True)
        finally:
            os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
    return os.WIFSIGNALED(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_killed_save_leaves_the_old_or_the_new_model(
    new, metrics, place, checkpoint, new_weights, monkeypatch
):
    monkeypatch.setattr(saving, "plot_run", lambda *_: None)  # takes a second
    at = 0
    seen = set()
    killed = True
    while killed:
        folder = place / str(at) / "out"
        Checkpoint.open(checkpoint).copy_to(folder)
        killed = save_and_die(new, metrics, folder, at)
        if folder.exists():
            model = weights_of(folder)
        else:  # between two renames: the earlier one is beside it, and so is the new one
            [earlier] = folder.parent.glob(".out.*.old")
            [finished] = folder.parent.glob(".out.*.part")
            assert weights_of(finished) == new_weights
            model = weights_of(earlier)
        assert model in (weights_of(checkpoint), new_weights)
        seen.add(model)
        at += 1
    assert len(seen) == 2
    assert at > 10
