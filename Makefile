# Every command a contributor needs. CI runs the suites of `make test`, and what CONTRIBUTING.md names beside them.
#
# Needs Rust 1.95, Python 3.11 with pip, gcc and make; whatever else a target needs it installs below target/.
# CONTRIBUTING.md says how to start, tests/README.md what each suite tests and how to run one test of it.
#
# `make help` prints the text behind ##, with the time in brackets: on two cores, in the order of `make test`, from nothing.

CARGO ?= cargo
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CRATES := cor-core cor-http cor-sandbox cor-sync cor-cli cor-py cor-ffi cor-fault-peer cor-fuzz
PACKAGES := $(addprefix -p ,$(CRATES))

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { time = ""; \
	  if (match($$2, /^\[[^]]*\] /)) { time = substr($$2, 2, RLENGTH - 3); $$2 = substr($$2, RLENGTH + 1) } \
	  printf "  make %-21s %8s  %s\n", $$1, time, $$2 }' Makefile

.PHONY: demo
demo: ## [1 min] see it work, without an account: before and after, over real HTTP
	@echo "Building the program for the demo, without the features that it does not use."
	@$(CARGO) build --locked --profile demo -p cor-cli --no-default-features
	@$${CARGO_TARGET_DIR:-target}/demo/cor demo
	@echo "The program is $${CARGO_TARGET_DIR:-target}/demo/cor. README.md says how to install it."

SUITES := lint test-rust
# What runs when these have passed, a few at the same time: each leaves processors idle where it waits. The longest is first.
AFTER := test-python test-c test-connectors-short test-cli test-features test-sandbox test-schema test-instructions

.PHONY: test
test: ## [20 min] every suite; ends with the time of each suite and with what was skipped
	@MAKE="$(MAKE)" AFTER="$(AFTER)" scripts/suites $(SUITES)

.PHONY: lint
lint: ## [3 min] formatting, warnings, documentation, words, dependencies, types of Python, workflows
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-python lint-docs lint-workflows lint-rust

.PHONY: lint-python
lint-python: ## [1 min] formatting, warnings and types of Python alone
	scripts/lint-python

.PHONY: lint-rust
lint-rust: ## [2 min] formatting, warnings, documentation and dependencies of Rust alone
	$(CARGO) fmt $(PACKAGES) --check
	@$(MAKE) --no-print-directory lint-crates lint-clippy lint-rustdoc lint-deny lint-semver

.PHONY: lint-docs
lint-docs: ## [1 s] links of the documentation; words that hide who does what
	scripts/check-docs
	scripts/check-words
	scripts/messages --check

.PHONY: lint-workflows
lint-workflows: ## [5 s] the workflows of CI: zizmor, actionlint where installed, steps that also run here
	scripts/lint-workflows

# The parts of lint-rust, which .pre-commit-config.yaml runs one by one.
.PHONY: lint-crates lint-clippy lint-rustdoc lint-deny lint-semver
lint-crates:
	scripts/check-dependencies
	scripts/check-imports
	scripts/check-versions
	@# Its rustfmt would ask for the jobserver of make.
	MAKEFLAGS= scripts/fields --check
lint-clippy:
	$(CARGO) clippy --locked $(PACKAGES) --all-targets --quiet -- -D warnings
lint-rustdoc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked $(PACKAGES) --no-deps --quiet
# Without the advisories, which come from the network: `make deny` has them.
lint-deny:
	scripts/where-installed cargo-deny $(CARGO) deny --offline --log-level error check bans licenses sources
# A clone without history has no last release; CI, which needs it, calls `make semver`.
lint-semver:
	@[ "$$(git rev-parse --is-shallow-repository)" = true ] || scripts/where-installed cargo-semver-checks scripts/check-semver

.PHONY: test-rust
test-rust: ## [7 min] the crates: tables, properties, policies, the client against sandbox and misbehaving peers
	scripts/test-crates

.PHONY: test-features
test-features: ## [1.5 min] cargo features: of cor-http, each alone and none; of serde_json, as a user's build has them
	scripts/check-features
	tests/serde-features/run

.PHONY: test-instructions
test-instructions: ## [0.5 min] the instructions of a row's way, against those recorded; CI only, or CARGO_INCREMENTAL=0
	tests/instructions/run

.PHONY: test-schema
test-schema: ## [0.5 min] the JSON Schemas in schema/ against the vectors, by a validator that is not ours
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
test-cli: ## [1 min] the program: the commands of README and docs/, a CRM export in every form, the state of sync
	tests/cli/run

.PHONY: test-sandbox
test-sandbox: ## [0.5 min] the sandbox against its own OpenAPI description, by a property-based tester
	tests/sandbox/run

.PHONY: test-python
test-python: ## [3.5 min] the Python package: wheel in clean environments, tests, stubs, examples
	tests/python/run

.PHONY: test-connectors-short
test-connectors-short: ## [2 min] a run with each of Spark and dlt, and of the Singer target
	tests/connectors/run --short

.PHONY: test-connectors
test-connectors: ## [18 min] the connectors whole, against PySpark 4.3 and 4.0, dlt and Meltano; not part of `make test`
	tests/connectors/run

.PHONY: test-c
test-c: ## [2.5 min] the C and C++ library, from its installed package: shared, static, sanitizers, valgrind, CMake
	tests/c/run

.PHONY: docs
docs: ## [0.5 min] the documentation site, target/site, where `cor` is built; tests/site/run tests it
	scripts/site

.PHONY: fuzz
fuzz: ## [3 min] what reads foreign bytes, fuzzed from a fixed seed, in CI; others: scripts/fuzz TARGET SECONDS
	scripts/fuzz

MUTANTS ?=
.PHONY: mutants
mutants: ## [hours] whether the tests notice a changed line of cor-core and cor-http; MUTANTS=cor-core for one of them
	scripts/mutants $(MUTANTS)

.PHONY: search
search: ## the tests that make random choices, with seeds that `make test` does not use; ROUNDS=10, SEED=n repeats one
	scripts/search

PREFIX ?= /usr/local
.PHONY: install
install: ## the C and C++ library and its packages below PREFIX (default /usr/local)
	scripts/install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

.PHONY: dist
dist: ## the files of a release, target/dist: wheels, crates, archives, bills of materials; DIST_PARTS=crates for one part
	scripts/dist $(DIST_PARTS)

.PHONY: dist-check
dist-check: ## installs what `make dist` built into clean roots of Debian and uses it there; as root, with debootstrap
	scripts/dist-check

.PHONY: dist-twice
dist-twice: ## builds the files of a release in two folders and compares the bytes
	scripts/dist --twice

.PHONY: header
header: ## make include/projectcor.h anew
	scripts/header

.PHONY: oldest-rust
oldest-rust: ## each crate on the oldest Rust that it promises (1.85 or 1.89), by rustup
	scripts/check-oldest-rust

.PHONY: deny
deny: ## licences, advisories and bans by cargo-deny; needs a network for the advisories
	$(CARGO) deny check

.PHONY: semver
semver: ## the interface of cor-core and cor-http against the last release, by cargo-semver-checks
	scripts/check-semver

.PHONY: targets
targets: ## the crates and their tests, type-checked for Windows, macOS, musl and ARM, by rustup and zig
	scripts/check-targets

.PHONY: platform
platform: ## what CI checks on macOS and Windows: the crates compile, their unit tests pass
	scripts/check-platform

.PHONY: bench
bench: ## [30 min] CPU per update beside other clients, into bench/RESULTS.md; needs libcurl's headers
	bench/run.py --write $(BENCH)

.PHONY: clean
clean: ## remove everything that was built
	$(CARGO) clean
