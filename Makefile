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
WITH_COMPUTE := $(VENV)/.installed-compute
# What Cuelight is compared with; matplotlib is what its simulated profile needs.
PEER      := $(VENV)-peer
PEER_PACKAGES := bluesky-queueserver==0.0.25 bluesky-httpserver==0.0.14 uvicorn matplotlib pandas
KINDS     := clients system contract property unit architecture

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo demo-epics demo-scanner demo-batch check test test-night again $(KINDS) faults faults-night clients-scanhub coverage bench docs regen clean

help:
	@echo "make install       create $(VENV) and install Cuelight"
	@echo "make install-dev   the same, with the tools for checks and tests"
	@echo "make demo          run the demonstration in .demo/ (KEEP=1: stay up and say how to connect)"
	@echo "make demo-epics    the same with a real EPICS soft IOC, driven by an ophyd and an ophyd-async device"
	@echo "make demo-scanner  a simulated scanner, and the reconstruction of what it acquires, in one submission"
	@echo "make demo-batch    one workflow with 200 sets of parameters as one batch: executed, ranked, archived"
	@echo "make check         ruff, pyright and the import walls"
	@echo "make test          check, then the tests of every commit: $(KINDS) (test-night: all of them)"
	@echo "make KIND          one kind of tests: $(KINDS)"
	@echo "make faults        the list of faults, and a table of what was reached (faults-night: with its long tier)"
	@echo "make clients-scanhub GEN2=DIR GEN3=DIR   ScanHub's own device SDK against a whole system (Python 3.13)"
	@echo "make coverage      branch coverage of the fast tests"
	@echo "make bench         every figure beside bluesky-queueserver and the limit of this machine, into .bench (an hour)"
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

$(WITH_COMPUTE): pyproject.toml $(BIN)/python
	@echo "Installing Cuelight and the libraries for graphs into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[compute]'
	@touch $(INSTALLED) $@

# ----------------------------------------------------------------------------------------------------- use it

demo: $(INSTALLED)
	@$(BIN)/cuelight demo --data .demo $(if $(filter-out 0 no,$(KEEP)),--keep)

demo-epics: $(WITH_EPICS)
	@$(BIN)/cuelight demo --epics config/epics --data .demo/epics

demo-scanner: $(WITH_COMPUTE)
	@$(BIN)/cuelight demo --scanner --data .demo/scanner $(if $(filter-out 0 no,$(KEEP)),--keep)

demo-batch: $(INSTALLED)
	@$(BIN)/cuelight demo --batch config/workflows/rocking-curve.yaml --data .demo/batch $(if $(filter-out 0 no,$(KEEP)),--keep)

# Beside the systems that people use today, in an environment of their own. What cannot be had is left out, and said.
bench: $(WITH_DEV) $(PEER)/.tried
	@mkdir -p .bench
	$(BIN)/python -m benchmarks.speed --growth --peer $(PEER)/bin/python --json .bench/speed.json --plot .bench/speed.png
	$(BIN)/python -m benchmarks.gateway --peer $(PEER)/bin/python
	$(BIN)/python -m benchmarks.many_devices
	$(BIN)/python -m benchmarks.scanners
	$(BIN)/python -m benchmarks.batches
	$(BIN)/python -m benchmarks.ranking
	$(BIN)/python -m benchmarks.archives

$(PEER)/.tried: $(BIN)/python
	@echo "Installing bluesky-queueserver and bluesky-httpserver into $(PEER), to compare with"
	@$(PYTHON) -m venv --clear $(PEER)
	@$(PEER)/bin/python -m pip install --quiet --disable-pip-version-check $(PEER_PACKAGES) \
	  || echo "They cannot be installed: Cuelight is measured alone."
	@command -v redis-server >/dev/null || apt-get install -y -qq --no-install-recommends redis-server >/dev/null 2>&1 \
	  || echo "redis-server, in which they keep their queue, is missing (on Debian: apt install redis-server)."
	@touch $@

# ---------------------------------------------------------------------------------------------- checks and tests

check: $(WITH_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

$(KINDS): $(WITH_DEV)
	$(PYTEST) tests/$@

# What failed in the last run, one after the other on an otherwise idle machine; at most a few may have.
again: $(WITH_DEV)
	$(BIN)/python -m pytest -n 0 --last-failed --last-failed-no-failures none --maxfail 3 $(ARGS) tests

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

# The device SDK of ScanHub as it is, both generations: checkouts of brain-link/scanhub at 8df24100, and of
# scanhub-os/scanhub at 165a1584.
SCANHUB_BASE ?= python3.13
SCANHUB_VENV := .venv-scanhub
WITH_SCANHUB := $(SCANHUB_VENV)/.installed

$(WITH_SCANHUB):
	@echo "Creating $(SCANHUB_VENV) with what the device SDK of ScanHub needs"
	@$(SCANHUB_BASE) -m venv --clear $(SCANHUB_VENV)
	@$(SCANHUB_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'websockets>=15,<16' 'pydantic>=2'
	@touch $@

clients-scanhub: $(WITH_DEV) $(WITH_SCANHUB)
	@for checkout in "$(GEN2)" "$(GEN3)"; do test -d "$$checkout/tools/device-sdk/src" || { \
	  echo "Name the checkouts of ScanHub: make clients-scanhub GEN2=DIR GEN3=DIR"; exit 2; }; done
	GEN2="$(abspath $(GEN2))" GEN3="$(abspath $(GEN3))" SCANHUB_PYTHON="$(abspath $(SCANHUB_VENV))/bin/python" \
	  $(BIN)/python -m pytest -v $(ARGS) tests/clients/scanhub

coverage: $(WITH_DEV)
	$(PYTEST) --cov --cov-report=term tests/unit tests/property tests/contract

docs regen: $(INSTALLED)
	$(BIN)/python -m queue_server.reference --write docs/reference
	$(BIN)/python -m device_worker.sim.lists
	$(BIN)/python -m queue_server.client.calls_source
	$(BIN)/python -m http_gateway.openapi --write docs/reference

clean:
	@for data in .demo .demo/scanner .demo/epics .demo/batch; do \
	  if [ -d $$data ] && [ -x $(BIN)/cuelight ]; then $(BIN)/cuelight down --data $$data --workers || true; fi; done
	rm -rf .demo .bench .venv .venv313 .venv-peer $(SCANHUB_VENV) .coverage .coverage.* htmlcov build dist
	rm -rf .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +
