# One way to do each thing: `make demo` to see it, `make test` to trust it. Everything lives in .venv.
# The virtual environment comes from requirements.lock, whose hashes pip checks; a stamp keeps it until the lock changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed
SOURCES := events metrics streams benchmarks tests

.DEFAULT_GOAL := help
.PHONY: help demo test soak audit lint style types layers format bench lock services clean .venv

help:
	@echo "make demo      broker, Redis, engine, simulated shop and board in one command"
	@echo "make test      services where reachable, lint, types, layers, every test"
	@echo "make soak      every fault at random under load, for half an hour (TAPESH_SOAK_SECONDS, TAPESH_SOAK_SEED)"
	@echo "make lint      ruff, mypy --strict, import-linter"
	@echo "make audit     hold the lock against known vulnerabilities"
	@echo "make bench     measure everything, peers included, and write docs/performance.md (an hour)"
	@echo "make services  install or fetch what the tests of real services need (may ask for root)"
	@echo "make lock      resolve requirements.lock anew from pyproject.toml"
	@echo "make clean     remove .venv and caches"

.venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml .ci/venv
	@bash .ci/venv $(PYTHON) $(VENV)
	@touch $@

demo: .venv
	$(BIN)/tapesh demo

test: .venv
	@bash .ci/test $(PY)

soak: .venv
	TAPESH_SOAK=1 $(PY) -m pytest -s -m soak tests/faults/test_soak.py

lint: style types layers

style: .venv
	$(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/ruff format --quiet --check $(SOURCES)

types: .venv
	$(BIN)/mypy

layers: .venv
	$(BIN)/lint-imports

format: .venv
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

audit: .venv
	$(PY) .ci/audit.py

bench: .venv
	$(PY) -m benchmarks

services: .venv
	bash .ci/install-services

lock: .venv
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
