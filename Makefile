# One folder, one environment: .venv (Python, and Node from a Python package) and web/node_modules. Needs Python 3.11+ and make.
# T=path narrows what pytest runs: make unit T=tests/unit/ops

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
BOOTSTRAP = @test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }; $(PYTHON) .ci/bootstrap.py
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help run serve test check format lint types unit integration browser faults fuzz bench test-full web lock picture image clean python pages chromium
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

run: ## Start the demo: emulator, sample patients and scans, web, worker (PORT=8080 DATA=.data)
	$(BOOTSTRAP) pages --total 8
	@exec $(BIN)/python -m broker demo

serve: pages ## Start web and worker with the settings of .env
	@exec $(BIN)/python -m broker serve --env-file .env

test: pages chromium ## Run every test: web, unit, integration, browser, faults
	cd web && npm test --silent && npm run --silent types
	$(PYTEST) -q -n 2 --dist loadfile $(T)

check: python pages lint types unit ## The quick gate: format, lint, types, unit tests

format: python ## Put every Python file into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: python ## Format and lint checks, and the Dockerfile's
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile

types: python ## Check types
	$(BIN)/mypy

unit: pages ## Unit tests
	SAS_CASES=$${SAS_CASES:-100} $(PYTEST) -q -n 2 --dist worksteal $(or $(T),tests/unit)

integration: pages ## Tests against the real emulator, a real PostgreSQL and real processes
	$(PYTEST) -q $(or $(T),tests/integration)

browser: pages chromium ## Tests through a real browser
	$(PYTEST) -q $(or $(T),tests/browser)

faults: pages ## Tests in which processes die and storage fails
	$(PYTEST) -q $(or $(T),tests/faults)

fuzz: pages ## The generated cases again, many more of them
	FUZZ=1 $(PYTEST) -q -n 2 --timeout 3600 $(or $(T),$$(grep -rl FUZZ tests --include='test_*.py'))

bench: pages ## Measure, and compare with the bare library calls (FULL=1 for the long ones)
	@set -e; for f in tests/bench/bench_*.py; do m=$${f%.py}; echo "== $$m"; $(BIN)/python -m $$(echo $$m | tr / .); done

test-full: pages chromium ## Every test in its full size
	FULL=1 $(MAKE) test

web: pages ## Build the pages, check their types and run their tests
	cd web && npm run --silent types && npm test --silent

lock: python ## Compile requirements.txt and tests/requirements.txt anew from pyproject.toml
	.ci/lock

picture: python ## Draw assets/architecture.png from its SVG
	"$$($(BIN)/python -m tests.chromium)" --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=2 \
		--window-size=1200,660 --default-background-color=00000000 --screenshot=assets/architecture.png assets/architecture.svg

image: ## Build the container image
	docker build -t ophthalmic-image-service .

clean: ## Remove what was built (not .data: that holds the demo's pictures)
	rm -rf .venv build web/node_modules web/static .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	$(BOOTSTRAP) python

pages:
	$(BOOTSTRAP) pages

chromium: python
	@$(BIN)/python -m tests.chromium
