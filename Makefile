# Every command a contributor needs. `make test` is exactly what CI runs.
#
# Needs Rust 1.95, Python 3.11 with pip, gcc and make; whatever else a target needs it installs below target/.
# tests/README.md says what each suite judges and how to run one test of it.

CARGO ?= cargo
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CRATES := cor-core cor-http cor-sandbox cor-sync cor-cli cor-py cor-ffi cor-fault-peer
PACKAGES := $(addprefix -p ,$(CRATES))

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## see it work in a minute, without an account: before and after, over real HTTP
	@$(CARGO) build --locked --quiet --release -p cor-cli
	@target/release/cor demo

SUITES := lint test-rust test-schema test-cli test-sandbox test-python test-c test-fuzz

.PHONY: test
test: ## everything CI checks; ends with the time of each suite and with what was skipped
	@MAKE="$(MAKE)" scripts/suites $(SUITES)

.PHONY: lint
lint: ## formatting, warnings, documentation, dependencies, types of Python
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-python lint-rust

.PHONY: lint-python
lint-python: ## formatting, warnings and types of Python alone
	scripts/lint-python

.PHONY: lint-rust
lint-rust: ## formatting, warnings, documentation and dependencies of Rust alone
	$(CARGO) fmt $(PACKAGES) --check
	scripts/check-dependencies
	scripts/check-features
	scripts/check-imports
	scripts/fields --check
	$(CARGO) clippy --locked $(PACKAGES) --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked $(PACKAGES) --no-deps --quiet

.PHONY: test-rust
test-rust: ## the crates: tables, properties, policies, the client against sandbox and misbehaving peers
	scripts/test-crates
	tests/serde-features/run

.PHONY: test-schema
test-schema: ## the JSON Schemas in schema/ against the vectors, by a validator that is not ours
	tests/schema/run

.PHONY: fields
fields: ## write what follows from the table of fields: setters, types, docs, then header and schemas
	scripts/fields
	scripts/header
	$(MAKE) --no-print-directory schema

.PHONY: schema
schema: ## make the JSON Schemas in schema/ anew
	COR_WRITE_SCHEMA=1 $(CARGO) test --locked --quiet -p cor-core --test schema

.PHONY: test-cli
test-cli: ## the program: the README's commands, a CRM export in every form, the state of sync
	tests/cli/run

.PHONY: test-sandbox
test-sandbox: ## the sandbox against its own OpenAPI description, by a property-based tester
	tests/sandbox/run

.PHONY: test-python
test-python: ## the Python package: wheel in clean environments, tests, stubs, examples
	tests/python/run

.PHONY: test-c
test-c: ## the C and C++ library, from its installed package: shared, static, sanitizers, valgrind, CMake
	tests/c/run

.PHONY: test-fuzz
test-fuzz: ## what reads foreign bytes, fuzzed from a fixed seed; others: scripts/fuzz TARGET SECONDS
	scripts/fuzz

MUTANTS ?=
.PHONY: mutants
mutants: ## whether the tests notice a changed line of cor-core and cor-http; MUTANTS=cor-core for one of them
	scripts/mutants $(MUTANTS)

.PHONY: search
search: ## the tests that make random choices, with seeds that `make test` does not use; ROUNDS=10, SEED=n repeats one
	scripts/search

PREFIX ?= /usr/local
.PHONY: install
install: ## the C and C++ library and its packages below PREFIX (default /usr/local)
	scripts/install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

.PHONY: header
header: ## make include/projectcor.h anew
	scripts/header

.PHONY: oldest-rust
oldest-rust: ## cor-core and cor-http on the oldest Rust that they promise, by rustup
	scripts/check-oldest-rust

.PHONY: deny
deny: ## licences, advisories and bans by cargo-deny, where it is installed
	$(CARGO) deny check

.PHONY: bench
bench: ## CPU per update of the client's bulk engine; URL=http://127.0.0.1:PORT of a server that answers at once
	$(CARGO) bench --locked -p cor-http --bench peer -- --url "$(URL)" --n 50000 --c 32

.PHONY: clean
clean: ## remove everything that was built
	$(CARGO) clean
