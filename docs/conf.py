"""Sphinx configuration; `make docs` builds the site into docs/_build."""

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
