# Two targets do everything on a fresh machine: `make run` and `make test`. The rest is for development.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Settings given on the command line (`make run PORT=9000`) reach the server: make exports them to its recipes.

.PHONY: help run test test-faults test-security check format install install-dev static browser bench bench-quick local-model clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.* ##' $(MAKEFILE_LIST) | sed -E 's/:.* ## /\t/' | expand -t 14

run: install static ## Set everything up, then serve on HOST:PORT
	@exec $(PY) manage.py start

test: install-dev static browser ## Run the whole suite with real servers and a browser
	@exec $(PY) -m tests.run

test-faults: install-dev static ## Break everything in full size; writes the figures to docs/guarantees.md
	@exec $(PY) -m tests.faults

test-security: install-dev static browser ## Attack everything in full size; writes the figures to docs/security-figures.md
	@exec $(PY) -m tests.security

check: install-dev static ## Format, lint, types, import contracts, migrations, deploy check, schema, templates
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(PY) manage.py makemigrations --check --dry-run
	OPEN_ACCESS=0 DEBUG=0 PRODUCTION=1 SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	  ALLOWED_HOSTS=chat.example.com DATABASE_URL=postgres://chat@127.0.0.1/chat REDIS_URL=redis://127.0.0.1:6379 \
	  $(PY) manage.py check --deploy --fail-level WARNING
	$(PY) manage.py spectacular --fail-on-warn --validate --file /dev/null

format: install-dev ## Format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev
static: static/vendor/.installed

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 …")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) comes without its venv module. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Making a Python environment in $(VENV) …"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt constraints.txt $(PY)
	@echo "Installing Python packages …"
	@$(PY) -m pip install --quiet -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt constraints.txt $(PY)
	@echo "Installing Python packages for development …"
	@$(PY) -m pip install --quiet -r requirements-dev.txt -c constraints.txt
	@touch $@ $(VENV)/.installed

# The page's libraries come from npm (node comes from a wheel where the machine has none) and are served by us.
static/vendor/.installed: package.json package-lock.json config/vendor.sh | $(PY)
	@echo "Installing the page's libraries …"
	@PY=$(PY) bash config/vendor.sh
	@touch $@

browser: ## Install Chromium for the browser tests, where there is none
	@bash tests/install_chromium.sh

bench: install-dev static ## Measure against peers (under 10 minutes); writes docs/performance.md
	$(PY) -m benchmarks

bench-quick: install-dev static ## Less of it, in under 90 seconds
	$(PY) -m benchmarks --quick

local-model: ## Serve a small real model on loopback, offline (see docs/local-model.md)
	@PYTHON=$(PYTHON) bash config/local_model.sh

clean: ## Remove everything that was installed or made, except the database
	rm -rf $(VENV) node_modules static/vendor .local-model .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis
