# `make demo` runs the main job, and kernels that fail and go on; `make test` runs all tests. Both set
# everything up first.

PYTHON ?= python3
FILE ?= README.md

READY = .venv/.ready

.PHONY: demo test test-long lint clean

demo: $(READY)
	@.venv/bin/questv run examples/demo --input file="$(FILE)"
	@.venv/bin/questv run examples/survivor --deterministic

test: $(READY) lint
	.venv/bin/python -m pytest -n 2

test-long: $(READY)
	.venv/bin/python -m pytest -n 2 -m long

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

$(READY): pyproject.toml scripts/setup
	@PYTHON="$(PYTHON)" scripts/setup

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
