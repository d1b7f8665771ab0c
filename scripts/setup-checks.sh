#!/usr/bin/env bash
# Installs what `make check` needs beyond what scripts/setup-tests.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

install_npm "$TYPESCRIPT"

if ! command -v cargo-deny >/dev/null; then
    # Unoptimised, it compiles in a minute and a half on two cores, and checks us in two seconds all the same.
    echo "Compiling cargo-deny $CARGO_DENY in $TOOLS, once."
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    nice cargo install cargo-deny --version "$CARGO_DENY" --locked --debug --quiet --root "$TOOLS" --target-dir "$build"
fi
