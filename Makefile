SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
TICKHOUSE := $(BIN)/tickhouse
# A virtual environment that is active must not be what is installed into.
unexport VIRTUAL_ENV

##@ Run
.PHONY: help setup up down status demo

help: ## This text
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: .venv/.complete ## Install what is missing: environments, servers, a JDK
	@$(TICKHOUSE) setup

up: setup ## Start everything that does not run
	@$(TICKHOUSE) up

down: ## Stop everything
	@$(TICKHOUSE) down

status: ## What runs, where, and how much memory it takes
	@$(TICKHOUSE) status

demo: setup ## Days of trading through all of it, then a live minute, reconciled (STOP=1 stops the stack at the end)
	@$(TICKHOUSE) demo $(if $(STOP),--stop)

##@ Check
.PHONY: check test qualify scores compose-check

check: .venv/.complete ## Lint, types, unit and property tests: under two minutes
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar lakehouse orchestration simulators stack streaming
	(cd dbt && ../$(BIN)/sqlfluff lint --disable-progress-bar models macros tests snapshots)
	$(BIN)/pytest -q tests/unit tests/property

test: setup check ## All of it, on the real servers
	@$(BIN)/pytest -q tests/integration tests/e2e

qualify: setup ## The long counts; goes on where it was interrupted, writes docs/qualification.md
	@$(BIN)/python -m stack.qualify

scores: setup ## Surveillance over many seeds; goes on where it was interrupted, writes docs/surveillance.md
	@$(BIN)/python -m stack.surveillance

compose-check: .venv/.complete ## docker-compose.yml against its schema and the repository
	@$(BIN)/pytest -q tests/unit/compose

##@ Maintain
.PHONY: lock dictionary

# No registry is named: where packages come from is the user's own configuration.
COMPILE_OPTIONS := --generate-hashes --no-header --no-annotate --universal --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links

lock: .venv/.complete ## Resolve the requirements and the JVM artefacts anew
	@compile="$(BIN)/uv pip compile --quiet $(COMPILE_OPTIONS) $(UPGRADE)"
	$$compile pyproject.toml --group platform --output-file requirements/platform.txt
	$$compile --group flink --output-file requirements/flink.txt
	$$compile --group superset --output-file requirements/superset.txt
	$$compile --group benchmarks --output-file requirements/benchmarks.txt
	grep -oE '^uv==[0-9.]+' requirements/platform.txt | $$compile - --output-file requirements/bootstrap.txt
	$(BIN)/python -m stack.setup.relock

dictionary: .venv/.complete ## Write docs/data-dictionary.md anew
	@$(BIN)/python -m stack.dictionary

# The interpreter: 3.11 or 3.12, able to make an environment. Each is tried, for a name may be there and not work.
FIND_PYTHON = for python in python3.11 python3.12 python3 python; do \
    $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
        2>/dev/null && { command -v $$python; exit; }; done; true

.venv/.complete: requirements/bootstrap.txt requirements/platform.txt pyproject.toml
	@python=$$($(FIND_PYTHON))
	if [ -z "$$python" ]; then
	    echo "Python 3.11 or 3.12 with the modules venv and ensurepip is needed (Debian: apt-get install python3-venv)" >&2
	    exit 1
	fi
	if ! $(BIN)/python -c '' 2>/dev/null; then rm -rf .venv; fi
	if ! $(BIN)/uv --version >/dev/null 2>&1; then
	    echo "Making .venv with $$python"
	    "$$python" -m venv .venv
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	fi
	echo "Python environment: .venv"
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements/platform.txt
	$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	touch $@
