# The commands of this project. Each can be said again at once: what is already made is not made twice.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RECIPE := pyproject.toml constraints.txt scripts/make_environment.py

# Options of `make demo`, for example `make demo WORKERS=3 SPEED=10 PORT=8080 DATA=my-lab`; ARGS passes anything else.
DEMO_OPTIONS := $(if $(WORKERS),--workers $(WORKERS)) $(if $(SPEED),--speed $(SPEED)) \
	$(if $(PORT),--port $(PORT)) $(if $(DATA),--data "$(DATA)") $(ARGS)

# `make bench` runs all of bench/ but what compares with recordings, which takes longer.
ALL_BENCHES := $(filter-out __init__,$(patsubst bench/%.py,%,$(wildcard bench/*.py))) \
	$(patsubst bench/%/__main__.py,%,$(wildcard bench/*/__main__.py))
SCIENCE_BENCHES := $(filter curves fusion growth% od_signal temperature twin,$(ALL_BENCHES))
BENCHES := $(filter-out chaos every_bench network_cut $(SCIENCE_BENCHES),$(ALL_BENCHES))

.PHONY: help demo test lint format generated docs bench bench-science chaos wheel ui site environment screenshot hooks clean

help:  ## Show these commands
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.made-for-use ui site  ## Run a cluster of simulated reactors (WORKERS= SPEED= PORT= DATA= ARGS=)
	@exec $(BIN)/pio demo $(DEMO_OPTIONS)

test: environment  ## Run everything that CI runs
	@bash scripts/ensure_system_packages.sh
	@exec $(BIN)/python scripts/run_checks.py $(ARGS)

lint: environment  ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -x ui/node_modules/.bin/biome ]; then npm --prefix ui run --silent lint; else echo "ui: not checked, run \`make ui\` first"; fi

format: environment  ## Put style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generated: environment  ## Write the generated references, and the UI's types from them
	$(BIN)/python scripts/generate_reference.py
	npm --prefix ui run --silent types

docs: environment  ## Build the documentation site into the package
	@$(BIN)/python scripts/build_docs.py

bench: environment  ## Measure start-up, memory, speed and load; ends with a table of figures and goals
	@$(BIN)/python -m bench.every_bench $(BENCHES)

bench-science: environment  ## Measure estimators and the twin against recordings
	@for name in $(SCIENCE_BENCHES); do printf '\n== bench.%s\n' "$$name"; $(BIN)/python -m "bench.$$name"; done

chaos: environment  ## Break a cluster at random 1,000 times in virtual time, then kill parts of a real one, and cut its cable
	@$(BIN)/python -m bench.chaos --sequences $(or $(SEQUENCES),1000) $(ARGS)
	@$(BIN)/python -m pytest -m system -n 0 $(wildcard tests/system/test_*fail*.py tests/system/test_*chaos*.py)
	@$(BIN)/python -m bench.network_cut

wheel: environment  ## Build the complete wheel, with panel and documentation, and the client's, into dist
	@$(BIN)/python scripts/build_wheel.py --output dist

ui: $(VENV)/.made-for-use
	@$(BIN)/python scripts/build_ui.py

site: $(VENV)/.made-for-use
	@$(BIN)/python scripts/build_docs.py --if-changed || echo "The demo starts without the documentation at /docs."

environment: $(VENV)/.made-for-work

screenshot: environment ui  ## Take the picture of README.md from a demo
	@$(BIN)/python scripts/take_screenshot.py

hooks: environment  ## Check each commit as CI does
	$(BIN)/pip install --quiet pre-commit
	$(BIN)/pre-commit install

clean:  ## Remove what was made, except the data of demos
	rm -rf $(VENV) ui/node_modules ui/dist src/pioreactor/web/static src/pioreactor/web/docs_site dist build .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.made-for-work: $(RECIPE)
	@$(PYTHON) scripts/make_environment.py $(VENV) leader simulation dev
	@touch $(VENV)/.made-for-use $@

$(VENV)/.made-for-use: $(RECIPE)
	@$(PYTHON) scripts/make_environment.py $(VENV) leader simulation docs
	@touch $@
