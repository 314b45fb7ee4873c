# Every target sets up what it needs, once: a virtual environment from the hashes in
# requirements.lock, and poolsim itself. Needs only make and Python 3.11 or newer.

PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
JOBS ?= 2
SCENARIO ?= scenarios/quickstart.yaml

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup run test lint types notebooks pictures theory soak proof kills benchmark identity \
    validate sizing containers live clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED) ## create .venv with everything in it (the others do it for you)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "poolsim needs Python 3.11 or newer, and '$(PYTHON)' is not. If you have one:" \
	        "make PYTHON=python3.12" >&2; \
	    exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	    echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    rm -rf $(VENV); exit 1; }
	@echo "installing into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --no-build-isolation --editable .
	@touch $@

run: $(INSTALLED) ## simulate scenarios/quickstart.yaml (another: SCENARIO=file)
	$(BIN)/poolsim run $(SCENARIO)

test: $(INSTALLED) ## all tests that need no container
	$(PYTEST) -n $(JOBS) -m "not container and not soak" --benchmark-disable --inventory

lint: $(INSTALLED) ## style, names, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED) ## check the types
	$(BIN)/mypy

notebooks: $(INSTALLED) ## execute every notebook; pages of them in build/notebooks
	$(BIN)/jupyter nbconvert --config notebooks/jupyter_nbconvert_config.py \
	    --output-dir build/notebooks notebooks/*.ipynb

pictures: $(INSTALLED) ## draw the README's gallery anew
	$(BIN)/python docs/pictures/draw.py

theory: $(INSTALLED) ## queueing theory: 200 experiments a case
	$(PYTEST) -n $(JOBS) -m "not container" tests/theory --experiments 200

soak: $(INSTALLED) ## 5,000 random scenarios with all invariants; a dated page in reports/
	$(PYTEST) -p no:xdist -p no:randomly -s tests/soak --scenarios 5000 --report reports

proof: $(INSTALLED) ## recommend against trying everything, ten questions; a dated page in reports/
	$(BIN)/python -m tests.planning.proof --jobs $(JOBS) --report reports

kills: $(INSTALLED) ## a sweep killed 20 times, and on dask, ends the same; a dated page in reports/
	$(BIN)/python -m tests.planning.killed_sweeps --report reports

benchmark: $(PEERS)/.installed ## speed and memory against SimPy and others; reports/performance
	$(PEERS)/bin/python -m benchmarks.report

# What poolsim is compared with, beside its own environment: one of them brings a package `tests`.
$(PEERS)/.installed: benchmarks/peers/requirements.txt $(INSTALLED)
	@test -x $(PEERS)/bin/python || $(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --requirement benchmarks/peers/requirements.txt
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	    > "$$($(PEERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/poolsim.pth"
	@touch $@

identity: $(INSTALLED) ## 1,000 random scenarios on both engines: no bit may differ
	$(BIN)/python -m poolsim.fidelity.identity --scenarios 1000

validate: $(INSTALLED) ## real drivers against the simulation, on a cluster in containers; reports/fidelity
	harness/image/engine.sh start
	$(BIN)/poolsim validate; status=$$?; harness/image/engine.sh stop; exit $$status

sizing: $(INSTALLED) ## recommendations measured on a real driver, a section of reports/fidelity
	harness/image/engine.sh start
	$(BIN)/poolsim validate --sizing; status=$$?; harness/image/engine.sh stop; exit $$status

containers: $(INSTALLED) ## the tests that need a container engine
	$(PYTEST) -p no:xdist -p no:randomly -m "container and not soak" tests

live: $(INSTALLED) ## a quick validation: real drivers, one and two nodes, about six minutes
	$(BIN)/poolsim validate --quick --out build/fidelity --recordings build/recordings; \
	    status=$$?; if [ $$status = 4 ]; then \
	    echo "inconclusive: this machine was too busy for some figures, see build/fidelity/report.md"; \
	    exit 0; fi; exit $$status

clean: ## remove what the targets made, runs/ excepted
	rm -rf $(VENV) $(PEERS) build dist .benchmarks .hypothesis .pytest_cache .mypy_cache .ruff_cache \
	    .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
