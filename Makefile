# `make demo` and `make test` need Python >= 3.11 and make; `make help` lists the rest.
PYTHON ?= python3
# Pytest workers: each starts an embedded PostgreSQL of its own. `make test WORKERS=0` runs in one process.
WORKERS ?= logical
# More for pytest: make test ARGS="-k quintiles -x"
ARGS ?=
BIN := .venv/bin
LOCKS := requirements/dev.txt requirements/data.txt
pip = $1/bin/python -m pip --disable-pip-version-check -qq
PYTEST := $(BIN)/python -m pytest
UV := uv==0.13.9

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: demo test test-spark test-server soak bench wheel-test lint sql-lint catalogue format types imports lock lock-check clean help

demo: .venv/ready ## score real customers twice, by triggers and in Polars, and compare
	$(BIN)/rfm demo $(ARGS)

test: .venv/ready ## the whole suite on an embedded PostgreSQL, but for the slow tests
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow and not spark" $(ARGS)

test-spark: .venv/ready ## the part that runs on a local Spark; needs Java 17
	$(PYTEST) -m spark $(ARGS) tests/warehouse tests/proof

test-server: .venv/ready ## the database part on a server of yours: RFM_TEST_DSN=postgresql://...
	@test -n "$(RFM_TEST_DSN)" || { echo "usage: make test-server RFM_TEST_DSN=postgresql://..." >&2; exit 2; }
	RFM_TEST_DSN="$(RFM_TEST_DSN)" $(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow and not spark" $(ARGS) tests/db tests/proof

soak: .venv/ready ## the long ones: load, crashes, ten thousand histories, every mutant (hours)
	$(PYTEST) -m slow tests/soak -s
	RFM_PROOF=soak $(PYTEST) tests/proof/test_histories.py
	$(BIN)/python -m tests.mutants.run

bench: .venv-bench/ready ## every figure of docs/explanation/performance.md; ARGS="files --scale 0.01" for a part
	.venv-bench/bin/python -m benchmarks $(ARGS)

wheel-test: .venv/ready ## build sdist and wheel, install them far from here, use them
	$(PYTEST) -m slow tests/packaging $(ARGS)

lint: .venv/ready ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/ready ## let ruff mend what it can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

sql-lint: .venv/ready ## squawk: do the migrations hold locks or lose data?
	$(BIN)/squawk sql/migrations/*.sql

catalogue: .venv/ready ## write tests/db/schema/catalogue.txt anew, after a new migration; ARGS=--check
	$(BIN)/python -m tests.db.schema.catalogue $(ARGS)

types: .venv/ready ## mypy --strict
	$(BIN)/mypy

imports: .venv/ready ## the direction of imports
	$(BIN)/lint-imports

lock: ## pin the newest versions again; ARGS="--upgrade-package polars" for one
	tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && $(PYTHON) -m venv $$tmp && $$tmp/bin/pip install --quiet $(UV) && \
	export UV_CUSTOM_COMPILE_COMMAND="make lock" && \
	compile="$$tmp/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url" && \
	$$compile $(or $(ARGS),--upgrade) --all-extras --group dev pyproject.toml -o requirements/dev.txt && \
	$$compile --no-deps requirements/data.in -o requirements/data.txt && \
	awk '/^[a-z]/ { pin = $$0; sub(/ *\\$$/, "", pin) } /rfm-scoring .pyproject.toml/ { print pin }' requirements/dev.txt > $$tmp/ours.txt && \
	$$compile $(or $(ARGS),--upgrade) --all-extras --group bench --constraint $$tmp/ours.txt \
	pyproject.toml -o requirements/bench.txt && sed -i "s|$$tmp/||" requirements/bench.txt

lock-check: .venv/ready ## is the lock in step with pyproject.toml? (offline)
	$(PYTEST) tests/packaging/test_lock.py

clean: ## remove all that make has made
	rm -rf .venv .venv-bench benchmarks/data build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 14

# Dependencies and the package are two steps: most changes to pyproject.toml touch no dependency.
define make-venv # folder, its lock
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	found=$$($(PYTHON) --version 2>/dev/null) || found="not there"; \
	echo "rfm needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv), and" \
	"'$(PYTHON)' is $$found. Name another: PYTHON=python3.12 make $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "making $1 (a minute or so, once)"
	$(PYTHON) -m venv --clear $1
	$(call pip,$1) install --require-hashes -r $2
endef

.venv/dependencies: $(LOCKS)
	$(call make-venv,.venv,requirements/dev.txt)
	$(call pip,.venv) install --require-hashes --no-deps -r requirements/data.txt
	@touch $@

# What we compare with is heavy, so it has an environment of its own, with the same pins of all else.
.venv-bench/dependencies: requirements/bench.txt
	$(call make-venv,.venv-bench,requirements/bench.txt)
	@touch $@

.venv/ready .venv-bench/ready: %/ready: %/dependencies pyproject.toml
	$(call pip,$*) install --no-deps --no-build-isolation -e .
	@touch $@
