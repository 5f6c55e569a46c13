.PHONY: help setup fix lint test hub-code matrix

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
hub-code:        ## bring the remote code in hub/ up to its sources
	python scripts/make_hub.py --code_only
