"""The documents and pyproject.toml promise what is there and what is tested."""

import ast
import re
import runpy
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from support import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / ".github").glob("*.md")]
PAGES += (ROOT / "tests").glob("*.md")
for folder in ("docs", "benchmarks"):
    PAGES += (ROOT / folder).rglob("*.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def text_of(path):
    return path.read_text(encoding="utf-8")


def test_links_lead_somewhere():
    lost = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
            file, _, heading = link.partition("#")
            if "://" in file or "{{" in file:
                continue
            target = (page.parent / file).resolve() if file else page
            if not target.exists() or (heading and heading not in anchors_of(target)):
                lost.append(f"{page.relative_to(ROOT)}: {link}")
    assert len(PAGES) > 20
    assert not lost


def anchors_of(page):
    """The anchors that GitHub and Sphinx give to headings."""
    anchors = []
    for line in text_of(page).splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").lower()
            anchors.append(re.sub(r"[^\w -]", "", heading).replace(" ", "-"))
    return anchors


def test_the_page_of_options_is_that_of_the_command():
    script = runpy.run_path(str(ROOT / "docs" / "make_options.py"))
    page = text_of(script["PAGE"])
    assert page == script["fill"](page), "Run python docs/make_options.py."
    assert "| `--train_file` |" in page


def bounds_of(lines):
    """The lower bound of each requirement but our own extras."""
    bounds = {}
    for line in lines:
        requirement = Requirement(line)
        if requirement.name != PROJECT["name"]:
            found = [part.version for part in requirement.specifier if part.operator == ">="]
            assert len(found) == 1, line
            bounds[requirement.name] = found[0]
    return bounds


PROMISED = bounds_of([*PROJECT["dependencies"], *EXTRAS["train"], *EXTRAS.get("demo", [])])


def test_lower_bounds_are_those_that_are_tested():
    assert pinned_versions("oldest.txt") == PROMISED
    for name, version in pinned_versions("middle.txt").items():
        assert Version(version) > Version(PROMISED[name])
    of_a_push = bounds_of(text_of(ROOT / "hub" / "requirements.txt").splitlines())
    assert of_a_push.keys() == {"torch", "transformers"}
    assert of_a_push.items() <= PROMISED.items()


def pinned_versions(name):
    lines = text_of(ROOT / "tests" / name).splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def test_every_import_is_a_dependency():
    imported = set()
    for room in ("glove_lstm", "modeling", "tokenization"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(text_of(path))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    imported.add(str(node.module).partition(".")[0])
    strangers = imported - sys.stdlib_module_names - {"glove_lstm"}
    assert {"torch", "sklearn"} <= strangers
    known = {canonicalize_name(name) for name in PROMISED}
    distributions = packages_distributions()  # reads a file of every package that is installed
    for name in strangers:
        assert known & set(map(canonicalize_name, distributions[name])), f"{name} is not promised"
