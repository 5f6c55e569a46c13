.PHONY: help setup install fix format lint check ci test quick fuzz faults coverage oldest matrix audit docs golden load screenshots hub-code clean

PYTHONS ?= 3.11 3.12 3.13

help:            ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*##/ -/'
setup:           ## install the package as developers use it
	python -m pip install -e '.[dev]'
install: setup
fix:             ## format, and mend what lint can mend
	ruff format .
	ruff check --fix .
format: fix
lint:            ## format, lint and types, without changing anything
	ruff format --check .
	ruff check .
	mypy -p glove_lstm
check: lint
ci:              ## what CI does, in a virtual environment of its own
	.ci/run
test:            ## all tests
	python -m pytest
quick:           ## the tests that take no more than some seconds each
	python -m pytest -m "not slow"
fuzz:            ## a hundred times as many hostile texts and tables as in CI; ARGS go to pytest
	FUZZ=100 python -m pytest tests/fuzz tests/tokenization --timeout 7200 $(ARGS)
faults:          ## kills, full disks and damaged files at many more points than in CI, long
	FAULT_POINTS=40 python -m pytest tests/faults --timeout 7200 $(ARGS)
coverage:        ## all tests, and the lines and branches that none of them reaches
	coverage erase
	coverage run -m pytest $(ARGS)
	coverage combine -q
	coverage report
oldest:          ## all tests on the oldest versions that pyproject.toml allows
	python3 -m venv .venv-oldest
	.venv-oldest/bin/pip install -q -r tests/oldest.txt -e '.[test]'
	.venv-oldest/bin/python -m pytest
matrix:          ## all tests on each PYTHONS (3.11 3.12 3.13), which pyenv may bring; ARGS go to pytest
	for version in $(PYTHONS); do \
		PYENV_VERSION=$$version python$$version -m venv .venv-$$version && \
		.venv-$$version/bin/pip install -q -e '.[test]' && \
		.venv-$$version/bin/python -m pytest $(ARGS) || exit 1; \
	done
docs:            ## build the documentation and run the notebook; warnings are errors
	python -m pip install -q -e '.[docs]'
	python -m sphinx -q -W --keep-going -b html docs docs/_build
audit:           ## known weaknesses of what is installed, as far as pip-audit can ask, and the licences
	python tests/audit.py
golden:          ## after hub/ was trained anew: its scores, which tests hold it to
	python tests/golden/make_hub_scores.py
load:            ## 200 clients at once on the app; ARGS go to the command
	python tests/app/load.py $(ARGS)
screenshots:     ## after a change to the app or to hub/: the README's pictures of it
	python tests/app/screenshots.py
hub-code:        ## bring the remote code and the card in hub/ up to their sources
	python -m benchmarks.make_hub --code_only
clean:           ## remove what building, testing and checking leave behind
	rm -rf build/lib build/bdist.* dist .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .venv-*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
