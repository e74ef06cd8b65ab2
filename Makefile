# From a fresh clone: `make setup` makes .venv, `make run` trains and measures the main recipe, `make test` checks everything.
# Each makes .venv once, and installs into it again when the requirements change.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3 python3.12 python3.11 python3.13 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
PACKAGES := ups_framework $(notdir $(wildcard plugins/*/ups_*))
TESTS := tests $(sort $(dir $(wildcard plugins/*/tests/*.py)))

READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev

.PHONY: setup run test check unit format docs
.NOTPARALLEL:

setup: $(READY)
	@echo "$(VENV) is ready; next: 'source $(BIN)/activate', then 'ups recipes' lists what can be run, 'ups --help' the commands"

run: $(READY)
	@$(BIN)/ups run recipes/burgers_phase4.toml

test: check

check: export OMP_NUM_THREADS := 1
check: $(READY_DEV)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run 'make format'" >&2; exit 1; }
	@$(BIN)/mypy --strict --no-error-summary $(addprefix -p ,$(PACKAGES))
	@$(BIN)/mypy --strict --no-error-summary $(TESTS) docs/reference.py docs/plugin_reference.py
	@echo "ruff and mypy: clean; now the tests"
	@$(BIN)/pytest -n auto --maxprocesses 8

unit: export OMP_NUM_THREADS := 1
unit: $(READY_DEV)
	@$(BIN)/pytest -n auto --maxprocesses 8 --ignore tests/end_to_end

format: $(READY_DEV)
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

docs: $(READY_DEV)
	@$(BIN)/python docs/reference.py

$(READY): requirements.txt $(PROJECTS)
	$(call install,requirements.txt)
	@touch $@

$(READY_DEV): requirements-dev.txt requirements.txt $(PROJECTS)
	$(call install,requirements-dev.txt)
	@touch $(READY) $@

# A .venv that works is kept. One pip call, so that the pins of requirements.txt govern everything that is installed.
define install
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
			echo "ups needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python" >&2; exit 1; }; \
		echo "making $(VENV) with $$($(PYTHON) --version)"; \
		$(PYTHON) -m venv --clear $(VENV); }
	@echo "installing $(1) into $(VENV) (the first time this takes some minutes)"
	@$(BIN)/python -m pip --disable-pip-version-check install --progress-bar off -r $(1) 2>&1 \
		| tee $(VENV)/install.log | awk '/[MG]B\)$$|^ERROR/ { sub(/^ +/, ""); print "  " $$0; fflush() }' \
		|| { tail -n 20 $(VENV)/install.log >&2; echo "pip failed; all that it said is in $(VENV)/install.log" >&2; exit 1; }
endef
