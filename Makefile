# Everything a person or a machine does with this checkout. The same commands by hand and in continuous integration.
#
#   make demo               see it work: queue, worker and real plans on an embedded store (KEEP=1 stays up)
#   make test               all checks, and the tests of every commit
#
# Options: PYTHON=python3.13 (which interpreter), VENV=.venv313 (where to install), ARGS='-k pause -x' (for pytest),
# JOBS=0 (tests one after the other).

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
KEEP   ?=

# Tests run side by side; most of their time is spent waiting for processes.
JOBS   ?= 4

# Tests start many hundred processes; where nothing may be kept, each of them would compile its modules again.
unexport PYTHONDONTWRITEBYTECODE

BIN       := $(VENV)/bin
# In the order given, slow kinds first, so that quick ones fill the gaps at the end.
PYTEST     = $(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)
INSTALLED := $(VENV)/.installed
WITH_DEV  := $(VENV)/.installed-dev
WITH_EPICS := $(VENV)/.installed-epics
KINDS     := clients system contract property unit architecture

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo demo-epics check test test-night $(KINDS) faults faults-night coverage bench docs regen clean

help:
	@echo "make install       create $(VENV) and install Cuelight"
	@echo "make install-dev   the same, with the tools for checks and tests"
	@echo "make demo          run the demonstration in .demo/ (KEEP=1: stay up and say how to connect)"
	@echo "make demo-epics    the same with a real EPICS soft IOC, driven by an ophyd and an ophyd-async device"
	@echo "make check         ruff, pyright and the import walls"
	@echo "make test          check, then the tests of every commit: $(KINDS) (test-night: all of them)"
	@echo "make KIND          one kind of tests: $(KINDS)"
	@echo "make faults        the list of faults, and a table of what was reached (faults-night: with its long tier)"
	@echo "make coverage      branch coverage of the fast tests"
	@echo "make bench         the dead time between two plans, and 13,000 devices"
	@echo "make regen         write the generated pages of docs/reference again (also: make docs)"
	@echo "make clean         remove environments, caches and the demonstration's data"

# ------------------------------------------------------------------------------------------------- installation

# The stamps make repeated calls free; a change of pyproject.toml installs again.
install: $(INSTALLED)
install-dev: $(WITH_DEV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Cuelight needs Python 3.11 or newer, and '$(PYTHON)' is older or missing."; \
	  echo "Name another interpreter: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot create virtual environments: its venv or ensurepip module is missing."; \
	  echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Creating $(VENV) from $$($(PYTHON) -c 'import platform, sys; print(sys.executable, platform.python_version())')"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip \
	  || echo "pip could not be upgraded; going on with $$($(BIN)/python -m pip --version)"

$(INSTALLED): pyproject.toml $(BIN)/python
	@echo "Installing Cuelight into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(WITH_DEV): pyproject.toml $(BIN)/python
	@echo "Installing Cuelight and its development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(INSTALLED) $@

$(WITH_EPICS): pyproject.toml $(BIN)/python
	@echo "Installing Cuelight and the EPICS libraries into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[epics]'
	@touch $(INSTALLED) $@

# ----------------------------------------------------------------------------------------------------- use it

demo: $(INSTALLED)
	@$(BIN)/cuelight demo --data .demo $(if $(filter-out 0 no,$(KEEP)),--keep)

demo-epics: $(WITH_EPICS)
	@$(BIN)/cuelight demo --epics config/epics --data .demo/epics

bench: $(INSTALLED)
	$(BIN)/python benchmarks/dead_time.py
	$(BIN)/python benchmarks/many_devices.py

# ---------------------------------------------------------------------------------------------- checks and tests

check: $(WITH_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

$(KINDS): $(WITH_DEV)
	$(PYTEST) tests/$@

# Every row of the list of faults, wherever its test stands, and a table at the end.
faults: $(WITH_DEV)
	$(PYTEST) --faults tests

faults-night: $(WITH_DEV)
	$(PYTEST) --faults --night tests

test: check
	@echo "Checks passed. Now the tests, in one run: $(KINDS)"
	$(PYTEST) $(addprefix tests/,$(KINDS))

# The same with what takes too long for every commit: further variants of journeys, installations, demonstrations.
test-night: check
	$(PYTEST) --night $(addprefix tests/,$(KINDS))

coverage: $(WITH_DEV)
	$(PYTEST) --cov --cov-report=term tests/unit tests/property tests/contract

docs regen: $(INSTALLED)
	$(BIN)/python -m queue_server.reference --write docs/reference
	$(BIN)/python -m device_worker.sim.lists
	$(BIN)/python -m queue_server.client.calls_source
	$(BIN)/python -m http_gateway.openapi --write docs/reference

clean:
	@if [ -d .demo ] && [ -x $(BIN)/cuelight ]; then $(BIN)/cuelight down --data .demo --workers || true; fi
	rm -rf .demo .venv .venv313 .coverage .coverage.* htmlcov build dist
	rm -rf .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +
