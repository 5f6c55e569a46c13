"""What pyproject.toml promises of old versions is what tests/oldest.txt installs."""

import re
import tomllib

from support import ROOT


def test_lower_bounds_are_those_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["train"], *extras["demo"]]
    promised = dict(
        match.groups()
        for line in lines
        if (match := re.fullmatch(r"([\w-]+)>=([\d.]+)(?:,!=[\d.]+)?", line))
    )
    lines = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line)
    assert promised == tested
