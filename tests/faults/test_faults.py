"""A stage that is killed or runs out of disk leaves all of its files or none, and a second run makes them.

CI tries one point of the stages in `_IN_CI`. FAULT_POINTS=40 (`make faults`) tries 40 points of every stage.
"""

import hashlib
import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from file_server import serving
from support import write_articles, write_glove

from faults.harness import SIGNALS, Outcome, leave_room, run, small_disk, start
from faults.stages import STAGES

POINTS = int(os.environ.get("FAULT_POINTS", 1))
_IN_CI = ("download", "predict", "train")
BODY = random.Random(0).randbytes(600_000)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, shared_export: Path):
    folder = tmp_path_factory.mktemp("given")
    (folder / "logs").mkdir()
    without = shutil.ignore_patterns("onnx")
    with serving() as server:
        yield {
            "logs": str(folder / "logs"),
            "articles": str(write_articles(folder / "articles.csv", 90)),
            "vectors": str(write_glove(folder / "tiny.8d.txt")),
            "export": str(shared_export),
            "checkpoint": str(
                shutil.copytree(shared_export, folder / "checkpoint", ignore=without)
            ),
            "url": server.put("/f.bin", BODY),
            "sha256": hashlib.sha256(BODY).hexdigest(),
        }


class Case:
    """A stage, and what an undisturbed run of it makes."""

    def __init__(self, name: str, given: dict[str, Any], folder: Path) -> None:
        self.name, self.given = name, given
        whole = self.folder(folder / "whole")
        outcome = run(name, whole, given)
        assert outcome.code == 0, outcome.output
        self.points = outcome.points
        self.wanted, self.files = self.read(whole), tree(whole)
        self.size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())

    def folder(self, path: Path) -> Path:
        """Make the folder as it is before the stage."""
        path.mkdir()
        if self.name == "export":
            shutil.copytree(self.given["checkpoint"], path / "model")
        return path

    def read(self, work: Path) -> Any:
        return STAGES[self.name][1](work, self.given)

    def check(self, work: Path) -> None:
        """A reader gets all or nothing, or some of the parts; after a second run, all."""
        found = self.read(work)
        if self.name == "predict":
            assert (found or {}).items() <= self.wanted.items()
        else:
            assert found is None or found == self.wanted
        again = run(self.name, work, self.given)
        assert again.code == 0, again.output
        assert self.read(work) == self.wanted
        assert tree(work) == self.files


@pytest.fixture(scope="module", params=STAGES if POINTS > 1 else _IN_CI)
def case(
    request: pytest.FixtureRequest, given: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Case:
    return Case(request.param, given, tmp_path_factory.mktemp("case"))


def tree(folder: Path) -> list[str]:
    """The names of all files, without locks and the hidden files that a killed process leaves."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path) for path in paths if path.suffix != ".lock" and "/." not in f"/{path}")


def assert_one_sentence(outcome: Outcome, *parts: str) -> None:
    assert "Traceback" not in outcome.output, outcome.output
    errors = [line for line in outcome.output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, outcome.output
    assert any(part in errors[0] for part in parts), errors


def test_killed(case: Case, given: dict[str, Any], tmp_path: Path) -> None:
    assert case.points > 1
    points = {1 + case.points * (2 * point + 1) // (2 * POINTS) for point in range(POINTS)}
    for number, at in enumerate(sorted(points)):
        how = SIGNALS[(number + (case.name == "predict")) % 2]
        work = case.folder(tmp_path / f"killed-{at}")
        outcome = run(case.name, work, given, kill=how, at=at)
        if outcome.code:  # some runs pass a point less
            assert outcome.code == (-how if how == signal.SIGKILL else 143), outcome.output
            if how == signal.SIGTERM:
                assert_one_sentence(outcome, "Terminated.")
        case.check(work)
        shutil.rmtree(work)


def test_full_disk(case: Case, given: dict[str, Any], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 + 2 * case.size // 1_000_000) as disk:
        refused = 0
        for point in range(POINTS):
            work = case.folder(disk / f"full-{point}")
            ballast = leave_room(disk, case.size * (2 * point + 1) // (2 * POINTS))
            outcome = run(case.name, work, given)
            if outcome.code:
                refused += 1
                assert outcome.code == 1
                assert_one_sentence(outcome, "disk is full", "free space")
            ballast.unlink()
            case.check(work)
            shutil.rmtree(work)
        assert refused


def test_processes_that_share_a_cache(case: Case, given: dict[str, Any], tmp_path: Path) -> None:
    """Of three at once one is killed: the others succeed."""
    if case.name != "download":
        pytest.skip("writes no cache")
    work = case.folder(tmp_path / "shared")
    others = [start(case.name, work, given), start(case.name, work, given)]
    start(case.name, work, given, kill=signal.SIGKILL, at=max(1, case.points // 2))()
    for finish in others:
        outcome = finish()
        assert outcome.code == 0, outcome.output
    case.check(work)
