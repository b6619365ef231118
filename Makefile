# Everything a clone needs, from `make setup` to `make test`. GNU make, a POSIX shell, Python ≥ 3.11.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Touched when the packages are in; older than a requirements file means install again.
INSTALLED := $(VENV)/.installed
REQUIREMENTS := requirements.txt requirements-dev.txt
# The longest tests come first, so that no worker is left with one at the end.
TIERS := e2e browser delivery host lab contract program unit
# These run the real engine or the real Caddy.
REAL := test-host test-lab test-delivery test-e2e test-browser
ARGS ?=
# Tests wait more than they compute: one more than there are processors. Each worker has a lab of its own.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
# A module stays with one worker, as its servers do; modules begin in the order in which they are named.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder
# How the lab's site gets to Caddy: admin, file or ssh.
DELIVERY ?=
export DELIVERY
# Newest first; the locks are made for all of these. A name may stand for a shim that does not run.
PYTHON ?=
PYTHONS := $(if $(PYTHON),$(PYTHON),python3.14 python3.13 python3.12 python3.11 python3)

.PHONY: help setup lock tools packages lab lab-down demo doctor test torture e2e bench check docs format clean

help: ## This list
	@echo "make …"
	@awk -F ':[^#]*## ' '/^[a-z0-9%-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  DELIVERY=…   for demo and lab: how the site gets to Caddy; admin, file or ssh"
	@echo "  LAB_AUTHENTIK_VERSION=…  for demo and lab: the version that Authentik's stand-in acts as, such as 2025.8.1"
	@echo "  WORKERS=…    for test, torture and test-…: how many tests run at a time; 0 for one by one, without workers"
	@echo "  ARGS=…       handed to pytest, doctor or bench, as in: make test-unit ARGS='-k caddy -x'"

setup: $(INSTALLED) ## The virtual environment .venv with everything in it (PYTHON=… chooses the Python)

$(INSTALLED): $(REQUIREMENTS)
	@set -eu; old=; bare=; chosen=; \
	for name in $(PYTHONS); do \
	  "$$name" -c '' 2>/dev/null || continue; \
	  "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old="$$old $$name"; continue; }; \
	  "$$name" -c 'import ensurepip, venv' 2>/dev/null || { bare="$$bare $$name"; continue; }; \
	  chosen=$$name; break; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "make setup: no usable Python among: $(PYTHONS)" >&2; \
	  [ -z "$$old" ] || echo "  older than 3.11:$$old" >&2; \
	  [ -z "$$bare" ] || echo "  without venv or ensurepip:$$bare (on Debian: apt-get install python3-venv)" >&2; \
	  echo "  Install Python 3.11 or newer, or name one: make setup PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$chosen" --version) and the packages of requirements-dev.txt (about a minute)"; \
	"$(BIN)/python" -m pip --version >/dev/null 2>&1 || "$$chosen" -m venv --clear $(VENV); \
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-input \
	  --require-hashes -r requirements-dev.txt; \
	touch $@

# Of every version of Python that is promised, and every system. EXTRA=--upgrade-package=requests for a newer one.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command 'make lock' $(EXTRA)
lock: ## Make requirements.txt and requirements-dev.txt from pyproject.toml, with a hash for every file (needs uv; EXTRA=--upgrade)
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

tools: setup ## The real Pulumi engine and Caddy: from PATH, or into .lab/tools (a download, or a build of 5 minutes)
	@$(BIN)/python -m lab.toolchain

lab: tools ## Bring the whole lab up on the loopback and leave it running
	@$(BIN)/python -m lab up

lab-down: setup ## End the lab
	@$(BIN)/python -m lab down

demo: tools ## Show the whole story in the lab, step by step
	@$(BIN)/python -m lab demo

doctor: setup ## Look at the selected stack: what keeps a phone out, or lets somebody else in (ARGS=--json, ARGS=--header)
	@$(BIN)/python -m doctor $(ARGS)

packages: setup ## The operating system's programs that some tests run: Chromium, OpenSSH, ShellCheck (installed where we are root)
	@$(BIN)/python -m lab.system

test: setup tools packages ## All tests
	$(PYTEST) $(addprefix tests/,$(TIERS)) $(ARGS)

torture: setup tools ## Every case of the kill and fault matrices that make test samples
	$(PYTEST) --torture tests/e2e/test_killed.py tests/host/test_faults.py tests/host/test_killed.py $(ARGS)

test-%: setup ## The tests of one tier: test-unit, test-host, test-program, test-contract, test-lab, test-delivery, test-e2e, test-browser
	$(PYTEST) tests/$* $(ARGS)

# Authentik and its worker need a share of this machine.
e2e: WORKERS = $(shell getconf _NPROCESSORS_ONLN)
e2e: tools packages ## What only a real Authentik can break, on the one that LAB_AUTHENTIK_URL and LAB_AUTHENTIK_TOKEN name
	@test -n "$$LAB_AUTHENTIK_URL" && test -n "$$LAB_AUTHENTIK_TOKEN" || { \
	  echo "make e2e: set LAB_AUTHENTIK_URL and LAB_AUTHENTIK_TOKEN, a superuser's; examples/README.md has a house" >&2; \
	  echo "  The same tests on the stand-in, and all others: make test-e2e test-browser" >&2; exit 1; }
	$(PYTEST) -m real tests/e2e tests/browser $(ARGS)

$(REAL): tools

bench: tools ## What a run costs for 1, 10, 50 and 200 phones, and on a slow Authentik (ARGS='1 10' for fewer)
	@$(BIN)/python -m bench $(ARGS)

check: setup ## Format, lint, types, import directions, workflows
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy .
	$(BIN)/lint-imports
	@if command -v go >/dev/null; then \
	  echo "actionlint .github/workflows"; \
	  go -C lab/tools/actionlint tool actionlint -shellcheck= -pyflakes= "$(CURDIR)"/.github/workflows/*.yml; \
	else echo "The workflows are not linted: actionlint is built with Go, and go is not on PATH"; fi

docs: setup ## Write what the code says into the documents: docs/resources.md, and the tables
	$(BIN)/python -m docs.generate

format: setup ## Put the code into shape
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

clean: ## End every lab, then remove all that make made in this clone, the lab's tools too
	@# Those of the tests and the bench as well: a killed run leaves its servers, and their records are here.
	@if [ -x $(BIN)/python ]; then for run in .lab/run .lab/*/run; do \
	  [ ! -d "$$run" ] || LAB_DIR="$${run%/run}" $(BIN)/python -m lab down || exit; \
	done; fi
	rm -rf $(VENV) .lab .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
