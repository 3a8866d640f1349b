# Everything a fresh machine needs: make run, make test. Only Python 3.11-3.13 and make are taken for granted.
PYTHON ?= python3
PROFILE ?= embedded
DATA ?= ../shared/data
PORT ?= 8501
UV_VERSION := 0.13.9
UV := .venv/bin/uv
EXTRAS_workstation := --extra chroma
EXTRAS_cluster := --extra neo4j --extra postgres --extra qdrant --extra redis
EXTRAS := $(EXTRAS_$(PROFILE))
STAMP := .venv/.dafe-setup-$(PROFILE)
export ORT_DISABLE_TELEMETRY = 1
# Where modules may not be kept compiled, every start compiles them all, for longer than everything else it does.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run test test-servers test-browser lint bench bench-kills bench-indexing

setup: $(STAMP)

$(STAMP): uv.lock pyproject.toml .ci/setup
	@sh .ci/setup "$(PYTHON)" "$(UV_VERSION)" $(EXTRAS)
	@touch $(STAMP)

run: setup
	@exec .venv/bin/dafe up --port $(PORT) --profile $(PROFILE)

.venv/.dafe-test: $(STAMP)
	@$(UV) sync --quiet --locked --inexact --extra chroma --extra community-loaders --extra llamacpp --extra neo4j --extra postgres --extra qdrant --extra redis --group test
	@touch $@

.venv/.dafe-bench: .venv/.dafe-test
	@$(UV) sync --quiet --locked --inexact --extra chroma --extra community-loaders --extra llamacpp --extra neo4j --extra postgres --extra qdrant --extra redis --group test --group bench
	@touch $@

lint: .venv/.dafe-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: lint
	.venv/bin/pytest -n 2 --dist loadfile -m "not server and not browser"

test-servers: .venv/.dafe-test
	.venv/bin/pytest -m server

test-browser: .venv/.dafe-test
	.venv/bin/pytest -m browser

# The figures in the RESULTS.md of tests/evaluation, tests/bench and tests/security; DATA is a folder of the public sets.
bench: .venv/.dafe-bench
	.venv/bin/dafe evaluate retrieval --data-dir $(DATA) --results tests/evaluation
	.venv/bin/dafe evaluate retrieval --data-dir $(DATA) --without-titles --results tests/evaluation
	.venv/bin/dafe evaluate extraction --data-dir $(DATA) --results tests/evaluation
	.venv/bin/dafe evaluate answers --data-dir $(DATA) --results tests/evaluation
	.venv/bin/dafe evaluate pages --data-dir $(DATA) --results tests/evaluation
	.venv/bin/python -m tests.bench.leaks
	.venv/bin/python -m tests.bench.deletion
	.venv/bin/python -m tests.bench.hostile_text
	.venv/bin/python -m tests.bench.start
	.venv/bin/python -m tests.bench.walks --results tests/evaluation
	.venv/bin/python -m tests.bench.caches
	.venv/bin/python -m tests.bench.prefixes
	.venv/bin/python -m tests.bench.load
	.venv/bin/python -m tests.bench.coverage
	.venv/bin/python -m tests.bench.mutation

# Kills the running application 200 times in two profiles and the servers of the third 50 times, for some 70 minutes in
# all; for tests/security/RESULTS.md.
bench-kills: .venv/.dafe-test
	.venv/bin/python -m tests.bench.kills --profile embedded --seconds-between 3 --at-work 0.6
	.venv/bin/python -m tests.bench.kills --profile workstation --seconds-between 3 --at-work 0.6
	.venv/bin/python -m tests.bench.server_kills

# Indexing with a model server of a fixed pace, beside a bare client, after kills and beside LightRAG and nano-graphrag,
# which are installed from PyPI: some two hours; for tests/bench/RESULTS.md.
bench-indexing: .venv/.dafe-test
	.venv/bin/python -m tests.bench.throughput --data $(DATA)
	.venv/bin/python -m tests.bench.paid_twice --data $(DATA)
	.venv/bin/python -m tests.bench.peers --data $(DATA)
	.venv/bin/python -m tests.bench.throughput --ollama --data $(DATA)
