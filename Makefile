# `make` lists the targets. The first run of any of them sets up what it needs.
PYTHON ?= python3
ROOT := $(CURDIR)
BIN := $(ROOT)/.venv/bin

export PATH := $(ROOT)/scripts/bin:$(BIN):$(PATH)
export SOLCX_BINARY_PATH := $(ROOT)/scripts/solc

.DEFAULT_GOAL := help
.PHONY: help setup demo up test lint bench bench-properties clean abi mutants

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' Makefile

setup: ## install everything this checkout needs; safe to repeat
	@$(PYTHON) scripts/setup/bootstrap.py

demo: setup ## publish, certify, license, pay and stream on this machine; MUSIC=<file or folder> for your own
	@immurtal demo $(if $(MUSIC),--music "$(MUSIC)")

up: setup ## the same up to the licence, then leave the network running until Ctrl-C
	@immurtal demo --up $(if $(MUSIC),--music "$(MUSIC)")

test: setup ## run every test
	@scripts/setup/test

lint: setup ## check style and types
	ruff check .
	ruff format --check .
	mypy
	git ls-files '*.sol' | xargs scripts/bin/forge fmt --check

bench: setup ## measure what the project claims, beside what it is compared to
	@status=0; for bench in gas cipher pin properties; do python -m bench.$$bench || status=1; done; exit $$status

bench-properties: setup ## measure the calls a second of the property tests, on both engines
	@python -m bench.properties

bench-gas: setup ## the contracts' gas alone, beside that of other protocols
	@python -m bench.gas

snapshots: setup ## accept the contracts' gas and sizes as they are now, for review
	@python -m bench.snapshots

audit: setup ## slither, halmos, and the state machines for SECONDS=600 on all cores
	@python -m scripts.audit --seconds $(or $(SECONDS),600)

mutants: setup ## seed faults in copies of the contracts and show that the properties see them; ONLY="03 17" for some
	@python -m scripts.mutants --only "$(ONLY)"

clean: ## remove what was built here; the cache of tools stays
	rm -rf .venv .setup .build .demo .run node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis offchain/*.egg-info

abi: setup ## write the contracts' ABIs where Python reads them
	@python scripts/export_abi.py
