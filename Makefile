# Everything is done from here. Each target makes what it needs first, on a machine with Python 3.11 or later and make:
# .venv is filled from the lock files (hashes checked), again only when a lock file changes.

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
JOBS ?= 3
STATIC := telecontrol/web/static/manifest.json
NPM_DONE := node_modules/.package-lock.json
ASSET_SOURCES := $(shell find telecontrol/web/assets -type f 2>/dev/null) scripts/build_assets.mjs

# The first Python that is recent enough; make PYTHON=… takes another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Node 20 or later from the machine, else from PyPI into .venv.
HAS_NODE := $(shell node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null \
	&& npm --version >/dev/null 2>&1 && echo yes)
NODE_READY := $(if $(HAS_NODE),,$(VENV)/.node)
NPM := $(if $(HAS_NODE),npm,PATH="$(CURDIR)/$(BIN):$$PATH" npm)

# The media server of the tests that hold a LiveKit call, kept by version.
LIVEKIT_VERSION := v1.13.5
LIVEKIT := .cache/livekit-server/$(LIVEKIT_VERSION)/livekit-server

NPM_CHECK := $(NPM) run --silent check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check assets bench bench-call lighthouse livekit-server lock migration settings-table

help: ## what can be asked for
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

run: $(VENV)/.runtime $(STATIC) ## start the demonstration (PORT=8000) with a believable organisation in it (KEEP=1: go on from the last one)
	$(BIN)/python -m telecontrol demo --port $(PORT) $(if $(KEEP),--keep)

test: check $(STATIC) ## check everything, then run every test; browsers last, one at a time
	@failed=0; \
	$(BIN)/pytest -m 'not serial' -n $(JOBS) --dist worksteal --durations=15 || failed=1; \
	$(BIN)/pytest -m serial --durations=15 || failed=1; \
	exit $$failed

check: $(VENV)/.dev $(NPM_DONE) ## rules of style, types and imports
	@failed=0; \
	for rule in '$(BIN)/ruff check' '$(BIN)/ruff format --check' '$(BIN)/mypy' '$(BIN)/lint-imports --no-logo' \
		'$(NPM_CHECK)'; do echo "$$rule"; eval "$$rule" || failed=1; done; \
	exit $$failed

assets: $(STATIC) ## build the pages' styles and scripts

bench: $(VENV)/.dev $(STATIC) ## measure, without judging
	$(BIN)/python -m scripts.bench

bench-call: $(VENV)/.dev $(STATIC) ## measure the call with each provider, without judging
	$(BIN)/python -m scripts.bench.calls

lighthouse: $(VENV)/.dev $(STATIC) ## Lighthouse, as a phone, on the insured's pages, and what they weigh
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m scripts.lighthouse

livekit-server: $(LIVEKIT) ## build LiveKit's server with Go, for the tests that need it

migration: $(VENV)/.dev ## write a migration from what the models have and the last migration has not (m="what it does")
	$(BIN)/python -m scripts.make_migration "$(m)"

settings-table: $(VENV)/.dev ## write the table of settings in docs/operations.md again
	$(BIN)/python -m scripts.settings_table

lock: $(VENV)/.pip $(NPM_DONE) ## choose the newest versions that fit, with hashes and without addresses
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet uv
	$(LOCK) pyproject.toml --group dev -o requirements-dev.lock
	$(LOCK) pyproject.toml --constraint requirements-dev.lock -o requirements.lock
	$(LOCK) --group node -o requirements-node.lock
	npm_config_omit_lockfile_registry_resolved=true $(NPM) run lock

LOCK = PATH="$$PATH:$(CURDIR)/$(BIN)" uv pip compile --quiet --upgrade --universal --generate-hashes --no-header

# --- What the targets above stand on ---

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install it, or say make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# Another tool may have made .venv without pip; what is already there in the locked version is left alone.
$(VENV)/.pip: | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --default-pip
	@touch $@

PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.runtime: requirements.lock | $(VENV)/.pip
	$(PIP_INSTALL) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/.pip
	$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	$(PIP_INSTALL) --no-build-isolation --no-deps -e .
	@touch $@ $(VENV)/.runtime

$(VENV)/.node: requirements-node.lock | $(VENV)/.pip
	$(PIP_INSTALL) --require-hashes -r requirements-node.lock
	@touch $@

$(NPM_DONE): package.json package-lock.json | $(NODE_READY)
	$(NPM) ci
	@touch $@

$(STATIC): $(NPM_DONE) $(ASSET_SOURCES)
	$(NPM) run build
	@touch $@

# One package at a time: compiling it takes as much memory as a small machine has.
$(LIVEKIT):
	mkdir -p $(@D)
	GOBIN="$(CURDIR)/$(@D)" GOFLAGS=-p=2 go install -trimpath -ldflags='-s -w' \
		github.com/livekit/livekit-server/cmd/server@$(LIVEKIT_VERSION)
	mv $(@D)/server $@
