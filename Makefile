# Every target sets up what it needs. `make help` lists them.
VENV ?= .venv
PYTHON ?=
FAULTS ?= 500
SEED ?=
ARGS ?=

export VENV PYTHON
# Some machines tell Python to keep no compiled files: each of the hundreds of processes of the tests would compile what
# it loads, and each run of them all tests.
unexport PYTHONDONTWRITEBYTECODE

BIN := $(VENV)/bin
CHAT_UI ?= /tmp/fairlead-chat-ui
NODE := tests/node/node_modules/.package-lock.json
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(VENV)/.base ## Run the example agent on a real log, kill its worker, watch it finish
	$(BIN)/fairlead demo $(ARGS)

.PHONY: test
test: $(VENV)/.dev compiled system $(NODE) ## Run all tests on real servers and a real browser (ARGS="-k name")
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Check style and layout of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(VENV)/.dev ## Mend what `make lint` can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENV)/.dev ## Check the types, strictly
	$(BIN)/pyright --project .

.PHONY: arrows
arrows: $(VENV)/.dev ## Check that every part imports only parts below it
	$(BIN)/lint-imports --no-cache

.PHONY: docs
docs: $(VENV)/.dev ## Write the pages that are made from code
	$(BIN)/python docs/generate.py

.PHONY: docs-check
docs-check: $(VENV)/.dev ## Check that those pages are up to date
	$(BIN)/python docs/generate.py --check

.PHONY: words
words: $(VENV)/.dev ## Bring the console's catalogues up to date with its sources
	$(BIN)/python .ci/catalogues.py

.PHONY: prices
prices: $(VENV)/.dev ## Take what models cost from genai-prices
	$(BIN)/python .ci/prices.py

.PHONY: bench
bench: $(VENV)/.bench compiled system ## Measure speed and size beside DBOS
	$(BIN)/python -m bench $(ARGS)

.PHONY: bench-gateway
bench-gateway: $(VENV)/.bench .venv-peers/.made compiled system ## Measure the gateway beside litellm, TensorZero, Portkey and the SDKs
	@[ -e ../shared/bench/load.c ] || .ci/system wrk
	$(BIN)/python -m bench $(if $(ARGS),$(ARGS),gateway)

.PHONY: bench-api
bench-api: $(VENV)/.bench .venv-langgraph/.made compiled system ## Measure the API beside bare web frameworks and the LangGraph dev server
	@[ -e ../shared/bench/load.c ] || .ci/system wrk
	$(BIN)/python -m bench $(if $(ARGS),$(ARGS),api)

.PHONY: bench-telemetry
bench-telemetry: $(VENV)/.bench compiled system ## Measure what logs, metrics and Sentry cost, and what redaction finds
	$(BIN)/python -m bench $(if $(ARGS),$(ARGS),telemetry)

.PHONY: bench-ship
bench-ship: $(VENV)/.bench compiled system ## Measure deploys on a host: dropped requests, switches, verdicts of canaries
	$(BIN)/python -m bench $(if $(ARGS),$(ARGS),ship)

.PHONY: bench-console
bench-console: $(VENV)/.bench compiled system ## Measure the console: pages beside a million runs, in a browser, fifty at a time
	$(BIN)/python -m bench $(if $(ARGS),$(ARGS),console)

.PHONY: crash
crash: $(VENV)/.dev compiled system ## Throw 500 faults at running workers (FAULTS=40 SEED=7)
	$(BIN)/python -m tests.crash --faults $(FAULTS) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.dev compiled ## Try 10 000 requests that the API's description allows or forbids (ARGS="--postgres")
	$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: fresh
fresh: $(VENV)/.dev ## Build the wheel, install it as a user would, check count, size and start-up
	$(BIN)/python .ci/fresh.py

.PHONY: ci
ci: ## Everything a change must pass
	.ci/run

.PHONY: venv
venv: $(VENV)/.dev ## Make the virtual environment from the lock files

.PHONY: system
system: ## Install the servers and the browser the tests use, where missing
	@.ci/system postgres redis chromium haproxy prometheus alertmanager faketime node

# Before many processes begin at once and each does it for itself.
.PHONY: compiled
compiled: $(VENV)/.dev
	@$(BIN)/python -m compileall -q fairlead

.PHONY: lock
lock: $(VENV)/.dev ## Write the lock files anew (UPGRADE=1: take newer versions)
	$(BIN)/$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements.lock
	$(BIN)/$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --all-extras --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --group bench -c requirements.lock -o requirements-bench.lock
	$(BIN)/$(LOCK) $(if $(UPGRADE),--upgrade) --group peers -o requirements-peers.lock
	$(BIN)/$(LOCK) $(if $(UPGRADE),--upgrade) --group langgraph -o requirements-langgraph.lock

.PHONY: node
node: $(NODE) ## Install the clients for Node that the gateway is tested with

.PHONY: chat-ui
chat-ui: $(VENV)/.dev | system ## Build agent-chat-ui outside this folder (CHAT_UI) and use it in a real browser
	$(BIN)/python -m tests.chat_ui $(CHAT_UI)

.PHONY: clean
clean: ## Remove what can be made again
	rm -rf $(VENV) .venv-peers .venv-langgraph tests/node/node_modules build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.base: requirements.lock .ci/venv
	.ci/venv base

$(VENV)/.dev: requirements-dev.lock requirements.lock .ci/venv
	.ci/venv dev

# The clients for Node that /v1 is tested with.
$(NODE): tests/node/package-lock.json | system
	npm ci --prefix tests/node --silent --no-audit --no-fund
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-bench.lock
	@touch $@

.venv-langgraph/.made: requirements-langgraph.lock $(VENV)/.dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-langgraph
	-$(BIN)/uv pip install --quiet --python .venv-langgraph/bin/python --require-hashes -r requirements-langgraph.lock
	@touch $@

# What others make must not disturb ours: it gets an environment of its own. One that can't be had is named by the
# benchmark and left out.
.venv-peers/.made: requirements-peers.lock bench/portkey/package-lock.json $(VENV)/.dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-peers
	-$(BIN)/uv pip install --quiet --python .venv-peers/bin/python --require-hashes -r requirements-peers.lock
	mkdir -p .venv-peers/node && cp bench/portkey/package.json bench/portkey/package-lock.json .venv-peers/node/
	-npm ci --prefix .venv-peers/node --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
