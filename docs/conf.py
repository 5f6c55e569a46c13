"""Sphinx configuration; `make docs` builds the site into docs/_build."""

import os
import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

project = "glove-lstm"
author = "the glove-lstm authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "furo"
html_title = "glove-lstm"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
napoleon_custom_sections = [("Configs", "params_style")]
autodoc_typehints = "none"  # the docstrings describe each argument
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True

_HERE = Path(__file__).parent
_ROOT = _HERE.parent
# The tour is a page of the site; a push sends it, too.
shutil.copyfile(_ROOT / "glove_lstm" / "publishing" / "tour.ipynb", _HERE / "tour.ipynb")

# Pages of the site whose text is that of a file outside of docs/. In docs/, they only name the file.
_FILES_OF_PAGES = {
    "changelog": "CHANGELOG.md",
    "decisions": "DECISIONS.md",
    "results": "benchmarks/results/README.md",
}
_PAGES_OF_FILES = {file: f"docs/{page}.md" for page, file in _FILES_OF_PAGES.items()}
_PAGES_OF_FILES["README.md"] = "docs/index.md"
_PAGES_OF_FILES["glove_lstm/publishing/tour.ipynb"] = "docs/tour.ipynb"
# Where files that are no pages can be read, such as https://github.com/NAME/glove-lstm/blob/main; "": their names are shown.
_REPOSITORY = os.environ.get("DOCS_REPOSITORY", "").rstrip("/")
_LINK = re.compile(r"(!?)\[([^]]+)\]\(((?!#|[a-z]+://)[^)#\s]+)(#[^)\s]*)?\)")
_BEGINNING = "<!-- The beginning of README.md -->"
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_BADGES = re.compile(r"^!\[.*img\.shields\.io.*\n", re.MULTILINE)


def setup(app: Any) -> None:
    """Pages take the text of files outside of docs/, and their links lead to pages of the site."""
    app.connect("source-read", _read_page)
    app.connect("build-finished", _write_llms_txt)


def _read_page(app: Any, page: str, source: list[str]) -> None:
    file = _FILES_OF_PAGES.get(page)
    if file:
        source[0] = _text_of(app, file, page)
    elif not page.endswith("tour"):
        source[0] = _relink(source[0], f"docs/{page}.md", page)
    if _BEGINNING in source[0]:
        claim, first, *_ = _text_of(app, "README.md", page).split("\n## ")
        _title, _, claim = claim.partition("\n")
        beginning = f"{_BADGES.sub('', claim)}\n## {first}"
        source[0] = source[0].replace(_BEGINNING, beginning)


def _text_of(app: Any, file: str, page: str) -> str:
    path = _ROOT / file
    app.env.note_dependency(path, docname=page)
    return _relink(_FRONT_MATTER.sub("", path.read_text(encoding="utf-8")), file, page)


def _relink(text: str, file: str, page: str) -> str:
    """Turn the links of a file into those of a page."""
    folder = posixpath.dirname(file)
    of_page = posixpath.dirname(f"docs/{page}")

    def relink(match: re.Match[str]) -> str:
        image, label, link, heading = match.groups(default="")
        target = posixpath.normpath(posixpath.join(folder, link))
        target = _PAGES_OF_FILES.get(target, target)
        if image or target.startswith("docs/"):
            return f"{image}[{label}]({posixpath.relpath(target, of_page)}{heading})"
        if _REPOSITORY:
            return f"[{label}]({_REPOSITORY}/{target}{heading})"
        return label if target in label else f"{label} (`{target}`)"

    return _LINK.sub(relink, text)


def _write_llms_txt(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        text = (_HERE / "llms.txt").read_text(encoding="utf-8")
        (Path(app.outdir) / "llms.txt").write_text(text.replace(".md)", ".html)"), encoding="utf-8")
