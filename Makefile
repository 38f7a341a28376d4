# Everything a newcomer needs: `make run` and `make test`. Both make `.venv` from hashed locks first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NAME   ?= press
FAULT  ?= language
# The locks name all there is, so nothing is worked out; what is imported is compiled when it is.
PIP    := $(BIN)/pip install --quiet --require-hashes --no-deps --no-compile
# Kept by whoever is first: else each process, and a test starts dozens, compiles all of it for itself.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test tests doctests test-long test-guards test-crash test-real test-browser test-spark test-dist check docs dist \
	bench lock clean

run: $(VENV)/.run
	$(BIN)/recsysops up --example cinema --fault $(FAULT)

# Side by side, as the types are one process's work and the longest to wait for.
test: $(VENV)/.test
	@$(MAKE) --no-print-directory --jobs 2 check tests doctests

# One process: the modules are imported once. What Celery starts needs a broker to be imported, and shows nothing.
doctests: $(VENV)/.test
	$(BIN)/pytest -q -o addopts= -p no:cacheprovider --doctest-modules --ignore=workers/process/app.py \
		bot workers domain client

tests: $(VENV)/.test
	$(BIN)/pytest -n 3 --dist worksteal -m "not long"

# What starts and kills processes of its own, and what walks through weeks of tables: as many minutes again.
test-long: $(VENV)/.test
	$(BIN)/pytest -n 3 --dist worksteal -m long

# What keeps something from being done is taken out, one guard at a time: some test has to fail each time.
test-guards: $(VENV)/.test
	$(BIN)/python -m tests.guards $(FILES)

# Minutes, not seconds: everything killed again and again, RabbitMQ too where the system has one.
test-crash: $(VENV)/.test
	CRASH_WALKS=$${CRASH_WALKS:-12} CRASH_KILLS=$${CRASH_KILLS:-60} CRASH_RABBITMQ=$$(command -v rabbitmq-server) \
		$(BIN)/pytest -o addopts= -ra -s tests/crash tests/bot/test_up_stays.py tests/workers/environment/test_clock_set.py

test-real: $(VENV)/.test
	$(BIN)/pytest -o addopts= -ra tests/real

test-browser: $(VENV)/.test
	$(BIN)/pytest -o addopts= -ra -n 3 --dist loadfile tests/browser

test-spark: $(VENV)/.spark
	$(BIN)/pytest -o addopts= -ra tests/spark

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is made from the code is made anew, and every link has to lead somewhere.
docs: $(VENV)/.test
	$(BIN)/python -m docs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Wheels of the project, of its client and of the example: `pip install dist/*.whl && recsysops demo`.
dist: | $(VENV)/bin/python
	rm -rf dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . ./client ./examples

# They are installed into an environment of their own, and an incident is waited for there.
test-dist: $(VENV)/.test
	$(BIN)/pytest -o addopts= -ra tests/wheels

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.$(NAME)

lock:
	uv pip compile pyproject.toml --extra local --extra cinema --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --generate-hashes --no-header -o requirements-dev.lock
	uv pip compile pyproject.toml --extra local --extra cinema --universal --python-version 3.11 \
		--no-emit-index-url --generate-hashes --no-header -c requirements-dev.lock -o requirements.lock
	uv pip compile pyproject.toml --extra local --extra cinema --extra dev --extra spark --universal --python-version 3.11 \
		--no-emit-index-url --generate-hashes --no-header -c requirements-dev.lock -o requirements-spark.lock

clean:
	rm -rf $(VENV) var dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml client/pyproject.toml | $(VENV)/bin/python
	$(PIP) -r requirements.lock
	$(BIN)/pip install --quiet --no-deps -e . -e client
	@touch $@

$(VENV)/.test: requirements-dev.lock pyproject.toml client/pyproject.toml | $(VENV)/bin/python
	$(PIP) -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps -e . -e client
	@touch $@ $(VENV)/.run

$(VENV)/.spark: requirements-spark.lock $(VENV)/.test
	$(PIP) -r requirements-spark.lock
	@touch $@
