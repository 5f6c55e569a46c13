"""Sphinx configuration; `make docs` builds the site into docs/_build."""

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
autodoc_typehints = "none"  # the docstrings describe each argument
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True

# [text](../benchmarks/PROTOCOL.md#heading): a link to a file outside of docs/, which is not on the site.
_LINK_OUTSIDE = re.compile(
    r"\[([^]]+)\]\((?:\.\./)+((?:benchmarks|glove_lstm|hub)/[^)#]+|[A-Z]+\.md)(?:#[^)]*)?\)"
)
# The tour is a page of the site; a push sends it, too.
_HERE = Path(__file__).parent
shutil.copyfile(_HERE.parent / "glove_lstm" / "publishing" / "tour.ipynb", _HERE / "tour.ipynb")


def setup(app: Any) -> None:
    """Links that lead out of docs/ work in the repository; on the site, the name of the file stands there."""
    app.connect("source-read", _name_files_outside)


def _name_files_outside(_app: Any, _page: str, source: list[str]) -> None:
    source[0] = _LINK_OUTSIDE.sub(r"\1 (`\2`)", source[0])
