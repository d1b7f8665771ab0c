#!/usr/bin/env bash
# Runs faults under load for MINUTES (60), in runs of at most ten minutes, each with a new seed. Ends at the first run
# that fails, which says how it is run again.
set -euo pipefail
cd "$(dirname "$0")/.."

left=${MINUTES:-60}
case $left in
    *[!0-9]* | '' | 0) echo "MINUTES has to be a whole number above 0, and is '$left'." >&2; exit 64 ;;
esac
cargo build --release --workspace --bins
while [ "$left" -gt 0 ]; do
    minutes=$((left < 10 ? left : 10))
    cargo run --release --quiet --package chaos -- --minutes "$minutes"
    left=$((left - minutes))
done
