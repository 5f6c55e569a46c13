"""What readers, citing programs and GitHub's workflows find is there, and says the same."""

import re
import runpy
import tomllib

import yaml
from support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCS = ROOT / "docs"
# The first versions of GitHub's actions on Node 24; those before run on Node 20, which GitHub has removed.
FIRST_ON_NODE_24 = {
    "actions/checkout": 5,
    "actions/setup-python": 7,
    "actions/upload-artifact": 6,
    "actions/download-artifact": 7,
    "actions/upload-pages-artifact": 5,
    "actions/deploy-pages": 5,
}


def test_llms_txt_names_every_page_once():
    links = re.findall(r"\]\(([^)]+)\)", (DOCS / "llms.txt").read_text(encoding="utf-8"))
    pages = {
        path.relative_to(DOCS).as_posix()
        for path in DOCS.rglob("*.md")
        if "_build" not in path.parts
    }
    assert sorted(links) == sorted(pages)


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert set(citation["keywords"]) <= set(PROJECT["keywords"])


def test_workflows_may_little_and_run_on_node_24():
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert len(workflows) == 3
    for path in workflows:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}, path.name
        for job in workflow["jobs"].values():
            assert "contents" not in job.get("permissions", {}), path.name
            for step in job["steps"]:
                action, _, version = step.get("uses", "").partition("@v")
                if action.startswith("actions/"):
                    assert int(version) >= FIRST_ON_NODE_24[action], f"{path.name}: {action}"


def test_the_base_install_is_tested_on_the_oldest_and_the_newest_python():
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    promised = [line.split(" :: ")[-1] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert ci["jobs"]["base"]["strategy"]["matrix"]["python"] == [promised[0], promised[-1]]


def test_public_pages_name_no_folder_of_ours():
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
    for page in [*pages, ROOT / "hub" / "README.md"]:
        assert "../shared" not in page.read_text(encoding="utf-8"), page.name


def test_the_check_of_the_environment_finds_nothing_amiss_here():
    """The tests run, so what they need is here."""
    check = runpy.run_path(str(ROOT / ".ci" / "check_environment.py"))
    assert check["main"]() == 0
