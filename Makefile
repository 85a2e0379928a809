# Every target works on a fresh clone with python3 (3.11 or newer), git and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/*.po)
TRANSLATIONS := $(CATALOGUES:.po=.mo)
SOURCES := portal leaderboard evaluation demo bench tests scripts manage.py gunicorn.conf.py

.PHONY: help setup demo run test check bench bench-web chaos load clean \
	format lint types imports templates migrations deploy translations lock messages diagrams

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(TRANSLATIONS) ## make .venv with everything in it

$(STAMP): requirements.lock scripts/install.sh
	@scripts/install.sh $(VENV)
	@touch $@

%.mo: %.po | $(STAMP)
	@$(VENV)/bin/pybabel --quiet compile --input-file $< --output-file $@

demo: setup ## verify three small models end to end, then serve the portal
	@$(PYTHON) -m demo

run: setup ## portal, worker and scheduler, for development
	@$(PYTHON) manage.py migrate --verbosity 0
	@VERIBOARD_BASE_URL=$${VERIBOARD_BASE_URL:-http://127.0.0.1:$${PORT:-8000}} $(VENV)/bin/honcho start --port $${PORT:-8000}

test: setup ## all tests; SERVICES=1 adds PostgreSQL, Redis, Chromium and skips only what needs a GPU
	@scripts/test.sh

check: format lint types imports templates migrations deploy translations lock ## everything that needs no test run
	@echo "All checks passed."

bench-web: setup ## boards of a hundred, ten thousand and a million entries (Debian packages of PostgreSQL and Redis)
	@$(PYTHON) -m bench.web

bench: setup ## time the engine against the evaluation that a researcher would write
	@$(PYTHON) -m bench

chaos: setup ## let faults loose on a portal of its own and count what it loses; ARGS="1000 500" for the long one
	@$(PYTHON) -m bench.chaos $(ARGS)

load: setup ## readers, submissions and slow uploads at once, against the production server
	@$(PYTHON) -m bench.load $(ARGS)

format: setup
	$(VENV)/bin/ruff format --check --quiet $(SOURCES)

lint: setup
	$(VENV)/bin/ruff check --quiet $(SOURCES)

types: setup
	$(VENV)/bin/mypy

imports: setup
	$(VENV)/bin/lint-imports --no-logo

templates: setup
	$(VENV)/bin/djlint templates --lint --quiet

migrations: setup
	$(PYTHON) manage.py makemigrations --check --dry-run

deploy: setup
	@scripts/deploy_check.sh

translations: setup
	$(PYTHON) -m scripts.translations

lock: setup
	$(PYTHON) -m scripts.lock

messages: setup ## collect new texts into locale/ (needs gettext)
	$(PYTHON) -m scripts.sentences
	$(PYTHON) manage.py makemessages --all --no-obsolete --no-location --no-wrap --ignore '.venv/*' --ignore 'var/*'

diagrams: setup ## draw the state diagrams of docs/architecture.md anew
	@$(PYTHON) -m scripts.diagrams

clean: ## remove what was built and stored: .venv, var, caches
	rm -rf $(VENV) var build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find locale -name '*.mo' -delete
