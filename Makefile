# inkdigit: `make demo` does the main job, `make test` tests it. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KAGGLE_PYTHON ?= 3.12
SETUP := $(VENV)/.ready
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Bytecode is kept, whatever the shell says: the tests start hundreds of processes, and each would compile the package.
export PYTHONDONTWRITEBYTECODE :=
# Tests with processes, trainings or browsers; the slowest come first, so that no core is idle at the end.
SYSTEM := $(addprefix tests/,training/system docs/system browser reading/system audit/system service/system) \
	$(wildcard tests/*/system)
UNITS := --ignore-glob='*/system' --ignore=tests/browser
# Rooms whose unit tests import Keras, which takes longer than many of them: one process pays for it.
WITH_NETWORKS := tests/training tests/export tests/report
# Three at once on two cores, since tests of servers and browsers wait half of their time.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16

demo: $(SETUP)  ## train on MNIST, score 28,000 digits, show the report's path
	@$(BIN)/inkdigit train --out runs/demo

serve: $(SETUP)  ## the API with a page to draw on, at http://127.0.0.1:8000/
	@$(BIN)/inkdigit serve

setup: $(SETUP)  ## make .venv with the pinned dependencies

check: $(SETUP)  ## style, types of the package, direction of imports, unit tests: two minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types units units-with-networks

# These three run two at a time, to keep both cores busy. `make test` checks the types of tests and benchmarks too.
types: $(SETUP)
	$(BIN)/pyright src

units: $(SETUP)
	$(BIN)/pytest $(UNITS) $(addprefix --ignore=,$(WITH_NETWORKS)) tests

units-with-networks: $(SETUP)
	$(BIN)/pytest $(UNITS) $(WITH_NETWORKS)

test: check  ## set up what is missing, then all checks and all tests
	@$(BIN)/python tests/programs.py
	$(BIN)/pyright benchmarks tools tests
	$(PYTEST) $(SYSTEM)

# Apart from the other tests, since Ray takes several hundred megabytes.
cluster: $(SETUP)  ## install Ray, and run the tests of what runs on it
	$(BIN)/pip install --quiet --editable '.[cluster]'
	$(BIN)/pyright --project cluster.pyright.json
	$(BIN)/pytest -m cluster tests/cluster

shipped: $(SETUP)  ## train the model that ships (an hour)
	$(BIN)/python tools/ship.py

dist: $(SETUP)  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist .

kaggle: $(SETUP)  ## gather the wheels that notebooks/kaggle.ipynb wants attached in dist/kaggle
	rm -rf dist/kaggle
	$(BIN)/python -m build --wheel --outdir dist/kaggle .
	$(BIN)/pip download --quiet --no-deps --dest dist/kaggle --only-binary :all: --python-version $(KAGGLE_PYTHON) \
		--platform manylinux_2_28_x86_64 onnxruntime keras

clean:  ## remove .venv, dist and caches; runs stay
	rm -rf $(VENV) dist .pytest_cache .ruff_cache

$(SETUP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Inkdigit needs Python 3.11 to 3.13, and $(PYTHON) is another: make setup PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --editable '.[train,serve,dev]'  # most of its files are never imported
	@touch $@

.PHONY: help demo serve setup check types units units-with-networks test cluster shipped dist kaggle clean
.DEFAULT_GOAL := help
