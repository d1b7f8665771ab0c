#!/usr/bin/env bash
# Runs all tests: of the browser UI, then of the workspace. The runner's own summary is the last that it prints.
set -euo pipefail
cd "$(dirname "$0")/.."

# All binaries once: tests start them as processes.
cargo build --workspace --bins

# Node 20 takes no patterns and Node 22 no folders, but both take files.
mapfile -t browser_tests < <(find edge/web/tests -name '*.test.js' | sort)
node --test "${browser_tests[@]}"

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace
else
    cargo test --workspace --exclude chaos
    # Clusters under load, one at a time.
    cargo test --package chaos -- --test-threads=1
fi
