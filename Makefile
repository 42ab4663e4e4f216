# The one entrance. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
N ?= 50
KILLS ?= 200
SECONDS ?= 30
DATABASE ?= sqlite
# Debian's own Python before any other on the path: it is built with optimizations, others often are not.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
# One more than processors: some tests wait most of their time.
JOBS ?= $(shell expr $$(nproc) + 1)
ON_A_SERVER := $(addprefix tests/unit/,access authority devices keys ledger protocols service)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.PHONY: demo
demo: $(VENV)/runtime ## Two installations, one line: N=50 devices get their identity; DATABASE=sqlite or postgresql
	@$(BIN)/python -m demo run --devices $(N) --database $(DATABASE)

ifeq ($(DATABASE),postgresql)
demo: postgresql
endif

.PHONY: postgresql
postgresql:
	@tools/debian postgresql

.PHONY: run
run: $(VENV)/runtime ## Serve the demo's installations until Ctrl-C
	@$(BIN)/python -m demo serve

.PHONY: test
test: $(VENV)/development ## Everything, real clients included
	@$(BIN)/python -m pytest -n $(JOBS)
	@echo "What works with the database, once more on a server:"
	@$(BIN)/python -m pytest -n $(JOBS) --database=postgresql $(ON_A_SERVER)

.PHONY: faults
faults: $(VENV)/development ## Processes killed KILLS=200 times, disks full, networks cut: nothing lost, nothing twice
	@$(BIN)/python -m pytest -n $(JOBS) --kills $(KILLS) tests/faults

.PHONY: fuzz
fuzz: $(VENV)/fuzzing ## Every parser of outside octets, SECONDS=30 each, from where the last run ended
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

.PHONY: check
check: $(VENV)/development ## Format, lint, types, layers, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n $(JOBS) -q tests/unit

.PHONY: bench
bench: $(VENV)/development ## Measure the hot paths against the raw crypto limit; writes build/bench.json
	@$(BIN)/python -m tests.bench

.PHONY: format
format: $(VENV)/development ## Rewrite the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(VENV)/development ## Renew the lock files from pyproject.toml
	$(BIN)/pip-compile -q $(LOCK) -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q $(LOCK) --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q $(LOCK) --extra fuzz -c requirements-dev.lock -o requirements-fuzz.lock pyproject.toml

LOCK := --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: clean
clean: ## Remove what the other targets made
	@[ ! -d demo-factory ] || flock -n demo-factory rm -rf demo-factory || { \
	  echo "demo-factory cannot be removed; is it in use by make run or make demo?" >&2; exit 1; }
	rm -rf $(VENV) build

# A virtual environment works only in the folder it was made in; a repository that was moved or copied gets a new one.
MADE_IN := $(VENV)/made-in
ifneq ($(wildcard $(MADE_IN)),)
ifneq ($(file <$(MADE_IN)),$(CURDIR))
$(VENV)/runtime: moved
endif
endif

.PHONY: moved
moved:
	@echo "$(VENV) was made in another folder; making it anew."
	@rm -rf $(VENV)

$(VENV)/runtime: requirements.lock pyproject.toml tools/debian
	@tools/debian python3-venv openssl
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=... make")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from requirements.lock ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@echo "$(CURDIR)/src" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/keyworks-source.pth"
	@printf '#!/bin/sh\nexec "%s" -m keyworks "$$@"\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/keyworks
	@chmod +x $(BIN)/keyworks
	@echo "$(CURDIR)" > $(MADE_IN)
	@touch $@

$(VENV)/development: $(VENV)/runtime requirements-dev.lock tools/debian
	@tools/debian python3-venv openssl curl iproute2 postgresql nginx mosquitto mosquitto-clients openvpn faketime \
	  strongswan-pki strongswan-swanctl charon-systemd libstrongswan-standard-plugins \
	  libstrongswan-extra-plugins libcharon-extra-plugins
	@echo "Installing from requirements-dev.lock ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/fuzzing: $(VENV)/development requirements-fuzz.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	@touch $@
