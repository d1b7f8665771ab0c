.DEFAULT_GOAL := help
.PHONY: help run test soak compose-test check setup fmt

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

check: setup ## Check format, lints, documentation, dependencies and browser code
	scripts/setup-checks.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib
	scripts/check-dependencies.sh
	scripts/check-browser-code.sh

fmt: ## Format the Rust code
	cargo fmt --all
