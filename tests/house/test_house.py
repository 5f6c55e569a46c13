"""The documents and pyproject.toml promise what is there and what is tested."""

import ast
import io
import logging
import re
import runpy
import sys
import tomllib
from contextlib import nullcontext
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from support import ROOT, Terminal

from glove_lstm import progress as progress_module
from glove_lstm.files import whole_file
from glove_lstm.progress import progress

PAGES = [*ROOT.glob("*.md"), *(ROOT / ".github").glob("*.md")]
PAGES += (ROOT / "tests").glob("*.md")
for folder in ("docs", "benchmarks"):
    PAGES += (ROOT / folder).rglob("*.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DOCS = ROOT / "docs"


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


def test_llms_txt_names_every_page_once():
    links = re.findall(r"\]\(([^)]+)\)", text_of(DOCS / "llms.txt"))
    pages = [path.relative_to(DOCS) for path in DOCS.rglob("*.md")]
    assert sorted(links) == sorted(map(str, pages))


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load(text_of(ROOT / "CITATION.cff"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert set(citation["keywords"]) <= set(PROJECT["keywords"])


def test_the_check_of_the_environment_finds_nothing_amiss_here():
    """The tests run, so what they need is here."""
    check = runpy.run_path(str(ROOT / ".ci" / "check_environment.py"))
    assert check["main"]() == 0


# Progress bars


@pytest.mark.parametrize(
    ("stream", "level", "shown", "expected"),
    [
        (Terminal, logging.INFO, True, True),
        (Terminal, logging.INFO, False, False),
        (Terminal, logging.WARNING, True, False),  # a library is silent
        (io.StringIO, logging.INFO, True, False),
    ],
)
def test_a_bar_is_shown_where_a_person_sees_it(monkeypatch, stream, level, shown, expected):
    monkeypatch.setattr(progress_module, "_SECONDS", 0)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # it stands for a notebook
    monkeypatch.setattr(sys, "stderr", stream())
    logger = logging.getLogger("glove_lstm")
    monkeypatch.setattr(logger, "level", level)
    logger.manager._clear_cache()
    try:
        assert list(progress("Reading", range(3), shown=shown)) == [0, 1, 2]
        with progress("Counting", total=3, shown=shown) as bar:
            bar.update(3)
        written = sys.stderr.getvalue()
    finally:
        logger.manager._clear_cache()
    assert ("Reading" in written) == ("Counting" in written) == expected


# Files that are written


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, OSError])
def test_a_file_appears_whole_or_not_at_all(tmp_path, error):
    path = tmp_path / "a"
    path.write_text("old")
    expected = pytest.raises(error) if error else nullcontext()
    with expected, whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        if error:
            raise error
    assert path.read_text() == ("old" if error else "new")
    assert list(tmp_path.iterdir()) == [path]


# Layers: imports go down and never in a circle, those in functions and for type checking included

PACKAGE = "glove_lstm"  # names what users import; no module imports it
TRAVELLING = ("tokenization", "modeling")
# Nothing imports these: a user's program, and the command as a module.
ALONE = {PACKAGE, "glove_lstm.publishing.handler", "glove_lstm.__main__"}


# From the bottom to the top: a folder or file imports itself and those before it.
_LAYERS = """
errors options version processors progress printable
tokenization unicode_scripts files splits vectors tables
modeling text auto_classes checkpoint inference baselines temperature
distillation training evaluation publishing estimator commands
"""
LAYERS = _LAYERS.split()


def module_name(path):
    place = path.relative_to(ROOT).with_suffix("")
    if place.parts[0] in TRAVELLING:
        place = PACKAGE / place
    return ".".join(place.parts).removesuffix(".__init__")


FOLDERS = (PACKAGE, *TRAVELLING)
MODULES = {module_name(path): path for name in FOLDERS for path in (ROOT / name).rglob("*.py")}


def imported_names(module, path):
    """Full names of the modules that a module imports or imports from."""
    names = set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level > 0:
                # Files that travel import their siblings by `from .sibling import Name`.
                assert node.level == 1, module
                assert module.split(".")[1] in TRAVELLING, module
                origin = f"{module.rpartition('.')[0]}.{origin}"
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                names.add(name if name in MODULES else origin)
    return names


IMPORTS = {module: imported_names(module, path) for module, path in MODULES.items()}


def test_every_import_is_a_dependency():
    imported = {name.partition(".")[0] for names in IMPORTS.values() for name in names}
    strangers = imported - sys.stdlib_module_names - {PACKAGE}
    assert {"torch", "sklearn"} <= strangers
    known = {canonicalize_name(name) for name in PROMISED}
    distributions = packages_distributions()  # reads a file of every package that is installed
    for name in strangers:
        assert known & set(map(canonicalize_name, distributions[name])), f"{name} is not promised"


def test_a_layer_imports_no_layer_above_it():
    # Imports in functions and of siblings count.
    assert "glove_lstm.publishing.push" in IMPORTS["glove_lstm.commands.push"]
    siblings = IMPORTS["glove_lstm.modeling.modeling_glove_lstm"]
    assert "glove_lstm.modeling.lstm_layers" in siblings
    for module in IMPORTS.keys() - ALONE:
        allowed = LAYERS[: LAYERS.index(module.split(".")[1]) + 1]
        for name in IMPORTS[module]:
            if name.split(".")[0] in (PACKAGE, "benchmarks"):
                assert name in MODULES.keys() - ALONE, f"{module} imports {name}"
                assert name.split(".")[1] in allowed, f"{module} imports {name}"


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        _, circle = error.args
        pytest.fail(f"a circle of imports: {' <- '.join(circle)}")
