# Everything a fresh machine needs: make run, make test. Only Python 3.11-3.13 and make are taken for granted.
PYTHON ?= python3
PROFILE ?= embedded
PORT ?= 8501
DATA_DIR ?= $(or $(DAFE_DATA_DIR),data)
UV_VERSION := 0.13.9
UV := .venv/bin/uv
EXTRAS := $(if $(filter workstation,$(PROFILE)),--extra chroma,)
STAMP := .venv/.dafe-setup

.PHONY: setup run test test-servers test-browser lint bench clean

setup: $(STAMP)

$(STAMP): uv.lock pyproject.toml .ci/setup
	@sh .ci/setup "$(PYTHON)" "$(UV_VERSION)" $(EXTRAS)
	@touch $(STAMP)

run: setup
	@exec .venv/bin/dafe up --port $(PORT) --profile $(PROFILE)

.venv/.dafe-test: $(STAMP)
	@$(UV) sync --quiet --locked --inexact --extra chroma --extra llamacpp --group test
	@touch $@

lint: .venv/.dafe-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: lint
	.venv/bin/pytest -m "not server and not browser"

test-servers: .venv/.dafe-test
	.venv/bin/pytest -m server

test-browser: .venv/.dafe-test
	.venv/bin/pytest -m browser
