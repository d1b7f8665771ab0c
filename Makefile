.DEFAULT_GOAL := help
.PHONY: help run test soak compose-test bench bench-growth bench-million bench-flame autobahn bench-check check setup fmt

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run the whole chat on this machine: http://localhost:8092
	cargo run --release

setup: ## Install what the tests need (Debian; skips what is there)
	scripts/setup-tests.sh

test: setup ## Run all tests
	scripts/test.sh

soak: setup ## Run random faults for as long as MINUTES says (60), in runs of ten minutes, each with a new seed
	scripts/soak.sh

compose-test: setup ## Walk the guide of compose/ by machine, scale, kill, and take all down (Docker; images of our own where no registry is reached)
	scripts/compose-test.sh

bench: setup ## Measure ChatFlow beside the floor of the machine and other servers (up to 20 minutes; QUICK=1: 6): bench/RESULTS.md
	scripts/bench.sh

bench-growth: setup ## Measure how costs grow with receivers, connections, rate, rooms, edges, and what is switched on for them (QUICK=1: less)
	scripts/bench.sh growth

bench-million: setup ## Hold as many connections on one edge as the limit of open files allows, up to 1,000,000
	scripts/bench.sh million

bench-flame: setup ## Draw where an edge spends its time, as docs/img/flame-*.svg (Linux perf)
	scripts/bench-flame.sh

autobahn: setup ## Run the Autobahn test suite against the frame code (a quarter of an hour; needs Python 2.7 or Docker)
	scripts/autobahn.sh

bench-check: ## Count the instructions of the hot path, and hold them against the committed numbers (valgrind)
	scripts/bench-check.sh

check: setup ## Check format, lints, documentation, dependencies and browser code
	scripts/setup-checks.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib
	scripts/check-dependencies.sh
	scripts/check-browser-code.sh

fmt: ## Format the Rust code
	cargo fmt --all
