.PHONY: help install check fix lint test avx2 ci docs fuzz coverage oldest middle matrix audit golden graphs tiny-checkpoint screenshots hub-code release-check

PYTHONS ?= 3.11 3.12 3.13 3.14

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*##/ -/'
install:         ## install the package for development
	python -m pip install -e '.[dev]'
check:           ## say what is missing here: Python, packages, Chromium, npm
	python .ci/check_environment.py
fix:             ## format, and fix what the linter can fix
	ruff format .
	ruff check --fix .
lint:            ## check format, lint and types
	ruff format --check .
	ruff check .
	mypy -p glove_lstm
test:            ## run all tests; ARGS go to pytest
	python -m pytest $(ARGS)
avx2:            ## run all tests as on a processor without AVX-512, AMX and bfloat16; ARGS go to pytest
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python -m pytest $(ARGS)
ci:              ## do what CI does, in a virtual environment of its own
	.ci/run
docs:            ## build the documentation and run the notebook; warnings are errors
	python -m pip install -q -e '.[docs]'
	python -m sphinx -q -W --keep-going -b html docs docs/_build
fuzz:            ## try a hundred times as many hostile texts and tables as in CI; ARGS go to pytest
	FUZZ=100 python -m pytest tests/fuzz tests/tokenization --timeout 7200 $(ARGS)
coverage:        ## run all tests and list the lines and branches that none of them reaches
	coverage erase
	coverage run -m pytest $(ARGS)
	coverage combine -q
	coverage report
oldest:          ## run all tests on the oldest versions that pyproject.toml allows
middle:          ## run all tests on versions between the oldest and the newest, of tests/middle.txt
oldest middle:
	python3 -m venv .venv-$@
	.venv-$@/bin/pip install -q -r tests/$@.txt -e '.[test]'
	.venv-$@/bin/python -m pytest $(ARGS)
matrix: middle   ## run all tests on each of PYTHONS (3.11 to 3.14) and of `middle`; ARGS go to pytest
	for version in $(PYTHONS); do \
		PYENV_VERSION=$$version python$$version -m venv .venv-$$version && \
		.venv-$$version/bin/pip install -q -e '.[test]' && \
		.venv-$$version/bin/python -m pytest $(ARGS) || exit 1; \
	done
audit:           ## check the dependencies for known vulnerabilities
	python -m pip_audit
golden:          ## after training hub/ anew: record its scores, which the tests compare
	python tests/golden/make_hub_scores.py
graphs:          ## after a change of the network or of its export: trace the graphs of light.onnx anew
	python -c 'from glove_lstm.inference.onnx_graph import store_graphs; store_graphs()'
tiny-checkpoint: ## after a change of the recipe, or of what train or export writes: make checkpoint and scores of the tests anew
	python tests/golden/make_tiny_checkpoint.py
	python tests/golden/make_trainings.py
screenshots:     ## after a change of the page or hub/: take the picture of the documentation
	python docs/screenshots.py
hub-code:        ## write code, card, handler, requirements and notebook of hub/
	python -m benchmarks.hub.hub_code
release-check:   ## build wheel and sdist, check them, and classify with each, installed outside of the clone
	rm -rf build dist
	python -m pip install -q build twine
	python -m build
	python -m twine check --strict dist/*
	for file in dist/*; do \
		folder=$$(mktemp -d) && python3 -m venv $$folder/venv && \
		$$folder/venv/bin/pip install -q $$file && \
		(cd $$folder && venv/bin/glove-lstm predict "Council approves budget after long debate") || exit 1; \
		rm -rf $$folder; \
	done
