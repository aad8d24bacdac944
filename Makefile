# Two commands do everything on a fresh machine with Python 3.11, pip, venv and make:
#   make demo   the whole loop without hardware
#   make test   the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/.packages
STAMP := $(VENV)/.installed
export PYTHONDONTWRITEBYTECODE ?=

.PHONY: demo test check lint types imports house bench site docs docs-check fmt clean

$(PACKAGES): requirements.lock pyproject.toml
	@echo "setting up $(VENV) (once, a few minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tallrun needs Python 3.11 or later; set PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP): $(PACKAGES)
	@echo "compiling the stride engine (once, a few minutes)"
	@$(BIN)/tallrun doctor --compile >/dev/null
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/tallrun demo --no-browser

test: $(STAMP)
	@$(BIN)/python -m pytest -n 3 --dist loadgroup $(PYTEST_ARGS)

check: lint types imports house

lint: $(PACKAGES)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(PACKAGES)
	@$(BIN)/mypy

imports: $(PACKAGES)
	@$(BIN)/lint-imports

house: $(STAMP)
	@$(BIN)/python -m pytest -q tests/house

docs: $(PACKAGES)
	@$(BIN)/python docs/make_commands.py
	@$(BIN)/python docs/make_dictionary.py
	@$(BIN)/python docs/make_devices.py
	@$(BIN)/python docs/make_walkthrough.py
	@$(BIN)/tallrun reasons --markdown > docs/reasons.md

docs-check: docs
	@git diff --exit-code --stat docs || { echo "docs are not what the code makes: commit the result of make docs"; exit 1; }

fmt: $(PACKAGES)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-bench .venv-site .pytest_cache .mypy_cache .ruff_cache .numba_cache test-output out

# The yardsticks need older numpy, so they get an environment of their own.
.venv-bench/.installed: requirements-bench.lock
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

bench: $(STAMP) .venv-bench/.installed
	@$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

# The site has an environment of its own: its tools are of no use to the program.
.venv-site/.installed: requirements-site.lock
	@$(PYTHON) -m venv .venv-site
	@.venv-site/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-site.lock
	@touch $@

site: .venv-site/.installed
	@.venv-site/bin/mkdocs build --strict --quiet
	@echo "the site is in out/site"
