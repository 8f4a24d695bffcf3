# Everything installs itself: a fresh machine needs Python 3.11 or newer, git and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements.txt requirements-dev.txt
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

setup: $(STAMP)  ## the virtual environment and what the program needs around it

lock: $(STAMP)  ## pin again what pyproject.toml asks for
	@$(PY) -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header \
	  --output-file requirements.txt pyproject.toml
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header \
	  --constraint requirements.txt --group dev --output-file requirements-dev.txt

check: $(STAMP)  ## format, lint, types, import rules
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports

format: $(STAMP)  ## put the code into the shape that `make check` asks for
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

test: $(STAMP)  ## the tests
	@$(PY) -m pytest -n 2 -m "not cluster"

.PHONY: help setup lock check format test
