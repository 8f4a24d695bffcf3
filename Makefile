# Everything installs itself: a fresh machine needs Python 3.11 or newer, git and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
HISTORIES := tests/unit/scheduler/test_histories.py tests/unit/reconcile/test_histories.py
# Unit tests start no server and no process; they come first: what they find is known in a minute or two.
SERVERS := tests/contract tests/integration tests/chaos
FAST := "not cluster and not exhaustive and not sample"
SEED ?= $(shell date -u +%Y%m%d)
NODE   := node_modules/.package-lock.json
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11) and "Coppice needs Python 3.11 or newer. This is " \
  + sys.version.split()[0] + ": name another, as in make PYTHON=python3.12")
PORT     = 7071
SETTINGS =

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# An environment that is half made, or of a Python that is gone or too old, is made anew: pip is what comes last into it.
$(STAMP): requirements.txt requirements-dev.txt
	@$(PY) -c 'import pip; $(NEW_ENOUGH)' >/dev/null 2>&1 || { \
	  $(PYTHON) -c '$(NEW_ENOUGH)' && rm -rf $(VENV) && \
	  { $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; }; }
	@echo "installing into $(VENV) what requirements.txt and requirements-dev.txt pin; at first it takes half a minute"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

setup: $(STAMP) kustomize $(NODE)  ## the virtual environment, kustomize, and what tests take from npm

# Built if Go is there; without it, a kustomize or kubectl on the path builds overlays too, and takes longer.
kustomize: $(STAMP)
	@one() { command -v kustomize || command -v kubectl; } >/dev/null; \
	  { one && ! command -v go >/dev/null; } || $(PY) -m devtools.tools.binaries kustomize || one

$(NODE): package.json
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund && touch $@; \
	else echo "npm is missing: tests that need Azurite or GitHub's example payloads are skipped"; fi

demo: $(STAMP) kustomize  ## the main job and a night, on this machine, narrated (DEMO_KUBECONFIG=<file>: on that cluster)
	@$(PY) -m devtools.demo

try: $(STAMP) kustomize  ## the program, its emulators and a branch with its environment, to play with, until interrupted
	@$(PY) -m devtools.demo.play

emulators: $(STAMP)  ## ARM, GitHub and Kubernetes for local.settings.sample.json, until interrupted
	@$(PY) -m devtools.demo.emulators

host: $(STAMP) kustomize  ## the functions host on http://127.0.0.1:7071, settings from local.settings.json (PORT=…, SETTINGS=…)
	@$(PY) -m devtools.host --port $(PORT) $(if $(SETTINGS),--settings $(SETTINGS))

cluster: $(STAMP)  ## a real control plane on this machine, until interrupted; prints its kubeconfig
	@$(PY) -m devtools.cluster

lock: $(STAMP)  ## pin again what pyproject.toml asks for, by hash
	@$(PY) -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --generate-hashes \
	  --output-file requirements.txt pyproject.toml
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --generate-hashes \
	  --constraint requirements.txt --group dev --output-file requirements-dev.txt

check: $(STAMP)  ## format, lint, types, import rules
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports

format: $(STAMP)  ## put the code into the shape that `make check` asks for
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

test: unit integration  ## the tests that need no real cluster, the fast ones first

unit: setup  ## of these, what needs no server and no process
	@$(PY) -m pytest -n 2 -m $(FAST) tests/unit

integration: setup  ## and the rest
	@$(PY) -m pytest -n 2 -m $(FAST) $(SERVERS)

sample: setup  ## faults and histories, others each day: three minutes (SEED=<yyyymmdd>: those of that day)
	@echo "drawn by SEED=$(SEED)"
	@$(PY) -m pytest -n 2 -m sample --hypothesis-seed=$(SEED) tests/chaos/faults
	@$(PY) -m pytest -n 2 --hypothesis-profile=sample --hypothesis-seed=$(SEED) -o timeout=900 $(HISTORIES)

proofs: setup  ## what is exhaustive, resumable: two hours and more (PARTS="faults/update storm": some of it)
	@$(PY) -m devtools.tools.binaries kustomize >&2
	@$(PY) -m devtools.tools.proofs $(PARTS)

bench: setup  ## how fast it is, each figure beside its reference, one JSON object a line
	@$(PY) -m devtools.tools.binaries kustomize >&2
	@$(PY) -m devtools.bench

test-cluster: $(STAMP) kustomize  ## the tests that need a real control plane; the first time builds one, Argo CD and Flux
	@$(if $(KUBECONFIG_TEST),,$(PY) -m devtools.cluster.build)
	@$(PY) -m pytest -m cluster $(if $(KUBECONFIG_TEST),,-n 2 --dist loadfile)  # each process has a cluster of its own

package: $(STAMP)  ## build/coppice.zip for Azure Functions, with kustomize; on 64-bit Linux
	@test "$$(uname -sm)" = "Linux x86_64" || { echo "make package needs Linux x86_64: kustomize goes along"; exit 1; }
	@$(PY) -m devtools.tools.binaries kustomize
	@mkdir -p build && rm -f build/coppice.zip
	@git archive --format=zip --output build/coppice.zip --prefix=bin/ --add-file=bin/overlay-builder --prefix= \
	  HEAD -- . $$(sed 's/.*/:(exclude)&/' .funcignore)

.PHONY: bench check cluster demo format help host integration kustomize lock package proofs sample setup emulators test \
  test-cluster try unit
