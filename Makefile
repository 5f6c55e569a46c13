.PHONY: help setup fix lint test oldest hub-code

help:            ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*##/ -/'
setup:           ## install the package as developers use it
	python -m pip install -e '.[dev]'
fix:             ## format, and mend what lint can mend
	ruff format .
	ruff check --fix .
lint:            ## format, lint and types, without changing anything
	ruff format --check .
	ruff check .
	mypy -p glove_lstm
test:            ## all tests
	python -m pytest
oldest:          ## all tests on the oldest versions that pyproject.toml allows
	python3 -m venv .venv-oldest
	.venv-oldest/bin/pip install -q -r tests/oldest.txt -e '.[test]'
	.venv-oldest/bin/python -m pytest
hub-code:        ## bring the remote code and the card in hub/ up to their sources
	python scripts/make_hub.py --code_only
