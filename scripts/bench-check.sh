#!/usr/bin/env bash
# Counts the instructions of the hot path, and holds them against bench/check/instructions.json: at most 3 % apart.
# `scripts/bench-check.sh --accept` takes the new numbers. Installs valgrind where it is missing (Debian).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

command -v valgrind >/dev/null || install_debian valgrind
cargo run --release --quiet --package bench-check -- "$@"
