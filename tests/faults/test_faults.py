"""Each stage, killed at points all along its way or out of room: a reader sees all or nothing, and a rerun converges.

FAULT_POINTS=40 python -m pytest tests/faults       # `make faults`: more points than every run of CI has time for
"""

import hashlib
import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from support import write_articles, write_glove

from faults.harness import SIGNALS, Outcome, digest, finish, leave_room, run, small_disk, start, tree
from faults.stages import STAGES, Job

POINTS = int(os.environ.get("FAULT_POINTS", 3))
BODY = random.Random(0).randbytes(600_000)
SLOW = {"train"}
NAMES = [
    *(name for name in STAGES if "bulk" not in name),
    "bulk_folder csv",
    "bulk_folder parquet",
]
CASES = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NAMES]


@pytest.fixture(scope="module")
def given(tmp_path_factory, checkpoint: Path) -> dict:
    folder = tmp_path_factory.mktemp("given")
    small = folder / "checkpoint"
    shutil.copytree(checkpoint, small, ignore=shutil.ignore_patterns("checkpoint-*"))
    return {
        "articles": str(write_articles(folder / "articles.csv", 90)),
        "vectors": str(write_glove(folder / "tiny.8d.txt")),
        "checkpoint": str(small),
    }


@pytest.fixture
def url(server) -> str:
    return server.put("/f.bin", BODY)


class Stage:
    """A stage and what an undisturbed run of it makes."""

    def __init__(self, name: str, given: dict, folder: Path, url: str) -> None:
        self.name, _, kind = name.partition(" ")
        self.given = {**given, "url": url, "sha256": hashlib.sha256(BODY).hexdigest(), "kind": kind}
        self.folder = self.logs = folder
        whole = self.job("whole")
        self.before = digest(self.read(whole))
        self.undisturbed = self.run(whole, watch=self.name not in SLOW)
        assert self.undisturbed.code == 0, self.undisturbed.said
        self.wanted, self.files = self.read(whole), tree(whole.work)
        self.size = sum((whole.work / name).stat().st_size for name in self.files)

    def job(self, name: str) -> Job:
        """A folder as it is before the stage."""
        work = self.folder / name
        work.mkdir(parents=True)
        if self.name in ("save", "export"):
            shutil.copytree(self.given["checkpoint"], work / "model")
        return Job(work, {**self.given, "log": str(self.logs / f"{name}.log")})

    def run(self, job: Job, **fault) -> Outcome:
        return run(self.name, job, **fault)

    def read(self, job: Job):
        return STAGES[self.name][1](job)

    def check_readable(self, job: Job) -> None:
        """A reader sees what was there before, or all that is new, or is refused; of parts, some."""
        found = self.read(job)
        if "bulk" in self.name:
            assert (found or {}).items() <= self.wanted.items()
        else:
            assert digest(found) in (None, self.before, digest(self.wanted))

    def check_converges(self, job: Job) -> None:
        again = self.run(job)
        assert again.code == 0, again.said
        assert self.read(job) == self.wanted
        assert tree(job.work) == self.files


@pytest.fixture
def make(given, tmp_path, url):
    return lambda name, folder=tmp_path: Stage(name, given, folder, url)


def assert_one_sentence(outcome: Outcome, *parts: str) -> None:
    assert "Traceback" not in outcome.said, outcome.said
    last = outcome.said.strip().splitlines()[-1]
    assert last.startswith("error: "), outcome.said
    assert any(part in last for part in parts), last


@pytest.mark.parametrize("name", CASES)
def test_killed(make, name):
    stage = make(name)
    points = stage.undisturbed.points
    assert points > 1
    if stage.name not in SLOW and "bulk" not in stage.name:  # somebody reads before every single change
        assert len(stage.undisturbed.seen) == points
        assert set(stage.undisturbed.seen) <= {None, stage.before, digest(stage.wanted)}
    count = min(points, POINTS)
    chosen = sorted({1 + round(at * (points - 1) / max(count - 1, 1)) for at in range(count)})
    for number, at in enumerate(chosen):
        for kind, how in SIGNALS.items():
            if stage.name in SLOW and POINTS < 10 and number % 2 == (kind == "SIGKILL"):
                continue  # every other point by the other signal
            job = stage.job(f"{kind}-{at}")
            outcome = stage.run(job, kill=how, at=at)
            if outcome.points < at and not outcome.code:  # where this run needed a change less
                continue
            assert outcome.code == (-how if how == signal.SIGKILL else 143), (at, outcome)
            if how == signal.SIGTERM:
                assert_one_sentence(outcome, "Terminated.")
            stage.check_readable(job)
            stage.check_converges(job)
            shutil.rmtree(job.work)


@pytest.mark.parametrize("name", CASES)
def test_full_disk(make, name, tmp_path):
    stage = make(name)
    parts = 2 if stage.name in SLOW and POINTS < 10 else POINTS
    with small_disk(tmp_path / "disk", 4 + 2 * stage.size // 1_000_000) as disk:
        stage.folder = disk
        refused = 0
        for part in range(parts):
            job = stage.job(f"full-{part}")
            there = sum(path.stat().st_size for path in job.work.rglob("*") if path.is_file())
            ballast = leave_room(disk, (stage.size - there) * part // parts)
            outcome = stage.run(job)
            if outcome.code:
                refused += 1
                assert outcome.code == 1
                assert_one_sentence(outcome, "disk is full", "free space")
            stage.check_readable(job)
            ballast.unlink()
            stage.check_converges(job)
            shutil.rmtree(job.work)
        assert refused


@pytest.mark.parametrize("name", ["download", "dataset"])
def test_processes_that_share_a_cache(make, name):
    """Three at once, of which one is killed on its way: the others end well, and so does who comes later."""
    stage = make(name)
    job = stage.job("shared")
    logs = [Job(job.work, {**job.given, "log": f"{job.given['log']}.{number}"}) for number in range(3)]
    middle = max(1, stage.undisturbed.points // 2)
    others = [start(name, logs[0]), start(name, logs[1])]
    victim = start(name, logs[2], kill=signal.SIGKILL, at=middle)
    victim.join(60)
    for process, own in zip(others, logs, strict=False):
        assert finish(process, own).code == 0
    assert stage.read(job) == stage.wanted
    stage.check_converges(job)
