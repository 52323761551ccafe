# The commands of daily work; CONTRIBUTING.md says more of each.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
SYNC := UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --inexact --quiet

.PHONY: help demo test check unit lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime ## draw a clip of cars, run everything on it, leave a report in demo-out/
	@$(BIN)/anpr demo

test: $(VENV)/.dev ## all checks and all tests, on servers of their own
	@scripts/system-packages
	@$(MAKE) --no-print-directory check
	@$(BIN)/pytest -n $(if $(REDIS_URL),0,2) --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## formatting, lint, types, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev ## the tests that need no server: seconds
	@$(BIN)/pytest -q tests/unit

lock: $(VENV)/.dev ## bring uv.lock up to date with pyproject.toml
	@$(BIN)/uv lock

clean: ## remove the virtualenv and what the demo left
	rm -rf $(VENV) demo-out

$(VENV)/bin/uv:
	@test -n "$(PYTHON)" || { echo "anpr needs Python 3.11 or newer on the PATH (or make PYTHON=/path/to/python)"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "cannot make a virtualenv; on Debian: apt install python3-venv"; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.runtime: pyproject.toml uv.lock | $(VENV)/bin/uv
	@$(SYNC) --no-dev
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock | $(VENV)/bin/uv
	@$(SYNC)
	@touch $@ $(VENV)/.runtime
