"""The documents and pyproject.toml promise what is there and what is tested, and CI is one command."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from support import ROOT

GITHUB = ROOT / ".github"
PAGES = sorted(
    (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("benchmarks/**/*.md"),
        *GITHUB.glob("*.md"),
    )
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        file, _, heading = link.partition("#")
        if "://" in file or "{{" in file:
            continue
        target = page
        if file:
            target = (page.parent / file).resolve()
        assert target.exists(), link
        if heading:
            assert heading in anchors_of(target), link


def anchors_of(page: Path) -> list[str]:
    """The anchors that GitHub and Sphinx give to headings."""
    anchors = []
    for line in text_of(page).splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").lower()
            anchors.append(re.sub(r"[^\w -]", "", heading).replace(" ", "-"))
    return anchors


def test_the_architecture_page_names_files_that_are_there() -> None:
    page = text_of(ROOT / "docs" / "architecture.md")
    named = set(re.findall(r"(?<![\w./])[\w/]*\w\.(?:py|md)\b", page))
    assert len(named) > 30
    for name in named:
        assert any(ROOT.rglob(name)), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_targets_of_make_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for line in re.findall(r"`make ([a-z -]+)`", text_of(page)):
        assert set(line.split()) <= targets, line


def commands_of(workflow: str) -> list[str]:
    commands = []
    for job in yaml.safe_load(text_of(GITHUB / "workflows" / workflow))["jobs"].values():
        commands += [step["run"] for step in job["steps"] if "run" in step]
    return commands


def test_github_runs_what_a_person_can_run() -> None:
    assert commands_of("ci.yml") == [".ci/run"]
    assert commands_of("release.yml") == ["make release-check"]
    for form in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml"):
        assert yaml.safe_load(text_of(form)), form


def test_the_page_of_options_is_that_of_the_command() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "make_options.py"))
    page = text_of(script["PAGE"])
    assert page == script["fill"](page), "Run python docs/make_options.py."
    assert "| `--train_file` |" in page


def test_lower_bounds_are_those_that_are_tested() -> None:
    extras = PROJECT["optional-dependencies"]
    promised = {}
    for line in (*PROJECT["dependencies"], *extras["train"], *extras["demo"]):
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            continue
        bounds = [part.version for part in requirement.specifier if part.operator == ">="]
        assert len(bounds) == 1, line
        promised[requirement.name] = bounds[0]
    assert promised == pinned_versions("oldest.txt")
    for name, version in pinned_versions("middle.txt").items():
        assert Version(version) > Version(promised[name])


def pinned_versions(name: str) -> dict[str, str]:
    lines = text_of(ROOT / "tests" / name).splitlines()
    return dict(line.split("==") for line in lines if "==" in line)
