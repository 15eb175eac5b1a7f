# Needs only make and Python 3.11 (or newer). `make run` and `make test` make .venv on first use.
#
#   make run                             the whole demonstration, with no data
#   make run CONFIG=configs/smoke.yaml   the same in a minute, to see that everything works
#   make run ARGS="--seed 7"             further options for run_experiment.py
#   make test                            the tests, without the slow ones
#   make test-clients                    installs DICOM, ONNX and MONAI's bundle tools, and tests with them
#   make check                           everything that CI checks, but for the slow tests

SHELL  := /bin/bash
CONFIG ?= configs/demo.yaml
ARGS   ?=
# Where pip finds the build of torch that fits the machine, for example an --index-url.
TORCH_PIP_ARGS ?=

VENV := .venv
BIN  := $(VENV)/bin
# Written last, so that an installation which was broken off starts again.
STAMP := $(VENV)/.installed
SOURCES := $(wildcard benchmarks/*.py) networks pipelines spinesynth tests transforms $(wildcard *.py)

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow test-clients lint types contracts check clean

help:
	@sed -n 's/^#  \{1,\}make/make/p' Makefile

# The first of these that is 3.11 or newer; a version manager's stand-in may exist yet not run.
$(BIN)/python:
	@for python in python3.11 python3 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$python"; exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "No Python 3.11 or newer found: install one, or put it on PATH." >&2; exit 1

# torch goes first and alone: asked for by another package, pip could choose a newer build that
# brings gigabytes of GPU libraries along.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH_PIP_ARGS) \
	  $$(grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(STAMP)

run: $(STAMP)
	$(BIN)/python run_experiment.py --config $(CONFIG) $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest -q

test-slow: $(STAMP)
	$(BIN)/python -m pytest -q -m slow

test-clients: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[bundle,dicom,onnx]'
	$(BIN)/python -m pytest -q -m 'slow or not slow' \
	  tests/io/test_dicom_*.py \
	  tests/pipelines/test_bundle.py tests/pipelines/test_onnx.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy $(SOURCES)

contracts: $(STAMP)
	$(BIN)/lint-imports

check: test lint types contracts

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
	  .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
